"""Snapshots of an Iceberg table: which files one holds, and how the next one that holds others is written."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from weft.model import publication
from weft.storage import local_files, manifests
from weft.storage.bounds import bound
from weft.storage.manifests import ADDED, DELETED, EXISTING, Entry, ManifestFile
from weft.storage.metadata import Metadata, fields_of, fresh_snapshot_id, snapshot, with_snapshot
from weft.storage.schemas import Field


def live_entries(table: Metadata, snapshot_id: int) -> Iterator[Entry]:
    """The files of a snapshot."""
    for _, entries in _manifests_of(table, snapshot_id):
        yield from (e for e in entries if e.status != DELETED)


def metadata_files(table: Metadata) -> Iterator[str]:
    """The manifest lists and manifests of all snapshots."""
    for found in table["snapshots"]:
        yield found["manifest-list"]
        yield from (m.path for m in manifests.read_list(local_files.read(found["manifest-list"])))


def data_file(file: publication.DataFile, location: str, fields: Sequence[Field]) -> dict[str, Any]:
    """Iceberg's record of a Parquet file, from the statistics that the writer gave: no file is opened for it."""
    kinds = {f["id"]: f["type"] for f in fields}
    known = {number: s for number, s in file.statistics.items() if number in kinds}
    bounded = {
        number: (low, high)
        for number, s in known.items()
        if s.exact and s.minimum is not None and s.maximum is not None
        if (low := bound(s.minimum, kinds[number])) is not None
        and (high := bound(s.maximum, kinds[number])) is not None
    }
    return {
        "content": 0,
        "file_path": location,
        "file_format": "PARQUET",
        "partition": {},
        "record_count": file.rows,
        "file_size_in_bytes": file.size_bytes,
        "column_sizes": {n: s.size_bytes for n, s in known.items() if s.size_bytes is not None},
        "value_counts": dict.fromkeys(known, file.rows),
        "null_value_counts": {n: s.nulls for n, s in known.items() if s.nulls is not None},
        "lower_bounds": {n: low for n, (low, _) in bounded.items()},
        "upper_bounds": {n: high for n, (_, high) in bounded.items()},
    }


def next_snapshot(
    table: Metadata, schema_id: int, parent: int | None, wanted: Sequence[dict[str, Any]]
) -> tuple[Metadata, int]:
    """Writes the manifests of a snapshot that holds exactly the wanted files, as a child of `parent`.

    A manifest of the parent is kept as it is while all its files are wanted.

    Returns:
        The table with the snapshot, which no branch shows yet, and the snapshot's id.
    """
    snapshot_id, number = fresh_snapshot_id(table), table["last-sequence-number"] + 1
    paths = {f["file_path"] for f in wanted}
    listed: list[ManifestFile] = []
    changed: list[Entry] = []
    present: set[str] = set()
    for manifest, entries in _manifests_of(table, parent):
        live = [e for e in entries if e.status != DELETED]
        present |= {e.path for e in live}
        if live and all(e.path in paths for e in live):
            listed.append(manifest)
            continue
        changed += [manifests.as_status(e, EXISTING if e.path in paths else DELETED, snapshot_id) for e in live]
    added = [Entry(ADDED, snapshot_id, None, f) for f in wanted if f["file_path"] not in present]
    listed += [_written(table, schema_id, part, number, snapshot_id) for part in (added, changed) if part]
    name = f"{table['location']}/metadata/snap-{snapshot_id}-0-{uuid.uuid4()}.avro"
    local_files.write(name, manifests.write_list(listed, snapshot_id, parent, number))
    gone = [e for e in changed if e.status == DELETED]
    summary = {"operation": "overwrite" if gone else "append", **_totals(wanted, added, gone)}
    after = with_snapshot(table, snapshot_id, parent=parent, schema_id=schema_id, manifest_list=name, summary=summary)
    return after, snapshot_id


def _written(table: Metadata, schema_id: int, entries: Sequence[Entry], number: int, snapshot_id: int) -> ManifestFile:
    content = manifests.write_manifest(entries, fields_of(table, schema_id), schema_id)
    path = f"{table['location']}/metadata/{uuid.uuid4()}-m0.avro"
    local_files.write(path, content)
    return manifests.describe_manifest(path, len(content), entries, number, snapshot_id)


def _manifests_of(table: Metadata, snapshot_id: int | None) -> Iterator[tuple[ManifestFile, list[Entry]]]:
    found = snapshot(table, snapshot_id)
    if found is None:
        return
    for manifest in manifests.read_list(local_files.read(found["manifest-list"])):
        if manifest.has_live_files:
            yield manifest, manifests.read_manifest(local_files.read(manifest.path), manifest)


def _totals(wanted: Sequence[dict[str, Any]], added: Sequence[Entry], gone: Sequence[Entry]) -> dict[str, str]:
    def figures(files: Sequence[Any]) -> tuple[str, str, str]:
        rows, size = (sum(f[name] for f in files) for name in ("record_count", "file_size_in_bytes"))
        return str(len(files)), str(rows), str(size)

    def named(names: Sequence[str], files: Sequence[Any]) -> dict[str, str]:
        return dict(zip(names, figures(files), strict=True))

    new, old = [e.data_file for e in added], [e.data_file for e in gone]
    return {
        **(named(("added-data-files", "added-records", "added-files-size"), new) if new else {}),
        **(named(("deleted-data-files", "deleted-records", "removed-files-size"), old) if old else {}),
        **named(("total-data-files", "total-records", "total-files-size"), wanted),
        "total-delete-files": "0",
        "total-position-deletes": "0",
        "total-equality-deletes": "0",
    }
