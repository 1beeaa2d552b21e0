"""Landed rows when the binding is edited, the clock goes back, or an overlap leads out of a column's type."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.scenarios.test_database_sources import Server, Shop
from weft import wiring

INCREMENTAL = {"table": "orders", "mode": "incremental", "cursor": "changed"}


@pytest.fixture(params=["postgres", "mysql"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    name = {"postgres": "postgres", "mysql": "mariadb"}[request.param]
    yield Server(request.getfixturevalue(name), request.param)


def test_a_key_that_is_added_to_a_landed_source_makes_other_rows_and_builds_them(
    server: Server, tmp_path: Path
) -> None:
    server.add((1, 10, 1), (1, 11, 2), (2, 20, 3))
    shop = Shop(tmp_path, server.url, INCREMENTAL, server.kind)
    shop.build()
    assert shop.amounts() == [(1, 10), (1, 11), (2, 20)]

    shop.source(INCREMENTAL | {"key": ["id"]})

    assert shop.build() == "published"
    assert shop.amounts() == [(1, 11), (2, 20)]


def test_a_column_of_deletes_that_is_added_later_takes_deleted_rows_away(server: Server, tmp_path: Path) -> None:
    server.add((1, 10, 1), (2, 20, 3))
    server.run("UPDATE orders SET gone = '2026-01-01 10:30:00' WHERE id = 2")
    source = INCREMENTAL | {"key": ["id"]}
    shop = Shop(tmp_path, server.url, source, server.kind)
    shop.build()
    assert shop.amounts() == [(1, 10), (2, 20)]

    shop.source(source | {"deletes": {"column": "gone"}})

    assert shop.build() == "published"
    assert shop.amounts() == [(1, 10)]


@pytest.mark.parametrize("source", [{"table": "orders"}, INCREMENTAL], ids=["full", "incremental"])
def test_what_is_landed_last_counts_also_when_the_clock_has_gone_back(
    server: Server, tmp_path: Path, source: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add((1, 10, 1))
    shop = Shop(tmp_path, server.url, source, server.kind)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=40)
    with monkeypatch.context() as clock:
        clock.setattr(wiring, "clock", lambda: later)
        shop.build()

    server.add((2, 20, 2))
    with weft.open(tmp_path) as mesh:
        assert mesh.apply().published

    assert shop.amounts() == [(1, 10), (2, 20)]
    server.add((3, 30, 3))
    assert shop.build() == "published"
    assert shop.amounts() == [(1, 10), (2, 20), (3, 30)]


def test_a_source_that_was_asked_in_a_time_that_has_not_come_is_asked_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add((1, 10, 1))
    shop = Shop(tmp_path, server.url, {"table": "orders", "refresh": "1h"}, server.kind)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=40)
    with monkeypatch.context() as clock:
        clock.setattr(wiring, "clock", lambda: later)
        shop.build()

    server.add((2, 20, 2))

    assert shop.build() == "published"
    assert shop.amounts() == [(1, 10), (2, 20)]


def test_each_digit_of_an_overlap_counts(server: Server, tmp_path: Path) -> None:
    server.add((1, 10_000_000, 1))
    source = {"table": "orders", "mode": "incremental", "cursor": "amount", "overlap": 1_234_564}
    shop = Shop(tmp_path, server.url, source, server.kind)
    shop.build()

    server.add((2, 10_000_000 - 1_234_564, 1), (3, 10_000_001, 1))
    shop.build()

    assert shop.amounts() == [(1, 10_000_000), (2, 8_765_436), (3, 10_000_001)]


@pytest.mark.parametrize("overlap", [100_000, 0.5])
def test_an_overlap_that_leads_below_the_smallest_number_begins_with_that(
    server: Server, tmp_path: Path, overlap: float
) -> None:
    kind = "smallint" if server.kind == "postgres" else "smallint unsigned"
    server.run(
        "DROP TABLE orders", f"CREATE TABLE orders (id {kind}, amount bigint)", "INSERT INTO orders VALUES (5, 1)"
    )
    source = {"table": "orders", "mode": "incremental", "cursor": "id", "overlap": overlap}
    shop = Shop(tmp_path, server.url, source, server.kind)
    shop.build()

    server.run("INSERT INTO orders VALUES (6, 1), (4, 1)")
    shop.build()

    assert shop.amounts() == [(4, 1), (5, 1), (6, 1)]
