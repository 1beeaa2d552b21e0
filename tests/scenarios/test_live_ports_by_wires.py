"""A port that lives in a database, read by Flight SQL, by saved queries and by assistants: each by their own rights."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import adbc_driver_flightsql.dbapi as adbc
import httpx
import pytest
from pyarrow import flight

from tests.assistants import Refused, over_http, use
from tests.domains import TestServer, free_port, serving
from tests.live_ports import SERVED, LiveShop
from tests.servers import empty_database
from weft.api.platform import open_platform
from weft.api.wires.flight_messages import packed
from weft.model.address import parse_address

PORT = "shop.sales.orders"
POLICIES = """
rules:
  - {id: north, ports: shop.sales, when: {users: eve}, filter: "region = 'north'"}
  - {id: south, ports: shop.sales, when: {users: bob}, filter: "region = 'south'"}
  - {id: hashed, ports: shop.sales, when: {users: eve}, columns: customer, mask: hash}
"""
SLOW = (
    "CREATE FUNCTION slowly(integer) RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT $1 FROM pg_sleep(60)'",
    "ALTER TABLE orders RENAME TO kept",
    "CREATE VIEW orders AS SELECT slowly(id) AS id, customer, region, amount, day FROM kept",
)
QUICK = ("DROP VIEW orders", "DROP FUNCTION slowly", "ALTER TABLE kept RENAME TO orders")


class Flying:
    """A server with the connection `db` that speaks Flight SQL too."""

    def __init__(self, server: TestServer, port: int, shop: LiveShop) -> None:
        self.server, self.shop = server, shop
        self.uri = f"grpc://127.0.0.1:{port}"

    def connect(self, user: str) -> Any:
        known = {"username": user, "password": self.server.token(user)}
        return adbc.connect(self.uri, db_kwargs=known, autocommit=True)

    def rows(self, user: str, sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        with self.connect(user) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found

    def asked(self) -> list[str]:
        """What the database runs for weft now."""
        found = self.shop.run("SELECT query FROM pg_stat_activity WHERE application_name = 'weft' AND state = 'active'")
        return [str(query) for (query,) in found]

    def left(self) -> list[str]:
        return [str(f) for f in (self.server.root / ".weft").rglob("*.parquet")]


@pytest.fixture(scope="module")
def flying(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> Iterator[Flying]:
    port, root, home = free_port(), tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("shop")
    settings = f"[server]\nflight_port = {port}\n{SERVED}"
    (root / "governance").mkdir()
    (root / "governance/access.yaml").write_text(POLICIES)
    with empty_database(postgres) as url:
        (root / "dsn").write_text(url)
        with serving(root, settings=settings) as server:
            shop = LiveShop(home, url)
            shop.orders()
            ran = shop.handed_in_to(server).weft("apply")
            assert ran.returncode == 0, ran.stderr
            with closing(open_platform(root)) as platform:
                for name in ("eve", "bob"):
                    address, now = parse_address(f"{PORT}@1"), platform.rooms.now()
                    platform.scanning.grants.grant(
                        address, "user", name, basis="request", actor="x", at=now, ends_at=None
                    )
            yield Flying(server, port, shop)


def until(found: Any, seconds: float = 15) -> bool:
    """Whether something comes to be so in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found():
            return True
        time.sleep(0.05)
    return False


def test_by_flight_each_reader_sees_what_is_decided_for_them(flying):
    sql = f"select id, customer, region from {PORT} order by id"

    seen = {who: flying.rows(who, sql) for who in ("ada", "eve", "bob")}

    assert [row[0] for row in seen["ada"]] == [1, 2, 3, 4, 5, 6]
    assert [(i, len(c), r) for i, c, r in seen["eve"]] == [(3, 64, "north"), (6, 64, "north")]
    assert [(i, c) for i, c, _ in seen["bob"]] == [(1, "customer 1@example.org"), (4, "customer 4@example.org")]
    with pytest.raises(adbc.Error, match="WFT-ACC-002"):
        flying.rows("mallory", sql)
    assert flying.left() == []


def test_by_flight_a_row_that_has_just_come_is_there(flying):
    sql = f"select count(*) from {PORT} where region = 'north'"
    before = flying.rows("eve", sql)
    flying.shop.run("INSERT INTO orders VALUES (9, 'x', 'north', 1, '2026-02-01', 'y')")
    after = flying.rows("eve", sql)
    flying.shop.run("DELETE FROM orders WHERE id = 9")

    assert (before, after) == ([(2,)], [(3,)])


def test_values_that_are_bound_to_a_prepared_statement_find_no_hidden_row(flying):
    sql = f"select id, region from {PORT} where id = ? or id = ? order by id"

    with flying.connect("eve") as connection, connection.cursor() as cursor:
        cursor.adbc_prepare(sql)
        found = []
        for given in ([3, 6], [1, 6], [1, 2]):
            cursor.execute(sql, given)
            found.append([row[0] for row in cursor.fetchall()])
        cursor.execute(f"select id from {PORT} where region = ?", ["south' OR 'a' = 'a"])
        foreign = cursor.fetchall()
        # what is compared with is the mask, and never what it hides
        cursor.execute(f"select id from {PORT} where customer = ?", ["customer 3@example.org"])
        behind = cursor.fetchall()

    assert found == [[3, 6], [6], []]
    assert (foreign, behind) == ([], [])


def test_a_prepared_statement_is_decided_when_it_is_run_and_not_when_it_was_planned(flying):
    command = flight.FlightDescriptor.for_command(packed("CommandStatementQuery", {1: f"from {PORT}".encode()}))
    secret = flying.server.token("cora")
    call = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {secret}".encode())])
    with closing(open_platform(flying.server.root)) as platform:
        address, now = parse_address(f"{PORT}@1"), platform.rooms.now()
        given = platform.scanning.grants.grant(
            address, "user", "cora", basis="request", actor="x", at=now, ends_at=None
        )
        with flight.connect(flying.uri) as client:
            first = client.get_flight_info(command, call)
            second = client.get_flight_info(command, call)
            assert client.do_get(first.endpoints[0].ticket, call).read_all().num_rows == 6
            platform.scanning.grants.end(given.grant_id, actor="x", at=platform.rooms.now())
            with pytest.raises(flight.FlightError, match="WFT-ACC-002"):
                client.do_get(second.endpoints[0].ticket, call).read_all()


@pytest.mark.parametrize("prepared", [False, True])
def test_a_client_that_leaves_while_the_database_works_ends_the_statement_there(flying, prepared):
    flying.shop.run(*SLOW)
    try:
        connection = flying.connect("ada")
        cursor = connection.cursor()
        sql = f"select id from {PORT} where day > ?" if prepared else f"select id from {PORT}"
        failed: list[adbc.Error] = []

        def ask() -> None:
            try:
                cursor.execute(sql, ["2020-01-01"] if prepared else None)
                cursor.fetchall()
            except adbc.Error as e:
                failed.append(e)

        asking = threading.Thread(target=ask)
        asking.start()
        began = until(flying.asked)
        cursor.adbc_cancel()
        ended = until(lambda: not flying.asked(), 10)
        asking.join(30)
        cursor.close()
        connection.close()
    finally:
        flying.shop.run(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'weft' AND state = 'active'",
            *QUICK,
        )

    assert began, "the database was asked"
    assert failed
    assert ended, "nobody waits for it"
    assert until(lambda: flying.left() == [])


def headers(flying: Flying, who: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {flying.server.token(who)}", "Accept": "application/json"}


def test_a_saved_query_shows_each_reader_what_is_decided_for_them_now(flying):
    url = f"{flying.server.url}/api/v1/queries"
    saved = httpx.put(
        f"{url}/ada/customers",
        json={"sql": f"select id, customer from {PORT} order by id", "title": "Customers"},
        headers=headers(flying, "ada"),
        timeout=60,
    )
    assert saved.status_code < 300, saved.text

    def run(who: str) -> httpx.Response:
        return httpx.get(f"{url}/ada/customers/rows", headers=headers(flying, who), timeout=60)

    seen = {who: run(who).json()["rows"] for who in ("ada", "eve", "bob")}
    refused = run("mallory")
    flying.shop.run("INSERT INTO orders VALUES (12, 'x', 'south', 1, '2026-02-01', 'y')")
    again = run("bob").json()["rows"]
    flying.shop.run("DELETE FROM orders WHERE id = 12")

    assert [row[0] for row in seen["ada"]] == [1, 2, 3, 4, 5, 6]
    assert [(row[0], len(row[1])) for row in seen["eve"]] == [(3, 64), (6, 64)]
    assert seen["bob"] == [[1, "customer 1@example.org"], [4, "customer 4@example.org"]]
    assert (refused.status_code, refused.json()["diagnostics"][0]["code"]) == (403, "WFT-ACC-002")
    assert [row[0] for row in again] == [1, 4, 12], "no answer of before"
    assert flying.left() == []


async def refused_to(flying: Flying, who: str, sql: str) -> tuple[list[str], str]:
    """The codes and the text with which an assistant is refused."""
    async with over_http(flying.server.url, flying.server.token(who)) as weft:
        with pytest.raises(Refused) as told:
            await use(weft, "query", sql=sql)
    return told.value.codes, told.value.text


def test_an_assistant_sees_what_whoever_it_works_for_sees(flying):
    sql = f"select id, customer, region from {PORT} order by id"

    async def seen_by(who: str, text: str = sql, **more: Any) -> dict[str, Any]:
        async with over_http(flying.server.url, flying.server.token(who)) as weft:
            return dict(await use(weft, "query", sql=text, **more))

    eve, bob = asyncio.run(seen_by("eve")), asyncio.run(seen_by("bob"))
    counted = asyncio.run(seen_by("eve", f"select count(*) as n from {PORT} where customer like '%@%'"))
    first = asyncio.run(seen_by("bob", limit=1))

    assert [(row[0], len(row[1]), row[2]) for row in eve["rows"]] == [(3, 64, "north"), (6, 64, "north")]
    assert [(row[0], row[1]) for row in bob["rows"]] == [(1, "customer 1@example.org"), (4, "customer 4@example.org")]
    assert counted["rows"] == [[0]], "a mask is not looked behind"
    assert [row[0] for row in first["rows"]] == [1]
    assert "lives in a database: its rows as of" in str(eve)
    assert asyncio.run(refused_to(flying, "mallory", sql))[0] == ["WFT-ACC-002"]
    assert flying.left() == []


def test_an_assistant_is_not_told_where_the_database_is_that_does_not_answer(flying):
    flying.shop.run("ALTER TABLE orders RENAME TO away")
    try:
        codes, text = asyncio.run(refused_to(flying, "eve", f"select id from {PORT}"))
    finally:
        flying.shop.run("ALTER TABLE away RENAME TO orders")

    assert codes == ["WFT-SRC-056"]
    assert "127.0.0.1" not in text
