"""A document of a standard, kept whole: its data, and where each part of it stands in its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from weft.errors import Where

Pointer = tuple[str | int, ...]
"""The way from a document's root to a part of it: `("schema", 0, "properties", 3, "name")`."""


UNREAD = "weft.unread"
"""The field of a document that stands for a file which cannot be read: why not."""


class Document(Struct, frozen=True):
    """What a YAML or JSON file says. `data` holds every field, known or not; it is never changed in place.

    Attributes:
        file: path relative to the mesh's root, with forward slashes.
        data: the parsed content.
        marks: line and column (from 1) of each part, by pointer.
        digest: SHA-256 of the file's bytes, in hex.
    """

    file: str
    data: Mapping[str, Any]
    marks: Mapping[Pointer, tuple[int, int]] = field(default_factory=dict)
    digest: str = ""

    def where(self, pointer: Pointer = ()) -> Where:
        """The place of a part, or of the nearest part around it that is there."""
        while pointer:
            if pointer in self.marks:
                return Where(self.file, *self.marks[pointer])
            pointer = pointer[:-1]
        return Where(self.file, *self.marks.get((), (1, 1)))


def stand_in(file: str, id_: str, why: str, digest: str = "") -> Document:
    """What stands for a file that nobody can read, so that nobody takes it for one that is not there."""
    return Document(file, {"id": id_, UNREAD: why}, digest=digest)


class Carried(Struct, frozen=True):
    """A document on its way from where its file is: without the places of its parts, but for the one that is named.

    Attributes:
        line: where the part stands on which everybody looks.
    """

    file: str
    document: Mapping[str, Any]
    line: int = 1
    digest: str = ""

    def unpacked(self, part: str) -> Document:
        """The document, in which `part` stands at the line."""
        return Document(self.file, self.document, {(part,): (self.line, 1)}, self.digest)


def entries(data: Mapping[str, Any], name: str) -> tuple[tuple[int, Mapping[str, Any]], ...]:
    """The groups of fields in a list, each with its place in it.

    Here and below, what has another shape than the standard gives it is read as if it were not there: the schema has
    named it, and everything else in the mesh can still be looked at.
    """
    found = data.get(name)
    return tuple([(i, e) for i, e in enumerate(found) if _is_group(e)]) if isinstance(found, list) else ()


def group(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A group of fields."""
    found = data.get(name)
    return found if found is not None and _is_group(found) else {}


def text(data: Mapping[str, Any], name: str) -> str | None:
    """A text; numbers and truth values are read as they would be written."""
    found = data.get(name)
    if found is None or type(found) is str:
        return found
    return None if isinstance(found, Mapping | list) else str(found)


def _is_group(part: Any) -> bool:
    return type(part) is dict or isinstance(part, Mapping)  # asking for the type is five times as fast


def words(data: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts."""
    found = data.get(name)
    listed = found if isinstance(found, list) else ()
    return tuple(str(w) for w in listed if w is not None and not isinstance(w, Mapping | list))


def custom_properties(data: Mapping[str, Any]) -> dict[str, Any]:
    """The custom properties of a part of a document, by name.

    Source: ODCS and ODPS, `customProperties`: a list of `{property, value}`.
    """
    return {str(p["property"]): p.get("value") for _, p in entries(data, "customProperties") if "property" in p}
