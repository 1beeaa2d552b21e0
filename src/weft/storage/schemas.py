"""DuckDB's types as Iceberg's, with field ids, as the values that Iceberg's JSON has (spec, appendix C)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from weft.errors import Diagnostic, ProjectError, error
from weft.model.column import Column
from weft.model.type_text import TypeText, parse_type
from weft.sql.quoting import ident

Type = str | dict[str, Any]
"""A type of Iceberg: the name of a primitive one, or a struct, list or map."""

Field = dict[str, Any]
"""A field of a struct: `id`, `name`, `required`, `type`."""

_PLAIN = {
    "BOOLEAN": "boolean",
    "TINYINT": "int",
    "SMALLINT": "int",
    "INTEGER": "int",
    "UTINYINT": "int",
    "USMALLINT": "int",
    "UINTEGER": "long",
    "BIGINT": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMPTZ": "timestamptz",
    "VARCHAR": "string",
    "BLOB": "binary",
    "UUID": "uuid",
}
_NEAREST = {
    "TIMESTAMP_S": TypeText("TIMESTAMP"),
    "TIMESTAMP_MS": TypeText("TIMESTAMP"),
    "TIMESTAMP_NS": TypeText("TIMESTAMP"),
    "TIME_NS": TypeText("TIME"),
    "UBIGINT": TypeText("DECIMAL", (20, 0)),
    "HUGEINT": TypeText("DECIMAL", (38, 0)),
    "UHUGEINT": TypeText("DECIMAL", (38, 0)),
}
"""What a type that Iceberg lacks is cast to; any other becomes text."""
_PARTS = ("element", "key", "value")
_WIDENED = {("int", "long"), ("float", "double")}
_DECIMAL = re.compile(r"decimal\((\d+), (\d+)\)")


def fields_of(columns: Sequence[Column], nested_ids: Iterator[int]) -> list[Field]:
    """The fields of columns that have field ids; nested fields take theirs from `nested_ids`.

    Raises:
        ProjectError: WFT-STO-005, a type that Iceberg has no name for.
    """
    return [_field(c.field_id, c.name, iceberg_type(c, nested_ids)) for c in columns]


def iceberg_type(column: Column, nested_ids: Iterator[int]) -> Type:
    """The Iceberg type of a column.

    Raises:
        ProjectError: WFT-STO-005, a type that Iceberg has no name for.
    """
    tree = parse_type(column.type)
    found = _type(tree, nested_ids) if tree is not None else None
    if found is None:
        raise ProjectError(_no_such_type(column))
    return found


def unstorable(column: Column) -> tuple[Diagnostic, ...]:
    """WFT-STO-005, without a place, when Iceberg has no name for the column's type."""
    return () if _storable(parse_type(column.type)) else (_no_such_type(column),)


def storable_type(type_: str) -> str:
    """The type itself when Iceberg has a name for it, else the nearest one to cast it to.

    >>> storable_type("TIMESTAMP_NS"), storable_type("INTERVAL"), storable_type("STRUCT(a UBIGINT[3])")
    ('TIMESTAMP', 'VARCHAR', 'STRUCT(a DECIMAL(20,0)[])')
    """
    tree = parse_type(type_)
    if tree is None:
        return "VARCHAR"
    return type_ if _storable(tree) else str(_nearest(tree))


def _no_such_type(column: Column) -> Diagnostic:
    return error(
        "WFT-STO-005",
        f"column `{column.name}` has type {column.type}, which Iceberg tables do not have",
        fix=f"cast it in the model: `{ident(column.name)}::{storable_type(column.type)} as {ident(column.name)}`",
    )


def _storable(tree: TypeText | None) -> bool:
    return tree is not None and _type(tree, itertools.count()) is not None


def _nearest(tree: TypeText) -> TypeText:
    if tree.name in ("STRUCT", "LIST", "ARRAY", "MAP") and tree.parts:
        name = "LIST" if tree.name == "ARRAY" else tree.name
        return TypeText(name, parts=tuple((label, _nearest(part)) for label, part in tree.parts))
    return tree if _storable(tree) else _NEAREST.get(tree.name, TypeText("VARCHAR"))


def may_become(before: Type, after: Type) -> bool:
    """Whether a field may change its type and keep its id: never, or by a promotion (spec, schema evolution)."""
    if isinstance(before, dict) or isinstance(after, dict):
        return shape(before) == shape(after)
    if before == after or (before, after) in _WIDENED:
        return True
    old, new = _DECIMAL.fullmatch(before), _DECIMAL.fullmatch(after)
    return bool(old and new and old[2] == new[2] and int(old[1]) <= int(new[1]))


def same_field(before: Column, after: Column) -> bool:
    """Whether a column may keep its field id when it becomes another: files of before are then read as it.

    >>> whole = Column("n", "INTEGER")
    >>> same_field(whole, Column("m", "BIGINT")), same_field(whole, Column("n", "DATE"))
    (True, False)
    """
    return may_become(iceberg_type(before, itertools.count()), iceberg_type(after, itertools.count()))


def shape(kind: Type) -> object:
    """A type without its field ids."""
    if isinstance(kind, str):
        return kind
    if kind["type"] == "struct":
        return [(f["name"], shape(f["type"])) for f in kind["fields"]]
    return kind["type"], [shape(kind[part]) for part in _PARTS if part in kind]


def last_id(fields: Sequence[Field]) -> int:
    """The highest field id, nested ones included."""
    return max((i for f in fields for i in (f["id"], *_nested_ids(f["type"]))), default=0)


def field_ids(fields: Sequence[Field]) -> str:
    """DuckDB's `FIELD_IDS` literal for COPY."""
    return "{" + ", ".join(f"{ident(f['name'])}: {_ids(f['id'], f['type'])}" for f in fields) + "}"


def _field(number: int, name: str, kind: Type) -> Field:
    return {"id": number, "name": name, "required": False, "type": kind}


def _type(tree: TypeText, ids: Iterator[int]) -> Type | None:
    if tree.name == "STRUCT":
        fields = [(next(ids), name, _type(inner, ids)) for name, inner in tree.parts]
        if any(kind is None for _, _, kind in fields):
            return None
        return {"type": "struct", "fields": [_field(i, n, t) for i, n, t in fields if t is not None]}
    if tree.name == "LIST":
        number, element = next(ids), _type(tree.parts[0][1], ids)
        return element and {"type": "list", "element-id": number, "element": element, "element-required": False}
    if tree.name == "MAP":
        key_id, value_id = next(ids), next(ids)
        key, value = _type(tree.parts[0][1], ids), _type(tree.parts[1][1], ids)
        if key is None or value is None:
            return None
        return {
            "type": "map", "key-id": key_id, "key": key, "value-id": value_id, "value": value, "value-required": False
        }  # fmt: skip
    if tree.name == "DECIMAL":
        precision, scale = (int(p) for p in (*tree.parameters, 18, 3)[:2]) if tree.parameters else (18, 3)
        return f"decimal({precision}, {scale})"
    return _PLAIN.get(tree.name)


def _nested_ids(kind: Type) -> Iterator[int]:
    if isinstance(kind, str):
        return
    for field in kind.get("fields", ()):
        yield field["id"]
        yield from _nested_ids(field["type"])
    for part in _PARTS:
        if part in kind:
            yield kind[f"{part}-id"]
            yield from _nested_ids(kind[part])


def _ids(number: int, kind: Type) -> str:
    if isinstance(kind, str):
        return str(number)
    inner: Mapping[str, str]
    if kind["type"] == "struct":
        inner = {ident(f["name"]): _ids(f["id"], f["type"]) for f in kind["fields"]}
    else:
        inner = {part: _ids(kind[f"{part}-id"], kind[part]) for part in _PARTS if part in kind}
    return f"{{__duckdb_field_id: {number}, " + ", ".join(f"{name}: {ids}" for name, ids in inner.items()) + "}"
