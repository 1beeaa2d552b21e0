"""One connection to DuckDB: what the binder answers, what is refused, what is written."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from weft.engines.duckdb.engine import DuckDBEngine
from weft.engines.duckdb.session import DuckDBSession
from weft.errors import PlatformError, UserCodeError
from weft.model.column import Column
from weft.model.publication import ColumnStatistics, DataFile


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(threads=2)
    yield made
    made.close()


@pytest.fixture
def session(engine: DuckDBEngine) -> Iterator[DuckDBSession]:
    with engine.session() as opened:
        yield opened


def codes(raised: pytest.ExceptionInfo[UserCodeError]) -> list[str]:
    return [d.code for d in raised.value.diagnostics]


def test_columns_are_named_and_typed_as_contracts_name_them(session: DuckDBSession) -> None:
    found = session.columns(
        "select 1::integer as a, 'x' as \"B c\", 1.5::decimal(10, 2) as d, [1::bigint] as l, "
        "{'x': 1::integer} as s, map {'k': 1::integer} as m, now()::timestamptz as t"
    )

    assert found == (
        Column("a", "INTEGER"),
        Column("B c", "VARCHAR"),
        Column("d", "DECIMAL(10,2)"),
        Column("l", "BIGINT[]"),
        Column("s", "STRUCT(x INTEGER)"),
        Column("m", "MAP(VARCHAR, INTEGER)"),
        Column("t", "TIMESTAMPTZ"),
    )


def test_columns_come_from_the_binder_and_no_row_is_read(session: DuckDBSession) -> None:
    assert session.columns("select error('a row was read') as a") != ()
    assert session.columns("select 'x'::integer as n from range(1_000_000_000_000)") == (Column("n", "INTEGER"),)


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 as a, 2 as a",
        "select 1 as a, 2 as A",
        "select 1 as a, 2 as b, 3 as a, 4 as a",
        "with x as (select 1 as a) select * from x u join x v on u.a = v.a",
    ],
)
def test_a_name_that_is_given_twice_is_refused(session: DuckDBSession, sql: str) -> None:
    with pytest.raises(UserCodeError) as raised:
        session.columns(sql)

    assert codes(raised) == ["WFT-SQL-009"]
    assert "`a`" in raised.value.diagnostics[0].what
    assert "other_a" in (raised.value.diagnostics[0].fix or "")


def test_a_name_that_merely_looks_numbered_is_no_duplicate(session: DuckDBSession) -> None:
    found = session.columns("select 1 as a, 2 as a_1, 3 as year_2024")

    assert [c.name for c in found] == ["a", "a_1", "year_2024"]


@pytest.mark.parametrize("second", ["select 2", "create table x as select 1", "drop table if exists y"])
def test_a_second_statement_is_refused_by_everything_that_takes_a_select(
    session: DuckDBSession, tmp_path: Path, second: str
) -> None:
    sql = f"select 1 as a; {second}"
    calls = [
        lambda: session.columns(sql),
        lambda: session.arrow(sql),
        lambda: session.view("v", sql),
        lambda: session.table("t", sql),
        lambda: session.copy_out(sql, folder=str(tmp_path), root=str(tmp_path), field_ids="{a: 1}", columns=()),
    ]

    for call in calls:
        with pytest.raises(UserCodeError) as raised:
            call()
        assert codes(raised) == ["WFT-SQL-002"]

    assert session.rows("select count(*) from duckdb_tables()") == [(0,)]
    assert list(tmp_path.iterdir()) == []


def test_semicolons_and_comments_at_the_end_are_no_second_statement(session: DuckDBSession) -> None:
    assert session.columns("select 1 as a ; ; \n") == (Column("a", "INTEGER"),)
    assert session.columns("select ';' as a -- ; end") == (Column("a", "VARCHAR"),)
    assert session.arrow("select 1 as a;")[0].to_pylist() == [{"a": 1}]


@pytest.mark.parametrize("sql", ["select 1 as a -- the last line", "select 1 as a /* ; */", "select 1 as a -- x;"])
def test_sql_that_ends_in_a_comment_can_be_a_view_a_table_and_a_file(
    session: DuckDBSession, tmp_path: Path, sql: str
) -> None:
    session.view("v", sql)
    session.table("t", sql)
    (file,) = session.copy_out(
        sql, folder=str(tmp_path), root=str(tmp_path), field_ids="{a: 1}", columns=[Column("a", "INTEGER", 1)]
    )

    assert session.rows("select * from v") == session.rows("select * from t") == [(1,)]
    assert file.rows == 1


def test_sql_that_does_not_parse_is_refused_with_its_place(session: DuckDBSession) -> None:
    with pytest.raises(UserCodeError) as raised:
        session.columns("select\n  from from x")

    assert codes(raised) == ["WFT-SQL-001"]
    assert raised.value.diagnostics[0].where is not None
    assert raised.value.diagnostics[0].where.line == 2


@pytest.mark.parametrize("above", ["", "-- x\n", "/* a\nb */ ", "\n\n", "/* a */ ", "  -- x\n\n  /* y */\n"])
def test_a_row_that_fails_is_told_in_its_line_whatever_stands_above(session: DuckDBSession, above: str) -> None:
    session.table("t", "select 'a' as s")

    for select, line, column in (("select 1,\n  s::int\nfrom t", 2, 4), ("select s::int from t", 1, 9)):
        with pytest.raises(UserCodeError) as raised:
            session.arrow(above + select)
        where = raised.value.diagnostics[0].where
        assert where is not None
        beside = len(above.rpartition("\n")[2]) if line == 1 else 0
        assert (where.line, where.column) == (line + above.count("\n"), column + beside)


def test_names_of_another_namespace_are_out_of_reach(session: DuckDBSession) -> None:
    session.namespace("one")
    session.table("t", "select 1 as a")
    session.namespace("two words")

    with pytest.raises(UserCodeError) as raised:
        session.rows("select * from t")

    assert codes(raised) == ["WFT-SQL-003"]
    session.namespace("one")
    assert session.rows("select * from t") == [(1,)]


def test_views_and_tables_are_replaced_and_their_names_are_quoted(session: DuckDBSession) -> None:
    name = 'a "b" select'
    session.view(name, "select 1 as x")
    session.view(name, "select 2 as x")

    assert session.rows('select x from "a ""b"" select"') == [(2,)]

    session.table("select", "select 1 as x")
    session.table("select", "select 3 as x")

    assert session.rows('select x from "select"') == [(3,)]


@pytest.mark.parametrize("value", ["null", "[null]", "{'a': null, 'NULL': 1}", "map([1], [null])"])
def test_an_empty_table_has_columns_of_which_nothing_but_null_is_known(session: DuckDBSession, value: str) -> None:
    columns = session.columns(f"select {value} as n")

    session.empty_table("t", columns)

    assert session.columns("select * from t") == columns


def test_an_empty_table_binds_and_has_no_rows(session: DuckDBSession) -> None:
    columns = (Column("order", "INTEGER"), Column("Name", "VARCHAR[]"), Column("s", 'STRUCT("a b" INTEGER)'))
    session.empty_table("t", columns)

    assert session.columns("select * from t") == columns
    assert session.rows("select * from t") == []


@pytest.mark.parametrize(
    ("limit", "rows", "truncated"), [(None, 5, False), (6, 5, False), (5, 5, False), (4, 4, True), (0, 0, True)]
)
def test_a_limit_cuts_and_says_so(session: DuckDBSession, limit: int | None, rows: int, truncated: bool) -> None:
    table, cut = session.arrow("select range as n from range(5) order by n", limit)

    assert (table.num_rows, cut) == (rows, truncated)
    assert table.column_names == ["n"]


def test_a_limit_keeps_the_querys_own_order_and_limit(session: DuckDBSession) -> None:
    table, cut = session.arrow("select range as n from range(100_000) order by n desc limit 90000", 70_000)

    assert (table.num_rows, cut) == (70_000, True)
    assert table.column("n")[0].as_py() == 99_999
    assert table.column("n")[-1].as_py() == 30_000


def test_times_are_in_utc(session: DuckDBSession) -> None:
    assert session.rows("select '2026-01-01 12:00:00+02'::timestamptz::varchar") == [("2026-01-01 10:00:00+00",)]


def test_a_text_is_parsed_without_being_bound(session: DuckDBSession) -> None:
    assert '"error":false' in session.parse("select a from nowhere").replace(" ", "")
    assert '"error":true' in session.parse("selec").replace(" ", "")


def written(session: DuckDBSession, folder: Path, sql: str, *columns: Column) -> tuple[DataFile, ...]:
    ids = "{" + ", ".join(f'"{c.name}": {c.field_id}' for c in columns) + "}"
    (folder / "table").mkdir()
    return session.copy_out(sql, folder=str(folder / "table"), root=str(folder), field_ids=ids, columns=columns)


def test_rows_are_written_with_field_ids_and_exact_statistics(session: DuckDBSession, tmp_path: Path) -> None:
    (file,) = written(
        session,
        tmp_path,
        "select range::integer as n, if(range = 3, null, 'row ' || range) as \"Name\" from range(10)",
        Column("n", "INTEGER", 7),
        Column("Name", "VARCHAR", 9),
    )

    assert (file.rows, file.size_bytes) == (10, (tmp_path / file.path).stat().st_size)
    assert file.path.startswith("table/")
    n, name = file.statistics[7], file.statistics[9]
    assert (n.nulls, n.minimum, n.maximum, n.exact) == (0, "0", "9", True)
    assert (name.nulls, name.minimum, name.maximum, name.exact) == (1, "row 0", "row 9", True)
    assert n.size_bytes and n.size_bytes > 0
    schema = parquet.read_schema(tmp_path / file.path)
    assert [f.metadata[b"PARQUET:field_id"] for f in schema] == [b"7", b"9"]


def test_bounds_of_long_texts_are_not_said_to_be_exact_unless_they_are(session: DuckDBSession, tmp_path: Path) -> None:
    (file,) = written(session, tmp_path, "select repeat('z', 5000) as t", Column("t", "VARCHAR", 1))

    found = file.statistics[1]
    assert found.nulls == 0
    assert not found.exact or found.minimum in (None, "z" * 5000)


def test_statistics_hold_for_a_query_that_spills(tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    engine = DuckDBEngine(memory_limit="80MB", threads=1)
    spilled: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            spilled.update(p.name for p in spill.glob("*.tmp"))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    with engine.session(str(spill)) as session:
        (file,) = written(
            session,
            tmp_path,
            "select range as n, md5(range::varchar) || md5((range + 1)::varchar) as t from range(600_000) order by t",
            Column("n", "BIGINT", 1),
            Column("t", "VARCHAR", 2),
        )
    done.set()
    watcher.join()
    engine.close()

    assert spilled, "the query fitted into memory"
    assert file.rows == 600_000
    n = file.statistics[1]
    assert (n.nulls, n.minimum, n.maximum, n.exact) == (0, "0", "599999", True)
    assert list(spill.glob("*.tmp")) == []


def test_a_query_without_rows_writes_no_data_file(session: DuckDBSession, tmp_path: Path) -> None:
    assert written(session, tmp_path, "select 1 as n where false", Column("n", "INTEGER", 1)) == ()


def test_a_folder_that_is_none_is_the_platforms_fault(session: DuckDBSession, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(PlatformError):
        session.copy_out(
            "select 1 as n", folder=str(tmp_path / "file"), root=str(tmp_path), field_ids="{n: 1}", columns=()
        )


def test_a_column_whose_name_holds_quotes_and_dots_keeps_its_statistics(session: DuckDBSession, tmp_path: Path) -> None:
    column = Column('a."b" c', "INTEGER", 4)

    (file,) = session.copy_out(
        'select 5::integer as "a.""b"" c"',
        folder=str(tmp_path),
        root=str(tmp_path),
        field_ids='{"a.""b"" c": 4}',
        columns=[column],
    )

    assert file.statistics == {4: ColumnStatistics(0, "5", "5", file.statistics[4].size_bytes, True)}


def test_another_thread_can_interrupt_what_is_running(session: DuckDBSession) -> None:
    def interrupt() -> None:
        time.sleep(0.1)
        session.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    began = time.monotonic()

    with pytest.raises(KeyboardInterrupt):
        session.rows("select count(*) from range(100_000_000_000) a, range(1000) b where a.range % 7 = b.range % 5")

    thread.join()
    assert time.monotonic() - began < 20
    assert session.rows("select 1") == [(1,)]


def test_a_result_is_looked_through_without_a_package_that_nobody_asked_for():
    program = (
        "import sys\n"
        "from weft.engines.duckdb.engine import DuckDBEngine\n"
        "with DuckDBEngine(memory_limit='512MB', threads=1).session() as session:\n"
        "    table, _ = session.arrow(\"select 1 as n, 'a' as t, [1.5] as l, now() as at\")\n"
        "assert table.num_rows == 1\n"
        "print('pandas' in sys.modules)\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
