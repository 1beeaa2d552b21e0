"""Digests: at which instant everything of a day is told at once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from weft.errors import UsageError, error

_HOUR = re.compile(r"(?P<hour>[01]?[0-9]|2[0-3])(?::(?P<minute>[0-5][0-9]))?(?:\s+(?P<zone>\S+))?")


def next_digest(digest: str, after: datetime) -> datetime:
    """The first instant after one at which clocks of the zone show the hour; an hour that is skipped comes later.

    >>> next_digest("08:00 Europe/Berlin", datetime(2026, 7, 1, 7, tzinfo=UTC)).isoformat()
    '2026-07-02T06:00:00+00:00'

    Raises:
        UsageError: WFT-OBS-003, the text is no hour with a zone.
    """
    hour, zone = _read(digest)
    day = after.astimezone(zone).date()
    while True:
        due = datetime.combine(day, hour, zone).astimezone(UTC)
        if due > after:
            return due
        day += timedelta(days=1)


def checked_digest(digest: str) -> str:
    """A digest as it is kept: `08:00 Europe/Berlin`.

    Raises:
        UsageError: WFT-OBS-003, the text is no hour with a zone.
    """
    hour, zone = _read(digest)
    return f"{hour:%H:%M} {zone.key}"


def _read(digest: str) -> tuple[time, ZoneInfo]:
    match = _HOUR.fullmatch(digest.strip())
    try:
        if match is None:
            raise ValueError
        return time(int(match["hour"]), int(match["minute"] or 0)), ZoneInfo(match["zone"] or "UTC")
    except (ValueError, ZoneInfoNotFoundError, OSError):
        raise UsageError(
            error("WFT-OBS-003", f"`{digest}` is no hour of a day", fix="write it like `08:00 Europe/Berlin`")
        ) from None
