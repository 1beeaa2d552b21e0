"""Freshness against a contract's service levels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from weft.model.checks import CheckResult, CheckSeverity, Outcome, Rule
from weft.model.document import Document
from weft.model.odcs import Contract, contract
from weft.observability.freshness import FreshnessState, allowed_age, freshness

THEN = datetime(2026, 1, 10, tzinfo=UTC)


def promising(*levels: dict[str, Any], **more: Any) -> Contract:
    return contract(Document("", {"version": "1.0.0", "slaProperties": list(levels), **more}))


def check(result: Outcome) -> CheckResult:
    return CheckResult("f", Rule.FRESHNESS, None, "timeliness", CheckSeverity.ERROR, result, actual="3 days old")


def test_without_a_promise_nothing_can_be_late() -> None:
    found = freshness(promising(), THEN, (), THEN + timedelta(days=900))

    assert found.state is FreshnessState.NOT_PROMISED


def test_within_the_promise_it_is_fresh() -> None:
    levels = promising({"property": "latency", "value": 4, "unit": "h"})

    assert freshness(levels, THEN, (), THEN + timedelta(hours=4)).state is FreshnessState.FRESH


def test_a_publication_older_than_the_promise_is_late() -> None:
    levels = promising({"property": "frequency", "value": 1, "unit": "d", "element": "planes.updated"})

    found = freshness(levels, THEN, (), THEN + timedelta(days=1, seconds=1))

    assert (found.state, found.promise) == (FreshnessState.LATE, "frequency 1 d (planes.updated)")


def test_a_failed_check_makes_it_late_however_new_the_publication() -> None:
    levels = promising({"property": "freshness", "value": 1, "unit": "d"})

    found = freshness(levels, THEN, [check(Outcome.FAILED)], THEN)

    assert (found.state, found.reason) == (FreshnessState.LATE, "3 days old")


def test_data_of_a_closed_period_does_not_age() -> None:
    closed = [{"property": "weft.referenceTime", "value": "2014-01-01T00:00:00Z"}]
    levels = promising({"property": "freshness", "value": 1, "unit": "d"}, customProperties=closed)

    found = freshness(levels, THEN, [check(Outcome.PASSED)], THEN + timedelta(days=900))

    assert (found.state, found.reference_time) == (FreshnessState.FRESH, "2014-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("value", "unit", "age"),
    [(90, "minutes", timedelta(minutes=90)), ("2", "D", timedelta(days=2)), (1, "fortnight", None), ("x", "d", None)],
)
def test_units_are_read_as_people_write_them(value: Any, unit: str, age: timedelta | None) -> None:
    assert allowed_age({"value": value, "unit": unit}) == age
