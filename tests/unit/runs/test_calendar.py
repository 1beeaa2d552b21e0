"""When cron comes next, also on days of 23 and of 25 hours."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
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


def field(least: int, greatest: int) -> st.SearchStrategy[str]:
    number = st.integers(least, greatest)
    ranges = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    part = st.one_of(st.just("*"), number.map(str), ranges)
    stepped = st.tuples(part, st.integers(1, 99)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    return st.lists(st.one_of(part, stepped), min_size=1, max_size=3).map(",".join)


@given(st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)).map(" ".join))
def test_every_expression_that_nothing_is_wrong_with_comes_when_its_numbers_say(cron):
    assume(cron_problem(cron) is None)

    found = next_after(cron, "UTC", dt.datetime(2026, 1, 31, 12, 30, tzinfo=UTC))

    assert found is not None
    minute, hour, day, month, weekday = (numbers(text, n) for text, n in zip(cron.split(), range(5), strict=True))
    assert (found.minute in minute, found.hour in hour, found.month in month) == (True, True, True)
    by_day, by_weekday = found.day in day, found.isoweekday() % 7 in {n % 7 for n in weekday}
    both = not {"*"} & {cron.split()[2], cron.split()[4]}
    assert (by_day or by_weekday) if both else (by_day and by_weekday)


def numbers(text: str, place: int) -> set[int]:
    """What a field of cron means, read once more."""
    least, greatest = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))[place]
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if first == "*":
            begin, end = least, greatest
        else:
            begin = int(first)
            end = int(last) if last else greatest if step else begin
        found |= set(range(begin, end + 1, int(step or 1)))
    return found
