"""Edits of single columns in a contract's text: classification and tags, everything else as it stands."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from weft.model.document import Pointer
from weft.project.documents import yaml_writer
from weft.project.edit import put_text, write_whole


class PropertyEdit(Struct, frozen=True):
    """What a property says from now on.

    Attributes:
        pointer: where it stands in the document.
        classification: None leaves it as it is.
        tags: those that are added.
    """

    pointer: Pointer
    classification: str | None = None
    tags: tuple[str, ...] = ()


def write_edits(root: Path, by_file: Mapping[str, Sequence[PropertyEdit]]) -> None:
    """Writes edits into contracts, each file whole or not at all."""
    for file, edits in by_file.items():
        path = root / file
        write_whole(path, with_edits(path.read_text(encoding="utf-8"), edits))


def with_edits(text: str, edits: Sequence[PropertyEdit]) -> str:
    """The text with what the edits say; a value that was there is replaced where it stands.

    >>> with_edits("a:\\n  - name: t  # mine\\n    classification: public\\n", [PropertyEdit(("a", 0), "internal")])
    'a:\\n  - name: t  # mine\\n    classification: internal\\n'
    """
    missing: list[PropertyEdit] = []
    for edit in edits:
        written = (
            put_text(text, (*edit.pointer, "classification"), edit.classification) if edit.classification else None
        )
        text = text if written is None else written
        left = None if written is not None else edit.classification
        if left is not None or edit.tags:
            missing.append(PropertyEdit(edit.pointer, left, edit.tags))
    return _added(text, missing) if missing else text


def _added(text: str, edits: Sequence[PropertyEdit]) -> str:
    editor = yaml_writer()
    document = editor.load(text)
    for edit in edits:
        entry = _at(document, edit.pointer)
        if edit.classification is not None:
            _insert(entry, "classification", edit.classification)
        if edit.tags:
            known = entry.get("tags")
            if isinstance(known, list):
                known.extend(tag for tag in edit.tags if tag not in known)
            else:
                _insert(entry, "tags", list(edit.tags))
    out = io.StringIO()
    editor.dump(document, out)
    return out.getvalue()


_BEFORE = ("id", "name", "logicalType", "physicalType", "description", "classification")
"""Fields behind the last of which a new one is put: what a column is stands before what is promised of it."""


def _insert(entry: Any, field: str, value: Any) -> None:
    """Puts a field behind what a column is, and before the last one: behind that stands what belongs to the next."""
    entry.pop(field, None)
    names = list(entry)
    behind = max((names.index(name) + 1 for name in _BEFORE if name in names), default=len(names))
    entry.insert(min(behind, max(len(names) - 1, 1)), field, value)


def _at(document: Any, pointer: Pointer) -> Any:
    for step in pointer:
        document = document[step]
    assert isinstance(document, Mapping)
    return document
