"""Iceberg's manifests and manifest lists (spec version 2, manifests): which files a snapshot holds, as Avro."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

import fastavro
from msgspec import Struct
from msgspec.structs import replace

from weft.storage.schemas import Field

Status = Literal[0, 1, 2]
EXISTING: Status = 0
ADDED: Status = 1
DELETED: Status = 2
DATA = 0
"""Content of a manifest that lists data files; 1 lists delete files, which only others write."""


class Entry(Struct, frozen=True):
    """A data file in a manifest.

    Attributes:
        sequence_number: of the snapshot that added the file; None in one that is being added.
        data_file: the fields of the spec's `data_file`.
        spec_id: of the partition spec that the file is parted by.
    """

    status: Status
    snapshot_id: int
    sequence_number: int | None
    data_file: Mapping[str, Any]
    spec_id: int = 0

    @property
    def path(self) -> str:
        """Location of the file."""
        return str(self.data_file["file_path"])


class ManifestFile(Struct, frozen=True):
    """A manifest in a manifest list; `content` is 0 for data files, 1 for delete files, which only others write."""

    path: str
    length: int
    sequence_number: int
    min_sequence_number: int
    snapshot_id: int
    files: tuple[int, int, int]
    rows: tuple[int, int, int]
    spec_id: int = 0
    partitions: tuple[Mapping[str, Any], ...] | None = None
    content: int = 0

    @property
    def has_live_files(self) -> bool:
        """Whether a reader finds a file in it."""
        return self.files[EXISTING] + self.files[ADDED] > 0


UNPARTITIONED: Mapping[str, Any] = {"spec-id": 0, "fields": []}


def write_manifest(
    entries: Sequence[Entry],
    fields: Sequence[Field],
    schema_id: int,
    spec: Mapping[str, Any] = UNPARTITIONED,
    partition: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """The Avro file of a manifest; `partition` are the Avro fields of the spec that all its files are parted by."""
    header = {
        "schema": json.dumps({"type": "struct", "schema-id": schema_id, "fields": list(fields)}),
        "schema-id": str(schema_id),
        "partition-spec": json.dumps(spec["fields"]),
        "partition-spec-id": str(spec["spec-id"]),
        "format-version": "2",
        "content": "data",
    }
    records = [
        {
            "status": e.status,
            "snapshot_id": e.snapshot_id,
            "sequence_number": e.sequence_number,
            "file_sequence_number": e.sequence_number,
            "data_file": {**e.data_file, **{name: _pairs(e.data_file.get(name)) for name in _MAPS}},
        }
        for e in entries
    ]
    return _avro(_entry(partition), records, header)


def read_manifest(content: bytes, listed: ManifestFile) -> list[Entry]:
    """The entries of a manifest; those that inherit their sequence number get the manifest's."""
    return [
        Entry(
            row["status"],
            row["snapshot_id"] if row["snapshot_id"] is not None else listed.snapshot_id,
            row["sequence_number"] if row["sequence_number"] is not None else listed.sequence_number,
            {**row["data_file"], **{name: _mapping(row["data_file"].get(name)) for name in _MAPS}},
            listed.spec_id,
        )
        for row in _rows_of(content)
    ]


def describe_manifest(
    path: str,
    length: int,
    entries: Sequence[Entry],
    number: int,
    snapshot_id: int,
    partitions: Sequence[Mapping[str, Any]] | None = None,
) -> ManifestFile:
    """How a manifest stands in the list of the snapshot that writes it."""

    def of(status: Status) -> list[Entry]:
        return [e for e in entries if e.status == status]

    kept = (of(EXISTING), of(ADDED), of(DELETED))
    return ManifestFile(
        path,
        length,
        number,
        min((e.sequence_number for e in kept[EXISTING] if e.sequence_number is not None), default=number),
        snapshot_id,
        (len(kept[0]), len(kept[1]), len(kept[2])),
        (_rows(kept[0]), _rows(kept[1]), _rows(kept[2])),
        entries[0].spec_id if entries else 0,
        tuple(partitions) if partitions else None,
    )


def write_list(manifests: Sequence[ManifestFile], snapshot_id: int, parent: int | None, number: int) -> bytes:
    """The Avro file of a manifest list."""
    header = {
        "snapshot-id": str(snapshot_id),
        "parent-snapshot-id": str(parent) if parent is not None else "null",
        "sequence-number": str(number),
        "format-version": "2",
    }
    records = [
        {
            "manifest_path": m.path,
            "manifest_length": m.length,
            "partition_spec_id": m.spec_id,
            "content": m.content,
            "sequence_number": m.sequence_number,
            "min_sequence_number": m.min_sequence_number,
            "added_snapshot_id": m.snapshot_id,
            "added_files_count": m.files[ADDED],
            "existing_files_count": m.files[EXISTING],
            "deleted_files_count": m.files[DELETED],
            "added_rows_count": m.rows[ADDED],
            "existing_rows_count": m.rows[EXISTING],
            "deleted_rows_count": m.rows[DELETED],
            "partitions": list(m.partitions) if m.partitions is not None else None,
            "key_metadata": None,
        }
        for m in manifests
    ]
    return _avro(_LISTED, records, header)


def read_list(content: bytes) -> list[ManifestFile]:
    """The manifests of a snapshot."""
    return [
        ManifestFile(
            row["manifest_path"],
            row["manifest_length"],
            row["sequence_number"],
            row["min_sequence_number"],
            row["added_snapshot_id"],
            (row["existing_files_count"], row["added_files_count"], row["deleted_files_count"]),
            (row["existing_rows_count"], row["added_rows_count"], row["deleted_rows_count"]),
            row["partition_spec_id"],
            tuple(row["partitions"]) if row.get("partitions") is not None else None,
            row["content"],
        )
        for row in _rows_of(content)
    ]


def as_status(entry: Entry, status: Status, snapshot_id: int) -> Entry:
    """An entry of an older snapshot as a new manifest carries it: kept under its own snapshot, or deleted by this."""
    return replace(entry, status=status, snapshot_id=snapshot_id if status == DELETED else entry.snapshot_id)


def _avro(schema: Mapping[str, Any], records: Sequence[Mapping[str, Any]], header: Mapping[str, str]) -> bytes:
    target = io.BytesIO()
    # made of what the file is about, not by chance: the same records are the same bytes
    marker = hashlib.sha256(repr((sorted(header.items()), len(records))).encode()).digest()[:16]
    fastavro.writer(target, dict(schema), records, codec="deflate", metadata=dict(header), sync_marker=marker)
    return target.getvalue()


def _rows_of(content: bytes) -> Iterator[dict[str, Any]]:
    yield from cast(Iterator[dict[str, Any]], fastavro.reader(io.BytesIO(content)))


def _rows(entries: Sequence[Entry]) -> int:
    return sum(int(e.data_file["record_count"]) for e in entries)


def _pairs(found: Mapping[int, Any] | None) -> list[dict[str, Any]] | None:
    return [{"key": key, "value": value} for key, value in found.items()] if found is not None else None


def _mapping(found: Sequence[Mapping[str, Any]] | None) -> dict[int, Any] | None:
    return {pair["key"]: pair["value"] for pair in found} if found is not None else None


def _entry(partition: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The schema of a manifest's entries, with the fields of its partitions."""
    if not partition:
        return _ENTRY
    *before, record = _ENTRY["fields"]
    kind = {"type": "record", "name": "r102", "fields": list(partition)}
    fields = [_needed(_PARTITION, kind, 102) if f["name"] == _PARTITION else f for f in record["type"]["fields"]]
    return {**_ENTRY, "fields": [*before, {**record, "type": {**record["type"], "fields": fields}}]}


def _needed(name: str, kind: Any, number: int) -> dict[str, Any]:
    return {"name": name, "type": kind, "field-id": number}


def _optional(name: str, kind: Any, number: int) -> dict[str, Any]:
    return {"name": name, "type": ["null", kind], "default": None, "field-id": number}


def _by_field_id(name: str, value: str, number: int, key_id: int, value_id: int) -> dict[str, Any]:
    """A map from field ids: Avro's own maps have text keys, so Iceberg writes pairs."""
    pair = {
        "type": "record",
        "name": f"k{key_id}_v{value_id}",
        "fields": [_needed("key", "int", key_id), _needed("value", value, value_id)],
    }
    return _optional(name, {"type": "array", "items": pair, "logicalType": "map"}, number)


_MAPS = ("column_sizes", "value_counts", "null_value_counts", "nan_value_counts", "lower_bounds", "upper_bounds")
_PARTITION = "partition"
_ENTRY: dict[str, Any] = {
    "type": "record",
    "name": "manifest_entry",
    "fields": [
        _needed("status", "int", 0),
        _optional("snapshot_id", "long", 1),
        _optional("sequence_number", "long", 3),
        _optional("file_sequence_number", "long", 4),
        _needed(
            "data_file",
            {
                "type": "record",
                "name": "r2",
                "fields": [
                    _needed("content", "int", 134),
                    _needed("file_path", "string", 100),
                    _needed("file_format", "string", 101),
                    _needed(_PARTITION, {"type": "record", "name": "r102", "fields": []}, 102),
                    _needed("record_count", "long", 103),
                    _needed("file_size_in_bytes", "long", 104),
                    _by_field_id("column_sizes", "long", 108, 117, 118),
                    _by_field_id("value_counts", "long", 109, 119, 120),
                    _by_field_id("null_value_counts", "long", 110, 121, 122),
                    _by_field_id("nan_value_counts", "long", 137, 138, 139),
                    _by_field_id("lower_bounds", "bytes", 125, 126, 127),
                    _by_field_id("upper_bounds", "bytes", 128, 129, 130),
                    _optional("key_metadata", "bytes", 131),
                    _optional("split_offsets", {"type": "array", "items": "long", "element-id": 133}, 132),
                    _optional("equality_ids", {"type": "array", "items": "int", "element-id": 136}, 135),
                    _optional("sort_order_id", "int", 140),
                ],
            },
            2,
        ),
    ],
}
_SUMMARY = {
    "type": "record",
    "name": "r508",
    "fields": [
        _needed("contains_null", "boolean", 509),
        _optional("contains_nan", "boolean", 518),
        _optional("lower_bound", "bytes", 510),
        _optional("upper_bound", "bytes", 511),
    ],
}
_LISTED = {
    "type": "record",
    "name": "manifest_file",
    "fields": [
        _needed("manifest_path", "string", 500),
        _needed("manifest_length", "long", 501),
        _needed("partition_spec_id", "int", 502),
        _needed("content", "int", 517),
        _needed("sequence_number", "long", 515),
        _needed("min_sequence_number", "long", 516),
        _needed("added_snapshot_id", "long", 503),
        _needed("added_files_count", "int", 504),
        _needed("existing_files_count", "int", 505),
        _needed("deleted_files_count", "int", 506),
        _needed("added_rows_count", "long", 512),
        _needed("existing_rows_count", "long", 513),
        _needed("deleted_rows_count", "long", 514),
        _optional("partitions", {"type": "array", "items": _SUMMARY, "element-id": 508}, 507),
        _optional("key_metadata", "bytes", 519),
    ],
}
