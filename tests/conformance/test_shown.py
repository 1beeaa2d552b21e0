"""A snapshot under another location: PyIceberg reads of it what the table has, and finds nothing of what it had."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pyiceberg.table import StaticTable

from tests.conformance.test_layouts import ID, TABLE, Tables
from weft.model.checks import CheckCounts
from weft.model.column import Column
from weft.model.layout import UNORDERED, Layout, PartitionField, SortField
from weft.model.publication import Digests, Manifest, Publication
from weft.storage.shown import METADATA_FILE, Shown

AT = Column("day", "DATE", key="day")
KIND = Column("kind", "VARCHAR", key="kind")
TAGS = Column("tags", "STRUCT(a INTEGER, b VARCHAR[])", key="tags")
DAYS = "select i::bigint as id, date '2026-01-30' + (i % 4)::int as day, 'k' || i % 3 as kind from range(40) t(i)"


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path)


def published(tables: Tables, manifest: Manifest) -> Publication:
    assert tables.base is not None
    return Publication(
        TABLE,
        tables.base,
        f"r{tables.count}",
        "1.0.0",
        "active",
        {},
        Digests("", "", ""),
        manifest,
        CheckCounts(0, 0),
        dt.datetime(2026, 3, 1, tzinfo=dt.UTC),
        "ada",
    )


def shown(tables: Tables, manifest: Manifest, place: Path) -> Shown | None:
    return tables.storage.shown(published(tables, manifest), f"file://{place}")


def read(tables: Tables, manifest: Manifest, place: Path, **scan: Any) -> list[dict[str, Any]]:
    """What PyIceberg reads of the files as they are shown, and of nothing else."""
    found = shown(tables, manifest, place)
    assert found is not None and tables.base is not None
    below = place / tables.base
    for folder in ("metadata", "data"):
        (below / folder).mkdir(parents=True)
    for name, content in found.files.items():
        (below / "metadata" / name).write_bytes(content)
    for number, file in enumerate(found.data):
        shutil.copy(f"{tables.storage.root}/{file.path}", below / "data" / f"{number}.parquet")
    table = StaticTable.from_metadata(f"{below}/metadata/{METADATA_FILE}")
    rows = table.scan(**scan).to_arrow().to_pylist()
    return sorted(rows, key=lambda row: row["id"])


def governed(tables: Tables, manifest: Manifest) -> list[dict[str, Any]]:
    names = [c.name for c in manifest.columns]
    return [dict(zip(names, row, strict=True)) for row in tables.rows(manifest)]


@pytest.mark.parametrize(
    "layout",
    [
        UNORDERED,
        Layout((PartitionField("day", "day"),), (SortField("id"),)),
        Layout((PartitionField("day", "month"), PartitionField("kind", "identity"))),
    ],
    ids=["plain", "by day", "by month and kind"],
)
def test_rows_are_those_of_the_publication_however_its_files_are_parted(tables, tmp_path, layout):
    manifest = tables.published(DAYS, (ID, AT, KIND), layout)

    assert read(tables, manifest, tmp_path / "all") == governed(tables, manifest)
    some = read(tables, manifest, tmp_path / "some", row_filter="day = '2026-02-01' and kind = 'k1'")
    assert [row["id"] for row in some] == [i for i in range(40) if i % 4 == 2 and i % 3 == 1]


def test_files_of_several_shapes_and_partings_are_one_table(tables, tmp_path):
    first = tables.published(DAYS, (ID, AT, KIND), Layout((PartitionField("day", "day"),)))
    sql = "select i::bigint as id, date '2026-03-01' as day, 'x' as sort, {'a': i::integer, 'b': ['b']} as tags "
    sql += "from range(40, 43) t(i)"
    renamed = (ID, AT, replace(KIND, name="sort"), TAGS)
    both = tables.published(sql, renamed, UNORDERED, first.files)

    rows = read(tables, both, tmp_path / "shown")

    assert rows == governed(tables, both)
    assert len(rows) == 43 and rows[0]["sort"] == "k0" and rows[0]["tags"] is None and rows[42]["tags"]["a"] == 42


def test_an_empty_publication_is_an_empty_table(tables, tmp_path):
    manifest = tables.published("select 1::bigint as id where false", (ID,))

    assert read(tables, manifest, tmp_path / "shown") == []


def test_nothing_of_other_snapshots_branches_files_or_of_the_warehouse_is_in_it(tables, tmp_path):
    first = tables.published("select 7777::bigint as id", (ID,))
    before = str(tables.base)
    manifest = tables.published("select 5::bigint as id", (ID,))

    found = shown(tables, manifest, tmp_path / "shown")

    assert found is not None
    told = found.files[METADATA_FILE].decode()
    assert json.loads(told) == found.metadata
    assert (len(found.metadata["snapshots"]), list(found.metadata["refs"])) == (1, ["main"])
    gone = (7777).to_bytes(8, "little")
    for content in found.files.values():
        for hint in (before.encode(), str(tables.storage.root).encode(), b"run-r", first.files[0].path.encode(), gone):
            assert hint not in content


def test_the_same_snapshot_is_shown_in_the_same_bytes_each_time(tables, tmp_path):
    manifest = tables.published(DAYS, (ID, AT, KIND), Layout((PartitionField("day", "day"),)))

    one, other = (shown(tables, manifest, tmp_path / "shown") for _ in range(2))

    assert one is not None and other is not None and one.files == other.files


def test_files_that_hold_a_column_that_the_table_has_no_more_are_not_shown(tables, tmp_path):
    first = tables.published(DAYS, (ID, AT, KIND))
    stays = tables.published("select 41::bigint as id, date '2026-03-01' as day", (ID, AT), UNORDERED, first.files)
    assert shown(tables, stays, tmp_path / "kept") is None

    anew = tables.published("select 41::bigint as id, date '2026-03-01' as day", (ID, AT))

    assert shown(tables, anew, tmp_path / "anew") is not None


def test_files_may_hold_a_column_with_parts_of_which_nothing_is_known_so_they_are_not_shown(tables, tmp_path):
    with_parts = tables.published("select 1::bigint as id, {'a': 1, 'b': ['b']} as tags", (ID, TAGS))
    kept = tables.published("select 2::bigint as id", (ID,), UNORDERED, with_parts.files)

    assert shown(tables, kept, tmp_path / "kept") is None


def test_a_snapshot_that_the_table_does_not_have_is_not_shown(tables, tmp_path):
    manifest = tables.published("select 1::bigint as id", (ID,))

    of_nobody = replace(published(tables, manifest), snapshot_id="1")

    assert tables.storage.shown(of_nobody, f"file://{tmp_path}") is None
