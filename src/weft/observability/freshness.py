"""Freshness: whether a port's rows are as new as its contract promises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct

from weft.model.checks import CheckResult, Outcome, Rule
from weft.model.odcs import Contract

_UNITS = {
    "s": timedelta(seconds=1),
    "second": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "minute": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "hour": timedelta(hours=1),
    "d": timedelta(days=1),
    "day": timedelta(days=1),
    "w": timedelta(weeks=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=31),
    "y": timedelta(days=366),
    "yr": timedelta(days=366),
    "year": timedelta(days=366),
}
_AGES = frozenset({"freshness", "latency", "frequency"})


class FreshnessState(StrEnum):
    """Kept, broken, or nothing was promised."""

    FRESH = "fresh"
    LATE = "late"
    NOT_PROMISED = "not_promised"


class Freshness(Struct, frozen=True):
    """How a port stands against its promise.

    Attributes:
        age: time since the publication.
        promise: the service levels about age in words, as the contract has them.
        reference_time: the contract's own “now”, for data of a closed period.
        reason: what decided the state.
    """

    state: FreshnessState
    published_at: datetime
    age: timedelta
    promise: str | None = None
    reference_time: str | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The freshness as pages show it."""
        return {
            "state": self.state.value,
            "published_at": self.published_at.isoformat(),
            "age_seconds": int(self.age.total_seconds()),
            "promise": self.promise,
            "reference_time": self.reference_time,
            "reason": self.reason,
        }


def freshness(contract: Contract, published_at: datetime, checks: Iterable[CheckResult], now: datetime) -> Freshness:
    """Freshness of a publication by its contract's service levels (Source: ODCS, `slaProperties`).

    The rows were measured when they were verified; since then they have aged as long as the publication. So a promise
    is broken when its check failed, or when the publication alone is older than the promise. A contract that sets
    `weft.referenceTime` speaks of a closed period: only the check counts.
    """
    age = now - published_at
    levels = [s for s in contract.slas if str(s.get("property", "")).lower() in _AGES]
    reference = contract.custom.get("weft.referenceTime")
    reference_text = None if reference is None else str(reference)
    if not levels:
        return Freshness(FreshnessState.NOT_PROMISED, published_at, age, reference_time=reference_text)
    promise = "; ".join(_words(s) for s in levels)
    state, reason = FreshnessState.FRESH, "checked at publication"
    failed = [c for c in checks if c.rule is Rule.FRESHNESS and c.result in (Outcome.FAILED, Outcome.ERROR)]
    if failed:
        state, reason = FreshnessState.LATE, failed[0].reason or failed[0].actual or "the check failed"
    elif reference is None:
        limits = [limit for s in levels if (limit := allowed_age(s)) is not None]
        if limits and age > min(limits):
            state, reason = FreshnessState.LATE, "published longer ago than promised"
    return Freshness(state, published_at, age, promise, reference_text, reason)


def late_from(contract: Contract, published_at: datetime, checks: Iterable[CheckResult]) -> tuple[datetime | None, str]:
    """From when on a publication breaks its promise about age, and the promise in words; None: never.

    A promise that its check found broken is broken from the publication on; see `freshness`.
    """
    levels = [s for s in contract.slas if str(s.get("property", "")).lower() in _AGES]
    promise = "; ".join(_words(s) for s in levels)
    if any(c.rule is Rule.FRESHNESS and c.result in (Outcome.FAILED, Outcome.ERROR) for c in checks):
        return published_at, promise
    limits = [limit for s in levels if (limit := allowed_age(s)) is not None]
    if not limits or contract.custom.get("weft.referenceTime") is not None:
        return None, promise
    return published_at + min(limits), promise


def allowed_age(level: Mapping[str, Any]) -> timedelta | None:
    """The age that a service level allows; None where value or unit say no length of time.

    >>> allowed_age({"property": "latency", "value": 4, "unit": "h"})
    datetime.timedelta(seconds=14400)
    """
    unit = str(level.get("unit") or "").strip().lower()
    length = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
    try:
        value = float(level.get("value"))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return length * value if length else None


def _words(level: Mapping[str, Any]) -> str:
    text = f"{level.get('property')} {level.get('value')} {level.get('unit') or ''}".strip()
    return f"{text} ({level['element']})" if level.get("element") else text
