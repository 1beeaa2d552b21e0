"""The end of a deprecated port: where its date stands, what takes its place, how it is told."""

import datetime as dt

import pytest

from weft.model.address import parse_address
from weft.model.lifecycle import EndOfLife, end_of_life, faults, next_major

OLD = parse_address("operations.on_time.flights@1")
DAY = dt.date(2030, 1, 31)


def level(name, value):
    return {"property": name, "value": value}


def custom(**named):
    return {"customProperties": [{"property": f"weft.{name}", "value": value} for name, value in named.items()]}


@pytest.mark.parametrize(
    ("contract", "day"),
    [
        ({}, None),
        ({"slaProperties": [level("endOfLife", "2030-01-31")]}, DAY),
        ({"slaProperties": [level("EL", "2030-01-31T09:00:00-08:00")]}, DAY),
        ({"slaProperties": [level("es", "2029-01-31"), level("el", "2030-01-31")]}, DAY),
        ({"slaProperties": [level("endOfSupport", "2030-01-31")], **custom(endOfLife="2031-01-01")}, DAY),
        ({"slaProperties": [level("generalAvailability", "2020-01-01")], **custom(endOfLife="2030-01-31")}, DAY),
        ({"slaProperties": [level("endOfLife", "some day")]}, None),
        ({"slaProperties": "text"}, None),
    ],
)
def test_the_day_is_the_end_of_life_else_of_support_else_our_own_property(contract, day):
    assert end_of_life(OLD, contract, {}, {}).day == day


def test_the_descriptor_counts_where_the_contract_says_nothing_the_port_before_the_product():
    entries = [
        {"name": "flights", "version": "2.0.0", **custom(endOfLife="2032-01-01")},
        {"name": "flights", "version": "v1.3.0", **custom(endOfLife="2030-01-31", successor="a.b.c@4")},
    ]
    descriptor = {"outputPorts": entries, **custom(endOfLife="2033-01-01")}

    found = end_of_life(OLD, {}, descriptor, {})

    assert found == EndOfLife(OLD, DAY, parse_address("a.b.c@4"))
    assert end_of_life(OLD.pinned(3), {}, descriptor, {}).day == dt.date(2033, 1, 1)
    assert end_of_life(OLD, custom(endOfLife="2029-01-01"), descriptor, {}).day == dt.date(2029, 1, 1)


def test_the_successor_is_the_next_higher_major_that_will_stay():
    statuses = {1: "deprecated", 2: "deprecated", 3: "retired", 4: "proposed", 6: "active", 5: "draft"}
    majors = {OLD.pinned(m): s for m, s in statuses.items()} | {parse_address("a.b.c@2"): "active"}

    assert next_major(OLD, majors) == OLD.pinned(5)
    assert next_major(OLD.pinned(6), majors) is None
    assert end_of_life(OLD, custom(successor="no address"), {}, majors).successor == OLD.pinned(5)


@pytest.mark.parametrize(
    ("today", "words", "left", "passed"),
    [
        ("2030-01-01", "whose end of life is 2030-01-31, in 30 days", 30, False),
        ("2030-01-30", "whose end of life is 2030-01-31, in 1 day", 1, False),
        ("2030-01-31", "whose end of life is 2030-01-31, today", 0, False),
        ("2030-02-01", "whose end of life was 2030-01-31, 1 day ago", -1, True),
    ],
)
def test_the_last_day_is_still_served(today, words, left, passed):
    end, day = EndOfLife(OLD, DAY, None), dt.date.fromisoformat(today)

    assert (end.in_words(day), end.days_left(day), end.passed(day)) == (words, left, passed)


def test_without_a_day_nothing_ends():
    end = EndOfLife(OLD, None, OLD.pinned(2))

    assert not end.passed(dt.date.max)
    assert end.as_json(DAY) == {"date": None, "days_left": None, "passed": False, "successor": f"{OLD.unpinned}@2"}
    assert end.way_out("ask") == (
        f'read its successor `{OLD.unpinned}@2` instead, in SQL `operations.on_time."flights@2"`'
    )
    assert EndOfLife(OLD, None, None).way_out("ask") == "ask"


def test_what_cannot_be_understood_is_told_once_each_with_its_place():
    contract = {"slaProperties": [level("ga", "x"), level("el", "x")], **custom(endOfLife="y", successor="z")}

    found = list(faults(contract, custom(endOfLife=7), OLD))

    assert [(f.document, f.pointer) for f in found] == [
        ("contract", ("slaProperties", 1)),
        ("contract", ("customProperties", 0)),
        ("contract", ("customProperties", 1)),
        ("descriptor", ()),
    ]
    assert all(f.fix for f in found)
    assert list(faults({}, {}, OLD)) == []
