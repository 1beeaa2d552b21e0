"""What every storage keeps, in a folder whose name is not plain; and at the end what Iceberg tables are to others."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from tests.servers import empty_database
from weft.errors import ProjectError
from weft.model.address import parse_address
from weft.model.column import Column
from weft.model.publication import ColumnStatistics, DataFile, Manifest
from weft.storage import reading
from weft.storage.base import Storage, Target
from weft.storage.files import Files
from weft.storage.iceberg import IcebergStorage
from weft.storage.local_files import LocalFiles
from weft.storage.memory import MemoryStorage
from weft.storage.side import side_target

TABLE = parse_address("sales.orders.orders@1")
ID = Column("id", "BIGINT", key="id")
NAME = Column("name", "VARCHAR", key="name")


class Writer:
    """Runs that write rows into one table, and what they committed."""

    def __init__(self, storage: Storage) -> None:
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


@pytest.fixture(params=["memory", "iceberg", "catalog in PostgreSQL", "objects", "objects, catalog in PostgreSQL"])
def storage(request, place) -> Iterator[Storage]:
    """Each storage in turn; what one keeps in a store it has in the folder too, as copies."""
    if request.param == "memory":
        yield MemoryStorage(place / "warehouse")
        return
    files: Files = LocalFiles(place / "warehouse")
    if "objects" in request.param:
        server = request.getfixturevalue("store")
        files = server.files(server.bucket(), place / "warehouse")
    if "PostgreSQL" not in request.param:
        yield IcebergStorage(files, place / "catalog.db")
        return
    with empty_database(request.getfixturevalue("postgres")) as url:
        storage = IcebergStorage(files, url)
        yield storage
        storage.close()


@pytest.fixture
def writer(storage) -> Writer:
    return Writer(storage)


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


def test_snapshots_are_forgotten_except_what_a_branch_shows_and_their_files_go_with_the_next_sweep(writer):
    storage = writer.storage
    target, first, one = writer.run("r1", "select 1::bigint as id", (ID,))
    storage.follow(TABLE, first, "r1")
    _, second, two = writer.run("r2", "select 2::bigint as id", (ID,), target.columns, first)
    storage.follow(TABLE, second, "r2")
    _, under_way, three = writer.run("r3", "select 3::bigint as id", (ID,), target.columns, second)
    assert storage.unshown() == {TABLE: [first]}

    storage.forget({TABLE: {first, second, under_way}})

    assert storage.unshown() == {TABLE: []}
    assert storage.main(TABLE) == second
    assert writer.rows(one) == [(1,)]  # a reader that had begun ends
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)
    removed = storage.sweep({TABLE: {second}}, older_than=later, runs=("r3",))
    assert [p.split("/")[-2] for p in removed] == ["run-r1"]
    assert writer.rows(two) + writer.rows(three) == [(2,), (3,)]
    storage.follow(TABLE, under_way, "r3")
    assert storage.main(TABLE) == under_way


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


def test_a_sweep_spares_what_stands_beside_a_snapshot(writer, place):
    target, first, one = writer.run("r1", "select 1::bigint as id", (ID,))
    side = side_target(target)
    path = f"{side.folder}/bad.parquet"
    rows = "select 2::bigint as id, ['id.unique'] as _rule, ['no value twice'] as _reason"
    writer.connection.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet, FIELD_IDS {side.field_ids})")
    beside = DataFile(path.removeprefix(f"{writer.storage.root}/"), 1, 1)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)

    spared = writer.storage.sweep({TABLE: {first}}, older_than=later, runs=(), beside={beside.path})

    assert spared == []
    assert writer.rows(Manifest(side.columns, (beside,))) == [(2, ["id.unique"], ["no value twice"])]
    assert [p.split("/")[-1] for p in writer.storage.sweep({TABLE: {first}}, older_than=later, runs=())] == [
        "bad.parquet"
    ]
    assert writer.rows(one) == [(1,)]


def test_what_a_run_has_staged_and_will_not_commit_is_removed_by_itself(writer, place):
    _, _, one = writer.run("r1", "select 1::bigint as id", (ID,))
    other = writer.storage.prepare(TABLE, (ID,), (), "r2")
    (place / other.folder / "rows.parquet").write_bytes(b"half a file")

    writer.storage.remove([DataFile(f"{other.folder}/rows.parquet".removeprefix(f"{writer.storage.root}/"), 1, 1)])
    writer.storage.remove([DataFile("nowhere/rows.parquet", 1, 1)])

    assert [p.parent.name for p in (place / "warehouse").rglob("*.parquet")] == ["run-r1"]
    assert writer.rows(one) == [(1,)]


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("INTEGER", "BIGINT", True),
        ("FLOAT", "DOUBLE", True),
        ("DECIMAL(10,2)", "DECIMAL(12,2)", True),
        ("BIGINT", "INTEGER", False),
        ("DECIMAL(10,2)", "DECIMAL(12,3)", False),
        ("INTEGER", "VARCHAR", False),
        ("STRUCT(a INTEGER)", "STRUCT(a VARCHAR)", False),
        ("INTEGER[]", "INTEGER[]", True),
    ],
)
def test_a_column_keeps_its_field_id_while_its_type_is_promoted_and_gets_another_else(writer, before, after, same):
    target, first, _ = writer.run("r1", f"select null::{before} as v", (Column("v", before, key="v"),))

    again, _, _ = writer.run("r2", f"select null::{after} as v", (Column("v", after, key="v"),), target.columns, first)

    assert (again.columns[0].field_id == target.columns[0].field_id) is same


def test_a_storage_without_tables_shows_and_sweeps_nothing(writer):
    assert writer.storage.main(TABLE) is None
    writer.storage.follow(TABLE, "1", "r1")
    assert writer.storage.main(TABLE) is None
    assert writer.storage.sweep({TABLE: {"1"}}, older_than=dt.datetime.now(dt.UTC), runs=()) == []


def test_main_does_not_follow_to_a_snapshot_that_is_not_there(writer):
    _, snapshot, _ = writer.run("r1", "select 1::bigint as id", (ID,))
    writer.storage.follow(TABLE, snapshot, "r1")

    writer.storage.follow(TABLE, "12345", None)

    assert writer.storage.main(TABLE) == snapshot


def test_main_follows_back(writer):
    target, first, _ = writer.run("r1", "select 1::bigint as id", (ID,))
    _, second, _ = writer.run("r2", "select 2::bigint as id", (ID,), target.columns, first)
    writer.storage.follow(TABLE, second, "r2")

    writer.storage.follow(TABLE, first, None)

    assert writer.storage.main(TABLE) == first


def test_what_is_known_of_a_run_is_forgotten_with_it(iceberg):
    for n in range(3):
        _, snapshot, _ = iceberg.run(f"r{n}", "select 1::bigint as id", (ID,))
        iceberg.storage.follow(TABLE, snapshot, f"r{n}")
    target = iceberg.storage.prepare(TABLE, (ID,), (), "r9")
    iceberg.storage.discard(target, "r9")

    kept = [value for value in vars(iceberg.storage).values() if isinstance(value, dict)]
    assert not any(kept), "a server prepares tables as long as it lives"


def test_discarding_leaves_what_others_wrote(writer):
    target, first, manifest = writer.run("r1", "select 1::bigint as id", (ID,))
    writer.storage.follow(TABLE, first, "r1")
    failed, _, _ = writer.run("r2", "select 2::bigint as id", (ID,), target.columns, first)

    writer.storage.discard(failed, "r2")
    writer.storage.discard(failed, "r2")

    assert writer.storage.main(TABLE) == first
    assert writer.rows(manifest) == [(1,)]


def test_what_was_staged_before_there_was_a_table_is_discarded_and_swept(writer, place):
    for run_id in ("failed", "dead", "alive"):
        target = writer.storage.prepare(TABLE, (ID,), (), run_id)
        (place / target.folder / "rows.parquet").write_bytes(b"half a file")

    writer.storage.discard(writer.storage.prepare(TABLE, (ID,), (), "failed"), "failed")
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)
    removed = writer.storage.sweep({}, older_than=later, runs=["alive"])

    assert [p.split("/")[-2] for p in removed] == ["run-dead"]
    assert [p.parent.name for p in (place / "warehouse").rglob("*.parquet")] == ["run-alive"]


def test_files_that_a_later_snapshot_carries_on_are_spared_by_a_sweep(writer, place):
    target, first, one = writer.run("r1", "select 1::bigint as id", (ID,))
    added = writer.storage.prepare(TABLE, (ID,), target.columns, "r3")
    _, _, two = writer.run("r2", "select 2::bigint as id", (ID,), target.columns, first)
    both = writer.storage.commit(added, run_id="r3", base=first, files=[*one.files, *two.files])
    only = writer.storage.commit(added, run_id="r4", base=both, files=two.files)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)

    assert writer.storage.sweep({TABLE: {first, both}}, older_than=later, runs=()) == []
    assert [p.split("/")[-2] for p in writer.storage.sweep({TABLE: {only}}, older_than=later, runs=())] == ["run-r1"]
    assert writer.rows(two) == [(2,)]


def test_a_key_that_was_dropped_and_comes_back_gets_an_id_that_was_never_used(writer):
    target, first, _ = writer.run("r1", "select 1::bigint as id, 'a' as name", (ID, NAME))
    dropped, second, _ = writer.run("r2", "select 2::bigint as id", (ID,), target.columns, first)

    again, _, _ = writer.run("r3", "select 3::bigint as id, 'c' as name", (ID, NAME), dropped.columns, second)

    assert again.columns[0].field_id == target.columns[0].field_id
    assert again.columns[1].field_id > target.columns[1].field_id


def test_commits_to_one_table_at_the_same_time_are_all_kept(writer):
    targets = [writer.storage.prepare(TABLE, (ID,), (), f"r{i}") for i in range(3)]
    start = threading.Barrier(3)

    def commit(i: int) -> str:
        start.wait()
        return writer.storage.commit(targets[i], run_id=f"r{i}", base=None, files=())

    with ThreadPoolExecutor(3) as threads:
        snapshots = list(threads.map(commit, range(3)))

    assert len(set(snapshots)) == 3
    for snapshot in snapshots:
        writer.storage.follow(TABLE, snapshot, None)
        assert writer.storage.main(TABLE) == snapshot


# Iceberg tables: what another client finds, and what lies in the folder


@pytest.fixture
def iceberg(place) -> Writer:
    return Writer(IcebergStorage(place / "warehouse", place / "catalog.db"))


def test_pyicebergs_own_catalog_opens_the_same_file_and_reads_the_rows(iceberg, place):
    from pyiceberg.catalog.sql import SqlCatalog

    _, snapshot, _ = iceberg.run("r1", "select i::bigint as id, 'n' || i as name from range(100) r(i)", (ID, NAME))
    iceberg.storage.follow(TABLE, snapshot, "r1")

    catalog = SqlCatalog("weft", uri=f"sqlite:///{place}/catalog.db")
    table = catalog.load_table(("sales", "orders", "orders@1"))

    assert table.scan().to_arrow().num_rows == 100
    assert len(list(table.scan(row_filter="id > 1000").plan_files())) == 0
    assert len(list(table.scan(row_filter="id > 50").plan_files())) == 1


def opened_by_pyiceberg(place):
    from pyiceberg.catalog.sql import SqlCatalog

    return SqlCatalog("weft", uri=f"sqlite:///{place}/catalog.db").load_table(("sales", "orders", "orders@1"))


def test_another_client_sees_rows_and_columns_of_one_publication_while_a_run_is_under_way(iceberg, place):
    target, first, _ = iceberg.run("r1", "select 1::bigint as id, 'a' as name", (ID, NAME))
    iceberg.storage.follow(TABLE, first, "r1")
    title = Column("title", "VARCHAR", key="name")

    _, second, _ = iceberg.run("r2", "select 2::bigint as id, 'b' as title", (ID, title), target.columns, first)

    assert opened_by_pyiceberg(place).scan().to_arrow().to_pylist() == [{"id": 1, "name": "a"}]
    iceberg.storage.follow(TABLE, second, "r2")
    now = opened_by_pyiceberg(place)
    assert now.scan().to_arrow().to_pylist() == [{"id": 2, "title": "b"}]
    assert now.scan(snapshot_id=int(first)).to_arrow().to_pylist() == [{"id": 1, "name": "a"}]


def test_another_client_finds_history_summary_and_files_as_the_specification_has_them(iceberg, place):
    target, first, _ = iceberg.run("r1", "select i::bigint as id, 'n' as name from range(3) r(i)", (ID, NAME))
    iceberg.storage.follow(TABLE, first, "r1")
    _, second, _ = iceberg.run("r2", "select 9::bigint as id, 'n' as name", (ID, NAME), target.columns, first)
    iceberg.storage.follow(TABLE, second, "r2")

    table = opened_by_pyiceberg(place)

    assert [str(e.snapshot_id) for e in table.history()] == [first, second]
    assert set(table.refs()) == {"main"}
    before, after = (table.snapshot_by_id(int(s)) for s in (first, second))
    assert (before.summary.operation.value, before.summary["added-records"]) == ("append", "3")
    assert after.summary.operation.value == "overwrite"
    assert (after.summary["deleted-records"], after.summary["total-records"]) == ("3", "1")
    assert (after.parent_snapshot_id, after.sequence_number) == (int(first), 2)
    entries = table.inspect.entries().to_pylist()
    assert sorted((e["status"], e["sequence_number"], e["data_file"]["record_count"]) for e in entries) == [
        (1, 2, 1),
        (2, 1, 3),
    ]


def test_files_that_stay_are_carried_on_and_files_that_go_are_deleted(iceberg, place):
    target, first, one = iceberg.run("r1", "select 1::bigint as id, 'a' as name", (ID, NAME))
    added = iceberg.storage.prepare(TABLE, (ID, NAME), target.columns, "r2")
    _, _, two = iceberg.run("r2", "select 2::bigint as id, 'b' as name", (ID, NAME), target.columns, first)

    both = iceberg.storage.commit(added, run_id="r3", base=first, files=[*one.files, *two.files])
    only = iceberg.storage.commit(added, run_id="r4", base=both, files=two.files)

    table = opened_by_pyiceberg(place)
    assert sorted(r["id"] for r in table.scan(snapshot_id=int(both)).to_arrow().to_pylist()) == [1, 2]
    assert [r["id"] for r in table.scan(snapshot_id=int(only)).to_arrow().to_pylist()] == [2]
    manifests = {s: {m.manifest_path for m in table.snapshot_by_id(int(s)).manifests(table.io)} for s in (first, both)}
    assert manifests[first] < manifests[both]


TYPED = {
    "BOOLEAN": ("true", "false"),
    "INTEGER": ("-5", "7"),
    "BIGINT": ("-5000000000", "7"),
    "FLOAT": ("-1.5", "2.25"),
    "DOUBLE": ("-1.5", "2.25"),
    "DATE": ("DATE '1969-12-31'", "DATE '2013-01-01'"),
    "TIMESTAMP": ("TIMESTAMP '1969-12-31 23:59:59.5'", "TIMESTAMP '2013-01-01 00:00:00.000001'"),
    "TIMESTAMPTZ": ("TIMESTAMPTZ '2013-01-01 00:00:00+02'", "TIMESTAMPTZ '2013-06-01 00:00:00+00'"),
    "VARCHAR": ("'a'", "'zebra'"),
    "DECIMAL(10,2)": ("-1.28", "655.36"),
    "DECIMAL(38,4)": ("-12345678901234567890123456789012.3456", "1.5"),
}


@pytest.mark.parametrize("kind", TYPED)
def test_bounds_that_are_written_are_those_of_the_rows(iceberg, place, kind):
    low, high = TYPED[kind]
    sql = f"select * from (values ({low}::{kind}), ({high}::{kind}), (null)) t(v)"
    _, snapshot, manifest = iceberg.run("r1", sql, (Column("v", kind, key="v"),))
    iceberg.storage.follow(TABLE, snapshot, "r1")

    (metrics,) = opened_by_pyiceberg(place).inspect.files().column("readable_metrics").to_pylist()
    smallest, largest = sorted(r[0] for r in iceberg.rows(manifest) if r[0] is not None)

    assert (metrics["v"]["lower_bound"], metrics["v"]["upper_bound"]) == (smallest, largest)
    assert metrics["v"]["value_count"] == 3


def test_a_sweep_through_a_link_to_the_folder_spares_what_is_kept(iceberg, place):
    target, first, one = iceberg.run("r1", "select 1::bigint as id", (ID,))
    iceberg.run("dead", "select 7::bigint as id", (ID,), target.columns, first)
    (place.parent / "link").symlink_to(place)
    linked = Writer(IcebergStorage(place.parent / "link" / "warehouse", place.parent / "link" / "catalog.db"))
    _, second, two = linked.run("r2", "select 2::bigint as id", (ID,), target.columns, first)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)

    removed = linked.storage.sweep({TABLE: {first, second}}, older_than=later, runs=())

    assert [p.split("/")[-2] for p in removed] == ["run-dead"]
    assert iceberg.storage.sweep({TABLE: {first, second}}, older_than=later, runs=()) == []
    assert iceberg.rows(one) + iceberg.rows(two) == [(1,), (2,)]


def test_a_sweep_of_a_copied_mesh_leaves_the_original_alone(iceberg, place):
    target, first, _ = iceberg.run("r1", "select 1::bigint as id", (ID,))
    shutil.copytree(place, place.parent / "copy")
    _, _, since = iceberg.run("r2", "select 2::bigint as id", (ID,), target.columns, first)
    copied = IcebergStorage(place.parent / "copy" / "warehouse", place.parent / "copy" / "catalog.db")

    removed = copied.sweep({TABLE: {first}}, older_than=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5), runs=())

    assert removed == []
    assert iceberg.rows(since) == [(2,)]
