"""What is written before there is anything to plan: a mesh, domains and products, and the schemas of files."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Any

from weft.api.client.servers import Server
from weft.api.mesh import open
from weft.config import load_settings
from weft.errors import WeftError
from weft.registry.credentials import token_for


def schema(kind: str) -> dict[str, Any]:
    """The JSON schema of one kind of our files: contract, domain, mesh, model, product."""
    from weft.project.schema import json_schema

    return json_schema(kind)


def init(folder: Path, name: str, ci: str = "github", governance: str | None = None) -> list[Path]:
    """Makes a new mesh in a folder, planned for each change by a CI service; returns the files written.

    With `governance="standard"` it begins with weft's policies; a mesh that is there gets them and nothing else.
    """
    from weft.project import scaffold

    return scaffold.init(folder, name, ci, governance)


def new_domain(path: str | Path, name: str) -> list[Path]:
    """Adds a domain to the mesh that holds `path`; returns the files written."""
    from weft.project import scaffold

    settings = load_settings(Path(path))
    return scaffold.new_domain(settings, name, _member(settings.mesh.server))


def _member(server: str | None) -> str | None:
    """Who makes a domain: as the server of the registry knows them, where there is one.

    None where it cannot be asked, or knows a program: the account of this machine is nobody there.
    """
    if server is None:
        return getpass.getuser()
    token = token_for(server, os.environ)
    if token is None:
        return None
    try:
        who = Server(server, token).who()
    except WeftError:
        return None
    name = str(who["name"])
    return None if who["kind"] == "stranger" or ":" in name else name


def new_product(path: str | Path, address: str, *, source: str | None = None) -> list[Path]:
    """Adds a product `domain.name`, with a port made from `source` when it is named; returns the files written."""
    from weft.project import scaffold

    with open(path) as mesh:
        folder = scaffold.product_folder(mesh.settings, address)
        parts: dict[str, Any] = {"inputs": [], "outputs": [], "files": {}}
        if source is not None:
            parts = mesh.drafted_product(address, source)
        return scaffold.new_product(folder, **parts)
