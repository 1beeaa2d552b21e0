"""The index of a server: it follows what moves, by what moved, and many threads may ask it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.conformance.test_registry import A, publication, publish
from tests.open_files import open_files
from weft.catalog.listing import Asked, listed
from weft.catalog.live import LiveIndex
from weft.catalog.looks import LOOKED_AT, Within
from weft.catalog.search import found_in
from weft.errors import PlatformError
from weft.model.address import Address
from weft.model.records import DomainRecord, ProductRecord
from weft.registry.at_once import MustWaitError, at_once
from weft.registry.sqlite import SqliteRegistry


class Counting(SqliteRegistry):
    """Says which products were looked at."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.looked_at: list[str] = []

    def ports_of(self, product):
        self.looked_at.append(str(product))
        return super().ports_of(product)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Counting]:
    made = Counting(tmp_path / "registry.db")
    yield made
    made.close()


@pytest.fixture
def index(tmp_path: Path, registry: Counting) -> Iterator[LiveIndex]:
    made = LiveIndex(tmp_path / "server" / "index.db", registry)
    yield made
    made.close()


def add(registry, domain: str, product: str, title: str = "Things", team: str = "Team", snapshot: str = "1") -> None:
    """Publishes a product of one port."""
    port = Address(domain, product, "things", 1)
    record = ProductRecord(port.of_product, title, "active", None, (), "mesh", (), {})
    publish(
        registry,
        publication(port, snapshot),
        product=record,
        domain=DomainRecord(domain, domain.title(), "aggregate", None, team, None, {}),
    )


def names(index: LiveIndex, kind: str = "product", **asked) -> list[str]:
    with index.reading() as connection:
        lines, _ = listed(connection, Asked(kind, **asked))
    return [line.split('"')[3] for line in lines]


def owners(index: LiveIndex) -> dict[str, int]:
    with index.reading() as connection:
        return dict(connection.execute("SELECT owner, count(*) FROM listed WHERE kind = 'product' GROUP BY 1"))


def test_what_is_published_is_listed_at_once_and_nothing_else_is_read_for_it(registry, index):
    for number in range(5):
        add(registry, "stock", f"p{number}")
    assert names(index) == [f"stock.p{n}" for n in range(5)]

    registry.looked_at.clear()
    add(registry, "stock", "p9")

    assert names(index) == [*(f"stock.p{n}" for n in range(5)), "stock.p9"]
    assert registry.looked_at == ["stock.p9"]
    registry.looked_at.clear()
    assert len(names(index)) == 6
    assert registry.looked_at == []


def test_a_domain_that_gets_another_team_moves_all_its_products(registry, index):
    add(registry, "stock", "a", team="Old")
    add(registry, "stock", "b", team="Old")
    add(registry, "sales", "c", team="Old")
    assert owners(index) == {"Old": 3}

    add(registry, "stock", "a", team="New", snapshot="2")

    assert owners(index) == {"New": 2, "Old": 1}


def test_a_registry_that_was_put_back_from_a_copy_is_read_anew(registry, index, tmp_path):
    add(registry, "stock", "a")
    add(registry, "stock", "b")
    assert names(index) == ["stock.a", "stock.b"]
    index.close()

    other = SqliteRegistry(tmp_path / "other.db")
    add(other, "stock", "z")
    add(other, "stock", "y")
    add(other, "stock", "x")
    after = LiveIndex(tmp_path / "server" / "index.db", other)

    assert names(after) == ["stock.x", "stock.y", "stock.z"]
    after.close()
    other.close()


def test_counts_of_words_and_entries_stay_true_when_products_change(registry, index, tmp_path):
    for number in range(6):
        add(registry, "stock", f"p{number}", title="Green things")
        names(index)
    for number in range(6):
        add(registry, "stock", f"p{number}", title=f"Blue things {number % 2}", team=f"T{number}", snapshot="2")
        names(index)
    fresh = LiveIndex(tmp_path / "fresh.db", registry)

    def counts(of: LiveIndex) -> tuple[dict[str, int], list[tuple[object, ...]], str]:
        with of.reading() as connection:
            terms = dict(connection.execute("SELECT term, docs FROM term WHERE docs <> 0"))
            tally = connection.execute("SELECT * FROM tally WHERE docs <> 0 ORDER BY 1, 2, 3").fetchall()
            (entries,) = connection.execute("SELECT value FROM meta WHERE key = 'entries'").fetchone()
        return terms, tally, entries

    assert counts(index) == counts(fresh)
    assert "green" not in counts(index)[0]
    fresh.close()


def test_a_large_registry_is_read_behind_and_whoever_asks_meanwhile_is_told(registry, index):
    for number in range(60):
        add(registry, "stock", f"p{number}")

    with pytest.raises(PlatformError) as caught:
        names(index)
    assert caught.value.diagnostics[0].code == "WFT-SRV-004"
    assert index.behind

    behind = index._behind
    if behind is not None:
        behind.join(60)
    assert len(names(index, limit=100)) == 60
    assert not index.behind


def test_many_threads_ask_while_somebody_publishes(registry, index):
    add(registry, "stock", "p0")
    names(index)
    stop = threading.Event()
    known = [1]

    def ask() -> int:
        asked = 0
        while not stop.is_set():
            at_least = known[0]
            assert len(names(index, limit=200)) >= at_least
            with index.reading() as connection:
                assert found_in(connection, "things").total > 0
            asked += 1
        return asked

    with ThreadPoolExecutor(6) as threads:
        asking = [threads.submit(ask) for _ in range(6)]
        for number in range(1, 30):
            add(registry, "stock", f"p{number}")
            known[0] = number + 1
        stop.set()
        assert all(future.result(60) > 0 for future in asking)


def test_of_very_many_hits_the_best_are_shown_and_it_is_said_that_there_are_more(registry, index):
    for number in range(45):
        add(registry, "stock", f"green_p{number}", title="Green things" if number != 40 else "Green")
    one = replace(publication(A, "1"), contract={"id": "x", "name": "Green", "schema": [{"name": "orders"}]})
    publish(registry, one)
    with index.reading() as connection:
        found = found_in(connection, "green", limit=3)
        few = found_in(connection, "blue")
        all_there = found_in(connection, "p7")

    assert {found.results[0].title, found.results[1].title} == {"Green"}
    assert not found.complete
    assert found.total <= LOOKED_AT
    assert (few.total, few.complete) == (0, True)
    assert all_there.results[0].address == "stock.green_p7"


def test_what_is_in_no_registry_is_in_no_index(index):
    assert names(index) == []


def test_all_words_that_begin_so_are_found_however_many_there_are(registry, index):
    words = [f"bran{letter}x" for letter in "bcdefghijklmnopq"]
    for number, word in enumerate([*words, "bravery"]):
        add(registry, "stock", f"p{number}", title=word.title())

    with index.reading() as connection:
        begun = found_in(connection, "bran", Within(kind="product"))
        whole = found_in(connection, "branbx", Within(kind="product"))

    assert {hit.title for hit in begun.results} == {word.title() for word in words}
    assert begun.complete
    assert [hit.title for hit in whole.results] == ["Branbx"]


def test_nobody_who_may_not_wait_waits_for_the_index_to_follow(registry, index):
    add(registry, "stock", "a")
    assert names(index) == ["stock.a"]
    with at_once():
        assert names(index) == ["stock.a"]
    add(registry, "stock", "b")

    with index._following, at_once(), pytest.raises(MustWaitError):  # as while another thread is at it
        names(index)

    assert names(index) == ["stock.a", "stock.b"]


def test_what_a_thread_had_open_of_the_index_goes_with_the_thread(registry: Counting, tmp_path: Path) -> None:
    index = LiveIndex(tmp_path / "index.db", registry)

    def ask() -> None:
        with index.reading() as connection:
            connection.execute("SELECT 1").fetchall()

    ask()
    before = open_files(tmp_path)

    for _ in range(9):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    assert open_files(tmp_path) <= before + 2, "SQLite keeps some to open them no second time"
    index.close()
