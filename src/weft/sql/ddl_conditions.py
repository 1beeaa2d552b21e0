"""Conditions of CHECKs that say what a contract says of one column: values, bounds, lengths, a pattern."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from sqlglot import exp

from weft.model.shape import UNSET
from weft.sql.ddl_values import bare, written

_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.GTE: "minimum",
    exp.GT: "exclusiveMinimum",
    exp.LTE: "maximum",
    exp.LT: "exclusiveMaximum",
}
_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {exp.GTE: exp.LTE, exp.LTE: exp.GTE, exp.GT: exp.LT, exp.LT: exp.GT}


class Promised(Struct, frozen=True):
    """What a condition says of one column.

    Attributes:
        values: those that are allowed; None where it lists none.
        limits: options of its type, as ODCS names them.
    """

    column: str
    values: tuple[Any, ...] | None = None
    limits: Mapping[str, Any] = {}


def conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    """The conditions that have to hold together."""
    alone = bare(condition)
    if isinstance(alone, exp.And):
        yield from conjuncts(alone.this)
        yield from conjuncts(alone.expression)
    else:
        yield alone


def promised(part: exp.Expr, has_items: Callable[[str], bool]) -> Promised | None:
    """What a condition says, if it is one of the promises that a contract has words for.

    Args:
        has_items: whether a column's values have items, of which `length` then tells the number.
    """
    if isinstance(part, exp.In):
        name = _column(part.this)
        values = [written(v) for v in part.expressions]
        if name and values and UNSET not in values:
            return Promised(name, values=tuple(v for v in values if v is not None))
    if isinstance(part, exp.Between):
        name, low, high = _column(part.this), written(part.args["low"]), written(part.args["high"])
        if name and UNSET not in (low, high):
            return Promised(name, limits={"minimum": low, "maximum": high})
    if isinstance(part, exp.RegexpLike):
        name, pattern = _column(part.this), written(part.expression)
        if name and isinstance(pattern, str) and not part.args.get("flag"):
            return Promised(name, limits={"pattern": pattern})
    if isinstance(part, exp.EQ) and isinstance(part.this, exp.Mod):
        divided = part.this.this  # PostgreSQL divides no float: it is cast
        name = _column(divided.this if isinstance(divided, exp.Cast) else divided)
        step = written(bare(part.this.expression))
        if name and written(part.expression) == 0 and isinstance(step, int | float):
            return Promised(name, limits={"multipleOf": step})
    return _compared(part, has_items) if type(part) in _COMPARISONS else None


def _compared(part: exp.Expr, has_items: Callable[[str], bool]) -> Promised | None:
    left, right = bare(part.this), bare(part.expression)
    kind: type[exp.Expr] = type(part)
    if written(left) is not UNSET:
        left, right, kind = right, left, _MIRRORED[kind]
    bound = written(right)
    if bound is UNSET or bound is None:
        return None
    name = _column(left)
    if name is not None:
        return Promised(name, limits={_COMPARISONS[kind]: bound})
    counted = _counted(left)
    measured = _column(counted) if counted is not None else None
    if measured is None or not isinstance(bound, int):
        return None
    word = "Items" if has_items(measured) else "Length"
    if kind in (exp.GTE, exp.GT):
        return Promised(measured, limits={f"min{word}": bound + (kind is exp.GT)})
    return Promised(measured, limits={f"max{word}": bound - (kind is exp.LT)})


def _column(part: exp.Expr) -> str | None:
    alone = bare(part)
    return alone.name if isinstance(alone, exp.Column | exp.Identifier) else None


def _counted(part: exp.Expr) -> exp.Expr | None:
    """What a function counts the characters or items of; None where it is another one."""
    if isinstance(part, exp.Length | exp.ArraySize):
        found: exp.Expr | None = part.this
    elif isinstance(part, exp.Anonymous) and part.name.lower() == "cardinality" and len(part.expressions) == 1:
        found = part.expressions[0]
    else:
        found = None
    return found
