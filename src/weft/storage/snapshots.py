"""Snapshots of an Iceberg table: which files one holds, and how the next one that holds others is written."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.errors import PlatformError, error
from weft.model import publication
from weft.storage import manifests, partitions
from weft.storage.bounds import bound
from weft.storage.files import Files
from weft.storage.manifests import ADDED, DELETED, EXISTING, Entry, ManifestFile
from weft.storage.metadata import ORDER, SPEC, Metadata, fields_of, fresh_snapshot_id, snapshot, with_snapshot
from weft.storage.schemas import Field

_NO_PARTITION: Mapping[str, Any] = {}


def live_entries(files: Files, table: Metadata, snapshot_id: int) -> Iterator[Entry]:
    """The files of a snapshot."""
    for _, entries in _manifests_of(files, table, snapshot_id):
        yield from (e for e in entries if e.status != DELETED)


class Arrangement(Struct, frozen=True):
    """By which schema, partition spec and sort order a snapshot is written."""

    schema_id: int
    spec_id: int = 0
    order_id: int = 0


def metadata_files(files: Files, table: Metadata) -> Iterator[str]:
    """The manifest lists and manifests of all snapshots."""
    for found in table["snapshots"]:
        yield found["manifest-list"]
        yield from (m.path for m in manifests.read_list(files.read(found["manifest-list"])))


def data_file(
    file: publication.DataFile, location: str, fields: Sequence[Field], partition: Mapping[str, Any] = _NO_PARTITION
) -> dict[str, Any]:
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
        "partition": dict(partition),
        "record_count": file.rows,
        "file_size_in_bytes": file.size_bytes,
        "column_sizes": {n: s.size_bytes for n, s in known.items() if s.size_bytes is not None},
        "value_counts": dict.fromkeys(known, file.rows),
        "null_value_counts": {n: s.nulls for n, s in known.items() if s.nulls is not None},
        "lower_bounds": {n: low for n, (low, _) in bounded.items()},
        "upper_bounds": {n: high for n, (_, high) in bounded.items()},
    }


def next_snapshot(
    files: Files,
    table: Metadata,
    arranged: Arrangement,
    parent: int | None,
    wanted: Mapping[str, publication.DataFile],
) -> tuple[Metadata, int]:
    """Writes the manifests of a snapshot that holds exactly the wanted files, as a child of `parent`.

    A manifest of the parent is kept as it is while all its files are wanted. A manifest holds files of one partition
    spec: each file keeps the one that it was written by.

    Args:
        wanted: the files by their location.

    Returns:
        The table with the snapshot, which no branch shows yet, and the snapshot's id.
    """
    snapshot_id, number = fresh_snapshot_id(table), table["last-sequence-number"] + 1
    listed: list[ManifestFile] = []
    changed: list[Entry] = []
    present: set[str] = set()
    for manifest, entries in _manifests_of(files, table, parent):
        live = [e for e in entries if e.status != DELETED]
        present |= {e.path for e in live}
        if live and all(e.path in wanted for e in live):
            listed.append(manifest)
            continue
        changed += [manifests.as_status(e, EXISTING if e.path in wanted else DELETED, snapshot_id) for e in live]
    table, added = added_entries(
        table, arranged, {path: f for path, f in wanted.items() if path not in present}, snapshot_id
    )
    for entries in (added, changed):
        for spec_id in sorted({e.spec_id for e in entries}):
            alike = [e for e in entries if e.spec_id == spec_id]
            listed.append(_written(files, table, arranged.schema_id, alike, number, snapshot_id))
    name = f"{table['location']}/metadata/snap-{snapshot_id}-0-{uuid.uuid4()}.avro"
    files.write(name, manifests.write_list(listed, snapshot_id, parent, number))
    gone = [e for e in changed if e.status == DELETED]
    summary = {"operation": "overwrite" if gone else "append", **totals(wanted.values(), added, gone)}
    if arranged.spec_id or arranged.order_id:
        summary |= {SPEC: str(arranged.spec_id), ORDER: str(arranged.order_id)}
    after = with_snapshot(
        table, snapshot_id, parent=parent, schema_id=arranged.schema_id, manifest_list=name, summary=summary
    )
    return after, snapshot_id


def added_entries(
    table: Metadata, arranged: Arrangement, files: Mapping[str, publication.DataFile], snapshot_id: int
) -> tuple[Metadata, list[Entry]]:
    """The entries of new files, and the table with the partition specs that they are parted by."""
    fields = fields_of(table, arranged.schema_id)
    entries = []
    known: dict[tuple[tuple[int, str], ...], tuple[partitions.Spec, tuple[str, ...]]] = {}
    for path, file in files.items():
        parts = tuple((v.field_id, v.transform) for v in file.partition)
        if parts not in known:
            table, spec_id = partitions.with_spec(table, file.partition)
            spec = partitions.spec_of(table, spec_id)
            known[parts] = spec, partitions.kinds(table, spec)
        spec, kinds = known[parts]
        record = partitions.record(spec, kinds, file.partition)
        entries.append(Entry(ADDED, snapshot_id, None, data_file(file, path, fields, record), spec["spec-id"]))
    return table, entries


def _written(
    files: Files, table: Metadata, schema_id: int, entries: Sequence[Entry], number: int, snapshot_id: int
) -> ManifestFile:
    content, bounds = manifest_of(table, schema_id, entries)
    path = f"{table['location']}/metadata/{uuid.uuid4()}-m0.avro"
    files.write(path, content)
    return manifests.describe_manifest(path, len(content), entries, number, snapshot_id, bounds)


def manifest_of(table: Metadata, schema_id: int, entries: Sequence[Entry]) -> tuple[bytes, list[dict[str, Any]]]:
    """A manifest of files of one partition spec, and the bounds of their partitions."""
    spec = partitions.spec_of(table, entries[0].spec_id)
    kinds = partitions.kinds(table, spec)
    fields = fields_of(table, schema_id)
    content = manifests.write_manifest(entries, fields, schema_id, spec, partitions.avro_fields(spec, kinds))
    return content, partitions.summaries(spec, kinds, [e.data_file["partition"] for e in entries])


def _manifests_of(files: Files, table: Metadata, snapshot_id: int | None) -> Iterator[tuple[ManifestFile, list[Entry]]]:
    found = snapshot(table, snapshot_id)
    if found is None:
        return
    for listed in manifests.read_list(files.read(found["manifest-list"])):
        manifest = replace(listed, path=_where_it_lies(files, listed.path, found["manifest-list"]))
        if manifest.content != manifests.DATA:
            raise PlatformError(
                error(
                    "WFT-STO-013",
                    f"snapshot {snapshot_id} of the table `{table['location']}` has delete files",
                    why="another writer made it; weft writes whole files, and would read rows that are deleted",
                    fix="let the other engine rewrite its data files, then apply again",
                )
            )
        if manifest.has_live_files:
            yield manifest, manifests.read_manifest(files.read(manifest.path), manifest)


def totals(wanted: Collection[publication.DataFile], added: Sequence[Entry], gone: Sequence[Entry]) -> dict[str, str]:
    """The figures of a snapshot's summary: of its files, of those that it adds and of those that it takes away."""

    def named(names: Sequence[str], files: Collection[tuple[int, int]]) -> dict[str, str]:
        figures = (len(files), sum(rows for rows, _ in files), sum(size for _, size in files))
        return dict(zip(names, map(str, figures), strict=True))

    def listed(entries: Sequence[Entry]) -> list[tuple[int, int]]:
        return [(e.data_file["record_count"], e.data_file["file_size_in_bytes"]) for e in entries]

    new, old = listed(added), listed(gone)
    return {
        **(named(("added-data-files", "added-records", "added-files-size"), new) if new else {}),
        **(named(("deleted-data-files", "deleted-records", "removed-files-size"), old) if old else {}),
        **named(("total-data-files", "total-records", "total-files-size"), [(f.rows, f.size_bytes) for f in wanted]),
        "total-delete-files": "0",
        "total-position-deletes": "0",
        "total-equality-deletes": "0",
    }


def _where_it_lies(files: Files, path: str, beside: str) -> str:
    """A manifest's path; where the table's folder was moved, the one beside the list that names it."""
    sibling = f"{beside.rpartition('/')[0]}/{path.rpartition('/')[2]}"
    return sibling if path != sibling and files.exists(sibling) else path
