"""What an owner's decision covers, and for how long."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from weft.access.principals import Principal, PrincipalKind
from weft.errors import AccessDenied
from weft.model.checks import CheckResult, CheckSeverity, Outcome, Rule
from weft.model.publication import Override
from weft.runs.overriding import overridden, requested

NOW = dt.datetime(2026, 3, 1, 23, 30, tzinfo=dt.UTC)
ANEW = Override("ann", "a known gap", dt.date(2026, 3, 9), {})


def a_check(**fields: Any) -> CheckResult:
    """A failed check."""
    known = {
        "id": "c",
        "rule": Rule.RANGE,
        "column": "x",
        "dimension": None,
        "severity": CheckSeverity.ERROR,
        "result": Outcome.FAILED,
        "failed_rows": 3,
    }
    return CheckResult(**(known | fields))


def test_a_new_decision_covers_every_failed_check_and_counts_them():
    checks = [a_check(), a_check(id="n", rule=Rule.ROW_COUNT, failed_rows=None), a_check(id="p", result=Outcome.PASSED)]

    found = overridden(checks, ANEW)

    assert found is not None
    assert found.checks == {"c": 3, "n": None}


@pytest.mark.parametrize(
    "blocking",
    [
        a_check(result=Outcome.ERROR),
        a_check(result=Outcome.NOT_EVALUATED, must_evaluate=True),
        a_check(rule=Rule.TYPE),
        a_check(rule=Rule.COLUMN_EXISTS),
        a_check(rule=Rule.EXTRA_COLUMN),
    ],
)
def test_what_could_not_be_judged_or_does_not_fit_the_table_is_not_covered(blocking):
    assert overridden([a_check(id="other"), blocking], ANEW) is None


def test_a_decision_that_stands_covers_the_checks_it_was_made_for_and_no_other():
    standing = Override("ann", "a known gap", dt.date(2026, 3, 9), {"c": 1})

    found = overridden([a_check()], standing)

    assert found is not None
    assert found.checks == {"c": 3}
    assert overridden([a_check(), a_check(id="d")], standing) is None


def test_nothing_is_overridden_where_nothing_blocks():
    assert overridden([a_check(severity=CheckSeverity.WARNING)], ANEW) is None
    assert overridden([a_check()], None) is None


def test_it_holds_on_its_last_day_and_not_after():
    assert [ANEW.ended(dt.date(2026, 3, day)) for day in (8, 9, 10)] == [False, False, True]


def test_days_are_counted_in_utc_by_the_clock_that_is_handed_in():
    owner = Principal("ann", PrincipalKind.OWNER)

    found = requested("  a known\n gap here ", "2026-03-31", ["a.b.c"], owner, NOW, 30)

    assert found == Override("ann", "a known gap here", dt.date(2026, 3, 31), {})


def test_only_an_owner_may():
    with pytest.raises(AccessDenied) as raised:
        requested("a known gap", "2026-03-02", ["a.b.c"], Principal("a.b", PrincipalKind.PRODUCT), NOW, 30)

    assert raised.value.diagnostics[0].code == "WFT-ACC-002"
