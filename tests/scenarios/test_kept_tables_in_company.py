"""Kept tables together with what else a mesh does: asked stretches of time, quarantine, changed columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.test_kept_tables import BY_DAY, COLUMNS, Shop, day
from weft.plan.keeping import Window, window


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield Shop(tmp_path)


def days(first: int, last: int | None) -> Window:
    """The stretch from a day to before another."""

    def at(number: int) -> dt.datetime:
        return dt.datetime.combine(day(number), dt.time(), dt.UTC)

    return window(at(first), at(last) if last is not None else None)


@pytest.mark.parametrize("settings", [BY_DAY, {"materialized": "merge", "key": "id", "time_column": "day"}])
def test_what_is_new_beside_an_asked_stretch_of_time_is_built_by_the_next_apply(
    shop: Shop, settings: dict[str, str]
) -> None:
    shop.model(COLUMNS, **settings)
    shop.rows([(i, day(i), 0) for i in range(5)])
    shop.apply()
    shop.rows([(i, day(i), 1) for i in range(8)])

    shop.apply(window=days(1, 3))

    assert [row[2] for row in shop.table()] == [0, 1, 1, 0, 0]
    assert shop.reason() == "source `raw` changed; it goes on from the rows that it has"
    shop.apply()
    assert [row[2] for row in shop.table()] == [0, 1, 1, 0, 1, 1, 1, 1]
    assert shop.reason() == "nothing to do"
    shop.apply(window=days(0, 1))
    assert shop.reason() == "nothing to do"


def test_what_is_new_beside_a_stretch_of_a_private_model_is_built_by_the_next_apply(shop: Shop) -> None:
    shop.model(COLUMNS, name="seen", **BY_DAY)
    shop.model("select id, day, n from seen")
    shop.rows([(i, day(i), 0) for i in range(4)])
    shop.apply()
    shop.rows([(i, day(i), 1) for i in range(6)])

    shop.apply(window=days(1, 2))

    assert [row[2] for row in shop.table()] == [0, 1, 0, 0]
    assert shop.reason() == "source `raw` changed"
    shop.apply()
    assert [row[2] for row in shop.table()] == [0, 1, 0, 1, 1, 1]
    assert shop.reason() == "nothing to do"
