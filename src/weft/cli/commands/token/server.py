"""The server that a verb about tokens speaks with."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from weft.api.client.servers import Server

F = TypeVar("F", bound=Callable[..., Any])


def server_option(command: F) -> F:
    """`--server`: which of several servers is meant."""
    told = "The server; else that of the mesh here, or the one that you are signed in to."
    return click.option("--server", "url", metavar="URL", help=told)(command)


def signed_in(url: str | None) -> Server:
    """The server, asked with the token of the environment, or with the one that `weft login` has kept.

    Raises:
        UsageError: WFT-ACC-023, there is none, or it is not clear which server is meant.
    """
    from weft.api.client.servers import Server
    from weft.registry.credentials import VARIABLE, Credentials, default_folder

    server = url or _of_the_mesh()
    if server is not None and os.environ.get(VARIABLE):
        return Server(server, os.environ[VARIABLE].strip())
    credential = Credentials(default_folder(os.environ)).of(server)
    return Server(credential.server, credential.token)


def _of_the_mesh() -> str | None:
    """The server that the mesh of this folder has as its registry; None where there is no mesh, or it has its own."""
    from weft.config import find_root, load_settings

    if find_root(Path()) is None:
        return None
    return load_settings(Path()).mesh.server
