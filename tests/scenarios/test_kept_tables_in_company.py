"""Kept tables together with what else a mesh does: asked stretches of time, quarantine, changed columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.meshes import contract, descriptor, source
from tests.scenarios.test_kept_tables import BY_DAY, COLUMNS, DAY, PORT, PRODUCT, Shop, day, integer
from weft.errors import GateRefused
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


SMALL = [
    integer("id", primaryKey=True, required=True),
    {**DAY, "partitioned": True, "partitionKeyPosition": 1},
    integer("n", logicalTypeOptions={"maximum": 9}),
]
ALLOWED = [{"property": "weft.quarantine", "value": {"rules": ["*"], "maxShare": "50%"}}]


def aside(shop: Shop) -> list[tuple[Any, ...]]:
    """Id and `n` of the rows in quarantine."""
    with shop.open() as mesh:
        return sorted((row["id"], row["n"]) for row in mesh.quarantine(PORT).arrow().to_pylist())


@pytest.mark.parametrize(
    "settings",
    [
        BY_DAY,
        {"materialized": "merge", "key": "id", "time_column": "day"},
        {"materialized": "append", "key": "id", "time_column": "day"},
        {"materialized": "append", "time_column": "day"},
    ],
)
def test_a_bad_row_stays_in_quarantine_while_the_table_goes_on(shop: Shop, settings: dict[str, str]) -> None:
    shop.describe(SMALL, customProperties=ALLOWED)
    shop.model(COLUMNS, **settings)
    shop.rows([(i, day(i), 99 if i in (1, 4) else 0) for i in range(5)])
    shop.apply()
    before = shop.files()

    shop.rows([(i, day(i), 99 if i in (1, 4) else 0) for i in range(7)])
    shop.apply()

    assert [row[0] for row in shop.table()] == [0, 2, 3, 5, 6]
    assert aside(shop) == [(1, 99), (4, 99)]
    assert len(before & shop.files()) >= 2, "files without a bad row stay as they are"
    shop.rows([(i, day(i), 0) for i in range(7)])
    if settings["materialized"] != "append":
        shop.apply(window=days(1, 2))
        assert [row[0] for row in shop.table()] == [0, 1, 2, 3, 5, 6]
        assert aside(shop) == [(4, 99)]


def test_rows_in_quarantine_come_back_when_the_rules_allow_them(shop: Shop) -> None:
    shop.describe(SMALL, customProperties=ALLOWED)
    shop.model(COLUMNS, **BY_DAY)
    shop.rows([(i, day(i), 99 if i == 1 else 0) for i in range(4)])
    shop.apply()

    wider = [*SMALL[:2], integer("n", logicalTypeOptions={"maximum": 99})]
    shop.describe(wider, customProperties=ALLOWED)
    shop.apply()

    assert [row[2] for row in shop.table()] == [0, 99, 0, 0]
    assert aside(shop) == []


def test_a_wrong_time_in_quarantine_does_not_stop_the_table(shop: Shop) -> None:
    early = {**DAY, "logicalTypeOptions": {"maximum": "2024-02-01"}}
    shop.describe([integer("id", primaryKey=True, required=True), early, integer("n")], customProperties=ALLOWED)
    shop.model(COLUMNS, **BY_DAY)
    wrong = (99, dt.date(2024, 5, 1), 0)
    shop.rows([*((i, day(i), 0) for i in range(4)), wrong])
    shop.apply()
    assert aside(shop) == [(99, 0)]

    shop.rows([*((i, day(i), 0) for i in range(6)), wrong])
    shop.apply()

    assert [row[0] for row in shop.table()] == [0, 1, 2, 3, 4, 5]
    assert aside(shop) == [(99, 0)]


MERGED = {"materialized": "merge", "key": "id"}


def refusals(shop: Shop) -> list[str]:
    """What stands against the plan, before anything is built."""
    with shop.open() as mesh:
        return [f"{d.code} {d.what}" for d in mesh.plan().objections]


@pytest.mark.parametrize("settings", [{}, BY_DAY])
def test_a_table_that_is_built_whole_from_now_on_loses_no_rows_unasked(shop: Shop, settings: dict[str, str]) -> None:
    shop.model(COLUMNS, **MERGED)
    for number in (1, 2):
        shop.rows([(number, day(number), 1)])
        shop.apply()

    shop.model(COLUMNS, **settings)

    assert refusals(shop) == [f"WFT-PLN-018 `{PORT}` is to keep its rows in another way than it did"]
    with pytest.raises(GateRefused):
        shop.apply()
    assert [row[0] for row in shop.table()] == [1, 2]
    shop.apply(full_refresh=True)
    assert [row[0] for row in shop.table()] == [2]


def test_what_a_private_model_keeps_is_not_lost_with_its_settings_its_name_or_a_type(shop: Shop) -> None:
    shop.model(COLUMNS, name="seen", **MERGED)
    shop.model("select id, day, n from seen")
    for number in (1, 2):
        shop.rows([(number, day(number), 1)])
        shop.apply()
    kept = "model `seen` of `shop.sales`"

    shop.model(COLUMNS, name="seen")
    assert refusals(shop) == [f"WFT-PLN-018 {kept} is to keep its rows in another way than it did"]

    shop.model(COLUMNS.replace("n::integer", "n::varchar"), name="seen", **MERGED)
    shop.model("select id, day, n::integer as n from seen")
    assert refusals(shop) == [f"WFT-PLN-018 column `n` of {kept} has another type than the rows that are kept"]

    shop.mesh.path("domains/shop/sales/models/seen.sql").unlink()
    shop.model(COLUMNS, name="observed", **MERGED)
    shop.model("select id, day, n from observed")
    assert refusals(shop) == [f"WFT-PLN-018 {kept} keeps rows, and its file is gone"]
    with pytest.raises(GateRefused):
        shop.apply()

    shop.apply(full_refresh=True)
    assert [row[0] for row in shop.table()] == [2]
    assert refusals(shop) == []


def test_a_column_of_another_type_is_told_by_the_plan_and_not_in_the_middle_of_the_run(shop: Shop) -> None:
    text = [integer("id", primaryKey=True, required=True), DAY, {"name": "n", "id": "n", "logicalType": "string"}]
    for settings in (MERGED, BY_DAY):
        shop.describe([integer("id", primaryKey=True, required=True), DAY, integer("n")])
        shop.model(COLUMNS, **settings)
        shop.rows([(1, day(1), 1)])
        shop.apply(full_refresh=True)
        shop.describe(text)
        shop.model(COLUMNS.replace("n::integer", "n::varchar"), **settings)
        told = [r for r in refusals(shop) if "PLN-018" in r]
        if settings is MERGED:
            assert told == [f"WFT-PLN-018 column `n` of `{PORT}` has another type than the rows that are kept"]
        else:
            assert told == []
            assert shop.reason().endswith("all its rows are computed anew")


def test_what_goes_on_from_a_port_of_its_product_is_made_without_its_bad_rows(shop: Shop) -> None:
    shop.describe(SMALL, customProperties=ALLOWED)
    shop.model(COLUMNS, **BY_DAY)
    shop.model("select day, count(*)::integer as n from events group by day", name="daily", **BY_DAY)
    inputs = [source("raw", file="data/events.csv")]
    shop.mesh.write(f"{PRODUCT}/product.odps.yaml", descriptor("shop", "sales", inputs, ["events", "daily"]))
    text = contract("shop.sales.daily", [DAY, integer("n")], status="draft")
    shop.mesh.write(f"{PRODUCT}/contracts/daily.odcs.yaml", text)
    shop.rows([(i, day(i), 99 if i == 1 else 0) for i in range(4)])

    shop.apply()

    assert [row[0] for row in shop.table()] == [0, 2, 3]
    assert shop.table("select day from shop.sales.daily order by day") == [(day(0),), (day(2),), (day(3),)]
