"""Expectations: what a promise about values says, in words."""

from __future__ import annotations

from typing import Any

from weft.contracts.conditions import Range


def between(low: Any, high: Any) -> str:
    """How many of something there may be.

    >>> between(2, None), between(None, 3), between(4, 4)
    ('at least 2', 'at most 3', '4')
    """
    if low is None or high is None:
        return f"at least {low}" if high is None else f"at most {high}"
    return f"{low}" if low == high else f"{low} to {high}"


def range_words(bounds: Range) -> str:
    """The bounds of a range, and the step of its values."""
    parts = [
        f"≥ {bounds.minimum}" if bounds.minimum is not None else "",
        f"> {bounds.exclusive_minimum}" if bounds.exclusive_minimum is not None else "",
        f"≤ {bounds.maximum}" if bounds.maximum is not None else "",
        f"< {bounds.exclusive_maximum}" if bounds.exclusive_maximum is not None else "",
        f"a multiple of {bounds.multiple_of}" if bounds.multiple_of is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def listed(values: tuple[Any, ...]) -> str:
    """The values that are known, at most ten by name."""
    shown = ", ".join(str(v) for v in values[:10])
    return f"one of {shown}" + (f" and {len(values) - 10} more" if len(values) > 10 else "")
