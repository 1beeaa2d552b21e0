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
import pytest

import weft
from tests.live_ports import COLUMNS, LiveShop
from tests.servers import empty_database
from weft.api.platform import open_platform
from weft.errors import AccessDenied, ContractBroken, SourceError, UsageError, UserCodeError, WeftError
from weft.model.address import parse_address

PORT = "shop.sales.orders"
POLICIES = """
version: 1
rules:
  - id: region-of-the-reader
    filter: region = 'north'
    applies: {ports: [shop.sales.orders]}
  - id: hashed-customers
    mask: hash
    columns: [customer]
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
    shop.policies(
        "rules:\n"
        "  - {id: north, effect: filter, when: {users: [eve]}, condition: \"region = 'north'\"}\n"
        "  - {id: hashed, effect: mask, columns: [customer], when: {users: [eve]}, mask: hash}\n"
    )
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
    with door.fetched(eve, door.opened(eve, [PORT])) as ready, duckdb.connect() as raw:
        (file,) = ready.paths
        left = raw.execute(f"SELECT * FROM '{file}'").fetchall()
        names = [column[0] for column in raw.description]

    assert [(i, len(c), r) for i, c, r in rows] == [(3, 64, "north"), (6, 64, "north")]
    assert names == ["id", "customer", "region", "amount", "day"]
    assert [row[0] for row in left] == [3, 6]
    assert not any("@" in str(value) or "hidden" in str(value) for row in left for value in row)
    assert no_files(shop)
