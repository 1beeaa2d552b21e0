"""Commits to an Iceberg table as another engine makes them, with delete files (spec version 2, row-level deletes)."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

from weft.storage import local_files, metadata
from weft.storage.catalog import SqliteCatalog
from weft.storage.manifests import (
    ADDED,
    Entry,
    ManifestFile,
    describe_manifest,
    read_list,
    read_manifest,
    write_list,
    write_manifest,
)

IDENTIFIER = ("sales", "orders", "orders@1")


def _field(name: str, kind: pa.DataType, number: int) -> pa.Field:
    return pa.field(name, kind, nullable=False, metadata={"PARQUET:field_id": str(number)})


def positions(data_file: str, *rows: int) -> tuple[pa.Table, int, list[int] | None]:
    """A file that deletes rows of a data file by their place."""
    schema = pa.schema([_field("file_path", pa.string(), 2147483546), _field("pos", pa.int64(), 2147483545)])
    return pa.table({"file_path": [data_file] * len(rows), "pos": list(rows)}, schema=schema), 1, None


def equals(column: str, field_id: int, *values: int) -> tuple[pa.Table, int, list[int] | None]:
    """A file that deletes the rows that have one of some values in a column."""
    return pa.table({column: list(values)}, schema=pa.schema([_field(column, pa.int32(), field_id)])), 2, [field_id]


def deleting(catalog: Path, deletes: tuple[pa.Table, int, list[int] | None]) -> int:
    """Commits a snapshot on `main` that deletes rows of the current one, and gives its id."""
    rows, content, equality_ids = deletes
    opened = SqliteCatalog(catalog, catalog.parent / "warehouse")
    before = opened.load(IDENTIFIER)
    assert before is not None
    table = before.metadata
    parent = metadata.branch(table, metadata.MAIN)
    current = metadata.snapshot(table, parent)
    assert current is not None
    path = f"{table['location']}/data/{uuid.uuid4()}-deletes.parquet"
    pq.write_table(rows, local_files.local_path(path))
    file: dict[str, Any] = {
        "content": content,
        "file_path": path,
        "file_format": "PARQUET",
        "partition": {},
        "record_count": rows.num_rows,
        "file_size_in_bytes": local_files.local_path(path).stat().st_size,
        "equality_ids": equality_ids,
    }
    number, snapshot_id = table["last-sequence-number"] + 1, metadata.fresh_snapshot_id(table)
    entries = [Entry(ADDED, snapshot_id, None, file)]
    schema = table["current-schema-id"]
    content_bytes = _of_deletes(write_manifest(entries, metadata.fields_of(table, schema), schema))
    manifest = f"{table['location']}/metadata/{uuid.uuid4()}-m0.avro"
    local_files.write(manifest, content_bytes)
    listed = describe_manifest(manifest, len(content_bytes), entries, number, snapshot_id)
    deletes_listed = ManifestFile(
        *(getattr(listed, n) for n in listed.__struct_fields__ if n != "content"), content=1
    )  # fmt: skip
    name = f"{table['location']}/metadata/snap-{snapshot_id}-0-{uuid.uuid4()}.avro"
    manifests = [*read_list(local_files.read(current["manifest-list"])), deletes_listed]
    local_files.write(name, write_list(manifests, snapshot_id, parent, number))
    table = metadata.with_snapshot(
        table, snapshot_id, parent=parent, schema_id=schema, manifest_list=name, summary={"operation": "delete"}
    )
    opened.commit(IDENTIFIER, before, metadata.with_branch(table, metadata.MAIN, snapshot_id))
    return snapshot_id


def newest_file(catalog: Path) -> str:
    """The location of the data file of the current snapshot, which has one."""
    table = SqliteCatalog(catalog, catalog.parent / "warehouse").load(IDENTIFIER)
    assert table is not None
    current = metadata.snapshot(table.metadata, metadata.branch(table.metadata, metadata.MAIN))
    assert current is not None
    listed = read_list(local_files.read(current["manifest-list"]))
    (path,) = [e.path for m in listed if m.has_live_files for e in read_manifest(local_files.read(m.path), m)]
    return path


def _of_deletes(manifest: bytes) -> bytes:
    """A manifest that says of itself that it lists deletes."""
    reader = fastavro.reader(io.BytesIO(manifest))
    rows, schema = list(reader), json.loads(reader.metadata["avro.schema"])
    header = {k: v for k, v in reader.metadata.items() if not k.startswith("avro.")} | {"content": "deletes"}
    target = io.BytesIO()
    fastavro.writer(target, schema, rows, codec="deflate", metadata=header)
    return target.getvalue()
