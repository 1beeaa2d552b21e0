"""How columns stand along lineage, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft.cli.text import counted
from weft.model.classification import Classification

if TYPE_CHECKING:
    from weft.api.governance.classifying import Classifying
    from weft.governance.standing import Standing


def classified_text(result: Classifying) -> str:
    """The columns of which there is something to say, and how many there are."""
    lines: list[str] = []
    for one in result.standings:
        if not one.suggestion.empty or one.inherited.tags or one.notes or one.inherited.level > Classification.INTERNAL:
            lines += _column(one)
    suggested = len(result.suggested)
    lines.append(f"{counted(len(result.standings), 'column')}, {counted(suggested, 'suggestion')}")
    lines += [f"wrote {file}" for file in result.written]
    if result.truncated:
        lines.append("more is registered upstream than was followed: levels may be higher than shown")
    return "\n".join(lines)


def suggestion_text(one: Standing) -> str:
    """What a column's contract should say, in a line."""
    told = one.suggestion
    parts = [f"classification: {told.level}"] if told.level is not None else []
    parts += [f"tags: + {', '.join(told.tags)}"] if told.tags else []
    return f"{one.column.node}: {'; '.join(parts)}"


def _column(one: Standing) -> list[str]:
    column, told = one.column, one.suggestion
    lines = [
        column.node,
        f"  declared   {_said(str(column.level) if column.level is not None else 'nothing', column.tags)}",
        f"  inherited  {_said(str(one.inherited.level), one.inherited.tags)}",
    ]
    ways = dict.fromkeys(way for way in (one.level_way, *(way for _, way in one.tag_ways)) if len(way) > 1)
    lines += [f"    {' → '.join(way)}" for way in ways]
    if not told.empty:
        parts = [str(told.level)] if told.level is not None else []
        parts += [f"+ {', '.join(told.tags)}"] if told.tags else []
        lines.append(f"  suggested  {' '.join(parts)}")
        lines += [f"    {reason}" for reason in told.reasons]
    lines += [f"  note: {note}" for note in one.notes]
    return [*lines, ""]


def _said(level: str, tags: tuple[str, ...]) -> str:
    return f"{level}, {', '.join(tags)}" if tags else level
