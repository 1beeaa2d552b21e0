"""An Iceberg table's metadata as a value (spec version 2, table metadata fields): each change gives the next one."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from weft.storage.schemas import Field, last_id

Metadata = Mapping[str, Any]
"""The content of a `metadata.json`."""

VERSION = 2
"""The version of the specification that tables are written in."""
MAIN = "main"
SPEC = "weft.partition-spec-id"
ORDER = "weft.sort-order-id"
_LOG_LENGTH = 100


def new_table(location: str, fields: Sequence[Field]) -> Metadata:
    """A table without snapshots, not partitioned."""
    return {
        "format-version": VERSION,
        "table-uuid": str(uuid.uuid4()),
        "location": location,
        "last-sequence-number": 0,
        "last-updated-ms": _now_ms(),
        "last-column-id": last_id(fields),
        "schemas": [_schema(0, fields)],
        "current-schema-id": 0,
        "partition-specs": [{"spec-id": 0, "fields": []}],
        "default-spec-id": 0,
        "last-partition-id": 999,
        "sort-orders": [{"order-id": 0, "fields": []}],
        "default-sort-order-id": 0,
        "properties": {},
        "snapshots": [],
        "snapshot-log": [],
        "metadata-log": [],
        "refs": {},
    }


def fields_of(table: Metadata, schema_id: int) -> Sequence[Field]:
    """The fields of a schema."""
    return next(s["fields"] for s in table["schemas"] if s["schema-id"] == schema_id)


def snapshot(table: Metadata, snapshot_id: int | None) -> Mapping[str, Any] | None:
    """A snapshot by its id."""
    return next((s for s in table["snapshots"] if s["snapshot-id"] == snapshot_id), None)


def branch(table: Metadata, name: str) -> int | None:
    """The snapshot that a branch shows."""
    found = table["refs"].get(name)
    return int(found["snapshot-id"]) if found else None


def branches(table: Metadata) -> Mapping[str, int]:
    """The snapshot of each branch."""
    return {name: int(ref["snapshot-id"]) for name, ref in table["refs"].items()}


def fresh_snapshot_id(table: Metadata) -> int:
    """A positive number of 63 bits that no snapshot of the table has."""
    taken = {s["snapshot-id"] for s in table["snapshots"]}
    return next(n for n in iter(lambda: secrets.randbits(63), 0) if n not in taken)


def with_fields(table: Metadata, fields: Sequence[Field]) -> tuple[Metadata, int]:
    """The table with a schema of these fields, and the schema's id; one that it had before is taken up again.

    The current schema stays: it is that of `main`.
    """
    same = next((s["schema-id"] for s in table["schemas"] if s["fields"] == list(fields)), None)
    if same is not None:
        return table, same
    number = max(s["schema-id"] for s in table["schemas"]) + 1
    schemas = [*table["schemas"], _schema(number, fields)]
    return {**table, "schemas": schemas, "last-column-id": max(table["last-column-id"], last_id(fields))}, number


def with_snapshot(
    table: Metadata,
    snapshot_id: int,
    *,
    parent: int | None,
    schema_id: int,
    manifest_list: str,
    summary: Mapping[str, str],
) -> Metadata:
    """The table with one more snapshot, which no branch shows yet.

    Its summary may name the partition spec and the sort order that become the table's with it: `SPEC`, `ORDER`.
    """
    number = table["last-sequence-number"] + 1
    added = {
        "snapshot-id": snapshot_id,
        "sequence-number": number,
        "timestamp-ms": _now_ms(),
        "manifest-list": manifest_list,
        "summary": dict(summary),
        "schema-id": schema_id,
    }
    if parent is not None:
        added["parent-snapshot-id"] = parent
    return {**table, "snapshots": [*table["snapshots"], added], "last-sequence-number": number}


def with_branch(table: Metadata, name: str, snapshot_id: int) -> Metadata:
    """The table whose branch shows a snapshot; that of `main` is the current one, in its schema, and is logged."""
    refs = {**table["refs"], name: {"snapshot-id": snapshot_id, "type": "branch"}}
    if name != MAIN:
        return {**table, "refs": refs}
    shown = snapshot(table, snapshot_id)
    assert shown is not None, "a branch shows a snapshot of its table"
    return {
        **table,
        "refs": refs,
        "current-snapshot-id": snapshot_id,
        "current-schema-id": shown["schema-id"],
        "default-spec-id": int(shown["summary"].get(SPEC, 0)),
        "default-sort-order-id": int(shown["summary"].get(ORDER, 0)),
        "snapshot-log": [*table["snapshot-log"], {"snapshot-id": snapshot_id, "timestamp-ms": _now_ms()}],
    }


def without_branch(table: Metadata, name: str) -> Metadata:
    """The table without a branch."""
    return {**table, "refs": {n: ref for n, ref in table["refs"].items() if n != name}}


def unshown(table: Metadata) -> set[int]:
    """Snapshots that no branch shows."""
    return {s["snapshot-id"] for s in table["snapshots"]} - set(branches(table).values())


def without_snapshots(table: Metadata, wanted: Collection[int]) -> Metadata:
    """The table without those of the wanted snapshots that no branch shows.

    The log begins again behind the last one that is gone: it has no gaps (spec, table metadata fields).
    """
    gone = unshown(table) & set(wanted)
    if not gone:
        return table
    logged: list[Any] = []
    for entry in table["snapshot-log"]:
        logged = [] if entry["snapshot-id"] in gone else [*logged, entry]
    left = [s for s in table["snapshots"] if s["snapshot-id"] not in gone]
    return {**table, "snapshots": left, "snapshot-log": logged}


def moved_to(table: Metadata, location: str) -> Metadata:
    """The table as it is after its folder was moved: the files that its metadata names lie in the new one."""
    folder = f"{location}/metadata"

    def here(path: str) -> str:
        return f"{folder}/{path.rpartition('/')[2]}"

    return {
        **table,
        "location": location,
        "snapshots": [{**s, "manifest-list": here(s["manifest-list"])} for s in table["snapshots"]],
        "metadata-log": [{**e, "metadata-file": here(e["metadata-file"])} for e in table["metadata-log"]],
    }


def following(table: Metadata, location: str | None) -> Metadata:
    """The table as it is written behind the metadata file at `location`."""
    logged = list(table["metadata-log"])
    if location is not None:
        logged.append({"metadata-file": location, "timestamp-ms": table["last-updated-ms"]})
    return {**table, "metadata-log": logged[-_LOG_LENGTH:], "last-updated-ms": _now_ms()}


def _schema(number: int, fields: Sequence[Field]) -> dict[str, Any]:
    return {"type": "struct", "schema-id": number, "fields": list(fields)}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
