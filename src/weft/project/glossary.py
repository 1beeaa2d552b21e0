"""Files of the glossary: the mesh's own, and those in the folders of domains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from weft.errors import Diagnostic
from weft.model.document import Document, Pointer, custom_properties, entries
from weft.project import documents
from weft.project.cache import Cache
from weft.project.regular import content_of

MESH_FILE = "governance/glossary.yaml"
FILE = "glossary.yaml"
KIND = "glossary"

Read = Callable[[Path], documents.Read]
"""Reads a file of a glossary."""


def read_mesh_file(root: Path, read: Read, problems: list[Diagnostic]) -> Document | None:
    """The glossary of the mesh; None where there is none, or none that can be understood."""
    return _read(root / MESH_FILE, read, problems)


def read_folder(folder: Path, read: Read, problems: list[Diagnostic]) -> Document | None:
    """The glossary in the folder of a domain; None where there is none, or none that can be understood."""
    return _read(folder / FILE, read, problems)


def cached(root: Path, cache: Cache) -> Read:
    """Reads files by the cache."""
    return lambda path: documents.read(path, root, KIND, cache)


def fresh(root: Path) -> Read:
    """Reads files as they are, for a process in which many threads read."""
    return lambda path: documents.parse(content_of(path), documents.below(path, root), KIND)


CARRIED = "weft.glossary"
"""The custom property of a registered domain that carries its glossary."""


def with_glossary(document: Mapping[str, Any], glossary: Document) -> dict[str, Any]:
    """A `domain.yaml` with the domain's glossary, so that other repositories can bind to its terms."""
    lines = {str(p[1]): line for p, (line, _) in glossary.marks.items() if len(p) == 2 and p[0] == "terms"}
    carried = {"file": glossary.file, "document": dict(glossary.data), "lines": lines}
    others = [p for _, p in entries(document, "customProperties") if p.get("property") != CARRIED]
    return {**document, "customProperties": [*others, {"property": CARRIED, "value": carried}]}


def carried_glossary(document: Mapping[str, Any]) -> Document | None:
    """The glossary that a registered domain carries."""
    value = custom_properties(document).get(CARRIED)
    if not isinstance(value, Mapping) or not isinstance(value.get("document"), Mapping):
        return None
    lines = value.get("lines")
    marks: dict[Pointer, tuple[int, int]] = {
        ("terms", int(n)): (int(line), 1)
        for n, line in (lines.items() if isinstance(lines, Mapping) else ())
        if str(n).isdigit() and isinstance(line, int)
    }
    return Document(str(value.get("file") or FILE), value["document"], marks)


def _read(path: Path, read: Read, problems: list[Diagnostic]) -> Document | None:
    if not path.is_file():
        return None
    found = read(path)
    problems += found.problems
    return found.document
