"""When cron comes next, also on days of 23 and of 25 hours."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.model.schedule import cron_problem
from weft.runs.calendar import next_after, times_between

UTC = dt.UTC
BERLIN = "Europe/Berlin"
FORWARD = dt.datetime(2026, 3, 28, 23, tzinfo=UTC)
"""Midnight in Berlin, of a day of 23 hours."""
BACK = dt.datetime(2026, 10, 24, 22, tzinfo=UTC)
"""Midnight in Berlin, of a day of 25 hours."""


def times(cron: str, since: dt.datetime, hours: int, zone: str = BERLIN) -> list[str]:
    found = times_between(cron, zone, since - dt.timedelta(seconds=1), since + dt.timedelta(hours=hours, seconds=-1))
    return [t.strftime("%H:%M") for t in found]


@pytest.mark.parametrize(
    ("cron", "day", "hours", "expected"),
    [
        ("30 2 * * *", FORWARD, 23, ["01:30"]),  # 02:30 is skipped: 03:30 in summer time
        ("30 2 * * *", BACK, 25, ["00:30"]),  # 02:30 comes twice: the first one
        ("0 3 * * *", FORWARD, 23, ["01:00"]),
        ("0 3 * * *", BACK, 25, ["02:00"]),
        ("15 1,2,3 * * *", FORWARD, 23, ["00:15", "01:15"]),  # 02:15 and 03:15 are one instant
        ("15 1,2,3 * * *", BACK, 25, ["23:15", "00:15", "02:15"]),
    ],
)
def test_a_time_of_day_comes_once_on_days_of_23_and_25_hours(cron, day, hours, expected):
    assert times(cron, day, hours) == expected


@pytest.mark.parametrize(("day", "hours"), [(FORWARD, 23), (BACK, 25)])
def test_every_hour_is_every_real_hour(day, hours):
    found = list(times_between("0 * * * *", BERLIN, day - dt.timedelta(seconds=1), day + dt.timedelta(hours=hours)))

    assert len(found) == hours + 1
    assert {b - a for a, b in pairwise(found)} == {dt.timedelta(hours=1)}


def test_days_of_the_week_are_cron_s_with_sunday_as_0_and_7():
    sunday = next_after("0 0 * * 0", "UTC", dt.datetime(2026, 3, 3, tzinfo=UTC))

    assert sunday == next_after("0 0 * * 7", "UTC", dt.datetime(2026, 3, 3, tzinfo=UTC))
    assert sunday is not None
    assert sunday.strftime("%A") == "Sunday"
    weekdays = times_between("0 0 * * mon-fri", "UTC", sunday, sunday + dt.timedelta(days=7))
    assert [t.isoweekday() for t in weekdays] == [1, 2, 3, 4, 5]


def test_a_day_of_the_month_beside_one_of_the_week_is_another_way_to_come():
    found = times_between(
        "0 0 13 * fri", "UTC", dt.datetime(2026, 6, 1, tzinfo=UTC), dt.datetime(2026, 6, 20, tzinfo=UTC)
    )

    assert [t.day for t in found] == [5, 12, 13, 19]


@given(
    st.sampled_from(["0 * * * *", "*/20 * * * *", "30 2 * * *", "5 0 * * sun", "0 1-4 * * *", "@daily"]),
    st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    st.datetimes(dt.datetime(2025, 1, 1), dt.datetime(2028, 1, 1)),
)
def test_what_comes_next_is_later_and_nothing_lies_between(cron, zone, naive):
    assert cron_problem(cron) is None
    after = naive.replace(tzinfo=UTC)

    found = next_after(cron, zone, after)

    assert found is not None
    assert found > after
    between = after + (found - after) / 2
    assert next_after(cron, zone, between) == (found if between < found else next_after(cron, zone, found))
    shown = found.astimezone(ZoneInfo(zone))
    skipped = (found - dt.timedelta(hours=3)).astimezone(ZoneInfo(zone)).utcoffset() != shown.utcoffset()
    assert skipped or shown.second == 0
