"""The health of this machine, as far as weft depends on it. Values of secrets are never shown."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from weft.config import Settings
from weft.errors import Diagnostic, WeftError, error, note, warning
from weft.plugins import version_of
from weft.release import VERSION

_LOW_DISK_BYTES = 2 * 2**30
_NEEDED = ("duckdb", "sqlglot", "pyarrow", "fastavro", "click", "rich")


def machine(settings: Settings) -> tuple[Diagnostic, ...]:
    """What is missing or wrong on this machine, and in a note what it is."""
    found = [_versions()]
    found += [_missing(package) for package in _NEEDED if not version_of(package)]
    folders = {"state": settings.state}
    if "://" not in settings.storage.warehouse:
        folders["warehouse"] = settings.path(settings.storage.warehouse)
    if "://" not in settings.storage.catalog:
        folders["catalog"] = settings.path(settings.storage.catalog).parent
    if "://" not in settings.mesh.registry:
        folders["registry"] = settings.path(settings.mesh.registry).parent
    for what, folder in folders.items():
        found += _folder(what, folder)
    return tuple(dict.fromkeys(found))


def reached(connections: Sequence[tuple[str, WeftError | None]]) -> tuple[Diagnostic, ...]:
    """What each connection of the settings says: that it can be reached, or what keeps it from that."""
    found: list[Diagnostic] = []
    for name, problem in connections:
        if problem is None:
            found.append(note("WFT-DOC-001", f"the connection `{name}` can be reached"))
        else:
            told = "; ".join(d.what + (f": {d.why}" if d.why else "") for d in problem.diagnostics)
            fix = next((d.fix for d in problem.diagnostics if d.fix), None)
            found.append(error("WFT-DOC-001", f"the connection `{name}` cannot be reached", why=told, fix=fix))
    return tuple(found)


def registered(described: Callable[[], str]) -> tuple[Diagnostic, ...]:
    """What a registry on a server says: that it can be reached, or what is wrong with it.

    Args:
        described: opens it and says what it is, or raises.
    """
    try:
        return (note("WFT-DOC-001", f"the registry can be reached: {described()}"),)
    except WeftError as e:
        return tuple(e.diagnostics)


def _versions() -> Diagnostic:
    python = ".".join(map(str, sys.version_info[:3]))
    packages = ", ".join(f"{p} {version_of(p) or 'missing'}" for p in _NEEDED[:4])
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return note("WFT-DOC-001", f"weft {VERSION}, Python {python}, {packages}, {cores} cores")


def _missing(package: str) -> Diagnostic:
    return error("WFT-DOC-001", f"the package `{package}` is not installed", fix=f"pip install {package}")


def _folder(what: str, folder: Path) -> list[Diagnostic]:
    """Whether a folder, or the nearest one above it that exists, can be written and has room."""
    standing = next(d for d in (folder, *folder.parents) if d.exists())
    if not os.access(standing, os.W_OK):
        return [
            error(
                "WFT-DOC-001",
                f"the {what} folder {standing} cannot be written",
                why="apply writes tables, the registry and its cache there",
                fix="change its permissions, or name another folder in weft.toml",
            )
        ]
    free = shutil.disk_usage(standing).free
    if free < _LOW_DISK_BYTES:
        return [
            warning(
                "WFT-DOC-001",
                f"the {what} folder {standing} has {free / 2**20:,.0f} MiB left",
                why="a build that finds no room ends without publishing",
                fix="make room, or name another folder in weft.toml",
            )
        ]
    return []
