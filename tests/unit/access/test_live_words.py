"""Masks and row filters of ports that live in PostgreSQL give what they give in DuckDB, value by value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from tests.servers import empty_database
from weft.access.decision import Decision
from weft.access.layers import Cell, Layer
from weft.access.live import LiveTables, unfetched
from weft.access.live_saying import Wanted
from weft.access.masks import Mask
from weft.access.opened import LiveRead, Readable
from weft.access.relation import relation_of
from weft.access.rights import Right
from weft.connections import Connection, Reference, Secret
from weft.errors import AccessDenied
from weft.model.address import parse_address
from weft.model.checks import CheckCounts
from weft.model.column import Column
from weft.model.live import LiveTable
from weft.model.publication import Digests, Manifest, Publication

PORT = parse_address("shop.sales.things@1")
TEXTS = [
    None,
    "",
    "a",
    "@",
    "a@b",
    "a@b@c.org",
    "ann@example.org",
    "12345678",
    "123456789",
    "DE89370400440532013000",
    "größe und straße",
    "🤦🏼‍♂️🤦🏼‍♂️🤦🏼‍♂️ joined",
    "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301",
    "quote ' and \" and \\ back",
    "tab\tnew\nline",
    "%",
    "_x",
    "a%b",
    "NULL",
    "north",
    "NORTH",
    "North",
    " north",
    "north ",
    "ñ",
    "Z",
    "z",
    "é",
    "İstanbul",
    "ß",
    "SS",
]
WHOLE = [None, 0, 1, -1, 7, -7, 10, -10, 99, 100, 101, -99, -100, -101, 2**15 - 1, -(2**15)]
LONG = [2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 2**53, 2**53 + 1, -(2**53) - 1]
DECIMALS = [None, "0.00", "0.01", "-0.01", "99.99", "-99.99", "100.00", "-100.00", "12345678.90", "-99999999.99", "NaN"]
DOUBLES = [
    None,
    0.0,
    -0.0,
    1.5,
    -1.5,
    99.999999999,
    1e15,
    -1e15,
    0.1,
    1 / 3,
    1e300,
    float("inf"),
    float("-inf"),
    float("nan"),
]
DAYS = [
    None,
    "2026-11-22",
    "2024-02-29",
    "2024-12-31",
    "2023-01-01",
    "1970-01-01",
    "1969-12-31",
    "0001-01-01",
    "0044-03-15 BC",
    "4700-06-30 BC",
    "9999-12-31",
    "infinity",
    "-infinity",
    "1900-02-28",
]
MOMENTS = [
    None,
    "2026-11-22 10:11:12.123456",
    "2024-02-29 23:59:59.999999",
    "1969-12-31 23:59:59.5",
    "0044-03-15 01:02:03 BC",
    "infinity",
    "9999-12-31 23:59:59",
    "2026-01-01 00:00:00",
]
ZONED = [
    None,
    "2026-11-22 00:30:00+02",
    "2026-01-01 00:30:00+01",
    "2026-12-31 23:30:00-05",
    "infinity",
    "1970-01-01 00:00:00+00",
]
VALUES: dict[str, tuple[str, str, list[Any]]] = {
    "t": ("text", "VARCHAR", TEXTS),
    "v": ("varchar(40)", "VARCHAR", TEXTS),
    "c": ("char(40)", "VARCHAR", TEXTS),
    "s": ("smallint", "SMALLINT", WHOLE),
    "i": ("integer", "INTEGER", [*WHOLE, *LONG[:2]]),
    "b": ("bigint", "BIGINT", [*WHOLE, *LONG]),
    "n": ("numeric(10,2)", "DECIMAL(10,2)", DECIMALS),
    "f": ("double precision", "DOUBLE", DOUBLES),
    "d": ("date", "DATE", DAYS),
    "m": ("timestamp", "TIMESTAMP", MOMENTS),
    "z": ("timestamptz", "TIMESTAMPTZ", ZONED),
    "u": ("uuid", "UUID", [None, "0d9c1a2e-8f57-4c4b-9d8a-0123456789ab", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"]),
    "y": ("bytea", "BLOB", [None, b"", b"\0\xff\x10", b"text"]),
    "o": ("boolean", "BOOLEAN", [None, True, False]),
}
COLUMNS = (Column("k", "INTEGER"), *(Column(name, kind) for name, (_, kind, _) in VALUES.items()))


class Both:
    """The rows on a PostgreSQL, and the same rows as everybody sees them in a file."""

    def __init__(self, url: str, folder: Path) -> None:
        rows = max(len(values) for *_, values in VALUES.values())
        with psycopg.connect(url, autocommit=True) as connection:
            named = ", ".join(f"{name} {kind}" for name, (kind, *_) in VALUES.items())
            connection.execute(f"CREATE TABLE things (k integer, {named})".encode())
            for number in range(rows):
                row = [number, *(values[number % len(values)] for *_, values in VALUES.values())]
                places = ", ".join(["%s"] * len(row))
                connection.execute(f"INSERT INTO things VALUES ({places})".encode(), row)
        self.folder = folder
        connections = {"db": Connection("db", "postgres", {}, {"dsn": Reference("the test", Secret(url))})}
        self.tables = LiveTables(connections, folder / "fetched", _parsed)
        self.raw = folder / "raw.parquet"
        with (
            self.fetched(Decision(True, tuple(c.name for c in COLUMNS), "", whole=True)) as relation,
            duckdb.connect() as c,
        ):
            c.execute("SET timezone = 'UTC'")
            c.execute(f"COPY (SELECT * FROM {relation}) TO '{self.raw}'")

    def fetched(self, decision: Decision, wanted: Wanted | None = None) -> Any:
        return _Fetched(self.tables, decision, wanted or Wanted(told=True))

    def compare(self, decision: Decision) -> int:
        """Reads by a decision on both sides; gives how many rows there were."""
        by_duckdb = relation_of(decision, COLUMNS, COLUMNS, f"read_parquet('{self.raw}')")
        with self.fetched(decision) as by_postgres:
            expected, found = (_rows(f"SELECT * FROM {one} ORDER BY k") for one in (by_duckdb, by_postgres))
        assert found == expected
        return len(found)


class _Fetched:
    def __init__(self, tables: LiveTables, decision: Decision, wanted: Wanted) -> None:
        live = LiveRead(LiveTable("db", "public", "things", 0), COLUMNS)
        published = Publication(
            PORT, "7", "run", "1.0.0", "active", {}, Digests("", "", ""), Manifest(COLUMNS, (), live.table),
            CheckCounts(0, 0, 0), dt.datetime(2026, 11, 22, tzinfo=dt.UTC), "ann",
        )  # fmt: skip
        one = Readable(published, unfetched(PORT, decision, live), (), decision, False, live)
        self._held = tables.fetched({PORT: one}, wanted)

    def __enter__(self) -> str:
        return self._held.__enter__()[PORT].relation

    def __exit__(self, *how: object) -> None:
        self._held.__exit__(*how)  # type: ignore[arg-type]


def _parsed(sql: str) -> str:
    with duckdb.connect() as connection:
        found = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    assert found is not None
    return str(found[0])


def _rows(sql: str) -> list[tuple[str | None, ...]]:
    with duckdb.connect() as connection:
        connection.execute("SET timezone = 'UTC'")
        columns = connection.sql(sql).columns
        texts = ", ".join(f'CAST("{c}" AS VARCHAR)' for c in columns)
        return connection.execute(f"SELECT {texts} FROM ({sql})").fetchall()


def decision(*layers: Layer) -> Decision:
    names = tuple(c.name for c in COLUMNS if any(c.name in layer.cells for layer in layers))
    return Decision(True, names, "the test", layers=layers)


def layer(masks: dict[str, Mask | None], condition: str | None = None) -> Layer:
    cells = {name: Cell(mask, "salt of 'a' grant") for name, mask in masks.items()}
    return Layer(Right("a grant"), {"k": Cell(None), **cells}, condition)


@pytest.fixture(scope="module")
def both(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with empty_database(postgres) as url:
        yield Both(url, tmp_path_factory.mktemp("live"))


MASKS = [
    Mask("month"),
    Mask("year"),
    Mask("bucket", 10),
    Mask("bucket", 7),
    Mask("bucket", 10**15),
    Mask("first", 1),
    Mask("first", 4),
    Mask("last", 4),
    Mask("domain"),
    Mask("hash"),
    Mask("null"),
    Mask("fixed", value="7"),
    Mask("fixed", value="it's"),
    Mask("fixed", value="2026-01-01"),
    Mask("generalise", value="another", groups=(("north", "N"), ("a@b", "it's"))),
    Mask("generalise", groups=(("z", "last"),)),
]


@pytest.mark.parametrize("mask", MASKS, ids=str)
def test_a_mask_shows_the_same_as_in_duckdb_whatever_the_value_and_its_type(both, mask):
    assert both.compare(decision(layer(dict.fromkeys(VALUES, mask)))) == len(TEXTS)


CONDITIONS = [
    "CASE i WHEN 7 THEN true ELSE false END",
    "t NOT IN CAST(['north', 'z'] AS VARCHAR[])",
    "NOT (NOT (t = 'north'))",
    "NOT (d > '2024-01-01' OR n > 5)",
    "NOT (CASE WHEN d > '2024-01-01' THEN true ELSE n > 5 END)",
    "d NOT IN ('2024-02-29', '1970-01-01')",
    "n NOT IN (100, 0.01)",
    "NOT (n BETWEEN 0 AND 100)",
    "d NOT BETWEEN '1970-01-01' AND '2024-02-29'",
    "m IN ('2026-01-01 00:00:00')",
    "n IS DISTINCT FROM 100",
    "d IS NOT DISTINCT FROM '2024-02-29'",
    "'9' < 'a'",
    "t = 'north'",
    "t <> 'north'",
    "t < 'a'",
    "t >= 'Z'",
    "t > 'north' OR t IS NULL",
    "NOT (t > 'n')",
    "t IN ('north', 'z', NULL)",
    "t NOT IN ('north', 'z')",
    "NOT t IN ('north', NULL)",
    "v = 'north'",
    "c = 'north'",
    "c = 'north '",
    "c < 'z'",
    "t IN CAST(['north', 'z'] AS VARCHAR[])",
    "t IN CAST([] AS VARCHAR[])",
    "NOT (t IN CAST([] AS VARCHAR[]))",
    "NOT (t IN CAST(['z'] AS VARCHAR[]))",
    "list_contains(CAST(['ß'] AS VARCHAR[]), t)",
    "t LIKE 'a%'",
    "t LIKE '%\\%'",
    "t LIKE '_'",
    "t NOT LIKE '%a%'",
    "NOT (t LIKE '%a%')",
    "starts_with(t, 'n')",
    "t LIKE '%\\ back'",
    "t BETWEEN 'a' AND 'n'",
    "'ada' = 'ada'",
    "'ada' IN CAST(['bob'] AS VARCHAR[])",
    "t = v",
    "t <> v OR t IS NULL",
    "t IS NOT DISTINCT FROM NULL",
    "t IS DISTINCT FROM 'north'",
    "i = '7'",
    "b = CAST('7' AS BIGINT)",
    "b = CAST(7 AS BIGINT) OR s > CAST(32767 AS SMALLINT)",
    "n = CAST(100 AS DECIMAL)",
    "f > CAST(0.1 AS DOUBLE)",
    "i = 7",
    "i > 1.5",
    "NOT i > 1.5",
    "i BETWEEN -10 AND 10",
    "i IN (1, 2, 7, NULL)",
    "b > 9007199254740992",
    "b >= 9223372036854775807",
    "s < -99",
    "i = b",
    "s <> i",
    "b < 99999999999999999999",
    "i IS NULL",
    "n > 99.99",
    "NOT (n > 99.99)",
    "n = 100",
    "n <> 0.01",
    "n IS NULL",
    "n >= -99999999.99",
    "f > 1.5",
    "NOT f > 1.5",
    "f = 0",
    "f <= 0.1",
    "f IS NULL",
    "d > '2024-01-01'",
    "d > DATE '2024-01-01'",
    "NOT (d > DATE '2024-01-01')",
    "d <= '1970-01-01'",
    "d IS NULL",
    "d = '2024-02-29'",
    "m > '2024-01-01'",
    "m > TIMESTAMP '2024-01-01 10:00:00'",
    "NOT m > TIMESTAMP '2024-01-01 10:00:00'",
    "m IS NOT NULL",
    "z >= '2026-01-01 00:00:00+01:00'",
    "z < TIMESTAMPTZ '2026-11-22 00:00:00'",
    "NOT z < TIMESTAMPTZ '2026-11-22 00:00:00'",
    "u = '0d9c1a2e-8f57-4c4b-9d8a-0123456789ab'",
    "o",
    "NOT o",
    "o = true",
    "o IS NULL",
    "o OR i > 5",
    "o AND NOT i > 5",
    "CASE WHEN o THEN t = 'north' ELSE i > 5 END",
    "true",
    "false",
    "t = NULL",
    "(t = 'north' AND i >= 0) OR (NOT o AND d IS NOT NULL)",
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_row_filter_keeps_the_same_rows_as_in_duckdb(both, condition):
    both.compare(decision(layer(dict.fromkeys(VALUES), condition)))


def test_several_rights_show_each_row_by_the_mildest_that_has_it(both):
    mild = layer({"t": None, "b": None, "n": Mask("bucket", 10), "d": None}, "i > 5")
    strict = layer({"t": Mask("hash"), "b": Mask("null"), "d": Mask("year"), "o": None})
    other = layer({"t": Mask("first", 4), "n": Mask("null"), "o": Mask("fixed", value="true")}, "NOT o")

    assert both.compare(decision(mild, strict)) == len(TEXTS)
    assert 0 < both.compare(decision(mild, other)) < len(TEXTS)
    assert both.compare(decision(mild, other, strict)) == len(TEXTS)


WORDLESS = [
    "t ILIKE 'n%'",
    "t GLOB 'n*'",
    "t LIKE 'a%' ESCAPE 'a'",
    "t SIMILAR TO 'n.*'",
    "t ^@ 'n' AND i = ANY([7])",
    "contains(t, 'n')",
    "contains(['north'], t || '')",
    "list_contains(CAST([7] AS INTEGER[]), i)",
    "i IN (7, 'x')",
    "i = 7::VARCHAR",
    "i >= CAST(6.6 AS INTEGER)",
    "b IN (CAST(6.5 AS BIGINT))",
    "s < CAST(40000 AS SMALLINT)",
    "n = CAST(0.0101 AS DECIMAL)",
    "n < 1000000000000000::DECIMAL",
    "TRY_CAST('2024-01-01' AS DATE) = d",
    "d = TIMESTAMP '2024-01-01 00:00:00'",
    "d = '2024-02-30'",
    "(d > '2024-01-01') IS NULL",
    "(t, i) = ('north', 7)",
    "COLUMNS('t') = 'north'",
    "port.t = 'north'",
    "lower(t) = 'north'",
    "t = 7",
    "length(t) > 3",
    "CAST(t AS INTEGER) > 3",
    "i / 0 > 1",
    "regexp_matches(t, '^n')",
    "t = (SELECT 'north')",
    "EXISTS (SELECT 1)",
    "d > current_date",
    "f = 1e5",
    "i::VARCHAR = '7'",
    "t || 'x' = 'nx'",
    "random() > 0.5",
    "t = secret",
    "secret = 'x'",
    "unknown > 1",
    "t COLLATE NOCASE = 'north'",
    "d > '2024-1-1'",
    "m > 'now'",
    "t IN (v, 'a')",
    "f > 0.1234567890123456789",
    "t = chr(0)",
    "coalesce(t, 'x') = 'x'",
    "TRY_CAST('x' AS INTEGER) = i",
    "i",
    "t",
    "NOT t",
]


@pytest.mark.parametrize("condition", WORDLESS)
def test_a_filter_that_cannot_be_said_exactly_shows_nothing_and_is_not_repeated(both, condition):
    with (
        pytest.raises(AccessDenied, match="WFT-ACC-055") as found,
        both.fetched(decision(layer({"t": None}, condition))),
    ):
        pass

    assert len(condition) < 3 or condition not in str(found.value)


def test_a_mask_that_cannot_be_said_exactly_shows_nothing(both):
    with (
        pytest.raises(AccessDenied, match="WFT-ACC-055"),
        both.fetched(
            decision(layer({"m": Mask("fixed", value="2026-01-01"), "t": None}, "i > 5"), layer({"m": None}, "o"))
        ),
    ):
        pass
