"""The words of service levels: a name and a unit in one spelling (Source: ODCS, service level agreement)."""

from __future__ import annotations

_NAMES = {
    "ly": "freshness",
    "latency": "freshness",
    "fr": "freshness",
    "fy": "frequency",
    "re": "retention",
    "cm": "completeness",
    "av": "availability",
    "th": "throughput",
    "er": "errorrate",
    "td": "timetodetect",
    "tn": "timetonotify",
    "tr": "timetorepair",
}
_UNITS = {
    "year": "y yr yrs year years",
    "month": "mo mon month months",
    "week": "w wk week weeks",
    "day": "d day days",
    "hour": "h hr hrs hour hours",
    "minute": "m min mins minute minutes",
    "second": "s sec secs second seconds",
}
_UNIT_OF = {alias: unit for unit, aliases in _UNITS.items() for alias in aliases.split()}


def level_name(text: str) -> str:
    """A service level by one name; freshness and latency are checked alike.

    >>> level_name("Latency"), level_name("Fy"), level_name("beauty")
    ('freshness', 'frequency', 'beauty')
    """
    lower = text.lower()
    return _NAMES.get(lower, lower)


def level_unit(text: str) -> str | None:
    """A unit of time by one name; None for any other unit.

    >>> level_unit("Hrs"), level_unit("parsec")
    ('hour', None)
    """
    return _UNIT_OF.get(text.lower())
