"""Whatever somebody asks: what they get does not depend on what they may not see, and nothing changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.access.reading.attacks import ATTACKS, texts
from tests.unit.access.reading.worlds import FILTERS, World, answer, shown_sentinels
from weft.access.reading.asking import Ceiling, Readers
from weft.access.reading.pool import Pool, Rules
from weft.access.reading.wire import Limits


def readers_in(folder: Path, seconds: float = 60) -> Readers:
    """Small readers, one of which answers at a time: what one query leaves behind is met by the next."""
    folder.mkdir(parents=True, exist_ok=True)
    return Readers(Pool(Limits(600 * 10**6, str(folder), 10**8, 1), Rules(fast=1)), Ceiling(None, 10**7, seconds))


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """Two worlds that differ in rows of others, raw values under masks, columns and files."""
    folder = tmp_path_factory.mktemp("worlds")
    os.environ["WEFT_SECRET"] = "RAW of the environment"
    yield World(folder, "A", 1_500), World(folder, "B", 9_000)
    del os.environ["WEFT_SECRET"]


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    made = readers_in(tmp_path_factory.mktemp("readers"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """For what would go on without end."""
    made = readers_in(tmp_path_factory.mktemp("impatient"), seconds=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def every(worlds):
    """Every attack by its kind; the files that they name are those of the first world."""
    found: dict[str, list[str]] = {}
    for kind, sql in texts(worlds[0].customers, str(worlds[0].folder / "secret.txt")):
        found.setdefault(kind, []).append(sql)
    return found


def test_there_are_at_least_a_hundred_and_fifty_attacks_of_every_kind():
    assert sum(map(len, ATTACKS.values())) >= 150
    assert all(len(attacks) == len(set(attacks)) for attacks in ATTACKS.values())


@pytest.mark.parametrize("kind", list(ATTACKS))
def test_an_attack_gets_the_same_in_both_worlds_and_shows_nothing(kind, worlds, readers, impatient, every):
    before = worlds[0].state()
    asked = impatient if kind == "exhaustion" else readers

    bad = []
    for sql in every[kind]:
        first, second = (bounded(kind, answer(asked, world, sql)) for world in worlds)
        shown = [
            word for text, world in ((first, worlds[0]), (second, worlds[1])) for word in shown_sentinels(text, world)
            if word.lower() not in sql.lower()
        ]  # fmt: skip
        if first != second or shown:
            bad.append((sql, first[:300], second[:300], shown))

    assert bad == []
    assert worlds[0].state() == before


def bounded(kind: str, text: str) -> str:
    """An answer; which of its bounds ended a query that goes beyond all of them is chance."""
    ended = any(code in text for code in ("WFT-ENG-002", "WFT-ENG-003", "WFT-ACC-042", "too deeply"))
    return "it was too much" if kind == "exhaustion" and ended else text


def test_the_same_questions_get_other_answers_where_nothing_is_hidden(worlds, readers, every):
    """The control: asked of relations without filter and masks, they tell the worlds apart, or see what others have."""
    opened = [worlds[0], *(Unguarded(world) for world in worlds)]

    told_apart = {
        kind: sum(len({answer(readers, world, sql) for world in opened}) > 1 for sql in every[kind])
        for kind in ("statistics", "masked columns", "values that raise on hidden rows", "windows and joins")
    }

    assert {kind: found >= len(every[kind]) // 3 for kind, found in told_apart.items()} == dict.fromkeys(
        told_apart, True
    )


class Unguarded(World):
    """A world whose reader sees all: what the attacks find there they would have found behind a leak."""

    def __init__(self, world: World) -> None:
        self.folder, self.customers, self.orders = world.folder, world.customers, world.orders
        named = "id, name, email, iban, birth, score, note, divisor, big"
        self.items = {
            "shop.crm.customers": f"(SELECT {named} FROM read_parquet(['{world.customers}']))",
            "shop.crm.orders": f"(SELECT number, customer, amount FROM read_parquet(['{world.orders}']))",
        }


PROBES = (
    "select count(*) from {c} where note::int >= 0",
    "select count(*) from {c} where try_cast(note as date) is null and note::bigint >= 0",
    "select count(*) from {c} where 1000 // divisor < 5000000",
    "select count(*) from {c} where big + 1::int > 0",
    "select count(*) from {c} where (big * 2::int)::int > 0",
    "select sum(note::int) from {c}",
    "select count(*) from {c} v join (select range r from range(10)) t on v.note::int = t.r",
    "select note::int k, count(*) from {c} group by 1 order by 1 limit 1",
    "select count(*) from {c} where strptime(note, '%Y') is not null or true",
    "select count(*) from (select *, row_number() over (order by note::int) rn from {c}) where rn < 2",
    "select max(note::int) from {c} having max(note::int) > 0",
    "select count(*) from {c} where list_transform([note], lambda x: x::int)[1] >= 0",
    "select count(*) from {c} where json_extract(note, '$') is not null or true",
    "select note from {c} order by note::int limit 1",
    "select distinct stats(note) from {c}",
    "select count(*) from {c} where note::decimal(18, 2) >= 0",
    "select count(*) from {c} where regexp_matches('a', case when note like '%no%' then '(' else 'a' end)",
    "select count(*) from {c} where score::int >= 0",
    "select count(*) from {c} a join {c} b on a.note::int = b.id and 10 // a.divisor > 0",
    "select count(*) from {c} where exists (select 1 from {o} o where o.customer = note::int)",
)


@pytest.mark.parametrize("name", FILTERS)
def test_no_probe_sees_a_row_that_a_filter_takes_away(name, tmp_path):
    """Whatever the order is in which the engine runs filter and probe: it is no promise of DuckDB."""
    pair = [World(tmp_path / name, letter, hidden, FILTERS[name]) for letter, hidden in (("A", 0), ("B", 20_000))]
    readers = readers_in(tmp_path / "readers")
    try:
        seen = [
            sql
            for sql in (
                probe.replace("{c}", "shop.crm.customers").replace("{o}", "shop.crm.orders") for probe in PROBES
            )
            if len({answer(readers, world, sql) for world in pair}) != 1
        ]
    finally:
        readers.close()

    assert seen == []
