"""When a cron expression comes next, by the clock of a time zone: also on days of 23 and of 25 hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from weft.errors import UsageError, error
from weft.model.schedule import cron_fields

if TYPE_CHECKING:
    from apscheduler.triggers.cron import CronTrigger

_NEAR = timedelta(hours=3)
"""No clock is put forward or back by more at once."""
_INSTANT = timedelta(microseconds=1)


def next_after(cron: str, timezone: str, after: datetime) -> datetime | None:
    """The first time of a cron expression after an instant, in UTC; None when none ever comes.

    Where clocks go forward, a time of the day that is skipped comes as much later as they went; where they go back,
    one that comes twice is met once, the first time. An expression for every hour means every real hour.

    >>> next_after("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC)).isoformat()
    '2026-03-29T01:30:00+00:00'
    """
    zone = ZoneInfo(timezone)
    every_hour = cron_fields(cron)[1].startswith("*")
    local = after.astimezone(zone).replace(tzinfo=None)
    found = _next(cron, local + _INSTANT)
    if found is None:
        return None
    plain = found.replace(tzinfo=zone)
    if (
        (after - _NEAR).astimezone(zone).utcoffset()
        == (plain + _NEAR).astimezone(zone).utcoffset()
        == plain.utcoffset()
    ):
        return plain.astimezone(UTC)
    return _near_a_change(cron, zone, after, local, every_hour)


def times_between(cron: str, timezone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """The times of a cron expression after an instant and up to another, in order."""
    at = next_after(cron, timezone, after)
    while at is not None and at <= until:
        yield at
        at = next_after(cron, timezone, at)


def _near_a_change(cron: str, zone: ZoneInfo, after: datetime, local: datetime, every_hour: bool) -> datetime | None:
    best: datetime | None = None
    face = local - _NEAR
    while True:
        found = _next(cron, face)
        if found is None:
            return best
        for instant in _instants(found, zone, every_hour):
            if instant > after and (best is None or instant < best):
                best = instant
        # what the clock shows may come earlier than what it showed before, by as much as it is put back
        if best is not None and found.replace(tzinfo=zone).astimezone(UTC) > best + _NEAR:
            return best
        face = found + _INSTANT


def _instants(face: datetime, zone: ZoneInfo, every_hour: bool) -> Iterator[datetime]:
    """When the clocks of a zone show a time: once, twice, or never."""
    first, second = (face.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    is_shown = first.astimezone(zone).replace(tzinfo=None, fold=0) == face
    if is_shown or not every_hour:
        yield first
    if is_shown and every_hour and second != first:
        yield second


def _next(cron: str, face: datetime) -> datetime | None:
    """The first time at or after what a clock shows, on a clock that is never put forward or back."""
    at = face.replace(tzinfo=UTC)
    found = [t.get_next_fire_time(None, at) for t in _triggers(cron)]
    times = [f for f in found if f is not None]
    return min(times).replace(tzinfo=None) if times else None


@lru_cache(maxsize=20_000)
def _triggers(cron: str) -> tuple[CronTrigger, ...]:
    """The calendar of an expression: two where a day of the month and one of the week are both named.

    Raises:
        UsageError: WFT-CLI-002, the package of calendars is not installed.
    """
    try:
        from apscheduler.triggers.cron import CronTrigger
    except ModuleNotFoundError:
        fix = "pip install 'weft[server]'"
        raise UsageError(error("WFT-CLI-002", "schedules need APScheduler, which is not installed", fix=fix)) from None
    minute, hour, day, month, weekday = cron_fields(cron)
    fields: dict[str, Any] = {"minute": minute, "hour": hour, "month": month, "timezone": UTC}
    if day != "*" and weekday != "*":
        return CronTrigger(day=day, **fields), CronTrigger(day="*", day_of_week=weekday, **fields)
    return (CronTrigger(day=day, day_of_week=weekday, **fields),)
