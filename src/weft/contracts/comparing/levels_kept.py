"""Service levels of two versions of a contract, in one spelling, and whether one is as good as the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from weft.model.level_words import level_name, level_unit
from weft.model.lifecycle import date_of_life
from weft.model.odcs import Contract

_LESS_IS_BETTER = frozenset({"freshness", "frequency", "errorrate", "timetodetect", "timetonotify", "timetorepair"})
_MORE_IS_BETTER = frozenset({"availability", "completeness", "throughput"})

_SIZES = {
    "second": ("seconds", 1),
    "minute": ("seconds", 60),
    "hour": ("seconds", 3600),
    "day": ("seconds", 86400),
    "week": ("seconds", 604800),
    "month": ("months", 1),
    "year": ("months", 12),
}
"""What can be counted in seconds, and what in months; of a month in seconds nothing exact can be said."""


def promised_levels(contract: Contract) -> tuple[Mapping[str, Any], ...]:
    """The service levels of a contract, each on one column at most, without the dates of a product's life."""
    return tuple(level for entry in contract.slas for level in _levels(contract, entry))


def _levels(contract: Contract, entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if date_of_life(entry):
        return
    stated = entry.get("element") or contract.data.get("slaDefaultElement")
    rest = {k: v for k, v in entry.items() if k != "element"}
    if not stated:
        yield rest
        return
    only = contract.objects[0].name if len(contract.objects) == 1 else None
    for element in str(stated).split(","):
        head, dot, column = element.strip().partition(".")
        # the one table of a port is the port's, whatever it is called
        yield {**rest, "element": column if dot and head == only else element.strip()}


def level_kept(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a service level is at least as good as another one."""
    name = level_name(str(old.get("property", "")))
    if name != level_name(str(new.get("property", ""))) or any(
        old.get(k) != new.get(k) for k in ("element", "valueExt")
    ):
        return False
    (before, unit), (after, other) = _amount(old), _amount(new)
    if unit != other:
        return False
    if before == after:
        return True
    if not isinstance(before, float) or not isinstance(after, float):
        return False
    return after < before if name in _LESS_IS_BETTER else name in _MORE_IS_BETTER and after > before


def _amount(entry: Mapping[str, Any]) -> tuple[float | str, str]:
    """The value as a number, in the smallest unit of its kind; what is no number stays text."""
    text, value = str(entry.get("unit") or "").lower(), entry.get("value")
    unit, size = _SIZES.get(level_unit(text) or "", (text, 1))
    try:
        number = float(str(value)) * size
    except ValueError:
        return str(value), unit
    return (number, unit) if math.isfinite(number) else (str(value), unit)
