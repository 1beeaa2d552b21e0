"""Findings: what came of judging one promise, before it becomes a check's result."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from weft.contracts.conditions import Promise
from weft.errors import WeftError
from weft.model.checks import Outcome

Sample = Callable[[Sequence[str], int], str | None]
"""From the columns to show and how many rows to the query for failing rows; None when there is none."""


class Finding(Struct, frozen=True):
    """An outcome, with how many rows failed where rows do, and how to see some of them."""

    outcome: Outcome
    failed_rows: int | None = None
    actual: str | None = None
    reason: str | None = None
    sample: Sample | None = None


def passed(actual: str | None = None) -> Finding:
    """The promise is kept."""
    return Finding(Outcome.PASSED, actual=actual)


def failed(actual: str | None = None, *, reason: str | None = None) -> Finding:
    """The promise is broken, and not by single rows."""
    return Finding(Outcome.FAILED, actual=actual, reason=reason)


def cannot(reason: str) -> Finding:
    """It should have been judged and was not."""
    return Finding(Outcome.ERROR, reason=reason)


def not_judged(reason: str) -> Finding:
    """It cannot be judged by design."""
    return Finding(Outcome.NOT_EVALUATED, reason=reason)


def counted(promise: Promise, count: int, total: int, sample: Sample | None, *, tolerated: float = 0.0) -> Finding:
    """A finding from a count of failing rows: none may fail, or as many as the promise allows.

    Args:
        tolerated: percent of all rows that may fail where the promise has no threshold.
    """
    threshold = promise.threshold
    kept = threshold.holds(count, total) if threshold else 100 * count <= tolerated * total
    shows = sample if threshold is None or threshold.comparison.limits else None
    share = f" ({100 * count / total:.4g} %)" if total and count else ""
    found = f"{count} row{'' if count == 1 else 's'}{share}"
    return Finding(Outcome.PASSED if kept else Outcome.FAILED, count, found, sample=shows)


def why_not(problem: WeftError) -> str:
    """Why a query failed, in words that hold no value of a row.

    A binder's message speaks of names, and how long a query took says nothing of rows; what else a run says may quote
    the row at which it stopped, so only its code is told.
    """
    first = problem.diagnostics[0] if problem.diagnostics else None
    if first is None:
        return "the query failed"
    return (
        first.what
        if first.code.startswith(("WFT-SQL-", "WFT-ENG-003"))
        else f"the query failed while it ran ({first.code})"
    )
