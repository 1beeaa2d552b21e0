"""The attacks on ports that live in a database: two databases that differ in what is hidden answer alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import duckdb
import psycopg
import pytest

from tests.servers import empty_database
from tests.unit.access.reading.attacks import ATTACKS, texts
from tests.unit.access.reading.worlds import (
    CUSTOMERS,
    ORDERS,
    SENTINEL,
    World,
    answer,
    bounded,
    readers_in,
    shown_sentinels,
)
from weft.access.decision import Decision
from weft.access.fetching import Fetching
from weft.access.layers import Cell, Layer
from weft.access.live import LiveTables, unfetched
from weft.access.masks import Mask
from weft.access.opened import LiveRead, Opened, Readable
from weft.access.principals import Principal
from weft.access.reading.asking import Readers
from weft.access.rights import Right
from weft.access.versions import At
from weft.connections import Connection, Reference, Secret
from weft.errors import AccessDenied, error
from weft.model.address import Address
from weft.model.checks import CheckCounts
from weft.model.column import Column
from weft.model.live import LiveTable
from weft.model.publication import Digests, Manifest, Publication

COLUMNS = {
    "customers": (
        ("id", "INTEGER"), ("name", "VARCHAR"), ("email", "VARCHAR"), ("iban", "VARCHAR"), ("birth", "DATE"),
        ("region", "VARCHAR"), ("score", "DOUBLE"), ("note", "VARCHAR"), ("divisor", "INTEGER"), ("big", "INTEGER"),
        ("secret_code", "VARCHAR"), ("tier_hidden", "VARCHAR"),
    ),
    "orders": (("number", "INTEGER"), ("customer", "INTEGER"), ("amount", "DECIMAL(12,2)"), ("owner", "VARCHAR")),
}  # fmt: skip
SHOWN = {
    "customers": ("id", "name", "email", "iban", "birth", "score", "note", "divisor", "big"),
    "orders": ("number", "customer", "amount"),
}
MASKS = {"email": Mask("hash"), "iban": Mask("null"), "birth": Mask("year")}
CONDITIONS = {
    "customers": f"(region = 'eu') AND tier_hidden <> '{SENTINEL}'",
    "orders": f"owner = 'mine' AND '{SENTINEL}' <> owner",
}


class LiveWorld(World):
    """The same rows in the tables of a PostgreSQL, of which the reader sees as much."""

    def __init__(self, folder: Path, letter: str, hidden: int, url: str) -> None:
        super().__init__(folder, letter, hidden)
        with duckdb.connect() as files, psycopg.connect(url, autocommit=True) as connection:
            for table, columns in COLUMNS.items():
                named = ", ".join(f"{n} {k.replace('DOUBLE', 'double precision')}" for n, k in columns)
                connection.execute(f"CREATE TABLE {table} ({named})".encode())
                listed = ", ".join(n for n, _ in columns)
                rows = files.execute(f"SELECT {listed} FROM '{folder}/world{letter}/{table}.parquet'").fetchall()
                with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
                    for row in rows:
                        copy.write_row(row)
        self.url = url
        connections = {"db": Connection("db", "postgres", {}, {"dsn": Reference("the test", Secret(url))})}
        self.tables = LiveTables(connections, self.folder / "fetched", _parsed, 10**9)
        self.items = {CUSTOMERS: "customers", ORDERS: "orders"}

    def open(self, principal: Principal, address: Address, at: At = None) -> Readable:
        table = self.items.get(address.unpinned)
        if table is None:
            raise AccessDenied(error("WFT-ACC-002", f"`{principal.name}` may not read `{address}`"))
        columns = tuple(Column(n, k) for n, k in COLUMNS[table])
        cells = {n: Cell(MASKS.get(n), "salt of the grant") for n in SHOWN[table]}
        decision = Decision(
            True, SHOWN[table], "the test says so", layers=(Layer(Right("a grant"), cells, CONDITIONS[table]),)
        )
        live = LiveRead(LiveTable("db", "public", table, 0), columns)
        moment = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
        published = Publication(
            address, "7", "run", "1.0.0", "active", {}, Digests("", "", ""), Manifest(columns, (), live.table),
            CheckCounts(0, 0, 0), moment, "ann",
        )  # fmt: skip
        return Readable(published, unfetched(address, decision, live), (), decision, False, live)

    def still(self, principal: Principal, opened: Opened) -> bool:
        return True

    @property
    def fetching(self) -> Fetching:
        return Fetching(lambda: self.tables)


class Bare(LiveWorld):
    """A live world whose reader sees all: what the attacks find there they would have found behind a leak."""

    def __init__(self, world: LiveWorld) -> None:
        self.folder, self.tables, self.items = world.folder, world.tables, world.items

    def open(self, principal: Principal, address: Address, at: At = None) -> Readable:
        one = super().open(principal, address, at)
        assert one.live is not None
        cells = {n: Cell(None) for n in one.decision.columns}
        decision = Decision(True, one.decision.columns, "all", layers=(Layer(Right("a grant"), cells),))
        return Readable(one.publication, unfetched(address, decision, one.live), (), decision, False, one.live)


def _parsed(sql: str) -> str:
    with duckdb.connect() as connection:
        found = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    assert found is not None
    return str(found[0])


@pytest.fixture(scope="module")
def pair(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[LiveWorld]]:
    folder = tmp_path_factory.mktemp("live")
    with ExitStack() as held:
        urls = [held.enter_context(empty_database(postgres)) for _ in "AB"]
        yield [
            LiveWorld(folder, letter, hidden, url) for letter, hidden, url in zip("AB", (0, 3000), urls, strict=True)
        ]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readers]:
    made = readers_in(tmp_path_factory.mktemp("readers"))
    yield made
    made.close()


def attacks(pair: Sequence[LiveWorld]) -> dict[str, list[str]]:
    """Every attack by its kind; the files that they name are those of the first world."""
    found: dict[str, list[str]] = {}
    for kind, sql in texts(pair[0].customers, str(pair[0].folder / "secret.txt")):
        found.setdefault(kind, []).append(sql)
    return found


@pytest.mark.parametrize("kind", [kind for kind in ATTACKS if kind != "exhaustion"])
def test_an_attack_on_tables_gets_the_same_in_both_worlds_and_shows_nothing(kind, pair, quick):
    bad = []
    for filled in attacks(pair)[kind]:
        first, second = (bounded(kind, answer(quick, world, filled)) for world in pair)
        shown = [
            word
            for text, world in ((first, pair[0]), (second, pair[1]))
            for word in (*shown_sentinels(text, world), "127.0.0.1", "libpq", "postgresql://")
            if word in text and word.lower() not in filled.lower()
        ]
        if first != second or shown:
            bad.append((filled, first[:300], second[:300], shown))

    assert bad == []
    assert not list(pair[0].folder.parent.rglob("fetched/*/*"))


def test_the_same_attacks_on_tables_tell_worlds_apart_where_nothing_is_hidden(pair, quick):
    kinds = ("masked columns", "values that raise on hidden rows", "windows and joins")

    every = attacks(pair)
    opened = [pair[0], *map(Bare, pair)]
    told_apart = {k: sum(len({answer(quick, w, s) for w in opened}) > 1 for s in every[k]) for k in kinds}

    assert {k: found >= len(every[k]) // 3 for k, found in told_apart.items()} == dict.fromkeys(kinds, True)


PUSHED = (
    "select count(*) from {c} where divisor = 0",
    "select id from {c} where id < 0 limit 5",
    "select id from {c} where big > 1",
    "select min(id), max(big) from {c} where big between 1 and 2147483647",
    "select id from {c} order by id limit 3",
    "select id from {c} order by note desc limit 3",
    "select name from {c} where name like 'RAW%'",
    "select id from {c} limit 3",
    "select id from {c} where email like '%@%'",
    "select count(*) from {c} where iban is not null",
    "select id from {c} where region = 'us'",
    "select birth from {c} where birth > '1950-01-02' order by id limit 2",
    "select count(*) from {c} where score > 1e300",
    "select count(*) from {c} where score > 999999",
    "select id from {c} where note in ('1', 'RAWB no number') order by id limit 4",
    "select id from {c} where tier_hidden = 'gold' limit 2",
    "select id from {c} where not (divisor <> 0) limit 2",
    "select amount from {o} where amount = 99999999",
    "select number from {o} where customer < 0 order by number limit 1",
)


@pytest.mark.parametrize("sql", PUSHED)
def test_what_a_question_asks_of_the_server_itself_finds_no_hidden_row(sql, pair, quick):
    sql = sql.replace("{c}", CUSTOMERS).replace("{o}", ORDERS)

    first, second = (answer(quick, world, sql) for world in pair)

    assert first == second
    assert "RAW" not in first.replace(sql, "")
