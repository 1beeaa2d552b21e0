"""Puts into the client's wheel what a client needs of weft's own tree, as it stands there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOMS = ("access", "api", "catalog", "model", "observability", "registry", "sections", "wiring")
"""Rooms that go whole: what in them needs an engine imports it when it is used."""

BESIDE = (
    "engines/__init__.py",
    "engines/arrow.py",
    "governance/__init__.py",
    "governance/concepts.py",
    "governance/glossary.py",
    "sql/__init__.py",
    "sql/quoting.py",
)


class Client(BuildHookInterface[Any]):
    """Names the files of the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds files to the wheel that is about to be written."""
        here = Path(self.root)
        tree = here.parents[1] / "src" / "weft"
        chosen = [*tree.glob("*.py"), *(tree / name for name in BESIDE)]
        for room in ROOMS:
            chosen += [file for file in (tree / room).rglob("*") if file.suffix in (".py", ".sql", ".txt")]
        marked = tree / "py.typed"
        files = {file: file.relative_to(tree) for file in (*chosen, *([marked] if marked.exists() else []))}
        files[here / "client_only.py"] = Path("client_only.py")
        build_data["force_include"].update({str(file): f"weft/{place.as_posix()}" for file, place in files.items()})
