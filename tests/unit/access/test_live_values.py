"""Tables that their owner fills and surrounds with whatever PostgreSQL takes: who reads sees what was decided."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from tests.servers import empty_database, postgres_to_stop
from weft.access.decision import Decision
from weft.access.layers import Cell, Layer
from weft.access.live import LiveTables, unfetched
from weft.access.live_saying import Wanted
from weft.access.masks import Mask
from weft.access.opened import LiveRead, Readable
from weft.access.rights import Right
from weft.connections import Connection, Reference, Secret
from weft.connectors.postgres_live import Limits, opened_live
from weft.errors import AccessDenied, SourceError, UserCodeError
from weft.model.address import parse_address
from weft.model.checks import CheckCounts
from weft.model.column import Column
from weft.model.live import LiveTable
from weft.model.publication import Digests, Manifest, Publication

PORT = parse_address("shop.sales.things@1")
PLACE = LiveTable("db", "public", "things", 0)


class Things:
    """The table `things` of a PostgreSQL, made by statements."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self._folder = url, folder

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for one in statements:
                connection.execute(one.encode())

    def opened(self, masks: Mapping[str, Mask | None], condition: str | None = None) -> tuple[LiveTables, Readable]:
        """What a reader may see of the table: columns under masks."""
        connection = Connection("db", "postgres", {}, {"dsn": Reference("the test", Secret(self.url))})
        with opened_live(connection) as server:
            columns = tuple(Column(n, c.typed.type) for n, c in server.described(PLACE).items())
        cells = {name: Cell(mask, "salt") for name, mask in masks.items()}
        decision = Decision(True, tuple(masks), "the test", layers=(Layer(Right("a grant"), cells, condition),))
        live = LiveRead(PLACE, columns)
        published = Publication(
            PORT, "7", "run", "1.0.0", "active", {}, Digests("", "", ""), Manifest(columns, (), PLACE),
            CheckCounts(0, 0, 0), dt.datetime(2026, 11, 22, tzinfo=dt.UTC), "ann",
        )  # fmt: skip
        one = Readable(published, unfetched(PORT, decision, live), (), decision, False, live)
        return LiveTables({"db": connection}, self._folder, _parsed), one

    def read(self, masks: Mapping[str, Mask | None], condition: str | None = None) -> list[tuple[Any, ...]]:
        """What a reader is shown of columns under masks, by the first of them."""
        tables, one = self.opened(masks, condition)
        with tables.fetched({PORT: one}, Wanted(told=True)) as ports, duckdb.connect() as made:
            made.execute("SET timezone = 'UTC'")
            names = ", ".join(f'CAST("{name}" AS VARCHAR)' for name in masks)
            return made.execute(f"SELECT {names} FROM {ports[PORT].relation} ORDER BY 1").fetchall()


def _parsed(sql: str) -> str:
    with duckdb.connect() as connection:
        found = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    assert found is not None
    return str(found[0])


@pytest.fixture
def things(postgres: str, tmp_path: Path) -> Iterator[Things]:
    with empty_database(postgres) as url:
        yield Things(url, tmp_path)


def always_true(operator: str, left: str, right: str) -> list[str]:
    """Statements that make an operator for just these types, which PostgreSQL takes before its own for nearer ones."""
    return [
        f"CREATE FUNCTION public.planted({left}, {right}) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        f"CREATE OPERATOR public.{operator} (LEFTARG = {left}, RIGHTARG = {right}, PROCEDURE = public.planted)",
    ]


@pytest.mark.parametrize(
    ("condition", "planted", "shown"),
    [
        ("v = 'north'", always_true("=", "varchar", "varchar"), ["1"]),
        ("v IN ('north', 'x')", always_true("=", "varchar", "varchar"), ["1"]),
        ("v <> 'south'", always_true("<>", "varchar", "varchar"), ["1"]),
        ("b > 9223372036854775808", always_true(">", "bigint", "numeric"), []),
    ],
)
def test_an_operator_that_somebody_has_made_in_the_database_decides_no_row_filter(things, condition, planted, shown):
    things.run(
        "CREATE TABLE things (id integer, v varchar(40), b bigint)",
        "INSERT INTO things VALUES (1, 'north', 1), (2, 'south', 2)",
        *planted,
    )

    assert things.read({"id": None}, condition) == [(one,) for one in shown]


def test_a_function_that_somebody_has_made_in_the_database_makes_no_mask(things):
    things.run(
        "CREATE TABLE things (id integer, v varchar(40))",
        "INSERT INTO things VALUES (1, 'ann@example.org')",
        "CREATE FUNCTION public.left(varchar, integer) RETURNS text LANGUAGE sql AS 'SELECT $1::text'",
        "CREATE FUNCTION public.reverse(varchar) RETURNS text LANGUAGE sql AS 'SELECT $1::text'",
    )

    assert things.read({"v": Mask("first", 4)}) == [("ann@****",)]
    assert things.read({"v": Mask("domain")}) == [("****@example.org",)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("timestamp", "'294276-12-31 23:59:59.999999'"),
        ("timestamp", "'294247-01-10 04:00:54.775808'"),
        ("timestamptz", "'294276-12-31 23:59:59+00'"),
        ("timestamp", "'-infinity'"),
        ("integer[]", "'{{1,2},{3,4}}'"),
        ("text[]", "'{{a,b},{c,d}}'"),
        ("json", "'\"\\ud800\"'"),
    ],
)
def test_a_value_that_no_type_here_holds_is_null_and_keeps_no_other_row_from_its_readers(things, kind, value):
    things.run(f"CREATE TABLE things (id integer, x {kind})", f"INSERT INTO things VALUES (1, {value}), (2, NULL)")

    assert things.read({"id": None, "x": None}) == [("1", None), ("2", None)]


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("timestamp", "'294246-12-31 23:59:59.999999'", "294246-12-31 23:59:59.999999"),
        ("timestamp", "'4713-01-01 00:00:00 BC'", "4713-01-01 (BC) 00:00:00"),
        ("integer[]", "'{}'", "[]"),
        ("integer[]", "'{1,NULL}'", "[1, NULL]"),
        ("json", "' [1] '", " [1] "),
    ],
)
def test_a_value_at_the_edge_of_what_its_type_holds_is_shown(things, kind, value, shown):
    things.run(f"CREATE TABLE things (x {kind})", f"INSERT INTO things VALUES ({value})")

    assert things.read({"x": None}) == [(shown,)]


@pytest.mark.parametrize(
    ("kind", "values", "condition", "found"),
    [
        ("text", "'a'", "x IS NULL", ["2"]),
        ("text", "'a'", "x IS DISTINCT FROM 'a'", ["2"]),
        ("double precision", "'NaN'", "x > 1", ["1"]),
        ("double precision", "'NaN'", "x <= 1", ["3"]),
    ],
)
def test_what_was_fetched_holds_the_rows_that_a_condition_looks_for(things, kind, values, condition, found):
    things.run(f"CREATE TABLE things (id integer, x {kind})", f"INSERT INTO things VALUES (1, {values}), (2, NULL)")
    if kind != "text":
        things.run("INSERT INTO things VALUES (3, 1)")
    tables, one = things.opened({"id": None, "x": None})

    with tables.fetched({PORT: one}, Wanted(told=True)) as ports, duckdb.connect() as made:
        rows = made.execute(f"SELECT id::VARCHAR FROM {ports[PORT].relation} WHERE {condition}").fetchall()

    assert rows == [(number,) for number in found]


@pytest.mark.parametrize("kind", ["xml", "point", "integer[]", "bytea", "time", "real", "interval"])
@pytest.mark.parametrize(("condition", "shown"), [("x IS DISTINCT FROM NULL", 0), ("x IN (NULL)", 0), ("x IS NULL", 2)])
def test_a_type_that_compares_nothing_is_asked_for_nulls(things, kind, condition, shown):
    things.run(f"CREATE TABLE things (id integer, x {kind})", "INSERT INTO things VALUES (1, NULL), (2, NULL)")

    assert len(things.read({"id": None}, condition)) == shown


@pytest.mark.parametrize("condition", ["x IS NOT NULL", "x IS DISTINCT FROM NULL", "x IN (NULL)"])
@pytest.mark.parametrize("kind", ["json", "jsonb"])
def test_no_filter_is_about_json_of_which_some_is_none_here(things, kind, condition):
    things.run(f"CREATE TABLE things (id integer, x {kind})", "INSERT INTO things VALUES (1, '{}')")

    with pytest.raises(AccessDenied, match="WFT-ACC-055"):
        things.read({"id": None}, condition)


def test_of_two_columns_that_differ_by_capitals_alone_no_filter_takes_one_for_the_other(things):
    things.run('CREATE TABLE things ("Region" text, region text)', "INSERT INTO things VALUES ('north', 'south')")

    with pytest.raises(AccessDenied, match="WFT-ACC-055"):
        things.read({"region": None}, "Region = 'north'")


def test_names_with_every_sign_are_names(things):
    things.run(
        """CREATE TABLE things ("a""b" integer, "x'; DROP TABLE things; --" text, "{}" text, "%s" text, "~row" text)""",
        "INSERT INTO things VALUES (1, 'q', 'ann@example.org', 'd', 'e'), (2, 'q', NULL, 'd', 'e')",
    )
    shown = {"{}": Mask("first", 3), "%s": None, "~row": None, "x'; DROP TABLE things; --": None}

    found = things.read(shown, """ "x'; DROP TABLE things; --" = 'q' AND "a""b" = 1 """)

    assert found == [("ann****", "d", "e", "q")]


def test_what_is_wrong_with_the_address_of_a_database_is_not_for_readers(things, tmp_path):
    things.run("CREATE TABLE things (id integer)")
    _, one = things.opened({"id": None})
    address = Reference("the test", Secret(f"{things.url}?unheard_of=1"))
    tables = LiveTables({"db": Connection("db", "postgres", {}, {"dsn": address})}, tmp_path, _parsed)

    with pytest.raises(SourceError, match="WFT-SRC-056") as told, tables.fetched({PORT: one}, Wanted()):
        pass
    assert "unheard_of" not in str(told.value)


def test_a_server_that_hangs_is_not_waited_for_longer_than_a_query_may_take(tmp_path):
    """Its disk or host has stopped: it ends no statement, and whoever is told to end one is not heard."""
    with postgres_to_stop() as server, empty_database(server.url) as url:
        things = Things(url, tmp_path)
        things.run("CREATE TABLE things (id integer)", "INSERT INTO things VALUES (1)")
        tables, one = things.opened({"id": None})
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE things IN ACCESS EXCLUSIVE MODE")
            frozen = ExitStack()
            threading.Timer(0.5, lambda: frozen.enter_context(server.frozen())).start()
            began = time.monotonic()
            with frozen:
                with pytest.raises(UserCodeError, match="WFT-ENG-003"):
                    tables.brought({PORT: one}, Wanted(told=True), tmp_path, Limits(2, grace_s=0.5))
                assert time.monotonic() - began < 6

        assert things.read({"id": None}) == [("1",)]


def test_a_query_that_its_server_stops_says_how_long_it_was_allowed_to_take(things, tmp_path):
    things.run("CREATE TABLE things (id integer)")
    tables, one = things.opened({"id": None})

    with psycopg.connect(things.url) as other:
        other.execute("LOCK TABLE things IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(UserCodeError, match=r"longer than 0\.3 s"):
            tables.brought({PORT: one}, Wanted(told=True), tmp_path, Limits(0.3))
        with pytest.raises(UserCodeError) as told:
            tables.brought({PORT: one}, Wanted(), tmp_path, Limits(0.3))

    assert "timeout_s" not in str(told.value)
    assert "127.0.0.1" not in str(told.value)
