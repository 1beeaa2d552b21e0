"""Manifests and manifest lists: what is written is read again, by us and by a client that is not ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import ManifestFile as TheirManifest
from pyiceberg.manifest import read_manifest_list

from weft.model.publication import ColumnStatistics, DataFile
from weft.storage import manifests
from weft.storage.manifests import ADDED, DELETED, EXISTING, Entry, ManifestFile
from weft.storage.snapshots import data_file

FIELDS: list[dict[str, Any]] = [
    {"id": 1, "name": "n", "required": False, "type": "long"},
    {"id": 2, "name": "t", "required": False, "type": "string"},
]
longs = st.integers(0, 2**63 - 1)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
found = st.builds(
    ColumnStatistics,
    st.none() | longs,
    st.none() | st.integers(-(2**63), 2**63 - 1).map(str),
    st.none() | st.integers(-(2**63), 2**63 - 1).map(str),
    st.none() | longs,
    st.booleans(),
)
files = st.builds(DataFile, texts, longs, longs, st.dictionaries(st.integers(1, 3), found, max_size=3))
entries = st.lists(
    st.builds(
        lambda status, snapshot, number, file: Entry(status, snapshot, number, data_file(file, file.path, FIELDS)),
        st.sampled_from([EXISTING, ADDED, DELETED]),
        longs,
        longs,
        files,
    ),
    max_size=4,
)
listed = st.lists(
    st.builds(
        ManifestFile,
        texts,
        longs,
        longs,
        longs,
        longs,
        st.tuples(*[st.integers(0, 2**31 - 1)] * 3),
        st.tuples(longs, longs, longs),
    ),
    max_size=4,
)
few = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def described(content: bytes, wanted: list[Entry]) -> ManifestFile:
    return manifests.describe_manifest("m.avro", len(content), wanted, 7, 99)


def written_as(data: Any) -> dict[str, Any]:
    """A record of a file as a reader gets it: with every field of the standard, empty ones too."""
    return {name: value for name, value in dict(data).items() if value is not None}


@few
@given(entries)
def test_a_manifest_is_read_again(wanted: list[Entry]) -> None:
    content = manifests.write_manifest(wanted, FIELDS, 3)

    again = manifests.read_manifest(content, described(content, wanted))

    assert [(e.status, e.snapshot_id, e.sequence_number, e.path) for e in again] == [
        (e.status, e.snapshot_id, e.sequence_number, e.path) for e in wanted
    ]
    assert [written_as(e.data_file) for e in again] == [written_as(e.data_file) for e in wanted]


@few
@given(listed, longs, st.none() | longs, longs)
def test_a_manifest_list_is_read_again(
    wanted: list[ManifestFile], snapshot_id: int, parent: int | None, number: int
) -> None:
    assert manifests.read_list(manifests.write_list(wanted, snapshot_id, parent, number)) == wanted


def entry(status: Any, path: str, rows: int, number: int | None) -> Entry:
    statistics = {1: ColumnStatistics(1, "-5", "7", 10), 2: ColumnStatistics(0, "a", "z", 20)}
    return Entry(status, 4, number, data_file(DataFile(path, rows, 100, statistics), f"file:///{path}", FIELDS))


def test_an_entry_that_is_being_added_takes_the_number_of_its_manifest() -> None:
    content = manifests.write_manifest([entry(ADDED, "a", 3, None)], FIELDS, 0)

    (found_again,) = manifests.read_manifest(content, described(content, []))

    assert found_again.sequence_number == 7


def test_a_manifest_is_described_by_its_files_and_rows() -> None:
    one = described(b"1234", [entry(ADDED, "a", 3, None), entry(EXISTING, "b", 5, 2), entry(DELETED, "c", 9, 1)])

    assert (one.length, one.files, one.rows) == (4, (1, 1, 1), (5, 3, 9))
    assert (one.sequence_number, one.min_sequence_number, one.snapshot_id) == (7, 2, 99)
    assert one.has_live_files
    assert not described(b"", [entry(DELETED, "c", 9, 1)]).has_live_files


@pytest.mark.parametrize(("status", "snapshot_id"), [(EXISTING, 4), (DELETED, 50)])
def test_an_entry_that_is_kept_stays_its_own_snapshots_and_one_that_goes_is_the_new_ones(
    status: Any, snapshot_id: int
) -> None:
    after = manifests.as_status(entry(ADDED, "a", 3, 2), status, 50)

    assert (after.status, after.snapshot_id, after.sequence_number) == (status, snapshot_id, 2)


def test_another_client_reads_files_counts_and_bounds(tmp_path: Path) -> None:
    wanted = [entry(ADDED, "a.parquet", 3, None), entry(EXISTING, "b.parquet", 5, 2)]
    content = manifests.write_manifest(wanted, FIELDS, 0)
    (tmp_path / "m.avro").write_bytes(content)
    manifest = manifests.describe_manifest(f"file://{tmp_path}/m.avro", len(content), wanted, 7, 99)
    (tmp_path / "list.avro").write_bytes(manifests.write_list([manifest], 99, None, 7))
    io = PyArrowFileIO()

    (theirs,) = list(read_manifest_list(io.new_input(f"file://{tmp_path}/list.avro")))

    assert isinstance(theirs, TheirManifest)
    assert (theirs.added_rows_count, theirs.existing_rows_count, theirs.added_snapshot_id) == (3, 5, 99)
    first, second = theirs.fetch_manifest_entry(io)
    assert (first.data_file.file_path, first.sequence_number, second.sequence_number) == ("file:///a.parquet", 7, 2)
    assert first.data_file.lower_bounds == {1: (-5).to_bytes(8, "little", signed=True), 2: b"a"}
    assert first.data_file.upper_bounds == {1: (7).to_bytes(8, "little"), 2: b"z"}
    assert first.data_file.null_value_counts == {1: 1, 2: 0}
    assert first.data_file.value_counts == {1: 3, 2: 3}
