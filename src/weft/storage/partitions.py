"""Partition specs and sort orders as Iceberg has them (spec, partitioning, sorting), and the values of partitions."""

from __future__ import annotations

import datetime as dt
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from weft.model.layout import Layout, PartitionField
from weft.model.publication import PartitionValue
from weft.storage.metadata import Metadata

Spec = Mapping[str, Any]
"""A partition spec: `spec-id` and `fields`."""

_FIRST_ID = 1000
_EPOCH = dt.date(1970, 1, 1)
_AVRO: Mapping[str, Any] = {
    "int": "int",
    "long": "long",
    "string": "string",
    "boolean": "boolean",
    "date": {"type": "int", "logicalType": "date"},
}


def with_spec(table: Metadata, parts: Sequence[PartitionField | PartitionValue]) -> tuple[Metadata, int]:
    """The table with a partition spec of these fields, and the spec's id; one that it had before is taken up again.

    A field keeps its id through all specs (spec, partition evolution).
    """
    wanted = [(p.field_id, p.transform) for p in parts]
    for spec in table["partition-specs"]:
        if _sources(spec) == wanted:
            return table, int(spec["spec-id"])
    known = {(f["source-id"], f["transform"]): f for s in table["partition-specs"] for f in s["fields"]}
    last = int(table["last-partition-id"])
    names = _column_names(table)
    fields: list[dict[str, Any]] = []
    for part in parts:
        found = known.get((part.field_id, part.transform))
        if found is None:
            last += 1
            plain = PartitionField(names[part.field_id], part.transform).name
            taken = {f["name"] for s in table["partition-specs"] for f in s["fields"]} | {f["name"] for f in fields}
            # Iceberg allows no name of another column, and identity alone the name of its own.
            if plain in taken or (part.transform != "identity" and plain in names.values()):
                plain = f"{plain}_{last}"
            found = {"source-id": part.field_id, "field-id": last, "transform": part.transform, "name": plain}
        fields.append(found)
    number = max(int(s["spec-id"]) for s in table["partition-specs"]) + 1
    specs = [*table["partition-specs"], {"spec-id": number, "fields": fields}]
    return {**table, "partition-specs": specs, "last-partition-id": max(last, _FIRST_ID - 1)}, number


def with_sort_order(table: Metadata, layout: Layout) -> tuple[Metadata, int]:
    """The table with a sort order of these columns, and the order's id; 0 is that of tables without one."""
    fields = [
        {"transform": "identity", "source-id": f.field_id, "direction": "asc", "null-order": "nulls-first"}
        for f in layout.sort
    ]
    same = next((int(o["order-id"]) for o in table["sort-orders"] if o["fields"] == fields), None)
    if same is not None:
        return table, same
    number = max(int(o["order-id"]) for o in table["sort-orders"]) + 1
    return {**table, "sort-orders": [*table["sort-orders"], {"order-id": number, "fields": fields}]}, number


def spec_of(table: Metadata, spec_id: int) -> Spec:
    """A partition spec by its id."""
    found: Spec = next(s for s in table["partition-specs"] if s["spec-id"] == spec_id)
    return found


def kinds(table: Metadata, spec: Spec) -> tuple[str, ...]:
    """The type of each field of a spec; of a column that is dropped, as the newest schema that has it says."""
    types = {f["id"]: f["type"] for s in table["schemas"] for f in s["fields"]}
    return tuple(_result(f["transform"], types[f["source-id"]]) for f in spec["fields"])


def avro_fields(spec: Spec, types: Sequence[str]) -> list[dict[str, Any]]:
    """The fields of the partition's record in a manifest."""
    return [
        {"name": avro_name(f["name"]), "type": ["null", _AVRO[kind]], "default": None, "field-id": f["field-id"]}
        for f, kind in zip(spec["fields"], types, strict=True)
    ]


def record(spec: Spec, types: Sequence[str], values: Sequence[PartitionValue]) -> dict[str, Any]:
    """The partition of a file, as a manifest has it."""
    return {
        avro_name(f["name"]): None if value.value is None else _read(value.value, kind)
        for f, kind, value in zip(spec["fields"], types, values, strict=True)
    }


def summaries(spec: Spec, types: Sequence[str], records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Bounds of each field over the files of a manifest: a reader skips the manifest by them."""
    found = []
    for f, kind in zip(spec["fields"], types, strict=True):
        values = [r[avro_name(f["name"])] for r in records]
        present = [v for v in values if v is not None]
        # Texts are ordered by their bytes.
        ordered = sorted(present, key=lambda v: v.encode() if isinstance(v, str) else v)
        found.append(
            {
                "contains_null": len(present) < len(values),
                "contains_nan": False,
                "lower_bound": _single(ordered[0], kind) if ordered else None,
                "upper_bound": _single(ordered[-1], kind) if ordered else None,
            }
        )
    return found


def avro_name(name: str) -> str:
    """A name as Avro allows it (spec, appendix A: names are sanitised)."""
    plain = re.sub(r"[^A-Za-z0-9_]", lambda m: f"_x{ord(m[0]):X}", name)
    return f"_{plain}" if plain[:1].isdigit() else plain


def _sources(spec: Spec) -> list[tuple[int, str]]:
    return [(f["source-id"], f["transform"]) for f in spec["fields"]]


def _column_names(table: Metadata) -> dict[int, str]:
    return {f["id"]: f["name"] for s in table["schemas"] for f in s["fields"]}


def _result(transform: str, source: str) -> str:
    if transform in ("year", "month", "hour"):
        return "int"
    return "date" if transform == "day" else source


def _read(text: str, kind: str) -> Any:
    if kind == "date":
        return dt.date.fromisoformat(text)
    if kind == "boolean":
        return text == "true"
    return text if kind == "string" else int(text)


def _single(value: Any, kind: str) -> bytes:
    """A value in Iceberg's single-value form (spec, appendix D)."""
    if kind == "string":
        return str(value).encode()
    if kind == "boolean":
        return b"\x01" if value else b"\x00"
    if kind == "date":
        return struct.pack("<i", (value - _EPOCH).days)
    return struct.pack("<i" if kind == "int" else "<q", value)
