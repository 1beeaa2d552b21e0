"""Spans of time and the batches that they cut."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.model.spans import Span, batches, span

TIMES = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1), timezones=st.just(dt.UTC))
SPANS = st.builds(Span, st.integers(1, 400), st.sampled_from(["m", "h", "d", "w", "mo", "y"]))


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("size", "time", "begins"),
    [
        ("1h", "2024-02-29 13:59", "2024-02-29 13:00"),
        ("1d", "2024-02-29 13:59", "2024-02-29"),
        ("1w", "2024-02-29 13:59", "2024-02-26"),
        ("1mo", "2024-02-29 13:59", "2024-02-01"),
        ("3mo", "2024-02-29", "2024-01-01"),
        ("1y", "2024-02-29", "2024-01-01"),
        ("1d", "1969-12-31 23:00", "1969-12-31"),
    ],
)
def test_a_time_lies_in_the_batch_that_begins_at_its_unit(size: str, time: str, begins: str) -> None:
    assert span(size).floor(at(time)) == at(begins)


@given(SPANS, TIMES)
def test_a_batch_holds_the_time_that_it_was_found_by(size: Span, time: dt.datetime) -> None:
    first = size.floor(time)

    assert first <= time < size.after(first)
    assert size.floor(first) == first


@given(st.builds(Span, st.integers(1, 60), st.sampled_from(["d", "w", "mo", "y"])), TIMES, st.integers(1, 2000))
def test_batches_follow_one_another_without_a_gap(size: Span, start: dt.datetime, days: int) -> None:
    end = start + dt.timedelta(days=days)

    cut = list(batches(start, end, size))

    assert cut[0][0] == start
    assert cut[-1][1] == end
    assert [a for a, _ in cut[1:]] == [b for _, b in cut[:-1]]
    assert all(size.floor(a) == a for a, _ in cut[1:])


def test_a_month_before_the_last_of_a_month_is_the_last_of_a_shorter_one() -> None:
    assert Span(1, "mo").before(at("2024-03-31")) == at("2024-02-29")
    assert Span(1, "y").before(at("2024-02-29")) == at("2023-02-28")


def test_before_the_beginning_of_time_is_its_beginning() -> None:
    assert Span(9999, "y").before(at("2024-01-01")) == dt.datetime.min.replace(tzinfo=dt.UTC)
    assert Span(999_999, "w").before(at("2024-01-01")) == dt.datetime.min.replace(tzinfo=dt.UTC)


@pytest.mark.parametrize("text", ["", "3", "d", "1 fortnight", "-1d", "1.5d", "P1D", 3])
def test_what_is_no_span_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="must be a span of time like"):
        span(text)  # type: ignore[arg-type]
