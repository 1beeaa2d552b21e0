"""What does not go together is told once, with a fix that leads somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.test_kept_tables import COLUMNS, DAY, INSTANT, Shop, integer
from weft.errors import Diagnostic, Severity

FROM = {"name": "valid_from", "id": "valid_from", **INSTANT}
TO = {"name": "valid_to", "id": "valid_to", **INSTANT}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield Shop(tmp_path)


def told(shop: Shop) -> list[Diagnostic]:
    with shop.open() as mesh:
        return [d for d in mesh.check().diagnostics if d.severity is not Severity.NOTE]


@pytest.mark.parametrize(
    ("sql", "physical", "code", "fix"),
    [
        ("sum(id::bigint) as n from raw", "BIGINT", "WFT-CON-003", '`"n"::BIGINT as "n"`'),
        ("null as n from raw", "INTEGER", "WFT-CON-003", '`"n"::INTEGER as "n"`'),
        ("id::integer as n from raw", "BIT", "WFT-CON-003", "`physicalType: VARCHAR`"),
        ("1::hugeint as n from raw", "HUGEINT", "WFT-STO-005", "DECIMAL(38,0)"),
    ],
)
def test_a_type_that_is_wrong_is_told_once_with_one_type_to_cast_it_to(shop, sql, physical, code, fix):
    shop.describe([{"name": "n", "id": "n", "logicalType": "integer", "physicalType": physical}])
    shop.model(f"select {sql}")

    (problem,) = told(shop)

    assert problem.code == code
    assert problem.fix is not None and fix in problem.fix


def test_a_column_that_scd2_adds_is_mended_in_the_contract_and_not_in_a_select_that_has_it_not(shop):
    zoned = {"name": "valid_from", "id": "valid_from", "logicalType": "timestamp", "physicalType": "TIMESTAMP"}
    shop.describe([integer("id"), DAY, integer("n"), zoned, TO])
    shop.model(COLUMNS, materialized="scd2", key="id")

    (problem,) = told(shop)

    assert problem.code == "WFT-CON-003"
    assert problem.fix is not None and "write `physicalType: TIMESTAMPTZ`" in problem.fix


def test_a_primary_key_that_the_second_version_of_a_row_breaks_is_told_before_the_first(shop):
    shop.describe([integer("id", primaryKey=True, required=True), DAY, integer("n"), FROM, TO])
    shop.model(COLUMNS, materialized="scd2", key="id")

    (problem,) = told(shop)

    assert (problem.code, problem.severity) == ("WFT-PLN-020", Severity.WARNING)
    assert problem.fix is not None and "`valid_from`" in problem.fix


def test_a_primary_key_with_the_begin_of_the_version_is_nothing_to_tell(shop):
    key = {"primaryKey": True, "primaryKeyPosition": 2}
    shop.describe([integer("id", primaryKey=True, primaryKeyPosition=1), DAY, integer("n"), {**FROM, **key}, TO])
    shop.model(COLUMNS, materialized="scd2", key="id")

    assert told(shop) == []


def test_a_contract_that_is_drafted_of_an_scd2_table_holds_when_a_row_changes(shop):
    shop.describe([])
    shop.rows([(1, "2024-01-01", 1), (2, "2024-01-02", 2)])
    shop.model(COLUMNS, materialized="scd2", key="id")
    with shop.open() as mesh:
        mesh.sync("shop.sales.events", write=True)

    shop.apply()
    shop.rows([(1, "2024-01-01", 2), (2, "2024-01-02", 2)])
    shop.apply()

    assert shop.table("select count(*) from shop.sales.events") == [(3,)]
