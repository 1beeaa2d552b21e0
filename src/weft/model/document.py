"""A document of a standard, kept whole: its data, and where each part of it stands in its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from weft.errors import Where

Pointer = tuple[str | int, ...]
"""The way from a document's root to a part of it: `("schema", 0, "properties", 3, "name")`."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a YAML or JSON file says. `data` holds every field, known or not; it is never changed in place.

    Attributes:
        file: path relative to the mesh's root, with forward slashes.
        data: the parsed content.
        marks: line and column (from 1) of each part, by pointer.
        digest: SHA-256 of the file's bytes, in hex.
    """

    file: str
    data: Mapping[str, Any]
    marks: Mapping[Pointer, tuple[int, int]] = field(default_factory=dict, repr=False, compare=False)
    digest: str = ""

    def where(self, pointer: Pointer = ()) -> Where:
        """The place of a part, or of the nearest part around it that is there."""
        while pointer:
            if pointer in self.marks:
                return Where(self.file, *self.marks[pointer])
            pointer = pointer[:-1]
        return Where(self.file, *self.marks.get((), (1, 1)))


def custom_properties(data: Mapping[str, Any]) -> dict[str, Any]:
    """The custom properties of a part of a document, by name.

    Source: ODCS and ODPS, `customProperties`: a list of `{property, value}`.
    """
    found = data.get("customProperties")
    if not isinstance(found, list):
        return {}
    return {str(p["property"]): p.get("value") for p in found if isinstance(p, Mapping) and "property" in p}
