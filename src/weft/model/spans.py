"""Spans of time as people write them, and the batches that they cut time into."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterator

from msgspec import Struct

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_MONTHS = {"mo": 1, "y": 12}
_WRITTEN = re.compile(r"([0-9]{1,6})\s*(s|m|h|d|w|mo|y)")
_MONDAY = dt.datetime(1970, 1, 5, tzinfo=dt.UTC)
"""Weeks begin on Mondays; every shorter span that divides a day begins at midnight all the same."""


class Span(Struct, frozen=True):
    """A number of seconds, minutes, hours, days, weeks, months or years.

    Attributes:
        unit: s, m, h, d, w, mo or y.
    """

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    @property
    def whole_days(self) -> bool:
        """Whether it is one or more days long, and nothing beside."""
        return self.unit in _MONTHS or (self.count * _SECONDS[self.unit]) % _SECONDS["d"] == 0

    def before(self, at: dt.datetime) -> dt.datetime:
        """The time that lies the span before another; the earliest time that there is, where it would lie before."""
        try:
            if self.unit in _MONTHS:
                return _months_later(at, -self.count * _MONTHS[self.unit])
            return at - dt.timedelta(seconds=self.count * _SECONDS[self.unit])
        except (OverflowError, ValueError):
            return dt.datetime.min.replace(tzinfo=dt.UTC)

    def floor(self, at: dt.datetime) -> dt.datetime:
        """The beginning of the batch that a time lies in. Batches of n months begin with January of year 1."""
        if self.unit in _MONTHS:
            month = (at.year - 1) * 12 + at.month - 1
            first = month - month % (self.count * _MONTHS[self.unit])
            return dt.datetime(first // 12 + 1, first % 12 + 1, 1, tzinfo=dt.UTC)
        size = dt.timedelta(seconds=self.count * _SECONDS[self.unit])
        try:
            return at - (at - _MONDAY) % size
        except OverflowError:
            return dt.datetime.min.replace(tzinfo=dt.UTC)

    def after(self, at: dt.datetime) -> dt.datetime:
        """The beginning of the batch that follows the one that begins at `at`."""
        try:
            if self.unit in _MONTHS:
                return _months_later(at, self.count * _MONTHS[self.unit])
            return at + dt.timedelta(seconds=self.count * _SECONDS[self.unit])
        except (OverflowError, ValueError):
            return dt.datetime.max.replace(tzinfo=dt.UTC)


def span(text: str) -> Span:
    """A span like `30m`, `12h`, `1d`, `2w`, `1mo`, `1y`.

    >>> str(span("3 d")), span("36h").whole_days
    ('3d', False)

    Raises:
        ValueError: the text is none.
    """
    found = _WRITTEN.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"must be a span of time like 30m, 12h, 1d, 2w, 1mo or 1y, not {text!r}")
    return Span(int(found[1]), found[2])


def batches(start: dt.datetime, end: dt.datetime, size: Span) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    """The batches between two times, each from its beginning to before its end; the first and last may be cut.

    >>> day = dt.datetime(2024, 1, 31, 12, tzinfo=dt.UTC)
    >>> [(a.isoformat()[:13], b.isoformat()[:13]) for a, b in batches(day, day + dt.timedelta(days=1), Span(1, "d"))]
    [('2024-01-31T12', '2024-02-01T00'), ('2024-02-01T00', '2024-02-01T12')]
    """
    at = start
    while at < end:
        following = min(size.after(size.floor(at)), end)
        yield at, following
        at = following


def _months_later(at: dt.datetime, months: int) -> dt.datetime:
    month = at.year * 12 + at.month - 1 + months
    year, index = divmod(month, 12)
    return at.replace(year=year, month=index + 1, day=min(at.day, calendar.monthrange(year, index + 1)[1]))
