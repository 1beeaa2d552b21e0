"""What differs between two tables of a session, whatever the order of their rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from weft.engines.base import Session
from weft.model.column import Column
from weft.model.unit_test import Difference
from weft.sql.quoting import ident

MOST = 20
"""Differences that are shown of one test."""

_RELATIVE, _ABSOLUTE = 1e-9, 1e-12
"""How far two floating point numbers may lie apart and still be the same."""

Row = tuple[tuple[Any, ...], tuple[str | None, ...]]
"""The values of a row, and the same as the engine writes them."""


def differences(
    session: Session, expected: str, found: str, columns: Sequence[Column]
) -> tuple[tuple[Difference, ...], int]:
    """Rows of one table that the other lacks, as often as it lacks them, and how many more than are shown.

    Args:
        expected, found: FROM items.
    """
    missing, unexpected = _left(session, expected, found, columns)
    if any("FLOAT" in c.type or "DOUBLE" in c.type for c in columns):
        missing, unexpected = _nearly(missing, unexpected)
    told = _paired(missing, unexpected, [c.name for c in columns])
    return tuple(told[:MOST]), max(0, len(told) - MOST)


def _left(session: Session, expected: str, found: str, columns: Sequence[Column]) -> tuple[list[Row], list[Row]]:
    """The rows that only one of the tables has, in one query: each counts for one of them and against the other."""
    names = [f"c{i}" for i in range(len(columns))]
    listed = ", ".join(names)
    aliased = ", ".join(f"{ident(c.name)} AS {name}" for c, name in zip(columns, names, strict=True))
    both = f"SELECT {aliased}, 1 AS n FROM {expected} UNION ALL SELECT {aliased}, -1 AS n FROM {found}"
    texts = ", ".join(f"CAST({name} AS VARCHAR)" for name in names)
    counted = f"SELECT {listed}, sum(n)::BIGINT AS n FROM ({both}) GROUP BY {listed}"
    missing: list[Row] = []
    unexpected: list[Row] = []
    if not session.rows(f"SELECT 1 FROM ({both}) GROUP BY {listed} HAVING sum(n) <> 0 LIMIT 1"):
        return missing, unexpected  # as it mostly is: writing values as text takes as long as all else
    for row in session.rows(f"SELECT n, {listed}, {texts} FROM ({counted}) WHERE n <> 0 ORDER BY ALL"):
        values, shown = row[1 : len(names) + 1], row[len(names) + 1 :]
        (missing if row[0] > 0 else unexpected).extend([(values, shown)] * abs(row[0]))
    return missing, unexpected


def _nearly(missing: list[Row], unexpected: list[Row]) -> tuple[list[Row], list[Row]]:
    """What is left when rows are taken for the same whose floating point numbers are."""
    rest = list(unexpected)
    lacking = []
    for row in missing:
        near = next((i for i, other in enumerate(rest) if same(row[0], other[0])), None)
        if near is None:
            lacking.append(row)
        else:
            del rest[near]
    return lacking, rest


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, floating point numbers among them up to a part in 10⁹.

    >>> same((1, 0.1 + 0.2), (1, 0.3)), same([1.0], [1.1]), same(None, 0.0)
    (True, False, False)
    """
    if isinstance(one, float) and isinstance(other, float):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return math.isclose(one, other, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def _paired(missing: list[Row], unexpected: list[Row], names: Sequence[str]) -> list[Difference]:
    """Rows that are alike in half of their cells or more become one changed row."""
    rest = [texts for _, texts in unexpected]
    told = []
    for _, texts in missing:
        alike = [sum(a == b for a, b in zip(texts, other, strict=True)) for other in rest]
        best = max(range(len(rest)), key=lambda i: alike[i], default=None) if len(rest) <= 1000 else None
        if best is None or alike[best] * 2 < len(names) or not alike[best]:
            told.append(Difference("missing", dict(zip(names, texts, strict=True))))
            continue
        found = rest.pop(best)
        instead = {n: want for n, want, have in zip(names, texts, found, strict=True) if want != have}
        told.append(Difference("changed", dict(zip(names, found, strict=True)), instead))
    return told + [Difference("unexpected", dict(zip(names, texts, strict=True))) for texts in rest]
