"""Schedules of rules and service levels are read wherever they stand."""

from __future__ import annotations

from tests.unit.contracts.support import a_contract, col
from weft.model.schedule import schedules


def test_schedules_of_tables_columns_fields_and_service_levels_are_read_with_their_places() -> None:
    when = {"schedule": "0 20 * * *", "scheduler": "cron"}
    field = col("f", "integer", quality=[{"name": "inner", "metric": "nullValues", "mustBe": 0, "schedule": "@daily"}])
    contract = a_contract(
        col("o", "object", properties=[field], quality=[{"type": "text", "description": "fine", **when}]),
        table={
            "quality": [{"id": "rows", "metric": "rowCount", "mustBe": 1, **when}, {"metric": "rowCount", "mustBe": 1}]
        },
        slaProperties=[{"property": "frequency", "value": 1, "unit": "d", **when}],
    )

    found = schedules(contract)

    assert [(s.of, s.text, s.scheduler) for s in found] == [
        ("rows", "0 20 * * *", "cron"),
        ("text", "0 20 * * *", "cron"),
        ("inner", "@daily", None),
        ("frequency", "0 20 * * *", "cron"),
    ]
    assert found[2].pointer == ("schema", 0, "properties", 0, "properties", 0, "quality", 0, "schedule")
