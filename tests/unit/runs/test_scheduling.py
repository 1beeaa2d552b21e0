"""Which jobs a schedule makes: a pure function of how it stands and of the time."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from weft.model.product_schedule import ProductSchedule, problems_of, schedule_of
from weft.registry.schedules import Standing
from weft.runs.scheduling import due_jobs, resumed

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def at(hours: float) -> dt.datetime:
    return START + dt.timedelta(hours=hours)


def standing(**fields) -> Standing:
    inputs = fields.pop("inputs", ())
    return Standing("shop.orders", ProductSchedule(**fields), inputs, START)


def dues(jobs) -> list[float]:
    return [(j.due - START).total_seconds() / 3600 for j in jobs]


@pytest.mark.parametrize(
    ("missed", "after", "expected"),
    [
        ("each", 5.5, [1, 2, 3, 4, 5]),
        ("last", 5.5, [5]),
        ("skip", 5.5, []),
        ("skip", 5.05, [5]),
        ("last", 0.5, []),
        ("last", 24 * 400, [24 * 400]),
    ],
)
def test_missed_times_run_each_or_once_or_not_at_all(missed, after, expected):
    jobs, later = due_jobs(standing(cron="0 * * * *", missed=missed), at(after))

    assert dues(jobs) == expected
    assert due_jobs(later, at(after))[0] == []
    assert later.next_due == at(int(after) + 1)


def test_more_missed_times_than_are_queued_at_once_follow_in_the_next_steps():
    left, found = standing(cron="* * * * *", missed="each"), []
    for _ in range(4):
        jobs, left = due_jobs(left, at(20))
        found.append(len(jobs))

    assert found == [500, 500, 200, 0]


def test_any_input_is_enough_or_all_are_needed():
    inputs = ("a.a.x@1", "a.b.x@1")
    for on, known, expected in (("any", 1, 1), ("all", 1, 0), ("all", 2, 1)):
        fresh = {port: ((7 + i,), at(i)) for i, port in enumerate(inputs[:known])}
        jobs, after = due_jobs(replace(standing(on=on, inputs=inputs), fresh=fresh), at(3))

        assert len(jobs) == expected
        assert bool(after.fresh) is not bool(expected)
    assert (jobs[0].payload, jobs[0].due, jobs[0].key) == ({"because": [7, 8]}, at(1), "shop.orders@data:8")


def test_a_paused_schedule_makes_nothing_and_misses_nothing_that_was_published():
    paused = replace(
        standing(cron="0 * * * *", on="any", missed="each", inputs=("a.a.x@1",)),
        paused_by="ada",
        fresh={"a.a.x@1": ((3,), at(1))},
    )

    assert due_jobs(paused, at(9)) == ([], paused)
    jobs, _ = due_jobs(resumed(paused, at(9.5)), at(10))
    assert [(j.cause, j.due) for j in jobs] == [("cron", at(10)), ("data", at(1))]


def test_jitter_is_off_until_it_is_asked_for_and_the_same_whoever_asks():
    plain, _ = due_jobs(standing(cron="0 * * * *", missed="each"), at(24))
    spread, _ = due_jobs(standing(cron="0 * * * *", missed="each", jitter_s=600), at(24))
    again, _ = due_jobs(standing(cron="0 * * * *", missed="each", jitter_s=600), at(24))

    assert all(j.not_before == j.due for j in plain)
    waits = {(j.not_before - j.due).total_seconds() for j in spread}
    assert len(waits) > 20
    assert all(0 <= w < 600 for w in waits)
    assert spread == again


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=12))
def test_however_often_and_when_it_is_asked_each_time_is_due_once(minutes):
    left, found = standing(cron="*/7 * * * *", missed="each"), []
    for minute in minutes:
        while True:  # what is asked late is asked again until nothing is left
            jobs, left = due_jobs(left, START + dt.timedelta(minutes=minute))
            found += [j.key for j in jobs]
            if not jobs:
                break

    whole, rest = [], standing(cron="*/7 * * * *", missed="each")
    while jobs := (step := due_jobs(rest, START + dt.timedelta(minutes=max(minutes))))[0]:
        rest = step[1]
        whole += [j.key for j in jobs]
    assert found == whole
    assert all(a < b for a, b in pairwise(found))


def custom(value) -> dict:
    return {"customProperties": [{"property": "weft.schedule", "value": value}]}


def test_the_descriptor_decides_and_without_it_the_frequency_of_a_contract():
    level = {"property": "frequency", "value": 1, "unit": "d", "schedule": "0 6 * * *", "scheduler": "cron"}
    other = {"property": "latency", "value": 1, "unit": "d", "schedule": "0 7 * * *"}
    contracts = [{"slaProperties": [other]}, {"slaProperties": [level]}]

    assert schedule_of({}, contracts) == ProductSchedule("0 6 * * *")
    assert schedule_of(custom("@hourly"), contracts) == ProductSchedule("@hourly")
    assert schedule_of({}, contracts[:1]) is None
    assert schedule_of({}, [{"slaProperties": [{**level, "scheduler": "airflow"}]}]) is None
    full = {"cron": "0 6 * * 1-5", "timezone": "Europe/Berlin", "on": "all", "missed": "each", "jitter": "5m"}
    assert schedule_of(custom({**full, "timeout": "2h", "priority": 9, "attempts": 2}), []) == ProductSchedule(
        "0 6 * * 1-5", "Europe/Berlin", "all", "each", 300, 9, 7200, 2
    )


@pytest.mark.parametrize(
    ("stated", "problem"),
    [
        ("0 25 * * *", "`0 25 * * *` is no cron expression: its hour `25` is not 0 to 23"),
        ({}, "it has neither `cron` nor `on`"),
        ({"cron": "@daily", "missed": "all"}, "its `missed` is `all`, not last, each or skip"),
        ({"cron": "@daily", "priority": 10}, "its `priority` is `10`, not a number of 0 to 9"),
        ({"cron": "@daily", "priority": True}, "its `priority` is `True`, not a number of 0 to 9"),
        ({"cron": "@daily", "jitter": "soon"}, "its `jitter` is `soon`, not a duration such as 30s, 10m or 6h"),
        ({"cron": "@daily", 7: 1, "every": 2}, "it has no `7`, only"),
        ([], "it is neither a cron expression nor a group of fields"),
    ],
)
def test_what_cannot_be_followed_is_said_and_makes_no_schedule(stated, problem):
    assert next(problems_of(stated)).startswith(problem)
    assert schedule_of(custom(stated), []) is None
