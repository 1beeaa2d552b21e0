"""New meshes, domains and products: whole and valid files, nothing that is there is overwritten."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weft.config import FILE_NAME, Settings
from weft.errors import UsageError, did_you_mean, error
from weft.model.address import is_reserved, is_slug, slugify
from weft.project.documents import dump
from weft.project.edit import write_whole
from weft.project.standard_set import SETS
from weft.project.workflows import FILES


def init(folder: Path, name: str, ci: str = "github", governance: str | None = None) -> list[Path]:
    """Writes a new mesh into a folder: settings, what git should not keep, and what CI runs for each change.

    Args:
        ci: the service that runs it: one of `workflows.FILES`.
        governance: the set of policies that it begins with; a mesh that is there gets them and nothing else.

    Raises:
        UsageError: WFT-PRJ-024, a mesh is there already, and no policies were asked for. WFT-GOV-060, no such set.
    """
    if governance is not None and governance not in SETS:
        fix = did_you_mean(governance, SETS, otherwise=f"one of {', '.join(SETS)}")
        raise UsageError(error("WFT-GOV-060", f"weft ships no set of policies `{governance}`", fix=fix))
    if governance is not None and (folder / FILE_NAME).exists():
        return SETS[governance](folder)
    quoted = json.dumps(name, ensure_ascii=False)  # is a TOML string too
    files = {
        FILE_NAME: f'[mesh]\nname = {quoted}\ndomains = ["domains/*"]\n',
        ".gitignore": ".weft/\n",
    }
    workflow = FILES[ci]
    if workflow is not None:
        path, text = workflow
        files[path] = text
    _refuse_existing(folder / FILE_NAME)
    written = _written({folder / path: text for path, text in files.items() if not (folder / path).exists()})
    return written if governance is None else [*written, *SETS[governance](folder)]


def new_domain(settings: Settings, name: str, user: str | None) -> list[Path]:
    """Writes the declaration of a new domain, owned by a team of its name.

    Args:
        user: who owns it; None where that is not known: then nobody is named, and whoever asks a server for it owns it.

    Raises:
        UsageError: WFT-PRJ-008 or 009 the name cannot be part of an address, WFT-PRJ-024 the domain is there.
    """
    _named(name)
    path = settings.root / "domains" / name / "domain.yaml"
    _refuse_existing(path)
    title = name.replace("_", " ").title()
    text = (
        f"name: {name}\n"
        f"title: {title}\n"
        "kind: source-aligned  # or aggregate, or consumer-aligned\n"
        f"description: What the domain {title} offers.\n"
        "owner:\n"
        f"  team: {title}\n"
    )
    if user is not None:
        text += f"members:\n  - {dump({'user': user})}    roles: [owner]\n"
    else:
        text += (
            "# Whoever requisitions the domain owns it until somebody is named here, as the server knows them:\n"
            "# members:\n"
            "#   - user: ada@example.com\n"
            "#     roles: [owner]\n"
        )
    return _written({path: text})


def product_folder(settings: Settings, address: str) -> Path:
    """The folder of a new product `domain.name`.

    Raises:
        UsageError: WFT-PLN-001 no such form, WFT-PRJ-001 no such domain, WFT-PRJ-024 the product is there.
    """
    domain, dot, name = address.partition(".")
    if not dot or "." in name:
        raise UsageError(
            error(
                "WFT-PLN-001", f"`{address}` is not `domain.name`", fix="for example `weft new product fleet.aircraft`"
            )
        )
    _named(name)
    folder = settings.root / "domains" / domain
    if not (folder / "domain.yaml").is_file():
        there = [p.parent.name for p in (settings.root / "domains").glob("*/domain.yaml")]
        raise UsageError(
            error(
                "WFT-PRJ-001",
                f"there is no domain `{domain}`",
                fix=did_you_mean(domain, there, otherwise=f"`weft new domain {domain}` makes it"),
            )
        )
    _refuse_existing(folder / name / "product.odps.yaml")
    return folder / name


def new_product(
    folder: Path,
    *,
    inputs: list[Mapping[str, Any]],
    outputs: list[Mapping[str, Any]],
    files: Mapping[str, str],
) -> list[Path]:
    """Writes a product's descriptor, and files beside it by their paths below the product's folder."""
    title = folder.name.replace("_", " ").title()
    descriptor = {
        "apiVersion": "v1.0.0",
        "kind": "DataProduct",
        "id": str(uuid.uuid4()),
        "name": title,
        "version": "1.0.0",
        "status": "active",
        "description": {"purpose": f"What {title} is for."},
        "inputPorts": inputs,
        "outputPorts": outputs,
    }
    return _written(
        {folder / "product.odps.yaml": dump(descriptor), **{folder / path: text for path, text in files.items()}}
    )


def _named(name: str) -> None:
    if not is_slug(name) or is_reserved(name):
        code = "WFT-PRJ-009" if is_slug(name) else "WFT-PRJ-008"
        raise UsageError(
            error(
                code,
                f"`{name}` cannot be part of an address",
                why="an address is made of a-z, 0-9 and _, begins with a letter, and is no word of a database's own",
                fix=f"use `{slugify(name)}`",
            )
        )


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise UsageError(
            error(
                "WFT-PRJ-024", f"`{path.name}` is there already, in {path.parent}", fix="choose another name or folder"
            )
        )


def _written(files: Mapping[Path, str]) -> list[Path]:
    for path, text in files.items():
        write_whole(path, text)
    return list(files)
