"""What a port is marked with, as text: rows in quarantine, open incidents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.cli.text import counted, number


def quarantine_text(found: Mapping[str, Any] | None) -> str:
    """How many rows were left out, which share that is, and what they break.

    >>> quarantine_text({"rows": 3, "total": 2000, "share": 0.0015, "checks": {"id.unique": 2, "day.required": 1}})
    '3 of 2,000 rows (0.15 %): id.unique 2, day.required 1'
    """
    if not found:
        return ""
    checks = ", ".join(f"{check} {number(rows)}" for check, rows in found["checks"].items())
    return f"{number(found['rows'])} of {counted(found['total'], 'row')} ({100 * found['share']:.3g} %): {checks}"


def incidents_text(found: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong, each with the id under which `weft incidents` tells more.

    >>> incidents_text([{"incident_id": "i-7", "what": "`a.b.c@1` is late"}])
    'i-7: `a.b.c@1` is late'
    """
    return "; ".join(f"{one['incident_id']}: {one['what']}" for one in found)
