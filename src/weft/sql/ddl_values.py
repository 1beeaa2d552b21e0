"""Values that stand in a statement, and texts of statements that are shown."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from weft.model.shape import UNSET


def bare(part: exp.Expr) -> exp.Expr:
    """An expression without the parentheses around it."""
    while isinstance(part, exp.Paren):
        part = part.this
    return part


def written(part: exp.Expr) -> Any:
    """The value that is written there; UNSET where it is none."""
    part = bare(part)
    if isinstance(part, exp.Null):
        return None
    if isinstance(part, exp.Boolean):
        return bool(part.this)
    if isinstance(part, exp.Neg):
        inner = written(part.this)
        return -inner if isinstance(inner, int | float) and not isinstance(inner, bool) else UNSET
    if isinstance(part, exp.Cast) and isinstance(part.this, exp.Literal) and part.this.is_string:
        return part.this.this
    if not isinstance(part, exp.Literal):
        return UNSET
    if part.is_string:
        return part.this
    try:
        return int(part.this) if part.this.isdigit() and len(part.this) < 400 else float(part.this)
    except ValueError:
        return UNSET


def short(text: str) -> str:
    """A text of at most 60 characters."""
    return text if len(text) <= 60 else f"{text[:59]}…"
