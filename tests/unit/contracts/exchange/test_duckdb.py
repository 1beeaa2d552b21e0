"""A table of a database file becomes a contract; the file is not touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings

from tests.unit.contracts.exchange.support import NAMES, any_table, exported, fields, said
from weft.contracts.exchange.duckdb import imported, parted
from weft.engines.duckdb.engine import DuckDBEngine
from weft.engines.duckdb.session import DuckDBSession
from weft.errors import SourceError, UsageError
from weft.model.shape import Field, Reference, Table

TYPES = (
    *("BOOLEAN", "TINYINT", "INTEGER", "BIGINT", "UBIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "ENUM"),
    *("BLOB", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMPTZ", "INTERVAL", "UUID", "JSON"),
)


@pytest.fixture(scope="module")
def session() -> Iterator[DuckDBSession]:
    engine = DuckDBEngine()
    with engine.session() as opened:
        yield opened
    engine.close()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    any_table(
        fields(TYPES, nested=("STRUCT", "LIST", "ARRAY", "MAP"), inner_required=False, described=False, options=False),
        names=NAMES,
    )
)
def test_a_table_that_was_made_from_a_contract_gives_the_contract_back(
    session: DuckDBSession, tmp_path: Path, table: Table
) -> None:
    path = tmp_path / f"{abs(hash(table.name + repr(table.fields)))}.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute(exported("sql", table).text)

    found = imported(session, str(path), table.name, path.name)

    assert found.tables == (said(table, "duckdb"),)
    assert found.notes == ()


def test_keys_checks_defaults_and_comments_come_along_and_nothing_is_written(
    session: DuckDBSession, tmp_path: Path
) -> None:
    path = tmp_path / "it's.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("""
            CREATE SCHEMA shop;
            CREATE TABLE shop.kinds (name VARCHAR PRIMARY KEY);
            CREATE TABLE shop.orders (
                id INTEGER, line INTEGER CHECK (line BETWEEN 1 AND 99), kind VARCHAR REFERENCES shop.kinds (name),
                code VARCHAR DEFAULT 'A' CHECK (regexp_matches(code, '^[A-Z]')), seen TIMESTAMPTZ DEFAULT now(),
                PRIMARY KEY (line, id), UNIQUE (kind, code), CHECK (id <> line)
            );
            COMMENT ON TABLE shop.orders IS 'told';
        """)
    before = path.read_bytes()

    found = imported(session, str(path), "shop.orders", path.name)

    assert found.tables == (
        Table(
            "orders",
            (
                Field("id", "INTEGER", required=True, key_position=2),
                Field("line", "INTEGER", required=True, key_position=1, options={"minimum": 1, "maximum": 99}),
                Field("kind", "VARCHAR"),
                Field("code", "VARCHAR", default="A", options={"pattern": "^[A-Z]"}),
                Field("seen", "TIMESTAMPTZ"),
            ),
            "told",
            unique_sets=(("kind", "code"),),
            references=(Reference(("kind",), "kinds", ("name",)),),
        ),
    )
    assert [n.split(":")[0] for n in found.notes] == ["`seen`", "`id`"]
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_table_that_is_not_there_is_named_with_the_nearest(session: DuckDBSession, tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE orders (a INTEGER)")

    with pytest.raises(SourceError) as refused:
        imported(session, str(path), "order", path.name)

    (found,) = refused.value.diagnostics
    assert (found.code, found.fix) == ("WFT-IMP-004", "did you mean `orders`?")
    assert imported(session, str(path), "orders", path.name).tables[0].name == "orders"


def test_a_file_that_is_no_database_is_refused(session: DuckDBSession, tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    path.write_text("no database")

    with pytest.raises(SourceError) as refused:
        imported(session, str(path), "t", path.name)

    assert refused.value.diagnostics[0].code == "WFT-IMP-003"


@pytest.mark.parametrize("source", ["shop.duckdb", "C:\\shop.duckdb", ":t", "shop.duckdb:", "a:/b"])
def test_a_source_without_a_table_is_refused(source: str) -> None:
    with pytest.raises(UsageError) as refused:
        parted(source)

    assert refused.value.diagnostics[0].code == "WFT-IMP-002"
