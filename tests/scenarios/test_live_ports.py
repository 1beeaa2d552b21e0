"""A port that lives in a table of a PostgreSQL: declared, checked in place, published without a file, and read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live_ports import LiveShop
from tests.servers import empty_database


@pytest.fixture
def shop(tmp_path: Path, postgres: str) -> Iterator[LiveShop]:
    with empty_database(postgres) as url:
        made = LiveShop(tmp_path, url)
        made.orders()
        yield made


def test_a_port_that_lives_in_a_table_is_published_without_files_and_read_as_it_is_now(shop):
    done = shop.apply()

    assert [(str(p.address), p.rows) for p in done.published] == [("shop.sales.orders@1", 6)]
    assert shop.rows("select count(*), sum(amount) from shop.sales.orders") == [(6, pytest.approx(31.5))]
    assert not list((shop.root / ".weft").rglob("*.parquet"))
    shop.run("INSERT INTO orders VALUES (7, 'x', 'north', 100, '2026-02-01', 'y')")
    assert shop.rows("select id, customer, region, amount, day from shop.sales.orders where id > 6")[0][0] == 7
    assert not list((shop.root / ".weft").rglob("*.parquet")), "what was fetched is gone"
