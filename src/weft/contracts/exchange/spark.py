"""The JSON of Spark's StructType (`StructType.fromJson`, `df.schema.json()`)."""

from __future__ import annotations

import json
from typing import Any

from weft.contracts.exchange.documents import unwritable
from weft.contracts.exchange.kinds import Header, Written
from weft.contracts.exchange.notes import LIMITS, Notes
from weft.model.shape import Field, Table

_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "byte",
    "SMALLINT": "short",
    "INTEGER": "integer",
    "BIGINT": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "ENUM": "string",
    "BLOB": "binary",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMPTZ": "timestamp",
}
_WIDER = {
    "UTINYINT": "short",
    "USMALLINT": "integer",
    "UINTEGER": "long",
    "UBIGINT": "decimal(20,0)",
    "HUGEINT": "decimal(38,0)",
    "UHUGEINT": "decimal(38,0)",
    "TIMESTAMP_S": "timestamp_ntz",
    "TIMESTAMP_MS": "timestamp_ntz",
    "TIMESTAMP_NS": "timestamp_ntz",
}


def exported(tables: tuple[Table, ...], header: Header) -> Written:
    """The schema of a table.

    Raises:
        UsageError: WFT-IMP-006, the contract has several tables: a StructType is one.
    """
    if len(tables) > 1:
        raise unwritable(header.name, "written as one StructType", f"it has {len(tables)} tables")
    notes = Notes()
    (table,) = tables
    if table.description is not None:
        notes.add(table.name, "a StructType cannot say the description of a table")
    if table.key:
        notes.add(table.name, f"a StructType cannot say the primary key ({', '.join(table.key)})")
    if table.references or table.unique_sets:
        notes.add(table.name, "a StructType cannot say foreign keys or columns that are unique together")
    schema = _struct(table.fields, notes, "")
    return Written(json.dumps(schema, ensure_ascii=False, indent=2) + "\n", notes.lines, schema)


def _struct(fields: tuple[Field, ...], notes: Notes, prefix: str) -> dict[str, Any]:
    found = []
    for field in fields:
        place = f"{prefix}{field.name}"
        notes.lost(place, field, "a StructType", "unique", "default")
        metadata = {"comment": field.description} if field.description is not None else {}
        typed = _type(field, notes, place)
        found.append({"name": field.name, "type": typed, "nullable": not field.required, "metadata": metadata})
    return {"type": "struct", "fields": found}


def _type(field: Field, notes: Notes, place: str) -> Any:
    notes.lost(place, field, "a StructType", "values", "format", *LIMITS)
    if field.type == "ENUM":
        notes.add(place, "a StructType cannot say values")
    if field.type == "STRUCT":
        return _struct(field.fields, notes, f"{place}.")
    if field.type in ("LIST", "ARRAY") and field.items is not None:
        if field.type == "ARRAY":
            notes.add(place, f"a StructType cannot say that there are always {field.parameters[0]} items")
        notes.lost(f"{place}[]", field.items, "a StructType", "description", "default")
        element = _type(field.items, notes, f"{place}[]")
        return {"type": "array", "elementType": element, "containsNull": not field.items.required}
    if field.type == "MAP" and field.items is not None and field.key is not None:
        for end, inner in (("{key}", field.key), ("{}", field.items)):
            notes.lost(f"{place}{end}", inner, "a StructType", "description", "default")
        key, value = _type(field.key, notes, f"{place}{{key}}"), _type(field.items, notes, f"{place}{{}}")
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": not field.items.required}
    if field.type == "DECIMAL":
        precision, scale = (*field.parameters, 0)[:2] if field.parameters else (18, 3)
        return f"decimal({precision},{scale})"
    if field.type in _TYPES:
        return _TYPES[field.type]
    wider = _WIDER.get(field.type, "string")
    notes.add(place, f"Spark has no {field.type}: written as {wider}")
    return wider
