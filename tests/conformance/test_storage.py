"""What every storage keeps, on real Iceberg tables in a folder whose name is not plain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import duckdb
import pytest

from weft.errors import ProjectError
from weft.model.address import parse_address
from weft.model.column import Column
from weft.model.publication import ColumnStatistics, DataFile, Manifest
from weft.storage import reading
from weft.storage.base import Target
from weft.storage.iceberg import IcebergStorage

TABLE = parse_address("sales.orders.orders@1")
ID = Column("id", "BIGINT", key="id")
NAME = Column("name", "VARCHAR", key="name")


class Writer:
    """Runs that write rows into one table, and what they committed."""

    def __init__(self, storage: IcebergStorage) -> None:
        self.storage = storage
        self.connection = duckdb.connect()

    def run(
        self, run_id: str, sql: str, columns: Sequence[Column], known: Sequence[Column] = (), base: str | None = None
    ) -> tuple[Target, str, Manifest]:
        target = self.storage.prepare(TABLE, columns, known, run_id)
        path = f"{target.folder}/rows.parquet"
        copy = f"COPY ({sql}) TO '{path}' (FORMAT parquet, FIELD_IDS {target.field_ids}, RETURN_STATS true)"
        row = self.connection.execute(copy).fetchall()[0]
        relative = path.removeprefix(f"{self.storage.root}/")
        known_of = {c.field_id: row[4].get(f'"{c.name}"', {}) for c in target.columns}
        statistics = {i: ColumnStatistics(0, s.get("min"), s.get("max")) for i, s in known_of.items() if s}
        files = (DataFile(relative, row[1], row[2], statistics),)
        snapshot = self.storage.commit(target, run_id=run_id, base=base, files=files)
        return target, snapshot, Manifest(target.columns, files)

    def rows(self, manifest: Manifest) -> list[tuple]:
        return self.connection.execute(f"from {reading.relation(manifest, self.storage.root)} order by 1").fetchall()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "mesh – with späce"


@pytest.fixture
def writer(place) -> Writer:
    return Writer(IcebergStorage(place / "warehouse", place / "catalog.db"))


def test_a_commit_is_not_seen_on_main_until_main_follows(writer):
    _, snapshot, _ = writer.run("r1", "select 1::bigint as id, 'a' as name", (ID, NAME))
    assert writer.storage.main(TABLE) is None

    writer.storage.follow(TABLE, snapshot, "r1")

    assert writer.storage.main(TABLE) == snapshot
    writer.storage.follow(TABLE, snapshot, "r1")
    assert writer.storage.main(TABLE) == snapshot


def test_a_build_begins_from_the_registrys_snapshot_and_not_from_main(writer):
    target, first, _ = writer.run("r1", "select 1::bigint as id, 'a' as name", (ID, NAME))
    writer.run("lost", "select 7::bigint as id, 'z' as name", (ID, NAME), target.columns, first)

    _, second, manifest = writer.run("r2", "select 2::bigint as id, 'b' as name", (ID, NAME), target.columns, first)
    writer.storage.follow(TABLE, second, "r2")

    assert writer.storage.main(TABLE) == second
    assert writer.rows(manifest) == [(2, "b")]


def test_a_first_run_that_died_does_not_hinder_the_next(writer):
    writer.run("dead", "select 7::bigint as id, 'z' as name", (ID, NAME))

    _, snapshot, manifest = writer.run("r2", "select 1::bigint as id, 'a' as name", (ID, NAME))
    writer.storage.follow(TABLE, snapshot, "r2")

    assert writer.storage.main(TABLE) == snapshot
    assert writer.rows(manifest) == [(1, "a")]


def test_old_files_are_read_right_after_rename_add_drop_and_widening(writer):
    small = Column("n", "INTEGER", key="n")
    target, first, before = writer.run("r1", "select 1::bigint as id, 'a' as name, 5::int as n", (ID, NAME, small))
    title, extra = Column("title", "VARCHAR", key="name"), Column("extra", "INTEGER", key="extra")

    after, _, _ = writer.run(
        "r2",
        "select 2::bigint as id, 'b' as title, 6::bigint as n, 1::int as extra",
        (ID, title, Column("n", "BIGINT", key="n"), extra),
        target.columns,
        first,
    )

    assert writer.rows(Manifest(after.columns, before.files)) == [(1, "a", 5, None)]
    assert writer.rows(before) == [(1, "a", 5)]


def test_a_column_that_comes_back_under_a_new_key_does_not_show_the_old_values(writer):
    target, first, before = writer.run("r1", "select 1::bigint as id, 'a' as name", (ID, NAME))
    dropped, second, _ = writer.run("r2", "select 2::bigint as id", (ID,), target.columns, first)

    again, _, _ = writer.run(
        "r3", "select 3::bigint as id, 'c' as name", (ID, Column("name", "VARCHAR", key="new")), dropped.columns, second
    )

    assert writer.rows(Manifest(again.columns, before.files)) == [(1, None)]


def test_nested_columns_keep_their_fields(writer):
    nested = Column("place", "STRUCT(city VARCHAR, tags VARCHAR[])", key="place")
    sql = "select 1::bigint as id, {city: 'x', tags: ['a']} as place"
    target, first, manifest = writer.run("r1", sql, (ID, nested))

    again, _, later = writer.run("r2", sql, (ID, nested), target.columns, first)

    assert again.field_ids == target.field_ids
    assert writer.rows(manifest) == writer.rows(later) == [(1, {"city": "x", "tags": ["a"]})]


def test_no_files_are_a_relation_of_the_right_types_without_rows(writer):
    empty = Manifest((Column("id", "BIGINT", 1), Column("d", "DECIMAL(10,2)", 2)), ())

    assert writer.rows(empty) == []
    described = writer.connection.execute(f"describe from {reading.relation(empty, writer.storage.root)}").fetchall()
    assert [r[1] for r in described] == ["BIGINT", "DECIMAL(10,2)"]


def test_a_type_that_iceberg_does_not_have_is_refused_with_a_way_out(writer):
    with pytest.raises(ProjectError) as caught:
        writer.storage.prepare(TABLE, (Column("h", "HUGEINT", key="h"),), (), "r1")

    assert caught.value.diagnostics[0].code == "WFT-STO-005"
    assert "cast" in caught.value.diagnostics[0].fix


def test_discarding_removes_files_and_branch(writer, place):
    target, _, _ = writer.run("r1", "select 1::bigint as id, 'a' as name", (ID, NAME))

    writer.storage.discard(target, "r1")

    assert list((place / "warehouse").rglob("*.parquet")) == []


def test_a_sweep_spares_what_is_kept_what_runs_and_what_is_young(writer, place):
    target, first, _ = writer.run("r1", "select 1::bigint as id, 'a' as name", (ID, NAME))
    writer.storage.follow(TABLE, first, "r1")
    writer.run("dead", "select 2::bigint as id, 'b' as name", (ID, NAME), target.columns, first)
    writer.run("alive", "select 3::bigint as id, 'c' as name", (ID, NAME), target.columns, first)
    now = dt.datetime.now(dt.UTC)

    young = writer.storage.sweep({TABLE: {first}}, older_than=now - dt.timedelta(hours=1), runs=["alive"])
    old = writer.storage.sweep({TABLE: {first}}, older_than=now + dt.timedelta(seconds=5), runs=["alive"])

    assert young == []
    assert [p.split("/")[-2] for p in old] == ["run-dead"]
    left = {p.parent.name for p in (place / "warehouse").rglob("*.parquet")}
    assert left == {"run-r1", "run-alive"}


def test_pyicebergs_own_catalog_opens_the_same_file_and_reads_the_rows(writer, place):
    from pyiceberg.catalog.sql import SqlCatalog

    _, snapshot, _ = writer.run("r1", "select i::bigint as id, 'n' || i as name from range(100) r(i)", (ID, NAME))
    writer.storage.follow(TABLE, snapshot, "r1")

    catalog = SqlCatalog("weft", uri=f"sqlite:///{place}/catalog.db")
    table = catalog.load_table(("sales", "orders", "orders@1"))

    assert table.scan().to_arrow().num_rows == 100
    assert len(list(table.scan(row_filter="id > 1000").plan_files())) == 0
    assert len(list(table.scan(row_filter="id > 50").plan_files())) == 1
