"""The Open Data Contract Standard: a contract as values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weft.errors import Diagnostic, Where, error
from weft.model.classification import Classification, parse_classification
from weft.model.document import Document, Pointer, custom_properties, entries, group, text, words
from weft.model.version import Version, parse_version

if TYPE_CHECKING:
    from weft.model.publication import PortState


class Property(Struct, frozen=True):
    """A column of a contract, or a field of a nested one (Source: ODCS schema, `properties`).

    Attributes:
        path: names from the column down to this field; one name for a column.
        data: the whole entry, known and unknown fields.
        pointer: where it stands in the document.
        fields: the properties of an object.
        items: the element of an array.
        key: of a map, what its keys are.
        value: of a map, what its values are.
    """

    name: str
    path: tuple[str, ...]
    data: Mapping[str, Any]
    pointer: Pointer
    fields: tuple[Property, ...] = ()
    items: Property | None = None
    key: Property | None = None
    value: Property | None = None

    @property
    def id(self) -> str | None:
        """The identity that survives a rename."""
        return text(self.data, "id")

    @property
    def logical_type(self) -> str | None:
        """string, date, timestamp, time, number, integer, object, array, boolean; 3.2 adds map and vector."""
        return text(self.data, "logicalType")

    @property
    def physical_type(self) -> str | None:
        """The type's name in the system that holds the data."""
        return text(self.data, "physicalType")

    @property
    def options(self) -> Mapping[str, Any]:
        """logicalTypeOptions: lengths, bounds, pattern, format."""
        return group(self.data, "logicalTypeOptions")

    @property
    def required(self) -> bool:
        """Never null; a part of the primary key is never null either."""
        return bool(self.data.get("required")) or self.primary_key

    @property
    def unique(self) -> bool:
        """No two rows share a value; nulls do not collide."""
        return bool(self.data.get("unique"))

    @property
    def primary_key(self) -> bool:
        """Part of the primary key."""
        return bool(self.data.get("primaryKey"))

    @property
    def key_position(self) -> int:
        """Its place in the primary key."""
        position = self.data.get("primaryKeyPosition")
        return position if isinstance(position, int) else 0

    @property
    def classification(self) -> Classification:
        """How sensitive it is."""
        return parse_classification(text(self.data, "classification"))

    @property
    def description(self) -> str | None:
        """What it means."""
        return text(self.data, "description")

    @property
    def quality(self) -> tuple[Mapping[str, Any], ...]:
        """Quality rules on this column."""
        return tuple(e for _, e in entries(self.data, "quality"))

    @property
    def relationships(self) -> tuple[Mapping[str, Any], ...]:
        """Foreign keys from this column."""
        return tuple(e for _, e in entries(self.data, "relationships"))

    @property
    def custom(self) -> dict[str, Any]:
        """Custom properties, by name."""
        return custom_properties(self.data)

    @property
    def parts(self) -> tuple[Property, ...]:
        """What it is made of: the fields of an object, the element of an array, key and value of a map."""
        return (*self.fields, *(part for part in (self.items, self.key, self.value) if part is not None))


class SchemaObject(Struct, frozen=True):
    """A table of a contract (Source: ODCS schema, `schema[]`)."""

    name: str
    data: Mapping[str, Any]
    pointer: Pointer
    properties: tuple[Property, ...] = ()

    @property
    def quality(self) -> tuple[Mapping[str, Any], ...]:
        """Quality rules on the table."""
        return tuple(e for _, e in entries(self.data, "quality"))

    @property
    def relationships(self) -> tuple[Mapping[str, Any], ...]:
        """Foreign keys of the table."""
        return tuple(e for _, e in entries(self.data, "relationships"))

    @property
    def key(self) -> tuple[str, ...]:
        """Columns of the primary key, in `primaryKeyPosition`."""
        parts = [p for p in self.properties if p.primary_key]
        parts.sort(key=lambda p: p.key_position)
        return tuple(p.name for p in parts)

    def property(self, name: str) -> Property | None:
        """The column of a name."""
        return next((p for p in self.properties if p.name == name), None)


class Contract(Struct, frozen=True):
    """A data contract (Source: ODCS v3.0.0 to v3.2.0, kind DataContract). The document is kept whole."""

    id: str
    name: str | None
    version_text: str
    version: Version | None
    status: str
    objects: tuple[SchemaObject, ...]
    document: Document

    @property
    def data(self) -> Mapping[str, Any]:
        """The whole document."""
        return self.document.data

    @property
    def table(self) -> SchemaObject:
        """The one schema object of a port's contract."""
        return self.objects[0]

    @property
    def description(self) -> Mapping[str, Any]:
        """purpose, limitations, usage."""
        purpose = text(self.data, "description")
        return {"purpose": purpose} if purpose else group(self.data, "description")

    @property
    def tags(self) -> tuple[str, ...]:
        """Words that it is filed under."""
        return words(self.data, "tags")

    @property
    def slas(self) -> tuple[Mapping[str, Any], ...]:
        """Service levels (Source: ODCS, `slaProperties`)."""
        return tuple(e for _, e in entries(self.data, "slaProperties"))

    @property
    def custom(self) -> dict[str, Any]:
        """Custom properties, by name."""
        return custom_properties(self.data)

    def where(self, pointer: Pointer = ()) -> Where:
        """The place of a part of the contract."""
        return self.document.where(pointer)


def published_contract(state: PortState) -> Contract:
    """The contract under which a port is published."""
    return contract(Document(f"{state.address} (published)", state.contract))


def contract(document: Document) -> Contract:
    """The contract that an ODCS v3 document holds; parts that violate the schema are left out."""
    data = document.data
    version_text = text(data, "version") or ""
    return Contract(
        id=text(data, "id") or "",
        name=text(data, "name"),
        version_text=version_text,
        version=parse_version(version_text),
        status=text(data, "status") or "draft",
        objects=tuple(
            SchemaObject(
                name=text(entry, "name") or "",
                data=entry,
                pointer=("schema", i),
                properties=_properties(entry, (), ("schema", i)),
            )
            for i, entry in entries(data, "schema")
        ),
        document=document,
    )


def column_named_twice(contract: Contract, table: SchemaObject) -> Diagnostic | None:
    """The first column whose name another one has, whatever its case."""
    first: dict[str, Property] = {}
    for prop in table.properties:
        if first.setdefault(prop.name.lower(), prop) is not prop:
            return error(
                "WFT-PRJ-027",
                f"two columns are named `{prop.name}`",
                contract.where(prop.pointer),
                why="a table has one column of a name, whatever its case",
                fix="keep one of them, or rename it",
            )
    return None


def every_property(properties: tuple[Property, ...]) -> Iterator[Property]:
    """All columns and, below each, its nested fields, items, keys and values."""
    for prop in properties:
        yield prop
        yield from every_property(prop.parts)


def _properties(data: Mapping[str, Any], parents: tuple[str, ...], pointer: Pointer) -> tuple[Property, ...]:
    return tuple(
        _property(entry, text(entry, "name") or "", parents, (*pointer, "properties", i))
        for i, entry in entries(data, "properties")
    )


def _property(entry: Mapping[str, Any], name: str, parents: tuple[str, ...], pointer: Pointer) -> Property:
    path = (*parents, name)
    items = entry.get("items")
    ends = group(entry, "map")

    def end(label: str, step: str) -> Property | None:
        """Source: ODCS 3.2, `map`."""
        part = ends.get(label)
        return _property(part, step, path, (*pointer, "map", label)) if isinstance(part, Mapping) else None

    return Property(
        name=name,
        path=path,
        data=entry,
        pointer=pointer,
        fields=_properties(entry, path, pointer),
        items=_property(items, "[]", path, (*pointer, "items")) if isinstance(items, Mapping) else None,
        key=end("key", "{key}"),
        value=end("value", "{}"),
    )
