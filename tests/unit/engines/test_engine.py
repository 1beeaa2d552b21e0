"""The embedded engine: sessions that do not see each other, and locked ones that see what they were given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from weft.engines.duckdb.engine import DuckDBEngine
from weft.errors import UserCodeError, WeftError

PORT = ("sales", "orders", "orders@1")


@pytest.fixture
def engine() -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(memory_limit="1GB", threads=2)
    yield made
    made.close()


def parquet(path: Path, sql: str) -> Path:
    duckdb.sql(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")
    return path


def test_sessions_do_not_see_each_others_tables(engine: DuckDBEngine) -> None:
    with engine.session() as one, engine.session() as other:
        one.table("t", "select 1 as a")
        other.table("t", "select 2 as a")

        assert one.rows("select a from t") == [(1,)]
        assert other.rows("select a from t") == [(2,)]


def test_what_a_session_made_is_gone_with_it(engine: DuckDBEngine) -> None:
    with engine.session() as session:
        session.table("t", "select 1 as a")

    with engine.session() as session:
        assert session.rows("select count(*) from duckdb_tables()") == [(0,)]
        assert (
            len(session.rows("select database_name from duckdb_databases() where database_name like 'session%'")) == 1
        )


def test_a_session_is_given_back_when_its_user_fails(engine: DuckDBEngine) -> None:
    with pytest.raises(ZeroDivisionError), engine.session():
        raise ZeroDivisionError

    with engine.session() as session:
        assert session.rows("select 1") == [(1,)]


def test_an_engine_that_was_closed_can_be_used_again(engine: DuckDBEngine) -> None:
    with engine.session() as session:
        session.rows("select 1")
    engine.close()
    engine.close()

    with engine.session() as session:
        assert session.rows("select 2") == [(2,)]


def test_the_settings_reach_the_engine(engine: DuckDBEngine, tmp_path: Path) -> None:
    with engine.session(str(tmp_path)) as session:
        (found,) = session.rows(
            "select current_setting('threads'), current_setting('TimeZone'), current_setting('temp_directory')"
        )

    assert found == (2, "UTC", str(tmp_path))


def test_a_later_session_may_name_the_folder_to_spill_to(engine: DuckDBEngine, tmp_path: Path) -> None:
    with engine.session() as first, engine.session(str(tmp_path)) as second:
        assert second.rows("select current_setting('temp_directory')") == [(str(tmp_path),)]
        assert first.rows("select 1") == [(1,)]

    with engine.session() as third:
        assert third.rows("select current_setting('temp_directory')") == [(str(tmp_path),)]


def test_variables_of_python_are_no_tables(engine: DuckDBEngine) -> None:
    people = duckdb.sql("select 1 as a").to_arrow_table()

    with engine.session() as session, pytest.raises(UserCodeError) as raised:
        session.rows("select * from people")

    assert people.num_rows == 1
    assert raised.value.diagnostics[0].code == "WFT-SQL-003"


def test_a_locked_session_reads_the_relations_that_it_was_given(engine: DuckDBEngine, tmp_path: Path) -> None:
    file = parquet(tmp_path / "orders.parquet", "select 1 as id")

    with engine.locked({PORT: f"read_parquet('{file}')"}, [str(file)]) as session:
        assert session.rows('select id from sales.orders."orders@1"') == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_parquet('{other}')",
        "select * from '{other}'",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('{other}')",
        "select * from glob('{folder}/*')",
        "copy (select 1) to '{folder}/out.csv'",
        "attach '{folder}/x.db' as x",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set allowed_paths = ['{other}']",
        "set threads = 1",
        "set memory_limit = '1TB'",
        "reset temp_directory",
        "export database '{folder}/all'",
    ],
)
def test_a_locked_session_reaches_nothing_else(engine: DuckDBEngine, tmp_path: Path, sql: str) -> None:
    file = parquet(tmp_path / "orders.parquet", "select 1 as id")
    other = parquet(tmp_path / "other.parquet", "select 'secret' as name")
    before = sorted(tmp_path.iterdir())

    with engine.locked({PORT: f"read_parquet('{file}')"}, [str(file)]) as session, pytest.raises(WeftError) as raised:
        session.rows(sql.format(other=other, folder=tmp_path))

    assert "secret" not in str(raised.value)
    assert sorted(tmp_path.iterdir()) == before


def test_a_locked_session_without_files_is_locked_too(engine: DuckDBEngine, tmp_path: Path) -> None:
    other = parquet(tmp_path / "other.parquet", "select 1 as id")

    with engine.locked({PORT: "(select 1 as id where false)"}, []) as session:
        assert session.rows('select * from sales.orders."orders@1"') == []
        with pytest.raises(WeftError):
            session.rows(f"select * from read_parquet('{other}')")


def test_relations_of_several_domains_and_products_lie_side_by_side(engine: DuckDBEngine) -> None:
    relations = {
        PORT: "(select 1 as a)",
        ("sales", "orders", "totals"): "(select 2 as a)",
        ("sales", "returns", "orders@1"): "(select 3 as a)",
        ("fleet", "orders", "orders@1"): "(select 4 as a)",
    }

    with engine.locked(relations, []) as session:
        found = session.rows(
            'select (from sales.orders."orders@1"), (from sales.orders.totals), '
            '(from sales.returns."orders@1"), (from fleet.orders."orders@1")'
        )

    assert found == [(1, 2, 3, 4)]


def test_a_locked_session_does_not_see_what_is_being_built(engine: DuckDBEngine) -> None:
    with engine.session() as building, engine.locked({}, []) as locked:
        building.table("t", "select 1 as a")

        with pytest.raises(UserCodeError):
            locked.rows("select * from t")


def test_a_path_with_quotes_can_be_read(engine: DuckDBEngine, tmp_path: Path) -> None:
    folder = tmp_path / "it's"
    folder.mkdir()
    duckdb.sql("COPY (select 1 as id) TO '" + str(folder / "a.parquet").replace("'", "''") + "' (FORMAT parquet)")
    quoted = str(folder / "a.parquet").replace("'", "''")

    with engine.locked({PORT: f"read_parquet('{quoted}')"}, [str(folder / "a.parquet")]) as session:
        assert session.rows('select id from sales.orders."orders@1"') == [(1,)]


def test_no_progress_is_drawn_on_the_output_where_an_answer_stands(engine: DuckDBEngine) -> None:
    with engine.session() as session:
        asked = "select value from duckdb_settings() where name = 'enable_progress_bar'"

        assert session.rows(asked) == [("false",)]
