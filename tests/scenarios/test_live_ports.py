"""A port that lives in a table of a PostgreSQL: declared, checked in place, published without a file, and read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import httpx
import psycopg
import psycopg.conninfo
import pytest

import weft
from tests.domains import TestServer, serving
from tests.live_ports import COLUMNS, SERVED, LiveShop
from tests.meshes import command
from tests.servers import empty_database
from weft.access.live_saying import Wanted
from weft.access.permissions import Caller
from weft.access.reading.asking import Question
from weft.access.reading.wire import Form
from weft.api.platform import open_platform
from weft.api.portal import ports as port_pages
from weft.api.portal import products as product_pages
from weft.api.portal.connecting import Way
from weft.api.portal.products import Asked
from weft.connectors.postgres_live import Unwanted, opened_live
from weft.errors import AccessDenied, ContractBroken, SourceError, UsageError, UserCodeError, WeftError
from weft.model.address import parse_address
from weft.sql.narrowing import narrowed

PORT = "shop.sales.orders"
POLICIES = """
rules:
  - {id: north, ports: shop.sales, filter: "region = 'north'"}
  - {id: hashed, ports: shop.sales, columns: customer, mask: hash}
"""


@pytest.fixture
def shop(tmp_path: Path, postgres: str) -> Iterator[LiveShop]:
    with empty_database(postgres) as url:
        made = LiveShop(tmp_path, url)
        made.orders()
        yield made


def no_files(shop: LiveShop) -> bool:
    return not list((shop.root / ".weft").rglob("*.parquet"))


def test_a_port_that_lives_in_a_table_is_published_without_files_and_read_as_it_is_now(shop):
    done = shop.apply()

    assert [(str(p.address), p.rows) for p in done.published] == [("shop.sales.orders@1", 6)]
    assert shop.rows(f"select count(*), sum(amount) from {PORT}") == [(6, pytest.approx(31.5))]
    assert no_files(shop)
    shop.run("INSERT INTO orders VALUES (7, 'x', 'north', 100, '2026-02-01', 'y')")
    assert shop.rows(f"select id, customer, region, amount, day from {PORT} where id > 6")[0][0] == 7
    assert no_files(shop), "what was fetched is gone"


def test_a_row_that_breaks_the_contract_refuses_the_publication(shop):
    shop.contract(COLUMNS | {"id": {"logicalType": "integer", "required": True, "unique": True}}, table={
        "quality": [{"type": "sql", "query": "SELECT count(*) FROM orders WHERE amount < 0", "mustBe": 0}]
    })  # fmt: skip
    shop.run("INSERT INTO orders VALUES (8, 'x', 'north', -1, '2026-02-01', 'y')")

    with pytest.raises(ContractBroken, match="WFT-CHK-001"):
        shop.apply()
    shop.run("DELETE FROM orders WHERE id = 8")
    assert shop.apply().published


def test_without_a_watermark_each_apply_looks_again_and_with_one_only_when_the_table_has_moved(shop):
    shop.apply()
    assert shop.apply().published
    shop.product({"connection": "db", "table": "public.orders", "watermark": "id"})
    shop.apply()

    with weft.open(shop.root) as mesh:
        assert mesh.plan().is_empty
    shop.run("INSERT INTO orders VALUES (9, 'x', 'north', 1, '2026-02-01', 'y')")
    with weft.open(shop.root) as mesh:
        plan = mesh.plan()
    assert [c.reason for c in plan.changes] == ["`db.public.orders`, in which it lives, has moved"]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ({"connection": "nowhere", "table": "orders"}, "WFT-SRC-020"),
        ({"connection": "db", "table": "order"}, "WFT-SRC-024"),
        ({"connection": "db", "table": "orders", "watermark": "secrets"}, "WFT-SRC-025"),
        ({"connection": "db"}, "WFT-PRJ-029"),
        ({"connection": "db", "query": "select 1"}, "WFT-PRJ-029"),
        ("orders", "WFT-PRJ-029"),
    ],
)
def test_what_is_wrong_with_a_place_is_said_when_it_is_checked(shop, source, code):
    shop.product(source)

    with weft.open(shop.root) as mesh:
        found = mesh.check()

    assert code in {d.code for d in found.diagnostics}


def test_columns_that_are_missing_or_of_another_type_are_said_with_the_table(shop):
    shop.contract(COLUMNS | {"amont": "number", "customer": "integer"})

    with weft.open(shop.root) as mesh:
        found = {d.code: d for d in mesh.check().diagnostics}

    assert "`amont` of the contract is not in `db.orders`" in found["WFT-CON-001"].what
    assert "`amount`" in str(found["WFT-CON-001"].fix)
    assert "`customer` is VARCHAR in `db.orders`" in found["WFT-CON-003"].what


def test_a_port_with_a_model_and_a_table_is_neither(shop):
    model = shop.root / "domains/shop/sales/models/orders.sql"
    model.parent.mkdir()
    model.write_text("select 1 as id")

    with weft.open(shop.root) as mesh:
        assert "WFT-PRJ-030" in {d.code for d in mesh.check().diagnostics}


def test_a_port_cannot_live_in_a_mysql(tmp_path):
    shop = LiveShop(tmp_path, "mysql://weft@127.0.0.1:1/weft", kind="mysql")

    with weft.open(shop.root) as mesh:
        assert "WFT-SRC-053" in {d.code for d in mesh.check().diagnostics}


# somebody else reads


@pytest.fixture
def platform(shop: LiveShop) -> Iterator[Any]:
    shop.policies(POLICIES)
    shop.apply()
    with closing(open_platform(shop.root)) as made:
        for name in ("eve", "ann"):
            address, now = parse_address(f"{PORT}@1"), made.rooms.now()
            made.scanning.grants.grant(address, "user", name, basis="request", actor="x", at=now, ends_at=None)
        yield made


def asked(platform: Any, sql: str, who: str = "eve", **more: Any) -> list[tuple[Any, ...]]:
    found = platform.rooms.door.query(platform.rooms.principal_named(who), sql, **more).arrow()
    return [tuple(row.values()) for row in found.to_pylist()]


def test_a_reader_is_given_masked_values_of_shown_rows_and_nothing_else_leaves_the_database(shop, platform):
    rows = asked(platform, f"select id, customer, region from {PORT} order by id")
    eve, door = platform.rooms.principal_named("eve"), platform.rooms.door
    with door.fetching.fetched(eve, door.opened(eve, [PORT])) as ready, duckdb.connect() as raw:
        (file,) = ready.paths
        left = raw.execute(f"SELECT * FROM '{file}'").fetchall()
        names = [column[0] for column in raw.description]

    assert [(i, len(c), r) for i, c, r in rows] == [(3, 64, "north"), (6, 64, "north")]
    assert names == ["id", "customer", "region", "amount", "day"]
    assert [row[0] for row in left] == [3, 6]
    assert not any("@" in str(value) or "hidden" in str(value) for row in left for value in row)
    assert no_files(shop)


def statements(shop: LiveShop) -> list[str]:
    """What the server runs for weft now."""
    found = shop.run("SELECT query FROM pg_stat_activity WHERE application_name = 'weft' AND state = 'active'")
    return [str(query) for (query,) in found]


def test_the_owner_and_a_reader_with_masks_join_alike_with_a_port_in_files(shop, platform):
    """The salt is the grant's, so that a hash of the database is the hash of a file."""
    eve = platform.rooms.principal_named("eve")
    opened = platform.rooms.door.open(eve, parse_address(PORT))
    cell = opened.decision.layers[0].cells["customer"]
    (shown,) = asked(platform, f"select customer from {PORT} where id = 3")

    with duckdb.connect() as made:
        (expected,) = made.execute("SELECT sha256(? || ':customer 3@example.org')", [cell.salt]).fetchone()
    assert shown == (expected,)


def test_a_question_is_narrowed_to_what_it_can_use(shop, platform):
    door, eve = platform.rooms.door, platform.rooms.principal_named("eve")

    def sent(sql: str, rows: int | None = None) -> str:
        one = door.open(eve, parse_address(PORT))
        with (
            platform.rooms.engine.session() as session,
            opened_live(platform.rooms.settings.connections["db"]) as there,
        ):
            wanted = Wanted(narrowed(session.parse(sql)), rows)
            return str(platform.rooms.live.sql(one, there.described(one.live.table), wanted).sql)

    table = '"public"."orders"'
    north = """(("region" = 'north'))"""
    assert sent(f"select count(*) from {PORT}") == f'SELECT 1 AS "~row" FROM {table} WHERE {north}'
    assert sent(f"select id from {PORT} as o where o.id in (1, 2) and lower(region) = 'x'") == (
        f'SELECT "id" AS "id", "region" AS "region" FROM {table} WHERE {north} AND ("id" IN ((1), (2)))'
    )
    assert sent(f"select id from {PORT} where customer = 'a'").endswith(north), "a mask is not looked behind"
    assert sent(f"select id from {PORT} where secret = 'a'").endswith(north), "nor at what is not shown"
    assert sent(f"select id from {PORT} limit 3").endswith(f"{north} LIMIT 3")
    assert sent(f"select id from {PORT} order by id desc limit 3").endswith('ORDER BY "id" DESC NULLS LAST LIMIT 3')
    assert sent(f"select id from {PORT} order by customer limit 3").endswith(north)
    assert sent(f"select id from {PORT}", rows=10).endswith("LIMIT 11")
    assert sent(f"select max(id) from {PORT} limit 3").endswith(north)
    assert sent(f"select id from {PORT} where lower(region) = 'x' limit 3").endswith(north)
    assert '"customer"' in sent(f"select o from {PORT} as o"), "a row as a whole has all columns"


QUESTIONS = [
    "select id, region from {} order by region desc, id limit 3",
    "select id, region from {} order by region desc nulls first, id desc limit 3",
    "select id, region from {} order by region asc nulls first, id limit 5",
    "select id, region, cast(id as varchar) as t from {} where id <> 3 order by region, id limit 5 offset 1",
    "select * from {} order by id",
    "select o from {} as o order by id",
    "select count(*), count(region) from {}",
    "select region, sum(amount) from {} group by region order by all",
    "from {} order by id limit 2 offset 1",
    "select id from {} where region is null order by id",
    "select id from {} where region is not null and amount > 2 order by id",
    "select id from {} where id between 2 and 4 or region = 'north' order by id",
    "select distinct region from {} order by all",
    "select a.id from {} a join {} b using (id) where b.amount > 3 order by 1",
    "select id as region from {} where region = 'north'",
    "select * exclude (amount) from {} where day >= '2026-01-04' order by id",
    "select columns('i|r') from {} order by id",
    "select id from {} where customer like 'customer%' and id in (1, 3, 99) order by id",
    "select max(day) - min(day) from {}",
    "with t as (from {} where id > 2) select count(*) from t where id < 5",
    "select id, row_number() over (order by id desc) r from {} order by 1 limit 2",
    "select (select max(id) from {}) as m, id from {} where id = 1",
    "select unnest([1, 2]) as u, id from {} order by all limit 3",
    "select id from {} where id = 3 union all select id from {} where id = 4 order by 1",
    "select count(*) from {} where amount = 3.0",
    "select id % 2 as odd, list(id order by id) from {} group by 1 order by 1",
    "select -id as id from {} order by id limit 2",
    "select id from {} using sample 100 percent order by id",
    "summarize select id from {}",
    "select id from {} where (region, id) = ('north', 3)",
    "pivot (select region, id from {}) on region using count(*)",
    "select struct_pack(id, region) from {} order by id",
    "select id from {} where id > (select avg(id) from {}) order by id",
    "select #1 from {} order by 1",
    "select id from {} o where o.id > 2 order by o.day desc limit 1",
]


def test_a_narrowed_question_has_the_answer_that_the_rows_in_files_would_give(shop, platform):
    def rows(sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in mesh.query(sql).arrow().to_pylist()]

    with duckdb.connect() as files, weft.open(shop.root) as mesh:
        files.execute("SET timezone = 'UTC'")
        everything = shop.rows(f"select * from {PORT}")
        files.execute(
            "CREATE TABLE orders (id INTEGER, customer VARCHAR, region VARCHAR, amount DECIMAL(10,2), day DATE)"
        )
        files.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", everything)
        for text in QUESTIONS:
            try:
                expected = files.execute(text.replace("{}", "orders")).fetchall()
            except duckdb.Error as problem:
                raise AssertionError(text) from problem
            try:
                found = rows(text.replace("{}", PORT))
            except WeftError as problem:
                if problem.diagnostics[0].code.startswith("WFT-SQL"):
                    continue  # the walker has its own list of what may be asked
                raise
            assert [tuple(map(str, row)) for row in found] == [tuple(map(str, row)) for row in expected], text


def test_a_table_has_no_former_versions(shop, platform):
    with weft.open(shop.root) as mesh:
        snapshot = mesh.query(f"select 1 as one from {PORT} limit 1").snapshots[f"{PORT}@1"]
        for at in ("2026-01-01", "2099-01-01T00:00:00Z", {f"{PORT}@1": "1234"}):
            with pytest.raises(UsageError, match=r"WFT-ACC-056|WFT-RUN-005"):
                mesh.query(f"select count(*) from {PORT}", at=at)
        assert mesh.query(f"select count(*) from {PORT}", at=snapshot).arrow().num_rows == 1


def test_an_answer_says_that_it_is_live_and_is_never_kept(shop, platform):
    sql = f"select count(*) as n from {PORT}"
    told = platform.rooms.door.query(platform.rooms.principal_named("eve"), sql)
    first = asked(platform, sql)
    shop.run("INSERT INTO orders VALUES (30, 'x', 'north', 1, '2026-02-01', 'y')")

    assert any("lives in a database: its rows as of " in note for note in told.notes)
    assert [first, asked(platform, sql)] == [[(2,)], [(3,)]]


def test_a_filter_that_the_database_cannot_say_shows_nothing_and_raw_rows_do_not_leave(shop, platform):
    shop.policies(POLICIES.replace("region = 'north'", "lower(region) = 'north'"))

    with pytest.raises(AccessDenied, match="WFT-ACC-055") as told:
        asked(platform, f"select count(*) from {PORT}")
    assert "lower" not in str(told.value)
    assert no_files(shop)


def test_what_the_server_says_is_not_for_readers(shop, platform):
    shop.run("ALTER TABLE orders RENAME TO away")

    with pytest.raises(SourceError, match="WFT-SRC-056") as told:
        asked(platform, f"select id from {PORT}")
    assert "127.0.0.1" not in str(told.value)
    with pytest.raises(SourceError, match="WFT-SRC-055"):
        shop.rows(f"select id from {PORT}")
    shop.run("ALTER TABLE away RENAME TO orders", "ALTER TABLE orders ALTER amount TYPE text")
    with pytest.raises(SourceError, match="WFT-SRC-055"):
        shop.rows(f"select id from {PORT}")


def test_a_right_that_the_connections_user_has_lost_is_told_to_the_owner_and_is_no_fault_of_a_reader(shop, platform):
    shop.run("DROP ROLE IF EXISTS less_and_less", "CREATE ROLE less_and_less LOGIN")
    shop.run("GRANT SELECT ON orders TO less_and_less")
    (shop.root / "dsn").write_text(shop.url.replace("weft@", "less_and_less@"))
    try:
        before = asked(platform, f"select id from {PORT}")
        shop.run("REVOKE SELECT ON orders FROM less_and_less", "GRANT SELECT (id, region) ON orders TO less_and_less")
        still = asked(platform, f"select id from {PORT}")
        with pytest.raises(SourceError, match="WFT-SRC-056") as told:
            asked(platform, f"select id, day from {PORT}")
        with pytest.raises(SourceError, match="WFT-SRC-010") as owned:
            shop.rows(f"select id, day from {PORT}")
        with pytest.raises(SourceError, match="WFT-SRC-010"):
            shop.apply()
    finally:
        (shop.root / "dsn").write_text(shop.url)
        shop.run("DROP OWNED BY less_and_less", "DROP ROLE less_and_less")

    assert before == still != []
    assert told.value.diagnostics[0].fix == "try again later, or ask its owner"
    assert "SELECT" in str(owned.value.diagnostics[0].fix)


def test_whoever_reads_what_fails_in_the_database_is_told_what_to_do_and_no_value(shop):
    """The words are the same for each failure: a value of a row that is hidden may have made it."""
    shop.apply()
    shop.run(
        "ALTER TABLE orders RENAME TO kept",
        "CREATE VIEW orders AS SELECT id, customer, region, (amount / (id - 3))::numeric(10,2) AS amount, day"
        " FROM kept",
    )

    with pytest.raises(UserCodeError, match="WFT-ENG-001") as told:
        as_eve(shop, f"select amount from {PORT}")

    (problem,) = told.value.diagnostics
    assert (bool(problem.why), problem.fix) == (True, "name fewer columns, or ask its owner")
    assert "zero" not in str(told.value)


def as_eve(shop: LiveShop, sql: str) -> list[tuple[Any, ...]]:
    """What somebody gets who has a grant, once the port is published."""
    with closing(open_platform(shop.root)) as platform:
        now = platform.rooms.now()
        address = parse_address(f"{PORT}@1")
        platform.scanning.grants.grant(address, "user", "eve", basis="request", actor="x", at=now, ends_at=None)
        return asked(platform, sql)


def test_a_condition_of_the_question_is_never_asked_of_a_view(shop):
    """A view makes its values when it is read: on a row that is hidden it may fail, and that would tell of it."""
    shop.run(
        "CREATE VIEW shown AS SELECT id, customer, region, amount, day, 10 / (id - 1) AS share FROM orders",
    )
    shop.contract(COLUMNS | {"share": "integer"})
    shop.product({"connection": "db", "table": "shown"})
    shop.policies(POLICIES)
    shop.run("DELETE FROM orders WHERE id = 1")
    shop.apply()
    shop.run("INSERT INTO orders VALUES (1, 'x', 'south', 1, '2026-02-01', 'y')")

    assert as_eve(shop, f"select id, share from {PORT} where share > 1 order by id") == [(3, 5), (6, 2)]


@pytest.mark.parametrize(
    "parts",
    [
        ("CREATE TABLE parts ({}) PARTITION BY RANGE (id)", "PARTITION OF parts FOR VALUES FROM (0) TO (100)"),
        ("CREATE TABLE parts ({})", "({}) INHERITS (parts)"),
    ],
    ids=["partition", "child"],
)
def test_a_condition_of_the_question_is_never_asked_of_a_table_with_a_foreign_part(shop, parts):
    """A part elsewhere may be a view there, which makes its values of hidden rows too when one of them is asked for."""
    columns = "id integer, customer text, region varchar(10), amount numeric(10,2), day date, share integer"
    server = psycopg.conninfo.conninfo_to_dict(shop.url)
    options = ", ".join(f"{name} '{server[name]}'" for name in ("host", "port", "dbname"))
    parent, part = (text.replace("{}", columns) for text in parts)
    shop.run(
        "DELETE FROM orders WHERE id = 1",
        "CREATE VIEW shown AS SELECT id, customer, region, amount, day, 10 / (id - 1) AS share FROM orders",
        "CREATE EXTENSION postgres_fdw",
        f"CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({options})",
        f"CREATE USER MAPPING FOR PUBLIC SERVER away OPTIONS (user '{server['user']}', password_required 'false')",
        parent,
        f"CREATE FOREIGN TABLE away {part} SERVER away OPTIONS (table_name 'shown')",
    )
    shop.contract(COLUMNS | {"share": "integer"})
    shop.product({"connection": "db", "table": "parts"})
    # what costs the server more than the reader's condition is looked at behind it
    shop.policies(
        POLICIES.replace(
            "region = 'north'", "region = 'north' OR amount < -1 OR day < '1970-01-01' OR customer = 'none'"
        )
    )
    shop.apply()
    shop.run("INSERT INTO orders VALUES (1, 'x', 'south', 1, '2026-02-01', 'y')")

    assert as_eve(shop, f"select id, share from {PORT} where share > 1 order by id") == [(3, 5), (6, 2)]


def test_a_query_that_takes_too_long_ends_on_the_server(shop, platform):
    shop.run(
        "CREATE FUNCTION slowly(integer) RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT $1 FROM pg_sleep(30)'",
        "ALTER TABLE orders RENAME TO kept",
        "CREATE VIEW orders AS SELECT slowly(id) AS id, customer, region, amount, day FROM kept",
    )
    door, eve = platform.rooms.door, platform.rooms.principal_named("eve")
    opened = door.opened(eve, [PORT])
    began = time.monotonic()
    with pytest.raises(UserCodeError, match="WFT-ENG-003"), door.fetching.fetched(eve, opened, seconds=0.5):
        pass
    assert time.monotonic() - began < 10
    gone = threading.Event()
    threading.Timer(0.5, gone.set).start()
    with pytest.raises(Unwanted), platform.rooms.live.fetched(opened.ports, Wanted(), 60, gone.is_set):
        pass

    assert time.monotonic() - began < 20
    assert statements(shop) == []
    assert no_files(shop)


def test_what_a_process_left_that_was_killed_goes_with_the_next_fetch(shop, platform):
    code = (
        "import os, sys, weft\n"
        f"with weft.open({str(shop.root)!r}) as mesh:\n"
        "    door = mesh._rooms.door\n"
        "    who = mesh._rooms.principal()\n"
        f"    held = door.fetching.fetched(who, door.opened(who, [{PORT!r}]))\n"
        "    held.__enter__()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False, env=os.environ)
    assert not no_files(shop)

    asked(platform, f"select id from {PORT}")

    assert no_files(shop)


def test_a_product_is_built_from_such_a_port_and_again_when_it_was_looked_at_again(shop):
    shop.write(
        "norths/product.odps.yaml",
        {
            "apiVersion": "v1.0.0", "kind": "DataProduct", "id": "0b7b7c1e-5d3c-4f2c-9f4e-0d1f2a3b4c5d",
            "name": "norths", "status": "active",
            "inputPorts": [{"name": "orders", "version": "1.0.0", "contractId": "none",
                            "customProperties": [{"property": "weft.port", "value": f"{PORT}@1"}]}],
            "outputPorts": [{"name": "sums", "version": "1.0.0", "contractId": "6a1f8a9c-7b1d-4e0a-8c55-1f2e3d4c5b6a"}],
        },
    )  # fmt: skip
    shop.write(
        "norths/contracts/sums.odcs.yaml",
        {
            "apiVersion": "v3.1.0", "kind": "DataContract", "id": "6a1f8a9c-7b1d-4e0a-8c55-1f2e3d4c5b6a",
            "name": "sums", "version": "1.0.0", "status": "active",
            "schema": [{"name": "sums", "properties": [{"name": "region", "logicalType": "string"},
                                                       {"name": "n", "logicalType": "integer"}]}],
        },
    )  # fmt: skip
    model = shop.root / "domains/shop/norths/models/sums.sql"
    model.parent.mkdir(parents=True)
    model.write_text("select region, count(*) as n from orders group by all")

    shop.apply()
    first = shop.rows("select n from shop.norths.sums where region = 'north'")
    shop.run("INSERT INTO orders VALUES (33, 'x', 'north', 1, '2026-02-01', 'y')")
    shop.apply()

    assert [first, shop.rows("select n from shop.norths.sums where region = 'north'")] == [[(2,)], [(3,)]]
    assert not list((shop.root / ".weft/tmp").glob("*/*")), "what was fetched for the run is gone"
    with weft.open(shop.root) as mesh:
        found = mesh.lineage(f"{PORT}@1")
    assert "norths" in str(found)


def test_a_port_moves_from_a_table_to_a_model_and_back(shop):
    shop.apply()
    model = shop.root / "domains/shop/sales/models/orders.sql"
    model.parent.mkdir()
    model.write_text(
        "select 1::integer as id, 'x' as customer, 'north' as region, 1.5::decimal(10,2) as amount,"
        " date '2026-01-01' as day"
    )
    shop.product(None)
    shop.apply()
    made = shop.rows(f"select count(*) from {PORT}")
    with weft.open(shop.root) as mesh:
        files = mesh.query(f"select id from {PORT}").snapshots[f"{PORT}@1"]
    model.unlink()
    shop.product({"connection": "db", "table": "orders"})
    shop.apply()

    assert [made, shop.rows(f"select count(*) from {PORT}")] == [[(1,)], [(6,)]]
    assert shop.rows(f"select count(*) from {PORT}", at=files) == [(1,)], "what lay in files is there as it was"
    shop.apply()
    with weft.open(shop.root) as mesh:
        mesh.rollback(PORT, files, reason="the table is wrong")
    assert shop.rows(f"select count(*) from {PORT}") == [(1,)]


def test_the_contract_is_verified_where_the_rows_are(shop, platform):
    with weft.open(shop.root) as mesh:
        first = mesh.verify(PORT)
        shop.run("ALTER TABLE orders DROP COLUMN day")
        again = mesh.verify(PORT)

    assert (first.rows, first.result, again.result) == (6, "passed", "failed")


def test_a_contract_of_a_table_is_not_completed_from_a_model_that_there_is_not(shop):
    """Nor from the table: what it promises is what readers see."""
    with weft.open(shop.root) as mesh, pytest.raises(UsageError, match="lives in a table of a database") as told:
        mesh.sync(PORT)
    contract = shop.root / "domains/shop/sales/contracts/orders.odcs.yaml"
    contract.unlink()
    with weft.open(shop.root) as mesh:
        (missing,) = [d for d in mesh.check().diagnostics if d.code == "WFT-PRJ-011"]

    assert "model" not in str(told.value.diagnostics[0].fix)
    assert "weft contract import postgres" in str(missing.fix)


def test_environments_and_verbs_around_such_a_port_do_something_sensible(shop, platform):
    with weft.open(shop.root) as mesh:
        shown = json.dumps(mesh.show(f"{PORT}@1"), default=str)
        lineage, history, runs = mesh.lineage(PORT), mesh.history(PORT), mesh.runs(PORT)

    assert "db.public.orders" in shown
    assert "orders_in_db" in str(lineage)
    assert history
    assert runs
    done = subprocess.run(
        command("apply", "--env", "dev"),
        cwd=shop.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# a domain in a repository of its own


@pytest.fixture
def company(tmp_path: Path, postgres: str) -> Iterator[tuple[TestServer, LiveShop, Any]]:
    """A server with the connection `db`, and the domain `shop` elsewhere with its own."""
    with empty_database(postgres) as url:
        (tmp_path / "server").mkdir()
        (tmp_path / "server/dsn").write_text(url)
        with serving(tmp_path / "server", settings=SERVED) as server:
            (tmp_path / "shop").mkdir()
            shop = LiveShop(tmp_path / "shop", url)
            shop.orders()
            yield server, shop, shop.handed_in_to(server)


def test_a_server_checks_the_table_of_a_domain_elsewhere_itself_and_answers_from_it(company):
    server, _, mesh = company
    ran = mesh.weft("apply")
    assert ran.returncode == 0, ran.stderr
    secret = {"Authorization": f"Bearer {server.token('ada')}"}

    def get(path: str, **asked: Any) -> httpx.Response:
        return httpx.get(f"{server.url}{path}", params=asked, headers=secret, timeout=60)

    answer = httpx.post(
        f"{server.url}/api/v1/query",
        json={"sql": f"select id, region from {PORT} where region = 'north' order by id"},
        headers=secret | {"Accept": "application/json"},
        timeout=60,
    )
    first = get(f"/api/v1/data/{PORT}@1", limit=4, order="-id")
    rest = get(f"/api/v1/data/{PORT}@1", limit=4, order="-id", cursor=first.json()["next"])
    link = httpx.post(f"{server.url}/api/v1/data/{PORT}@1/links", json={"lasts": "1h"}, headers=secret, timeout=60)
    iceberg = get("/iceberg/v1/namespaces/shop%1Fsales/tables/orders")
    again = get(f"/api/v1/data/{PORT}@1", limit=4, order="-id")

    assert answer.json()["rows"] == [[3, "north"], [6, "north"]]
    assert [row["id"] for row in first.json()["rows"]] == [6, 5, 4, 3]
    assert [row["id"] for row in rest.json()["rows"]] == [2, 1]
    assert first.headers["etag"] != again.headers["etag"], "no answer of a live table is the one of before"
    assert "lives in a database" in link.text, link.text
    assert "lives in a database" in iceberg.text, iceberg.text
    with closing(open_platform(server.root)) as platform:
        state = platform.rooms.published(f"{PORT}@1")
        edges = platform.rooms.production.lineage([f"{PORT}@1.id"], up=True, depth=2)
    assert (state.live.connection, state.live.table, state.live.rows, state.published_by) == ("db", "orders", 6, "ada")
    assert edges


def test_a_domain_that_a_connection_does_not_name_publishes_nothing_from_it(company):
    server, _, mesh = company
    (server.root / "weft.toml").write_text((server.root / "weft.toml").read_text().replace('["shop"]', '["crew"]'))
    server.process.terminate()
    server.process.wait(30)
    with serving(server.root) as again:
        mesh.edit("weft.toml", server.url, again.url)
        ran = mesh.weft("apply")

    assert ran.returncode != 0
    assert "WFT-SRC-054" in ran.stderr + ran.stdout


def test_a_server_believes_no_runner_what_the_table_holds(company):
    """The runner looks at a database of its own that is sound; the server's has a row that breaks the contract."""
    _, shop, mesh = company
    shop.contract(COLUMNS | {"region": {"logicalType": "string", "required": True}})
    with empty_database(shop.url) as own:
        (shop.root / "dsn").write_text(own)
        LiveShop.orders(_At(own))  # type: ignore[arg-type]
        _At(own).run("UPDATE orders SET region = 'x' WHERE region IS NULL")
        ran = mesh.weft("apply")

    assert ran.returncode != 0
    assert "WFT-CHK-001" in ran.stderr + ran.stdout


class _At(LiveShop):
    def __init__(self, url: str) -> None:
        self.url = url


# pages and private tables of those who ask a server


EVE = Caller("eve", "user")


def test_the_portal_shows_a_sample_and_counts_values_as_the_reader_sees_them(shop, platform):
    address = parse_address(f"{PORT}@1")
    way = Way("http://127.0.0.1", None, "eve")

    def page(tab: str, **detail: Any) -> dict[str, Any]:
        return port_pages.port(platform, EVE, address, Asked(tab, way), port_pages.Detail(**detail))

    sample, counted = page("sample"), page("profile", counted=True)

    assert sample["lives_in"] == "db.public.orders"
    assert sample["refused"] == []
    assert sorted((row["id"], len(row["customer"])) for row in sample["sample"]["rows"]) == [(3, 64), (6, 64)]
    assert counted["refused"] == []
    assert counted["counted"]["rows"] == 2


def test_no_way_to_connect_is_offered_that_needs_files_which_such_a_port_has_not(shop, platform):
    (shop.root / "governance/access.yaml").unlink()
    address = parse_address(f"{PORT}@1")
    asked = Asked("connect", Way("http://127.0.0.1", None, "eve"))

    port = port_pages.port(platform, EVE, address, asked, port_pages.Detail())
    product = product_pages.product(platform, EVE, address.of_product, asked)

    for page in (port, product):
        assert [one["id"] for one in page["snippets"]] == ["sql", "python", "curl"]


def test_a_private_table_made_from_such_a_port_holds_as_long_as_the_rights_do(shop, platform):
    sql = f"select id, customer from {PORT}"
    platform.workspaces.make(EVE, "mine", Question(sql, Form.PARQUET))
    shop.apply()

    def own() -> list[dict[str, Any]]:
        streamed = platform.querying.ask(EVE, Question("select count(*) as n from my.workspace.mine", Form.NDJSON))
        return [json.loads(line) for line in b"".join(streamed).splitlines()]

    assert own() == [{"n": 2}]
    shop.policies(POLICIES.replace("north", "south"))
    with pytest.raises(AccessDenied, match="WFT-ACC-049"):
        own()
