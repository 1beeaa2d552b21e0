"""Dates and times in the form that a contract states."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.contracts.support import a_contract, check_all, col, custom
from weft.contracts.lint import lint
from weft.contracts.written_dates import form_of
from weft.errors import Severity
from weft.model.checks import Outcome

TEXTS = "SELECT unnest([{}]) AS c"


def broken(kind: str, pattern: str, *texts: str, **options: Any) -> list[Any]:
    """The texts that are no value in the form."""
    contract = a_contract(col("c", kind, options={"format": pattern, **options}))
    listed = ", ".join("'" + text.replace("'", "''") + "'" for text in texts)
    found = check_all(contract, TEXTS.format(listed), text=True, sample_limit=50)["c.type"]
    assert (found.failed_rows or 0) == len(found.samples)
    assert found.result is (Outcome.FAILED if found.samples else Outcome.PASSED)
    return [sample["c"] for sample in found.samples]


@pytest.mark.parametrize(
    ("kind", "pattern", "good", "bad"),
    [
        ("date", "dd/MM/yyyy", ["05/01/2024", "29/02/2024"], ["5/1/2024", "31/02/2024", "2024-01-05", "05/01/24"]),
        ("date", "d.M.yy", ["5.1.24", "05.01.24"], ["5.1.2024", "5-1-24"]),
        ("date", "yyyyMMdd", ["20240105"], ["2024-01-05", "20241305", "2024010"]),
        ("date", "d MMM uuuu", ["5 Jan 2024"], ["5 January 2024", "5 Jänner 2024"]),
        ("date", "EEEE, MMMM d, yyyy", ["Friday, January 5, 2024"], ["January 5, 2024"]),
        ("date", "DDD/yyyy", ["060/2024"], ["367/2024"]),
        ("timestamp", "yyyy-MM-dd'T'HH:mm:ss", ["2024-01-05T07:30:00"], ["2024-01-05 07:30:00", "2024-01-05T25:30:00"]),
        ("timestamp", "dd.MM.yyyy HH:mm:ss.SSS", ["05.01.2024 07:30:00.125"], ["05.01.2024 07:30:00"]),
        ("timestamp", "MM/dd/yyyy hh:mm a", ["01/05/2024 07:30 PM"], ["01/05/2024 19:30 PM", "01/05/2024 07:30"]),
        ("time", "HH:mm", ["07:30", "23:59"], ["7:30", "24:10", "07:30:00"]),
    ],
)
def test_a_text_in_the_form_is_a_value_and_every_other_is_none(
    kind: str, pattern: str, good: list[str], bad: list[str]
) -> None:
    assert broken(kind, pattern, *good, *bad) == bad


def test_an_instant_is_read_by_its_offset_and_without_one_in_the_time_zone_of_the_contract() -> None:
    zoned = "yyyy-MM-dd HH:mm:ssXXX"
    low = {"timezone": True, "minimum": "2024-01-05T06:30:00Z"}
    early = "2024-01-05 07:29:59+01:00"

    assert broken("timestamp", zoned, "2024-01-05 07:30:00+01:00", "2024-01-05 06:30:00Z", early, **low) == []

    for pattern, text, zone in ((zoned, early, None), ("yyyy-MM-dd HH:mm:ss", "2024-01-05 07:29:59", "Europe/Paris")):
        options = {"format": pattern, **low, **({"defaultTimezone": zone} if zone else {})}
        contract = a_contract(col("c", "timestamp", options=options))
        later = text.replace("07:29:59", "07:30:00")
        found = check_all(contract, TEXTS.format(f"'{text}', '{later}'"), text=True, sample_limit=50)
        assert (found["c.type"].result, found["c.range"].failed_rows) == (Outcome.PASSED, 1)


def test_a_form_says_nothing_of_values_that_are_dates_already() -> None:
    contract = a_contract(col("c", "date", options={"format": "dd/MM/yyyy"}))

    assert check_all(contract, "SELECT DATE '2024-01-05' AS c")["c.type"].result is Outcome.PASSED


@pytest.mark.parametrize("pattern", ["ww-YYYY", "yyyy[-MM]", "QQQ yyyy", "yyyy-'MM", "yyyyy", ""])
def test_a_pattern_with_parts_that_are_not_understood_is_none(pattern: str) -> None:
    assert form_of(pattern) is None


def test_lint_tells_of_a_form_that_is_not_understood() -> None:
    (found,) = lint(a_contract(col("c", "date", options={"format": "ww/YYYY"})))

    assert (found.code, found.what) == ("WFT-CON-008", "`c`: the format `ww/YYYY` is not understood")
    assert lint(a_contract(col("c", "date", options={"format": "dd/MM/yyyy"}))) == ()


@pytest.mark.parametrize(
    ("of_column", "of_contract", "default", "zone"),
    [
        ("Asia/Tokyo", "Europe/Paris", "America/New_York", "Asia/Tokyo"),
        (None, "Europe/Paris", "America/New_York", "Europe/Paris"),
        (None, None, "America/New_York", "America/New_York"),
        (None, None, None, "UTC"),
    ],
)
def test_a_text_without_an_offset_stands_in_the_zone_in_which_the_columns_rules_are_judged(
    of_column: str | None, of_contract: str | None, default: str | None, zone: str
) -> None:
    options = {"format": "yyyy-MM-dd HH:mm:ss", "timezone": True, "minimum": "2024-01-05T07:30:00"}
    options |= {"defaultTimezone": default} if default else {}
    column = col("c", "timestamp", options=options, customProperties=custom(timezone=of_column) if of_column else [])
    whole = custom(timezone=of_contract) if of_contract else []
    first = dt.datetime(2024, 1, 5, 7, 30, tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)

    bound = check_all(
        a_contract(column, customProperties=whole), "SELECT unnest(['2024-01-05 07:30:00']) AS c", text=True
    )
    level = {"property": "freshness", "value": 1, "unit": "h", "element": "c"}
    aged = a_contract(column, customProperties=whole, slaProperties=[level])
    found = [
        check_all(aged, "SELECT '2024-01-05 07:30:00' AS c", text=True, now=first + later)["c.freshness"].result
        for later in (dt.timedelta(minutes=60), dt.timedelta(minutes=60, seconds=1))
    ]

    assert (bound["c.type"].result, bound["c.range"].result) == (Outcome.PASSED, Outcome.PASSED)
    assert found == [Outcome.PASSED, Outcome.FAILED]


MARS = {"format": "yyyy-MM-dd HH:mm:ss", "timezone": True, "defaultTimezone": "Mars/Olympus"}


def test_a_time_zone_that_there_is_not_is_told_with_its_column_and_keeps_no_other_rule_from_being_judged() -> None:
    contract = a_contract(
        col("c", "timestamp", required=True, unique=True, options=MARS), col("d", "string", required=True)
    )

    found = check_all(contract, "SELECT '2024-01-05 07:30:00' AS c, 'x' AS d", text=True)

    told = (Outcome.ERROR, "`c`: there is no time zone `Mars/Olympus`")
    of_c = ("c.type", "c.required", "c.unique")
    assert [(found[name].result, found[name].reason) for name in of_c] == [told] * 3
    assert {r.result for id, r in found.items() if r.column == "d"} == {Outcome.PASSED}


def test_lint_tells_of_a_time_zone_that_there_is_not_wherever_it_stands() -> None:
    nested = col("o", "object", properties=[col("at", "timestamp", customProperties=custom(timezone="Europe/Pariss"))])
    contract = a_contract(col("c", "timestamp", options=MARS), nested, customProperties=custom(timezone="Moon"))

    found = lint(contract)

    assert [(d.code, d.severity, d.what) for d in found] == [
        ("WFT-CON-006", Severity.ERROR, "`weft.timezone`: there is no time zone `Moon`"),
        ("WFT-CON-006", Severity.ERROR, "`c`: `defaultTimezone`: there is no time zone `Mars/Olympus`"),
        ("WFT-CON-006", Severity.ERROR, "`o.at`: `weft.timezone`: there is no time zone `Europe/Pariss`"),
    ]
    assert found[2].fix == "did you mean `Europe/Paris`?"
    fine = {**MARS, "defaultTimezone": "Europe/Paris"}
    assert lint(a_contract(col("c", "timestamp", options=fine), customProperties=custom(timezone="UTC"))) == ()
