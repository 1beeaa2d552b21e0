"""Contracts for people: what changes between two of them."""

from __future__ import annotations

from typing import Any

from weft.cli.text import table
from weft.contracts.comparing.compatibility import Comparison

_ORDER = ("breaking", "compatible", "patch", "none")


def diff_text(found: Comparison, view: str) -> str:
    """The changes, the gravest first, and what they come to."""
    whom = "readers" if view == "consumer" else "producers"
    if not found.changes:
        return f"no difference for {whom}"
    rows = [
        (c.verdict, c.path or "contract", c.reason, _values(c.from_, c.to))
        for c in sorted(found.changes, key=lambda c: _ORDER.index(c.verdict))
    ]
    count = len(found.changes)
    summary = f"{found.verdict} for {whom}: {count} change{'' if count == 1 else 's'}"
    return f"{table(('verdict', 'where', 'what', 'from → to'), rows)}\n\n{summary}, version {found.required_version}"


def _values(before: Any, after: Any) -> str:
    return "" if before is None and after is None else f"{_short(before)} → {_short(after)}"


def _short(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= 30 else text[:29] + "…"
