"""Frequency: whether new rows were published as often as promised, by the history of publications."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from weft.contracts.checks import earliest
from weft.contracts.conditions import Age
from weft.contracts.findings import Finding, failed, not_judged, passed

_NO_HISTORY = "there is no history of publications for these rows"


def kept_pace(age: Age, published: Sequence[datetime] | None, now: datetime) -> Finding:
    """Whether the newest rows came in time after those before them, and are not due for longer than promised.

    What came late long ago is history: the last two publications and now decide.

    Args:
        published: instants of publications, newest first.

    Raises:
        Unusable: the age's zone is none, or the calendar ends before.
    """
    if not published:
        return not_judged(_NO_HISTORY)
    newest = f"newest {published[0].isoformat(timespec='seconds')}"
    before = f", the one before {published[1].isoformat(timespec='seconds')}" if len(published) > 1 else ""
    late = any(before < earliest(age, after) for after, before in pairwise([now, *published[:2]]))
    return failed(newest + before) if late else passed(newest + before)
