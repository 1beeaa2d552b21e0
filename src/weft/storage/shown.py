"""A snapshot as engines elsewhere read it: metadata, manifest list and manifests made anew, which name it alone.

What a table's own metadata says of others (former snapshots, branches, files that are gone and their bounds, where the
warehouse is) stands in none of them. The same snapshot gives the same bytes each time, on whatever server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from weft.model.publication import DataFile, Publication
from weft.storage import manifests, metadata, snapshots
from weft.storage.metadata import MAIN, Metadata
from weft.storage.schemas import last_id

_NUMBER = 1
"""The sequence number of the one snapshot that is shown."""


class Shown(Struct, frozen=True):
    """A snapshot as it is shown.

    Attributes:
        metadata: the table's metadata.
        files: files of metadata, by their names below `metadata/`.
        data: the files of data, which are named `data/NUMBER.parquet` where nothing else was said.
    """

    metadata: Metadata
    files: Mapping[str, bytes]
    data: tuple[DataFile, ...]


METADATA_FILE = "table.metadata.json"
"""The name under which the metadata itself is shown."""


def shown(table: Metadata, published: Publication, location: str, data: Sequence[str] | None = None) -> Shown | None:
    """The snapshot of a publication under another location.

    Args:
        table: the table's own metadata, of which the schema is taken; the files are those of the publication.
        location: of the table as it is shown; what is the snapshot's lies below it, under its id.
        data: where the files of data lie, in their order; None: below it too, by their numbers.

    Returns:
        None where the files hold more than the publication shows: columns that the table had before.
    """
    found = metadata.snapshot(table, int(published.snapshot_id))
    if found is None:
        return None
    files = published.manifest.files
    fields = metadata.fields_of(table, found["schema-id"])
    if _hold_more(table, {f["id"] for f in fields}, files):
        return None
    made = outline(table, published, location)
    below = f"{location}/{published.snapshot_id}"
    places = data if data is not None else [f"{below}/data/{number}.parquet" for number in range(len(files))]
    wanted = dict(zip(places, files, strict=True))
    snapshot_id, schema_id = found["snapshot-id"], found["schema-id"]
    made, entries = snapshots.added_entries(made, snapshots.Arrangement(schema_id), wanted, snapshot_id)
    written: dict[str, bytes] = {}
    listed = []
    for spec_id in sorted({e.spec_id for e in entries}):
        alike = [e for e in entries if e.spec_id == spec_id]
        content, bounds = snapshots.manifest_of(made, schema_id, alike)
        name = f"manifest-{spec_id}.avro"
        written[name] = content
        path = f"{below}/metadata/{name}"
        listed.append(manifests.describe_manifest(path, len(content), alike, _NUMBER, snapshot_id, bounds))
    written["snapshot.avro"] = manifests.write_list(listed, snapshot_id, None, _NUMBER)
    one = {
        "snapshot-id": snapshot_id,
        "sequence-number": _NUMBER,
        "timestamp-ms": found["timestamp-ms"],
        "manifest-list": f"{below}/metadata/snapshot.avro",
        "summary": {"operation": "append", **snapshots.totals(files, entries, ())},
        "schema-id": schema_id,
    }
    made = {
        **made,
        "last-sequence-number": _NUMBER,
        "default-spec-id": max((e.spec_id for e in entries), default=0),
        "snapshots": [one],
        "current-snapshot-id": snapshot_id,
        "snapshot-log": [{"snapshot-id": snapshot_id, "timestamp-ms": found["timestamp-ms"]}],
        "refs": {MAIN: {"snapshot-id": snapshot_id, "type": "branch"}},
    }
    written[METADATA_FILE] = json.dumps(made, separators=(",", ":")).encode()
    return Shown(made, written, tuple(files))


def outline(table: Metadata, published: Publication, location: str) -> Metadata:
    """The table of a publication without any row: its columns alone."""
    found = metadata.snapshot(table, int(published.snapshot_id))
    schema_id = found["schema-id"] if found is not None else table["current-schema-id"]
    fields = metadata.fields_of(table, schema_id)
    made: dict[str, Any] = {
        **metadata.new_table(location, fields),
        "table-uuid": table["table-uuid"],
        "last-updated-ms": int(published.published_at.timestamp() * 1000),
        "last-column-id": last_id(fields),
        "schemas": [{"type": "struct", "schema-id": schema_id, "fields": list(fields)}],
        "current-schema-id": schema_id,
    }
    return made


def _hold_more(table: Metadata, shown_ids: set[int], files: Sequence[DataFile]) -> bool:
    """Whether a file may hold a column that the table had once: a file that stays is not written again without it.

    What the writer tells of a file names each column without parts; of one with parts nothing is known.
    """
    gone = {f["id"]: f["type"] for s in table["schemas"] for f in s["fields"] if f["id"] not in shown_ids}
    if not gone:
        return False
    if any(not isinstance(kind, str) for kind in gone.values()):
        return True
    parts = {value.field_id for file in files for value in file.partition}
    return bool(parts & gone.keys()) or any(not f.statistics or f.statistics.keys() & gone.keys() for f in files)
