"""Whatever somebody asks: what they get does not depend on what they may not see, and nothing changes."""

from __future__ import annotations

import pytest

from tests.unit.access.reading.attacks import ATTACKS
from tests.unit.access.reading.worlds import FILTERS, Unguarded, World, answer, bounded, readers_in, shown_sentinels


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
