"""The shape of tables: what contracts, DDL, Avro, Arrow, JSON Schema and dbt all say of a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from weft.model.type_text import TypeText

UNSET = msgspec.UNSET
"""The default of a field that has none: `None` is one (null)."""


class Field(Struct, frozen=True):
    """A column, a field of a struct, the element of a list, or the key or value of a map.

    Attributes:
        type: DuckDB's canonical name (`model.type_text`): VARCHAR, DECIMAL, TIMESTAMPTZ, STRUCT, LIST, MAP, ENUM …
        parameters: precision and scale of DECIMAL, size of ARRAY.
        required: never null.
        key_position: place in the primary key from 1; 0 outside of it.
        values: all values that are allowed; empty when that is not said.
        options: limits under the names of ODCS `logicalTypeOptions`: minLength, pattern, minimum, maxItems, format …
        fields: of STRUCT and UNION.
        items: element of LIST and ARRAY, value of MAP.
        key: key of MAP.
        custom: what only some kinds know, by name.
    """

    name: str
    type: str
    parameters: tuple[int, ...] = ()
    required: bool = False
    description: str | None = None
    title: str | None = None
    default: Any = UNSET
    key_position: int = 0
    unique: bool = False
    values: tuple[Any, ...] = ()
    options: Mapping[str, Any] = msgspec.field(default_factory=dict)
    fields: tuple[Field, ...] = ()
    items: Field | None = None
    key: Field | None = None
    custom: Mapping[str, Any] = msgspec.field(default_factory=dict)


class Reference(Struct, frozen=True):
    """A foreign key: columns, and the columns of another table that they name."""

    columns: tuple[str, ...]
    table: str
    targets: tuple[str, ...]


class Table(Struct, frozen=True):
    """A table: its columns in order, and what is said of several at once.

    Attributes:
        unique_sets: columns that are unique together; a single one stands at its field.
    """

    name: str
    fields: tuple[Field, ...]
    description: str | None = None
    title: str | None = None
    unique_sets: tuple[tuple[str, ...], ...] = ()
    references: tuple[Reference, ...] = ()
    custom: Mapping[str, Any] = msgspec.field(default_factory=dict)

    @property
    def key(self) -> tuple[str, ...]:
        """Columns of the primary key, in its order."""
        return tuple(f.name for f in sorted((f for f in self.fields if f.key_position), key=lambda f: f.key_position))


def tree_of(field: Field) -> TypeText:
    """The type of a field, with all that is below it."""
    if field.type in ("STRUCT", "UNION"):
        return TypeText(field.type, parts=tuple((f.name, tree_of(f)) for f in field.fields))
    if field.type in ("LIST", "ARRAY") and field.items is not None:
        return TypeText(field.type, field.parameters, (("", tree_of(field.items)),))
    if field.type == "MAP" and field.items is not None and field.key is not None:
        return TypeText("MAP", parts=(("key", tree_of(field.key)), ("value", tree_of(field.items))))
    if field.type == "ENUM":
        return TypeText("ENUM", labels=tuple(str(v) for v in field.values))
    return TypeText(field.type, field.parameters)


def field_of(name: str, tree: TypeText, *, required: bool = False) -> Field:
    """A field of a type, with the fields below it that the type names.

    >>> from weft.model.type_text import parse_type
    >>> field_of("a", parse_type("STRUCT(b INTEGER[])")).fields[0].items.type
    'INTEGER'
    """
    key = items = None
    fields: tuple[Field, ...] = ()
    if tree.name == "MAP" and tree.parts:
        key, items = field_of("key", tree.parts[0][1], required=True), field_of("value", tree.parts[1][1])
    elif tree.name in ("LIST", "ARRAY") and tree.element is not None:
        items = field_of("items", tree.element)
    elif tree.name in ("STRUCT", "UNION"):
        fields = tuple(field_of(label, part) for label, part in tree.parts)
    return Field(
        name,
        tree.name,
        tree.parameters,
        required,
        values=tree.labels,
        fields=fields,
        items=items,
        key=key,
    )


def below(field: Field, path: str) -> Iterator[tuple[str, Field]]:
    """A field and all below it, each with the words that lead to it: `address.city`, `tags[]`, `prices{}`."""
    yield path, field
    for inner in field.fields:
        yield from below(inner, f"{path}.{inner.name}")
    if field.key is not None:
        yield from below(field.key, f"{path}{{key}}")
    if field.items is not None:
        yield from below(field.items, f"{path}{'{}' if field.type == 'MAP' else '[]'}")
