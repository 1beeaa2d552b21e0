"""Scans: many aggregates in one pass over the rows, where one that fails does not take the others along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weft.contracts.evaluator import Evaluator
from weft.errors import WeftError


class Scan:
    """Aggregates of one source, collected first and evaluated together."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._expressions: dict[str, Any] = {}

    def add(self, expression: str) -> str:
        """Asks for an aggregate; the same one is evaluated once."""
        self._expressions.setdefault(expression, None)
        return expression

    def run(self, evaluator: Evaluator) -> None:
        """Evaluates all that was asked for: one pass if nothing fails, else halves until the culprit stands alone."""
        if self._expressions:
            self._evaluate(evaluator, tuple(self._expressions))

    def value(self, expression: str) -> Any:
        """The value of an aggregate.

        Raises:
            WeftError: it could not be evaluated.
        """
        found = self._expressions[expression]
        if isinstance(found, WeftError):
            raise found
        return found

    def _evaluate(self, evaluator: Evaluator, expressions: Sequence[str]) -> None:
        try:
            (row,) = evaluator.rows(f"SELECT {', '.join(expressions)} FROM {self._source}")
        except WeftError as problem:
            if len(expressions) == 1:
                self._expressions[expressions[0]] = problem
                return
            half = len(expressions) // 2
            self._evaluate(evaluator, expressions[:half])
            self._evaluate(evaluator, expressions[half:])
            return
        self._expressions.update(zip(expressions, row, strict=True))
