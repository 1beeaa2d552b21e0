"""Parted and sorted tables: PyIceberg opens only the files that it needs and reads the same rows as DuckDB."""

from __future__ import annotations

import decimal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table as TheirTable

from weft.engines.duckdb.engine import DuckDBEngine
from weft.errors import UserCodeError
from weft.model.address import parse_address
from weft.model.column import Column
from weft.model.layout import UNORDERED, Layout, PartitionField, SortField
from weft.model.publication import DataFile, Manifest
from weft.storage import reading
from weft.storage.base import Target
from weft.storage.iceberg import IcebergStorage

TABLE = parse_address("sales.orders.orders@1")
ID = Column("id", "BIGINT", key="id")


class Tables:
    """Runs that write one table with an engine's own writer."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.storage = IcebergStorage(place / "warehouse", place / "catalog.db")
        self.engine = DuckDBEngine(threads=2)
        self.base: str | None = None
        self.known: Sequence[Column] = ()
        self.count = 0

    def written(self, sql: str, columns: Sequence[Column], layout: Layout) -> tuple[Target, tuple[DataFile, ...]]:
        self.count += 1
        target = self.storage.prepare(TABLE, columns, self.known, f"r{self.count}", layout)
        with self.engine.session() as session:
            files = session.copy_out(
                sql,
                folder=target.folder,
                root=self.storage.root,
                field_ids=target.field_ids,
                columns=target.columns,
                layout=target.layout,
            )
        return target, files

    def published(
        self, sql: str, columns: Sequence[Column], layout: Layout = UNORDERED, kept: Sequence[DataFile] = ()
    ) -> Manifest:
        target, files = self.written(sql, columns, layout)
        run = f"r{self.count}"
        snapshot = self.storage.commit(target, run_id=run, base=self.base, files=[*kept, *files])
        self.storage.follow(TABLE, snapshot, run)
        self.base, self.known = snapshot, target.columns
        return Manifest(target.columns, (*kept, *files))

    def rows(self, manifest: Manifest) -> list[tuple[Any, ...]]:
        with self.engine.session() as session:
            return session.rows(f"from {reading.relation(manifest, self.storage.root)} order by 1")

    def theirs(self) -> TheirTable:
        catalog = SqlCatalog("weft", uri=f"sqlite:///{self.place}/catalog.db")
        return catalog.load_table(("sales", "orders", "orders@1"))


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path / "mesh – with späce")


def planned(table: TheirTable, condition: str) -> int:
    return len(list(table.scan(row_filter=condition).plan_files()))


def ids(table: TheirTable, condition: str) -> list[int]:
    found = table.scan(row_filter=condition).to_arrow().column("id").to_pylist()
    return sorted(found)


PARTED = {
    "identity of a text": ("VARCHAR", "'k/=ü' || (i % 4)", "identity", "v == 'k/=ü1'", 5, 1),
    "identity of an integer": ("INTEGER", "(i % 4 - 2)::int", "identity", "v == -1", 5, 1),
    "identity of a boolean": ("BOOLEAN", "i % 2 = 0", "identity", "v == true", 3, 1),
    "identity of a date": ("DATE", "DATE '1969-12-30' + (i % 4)::int", "identity", "v < '1970-01-01'", 5, 2),
    "truncate of an integer": ("BIGINT", "i - 10", "truncate[5]", "v == -7", 5, 1),
    "truncate of a text": ("VARCHAR", "'ä' || (i % 4) || 'tail'", "truncate[2]", "v == 'ä3tail'", 5, 1),
    "year": ("DATE", "DATE '1968-06-01' + (i * 200)::int", "year", "v < '1970-01-01'", 12, 2),
    "month": (
        "TIMESTAMP", "TIMESTAMP '1969-12-31 23:59:59.9' + i * INTERVAL 20 day", "month",
        "v < '1970-01-01T00:00:00'", 15, 1
    ),
    "day": (
        "TIMESTAMPTZ", "TIMESTAMPTZ '1969-12-31 22:00:00+00' + i * INTERVAL 6 hour", "day",
        "v < '1970-01-01T00:00:00+00:00'", 7, 1
    ),
    "hour": (
        "TIMESTAMP", "TIMESTAMP '1969-12-31 23:30:00' + i * INTERVAL 20 minute", "hour",
        "v < '1970-01-01T00:00:00'", 8, 1
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PARTED)
def test_a_filter_on_the_partition_opens_few_files_and_finds_every_row(tables: Tables, case: str) -> None:
    type_, expression, transform, condition, files, opened = PARTED[case]
    columns = (ID, Column("v", type_, key="v"))
    sql = f"select i as id, case when i < 20 then {expression} end as v from range(21) r(i)"

    manifest = tables.published(sql, columns, Layout((PartitionField("v", transform),)))

    table = tables.theirs()
    assert len(manifest.files) == files
    assert planned(table, "id >= 0") == files
    assert planned(table, condition) == opened
    assert ids(table, condition) == ids_of_duckdb(tables, manifest, condition)
    assert ids(table, "v is null") == [20]
    assert table.spec().fields[0].transform.__str__() == transform
    assert sorted(r["id"] for r in table.scan().to_arrow().to_pylist()) == [r[0] for r in tables.rows(manifest)]
    assert table.inspect.partitions().num_rows == files


def ids_of_duckdb(tables: Tables, manifest: Manifest, condition: str) -> list[int]:
    relation = reading.relation(manifest, tables.storage.root)
    with tables.engine.session() as session:
        sql = f"select id from {relation} where {condition.replace('==', '=')} order by 1"
        return [row[0] for row in session.rows(sql)]


def test_a_manifest_whose_partitions_do_not_fit_is_not_even_opened(tables: Tables) -> None:
    columns = (ID, Column("v", "INTEGER", key="v"))
    layout = Layout((PartitionField("v", "identity"),))
    one = tables.published("select i as id, 1::int as v from range(5) r(i)", columns, layout)
    tables.published("select i as id, 2::int as v from range(5) r(i)", columns, layout, kept=one.files)
    table = tables.theirs()
    snapshot = table.current_snapshot()
    assert snapshot is not None
    listed = snapshot.manifests(table.io)
    first = next(m for m in listed if m.partitions and m.partitions[0].lower_bound == b"\x01\0\0\0")
    Path(first.manifest_path.removeprefix("file://")).unlink()

    assert ids(table, "v == 2") == [0, 1, 2, 3, 4]
    with pytest.raises(FileNotFoundError):
        ids(table, "v == 1")


def test_files_of_several_partition_specs_stand_side_by_side(tables: Tables) -> None:
    columns = (ID, Column("t", "TIMESTAMP", key="t"))
    sql = "select i + {0} as id, TIMESTAMP '2024-01-31 12:00:00' + i * INTERVAL 1 day as t from range(4) r(i)"
    plain = tables.published(sql.format(0), columns)
    by_month = tables.published(
        sql.format(10), columns, Layout((PartitionField("t", "month"),)), kept=plain.files
    )  # fmt: skip
    by_day = tables.published(sql.format(20), columns, Layout((PartitionField("t", "day"),)), kept=by_month.files)
    without_one = [f for f in by_day.files if f is not by_month.files[1]]
    last = tables.published(sql.format(30), columns, Layout((PartitionField("t", "month"),)), kept=without_one)

    table = tables.theirs()
    everything = [r[0] for r in tables.rows(last)]
    assert len(last.files) == 1 + 2 - 1 + 4 + 2
    assert sorted(table.scan().to_arrow().column("id").to_pylist()) == everything
    assert {s: [str(f.transform) for f in spec.fields] for s, spec in table.specs().items()} == {
        0: [],
        1: ["month"],
        2: ["day"],
    }
    assert len({f.field_id for spec in table.specs().values() for f in spec.fields}) == 2
    assert table.spec().spec_id == 1
    early = "t < '2024-02-01T00:00:00'"
    assert ids(table, early) == ids_of_duckdb(tables, last, early)
    assert planned(table, early) < len(last.files)


def test_manifests_of_files_that_stay_are_not_written_again(tables: Tables) -> None:
    columns = (ID, Column("v", "INTEGER", key="v"))
    layout = Layout((PartitionField("v", "identity"),))
    one = tables.published("select i as id, (i % 3)::int as v from range(9) r(i)", columns, layout)
    before = {m.manifest_path for m in tables.theirs().current_snapshot().manifests(tables.theirs().io)}
    tables.published("select i as id, 7::int as v from range(9) r(i)", columns, layout, kept=one.files)

    after = {m.manifest_path for m in tables.theirs().current_snapshot().manifests(tables.theirs().io)}

    assert before < after and len(after) == 2


def test_a_declared_order_is_the_order_of_the_file_and_is_recorded(tables: Tables) -> None:
    columns = (ID, Column("v", "INTEGER", key="v"))
    sql = "select i as id, case when i % 10 > 0 then (hash(i) % 1000)::int end as v from range(200000) r(i)"
    layout = Layout(sort=(SortField("v"), SortField("id")))

    manifest = tables.published(sql, columns, layout)

    table = tables.theirs()
    read = [tuple(r.values()) for r in table.scan().to_arrow().to_pylist()]
    assert read == sorted(read, key=lambda r: (r[1] is not None, r[1] or 0, r[0]))
    assert [(f.source_id, str(f.direction), str(f.null_order)) for f in table.sort_order().fields] == [
        (2, "ASC", "NULLS FIRST"),
        (1, "ASC", "NULLS FIRST"),
    ]
    assert manifest.rows == 200_000


def test_a_parted_table_goes_back_to_one_heap(tables: Tables) -> None:
    columns = (ID, Column("v", "INTEGER", key="v"))
    tables.published(
        "select i as id, 1::int as v from range(3) r(i)", columns, Layout((PartitionField("v", "identity"),))
    )

    heap = tables.published("select i as id, 2::int as v from range(3) r(i)", columns)

    assert (tables.theirs().spec().spec_id, len(heap.files), ids(tables.theirs(), "v == 2")) == (0, 1, [0, 1, 2])


def test_a_partition_follows_its_column_through_a_rename(tables: Tables) -> None:
    layout = Layout((PartitionField("v", "identity"),))
    one = tables.published(
        "select i as id, 1::int as v from range(3) r(i)", (ID, Column("v", "INTEGER", key="v")), layout
    )
    renamed = (ID, Column("w", "BIGINT", key="v"))

    both = tables.published(
        "select i + 10 as id, 2::bigint as w from range(3) r(i)",
        renamed,
        Layout((PartitionField("w", "identity"),)),
        kept=one.files,
    )

    table = tables.theirs()
    assert len(table.specs()) == 2
    assert (ids(table, "w == 1"), ids(table, "w == 2")) == ([0, 1, 2], [10, 11, 12])
    assert planned(table, "w == 2") == 1
    assert len(both.files) == 2


def test_too_many_partitions_are_refused_with_a_way_out(tables: Tables) -> None:
    sql = "select i as id, i::int as v from range(1001) r(i)"

    with pytest.raises(UserCodeError) as refused:
        tables.written(sql, (ID, Column("v", "INTEGER", key="v")), Layout((PartitionField("v", "identity"),)))

    (told,) = refused.value.diagnostics
    assert told.code == "WFT-STO-010" and "1,001 partitions" in told.what


@pytest.mark.parametrize("value", ["'infinity'::timestamp", "TIMESTAMP '20000-01-01'"])
def test_a_time_that_has_no_partition_is_refused_without_its_value(tables: Tables, value: str) -> None:
    columns = (ID, Column("at", "TIMESTAMP", key="at"))

    with pytest.raises(UserCodeError) as refused:
        tables.written(f"select 1::bigint as id, {value} as at", columns, Layout((PartitionField("at", "day"),)))

    (told,) = refused.value.diagnostics
    assert told.code == "WFT-STO-011" and "20000" not in str(told) and "`at`" in told.what


def test_files_of_several_schemas_are_one_table_to_every_reader_and_history_keeps_its_names(tables: Tables) -> None:
    before = (
        ID,
        Column("whole", "INTEGER", key="whole"),
        Column("part", "FLOAT", key="part"),
        Column("price", "DECIMAL(9,2)", key="price"),
        Column("gone", "VARCHAR", key="gone"),
    )
    after = (
        ID,
        Column("added", "VARCHAR", key="added"),
        Column("amount", "DECIMAL(20,2)", key="price"),
        Column("part", "DOUBLE", key="part"),
        Column("number", "BIGINT", key="whole"),
        Column("gone", "DATE", key="another"),
    )
    layout = Layout((PartitionField("whole", "identity"),), (SortField("price"),))
    old = "select 1::bigint as id, 7::int as whole, 1.5::float as part, 9.25::decimal(9, 2) as price, 'x' as gone"
    first = tables.published(old, before, layout)
    snapshot = tables.base
    new = (
        "select 2::bigint as id, 'a' as added, 123456789012345678.5::decimal(20, 2) as amount, 0.1::double as part, "
        "5000000000 as number, DATE '2024-01-01' as gone"
    )

    later = Layout((PartitionField("number", "identity"),), (SortField("amount"),))
    both = tables.published(new, after, later, kept=first.files)
    again = tables.published(new.replace("2::bigint", "3::bigint"), after, later, kept=both.files)

    table = tables.theirs()
    rows = tables.rows(again)
    assert rows[0] == (1, None, decimal.Decimal("9.25"), 1.5, 7, None)
    assert sorted((tuple(r.values()) for r in table.scan().to_arrow().to_pylist()), key=lambda r: r[0]) == rows
    assert snapshot is not None
    history = table.scan(snapshot_id=int(snapshot)).to_arrow().to_pylist()
    assert history == [{"id": 1, "whole": 7, "part": 1.5, "price": decimal.Decimal("9.25"), "gone": "x"}]
    assert tables.rows(first) == [tuple(history[0].values())]
    assert ids(table, "number == 7") == [1]
    assert planned(table, "number == 5000000000") == 2
    assert len(table.sort_orders()) == 2  # none, and one that follows its column
