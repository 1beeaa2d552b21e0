"""Foreign documents are read with care: whatever stands in them, the answer is a shape or a diagnostic."""

from __future__ import annotations

import json
from typing import Any

from weft.errors import SourceError, UsageError, Where, error

DEEPEST = 100
"""How deep a document may be nested."""

MOST_FIELDS = 20_000
"""How many fields a source may describe: a few types that name one another may stand for very many."""


def malformed(name: str, what: str, why: str, line: int | None = None) -> SourceError:
    """WFT-IMP-003: the source is not what it is said to be."""
    return SourceError(error("WFT-IMP-003", f"`{name}` is not {what}", Where(name, line), why=_short(why)))


def missing(name: str, what: str, fix: str | None = None) -> SourceError:
    """WFT-IMP-004: the source holds nothing to make a contract of."""
    return SourceError(error("WFT-IMP-004", f"`{name}` {what}", Where(name), fix=fix))


def unwritable(name: str, what: str, why: str) -> UsageError:
    """WFT-IMP-006: the contract cannot be written as this kind."""
    fix = "rename it in the contract, or export another kind"
    return UsageError(error("WFT-IMP-006", f"`{name}` cannot be {what}", why=_short(why), fix=fix))


def parsed_json(text: str, name: str) -> Any:
    """What a JSON text says.

    Raises:
        SourceError: WFT-IMP-003, it is none, or it is nested too deep.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as e:
        raise malformed(name, "JSON", e.msg, e.lineno) from e
    except (RecursionError, ValueError) as e:
        raise malformed(name, "JSON that can be read", str(e)) from e
    if _depth(data) > DEEPEST:
        raise malformed(name, "JSON that can be read", f"it is nested more than {DEEPEST} deep")
    return data


def _depth(data: Any) -> int:
    depth, level = 0, [data]
    while level:
        depth += 1
        level = [
            c
            for part in level
            for c in (part.values() if isinstance(part, dict) else part if isinstance(part, list) else ())
        ]
    return depth


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:199]}…"
