"""What a page about a contract shows, for people: everything that it says, in rows of texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from weft.model.document import Document
from weft.model.odcs import Property, contract
from weft.model.shape import UNSET, Field, Table, below, tree_of


class Row(Struct, frozen=True):
    """A column, or a field below one.

    Attributes:
        depth: 0 for a column.
        flags: key, required, unique, classification and the like.
        rules: what its values keep, one text each.
    """

    name: str
    depth: int
    type: str
    flags: tuple[str, ...]
    rules: tuple[str, ...]
    description: str


def rows(table: Table, data: Mapping[str, Any]) -> Iterator[Row]:
    """The columns of a table and all below them, with what the document says of each beyond its shape."""
    described = next((t for t in contract(Document("", data)).objects if t.name == table.name), None)
    for field in table.fields:
        prop = described.property(field.name) if described is not None else None
        for path, inner in below(field, field.name):
            depth = path.count(".") + path.count("[]") + path.count("{}") + path.count("{key}")
            own = prop if inner is field else None
            yield Row(
                path, depth, _type(inner), tuple(_flags(inner, own)), tuple(_rules(inner, own)), inner.description or ""
            )


def _type(field: Field) -> str:
    if field.type == "STRUCT":
        return "STRUCT"
    if field.type in ("LIST", "ARRAY", "MAP"):
        size = f"({field.parameters[0]})" if field.parameters else ""
        return f"{field.type}{size}"
    return "ENUM" if field.type == "ENUM" else str(tree_of(field))


def _flags(field: Field, prop: Property | None) -> Iterator[str]:
    if field.key_position:
        yield f"key {field.key_position}"
    if field.required:
        yield "required"
    if field.unique:
        yield "unique"
    if prop is not None and prop.data.get("classification"):
        yield str(prop.data["classification"])


def _rules(field: Field, prop: Property | None) -> Iterator[str]:
    if field.values:
        yield "one of " + ", ".join(str(v) for v in field.values)
    for name, value in field.options.items():
        yield f"{name} {value}"
    if field.default is not UNSET:
        yield f"default {_json(field.default)}"
    for rule in prop.quality if prop is not None else ():
        yield rule_text(rule)


def rule_text(rule: Mapping[str, Any]) -> str:
    """A quality rule in a line."""
    if rule.get("description"):
        return str(rule["description"])
    shown = {k: v for k, v in rule.items() if k not in ("id", "type", "customProperties")}
    head = str(
        shown.pop("metric", None) or shown.pop("rule", None) or shown.pop("name", None) or rule.get("type") or "rule"
    )
    return " ".join([head, *(f"{k} {_json(v) if not isinstance(v, str) else v}" for k, v in shown.items())])


def table_rules(table: Table, data: Mapping[str, Any]) -> Iterator[str]:
    """What a table's rows keep together: keys of several columns, foreign keys, rules of the table."""
    if table.key:
        yield f"primary key: {', '.join(table.key)}"
    for reference in table.references:
        yield f"{', '.join(reference.columns)} → {reference.table} ({', '.join(reference.targets)})"
    described = next((t for t in contract(Document("", data)).objects if t.name == table.name), None)
    for rule in described.quality if described is not None else ():
        yield rule_text(rule)


def facts(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a contract says of itself."""
    for name in ("id", "version", "status", "domain", "dataProduct", "tenant"):
        if data.get(name):
            yield name, str(data[name])
    if data.get("tags"):
        yield "tags", ", ".join(map(str, data["tags"]))
    described = contract(Document("", data))
    for name in ("limitations", "usage"):
        if described.description.get(name):
            yield name, str(described.description[name])


def levels(data: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Service levels: what, how much, of which column."""
    for level in contract(Document("", data)).slas:
        amount = " ".join(str(level[k]) for k in ("value", "valueExt", "unit") if level.get(k) is not None)
        yield str(level.get("property") or ""), amount, str(level.get("element") or "")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
