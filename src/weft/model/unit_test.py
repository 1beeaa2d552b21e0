"""Unit tests of models: given rows, expected rows."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from weft.errors import Diagnostic, Where
from weft.model.address import ProductAddress

THIS = "this"
"""As a name under `given`: the model's own table before it is built."""


class Rows(Struct, frozen=True):
    """Rows that a test gives or expects.

    Attributes:
        rows: each by column; values as YAML or JSON has them, those of CSV are texts.
        places: where each row stands.
        path: of a Parquet file that holds the rows, absolute; `rows` is empty then.
        header: columns that CSV names, whether it has rows or not.
    """

    where: Where
    rows: tuple[Mapping[str, Any], ...] = ()
    places: tuple[Where, ...] = ()
    path: str | None = None
    header: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that at least one row names, in order of appearance."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row))


class Expected(Struct, frozen=True):
    """What a test expects of a model.

    Attributes:
        columns: all columns, each with its type or None where any will do; None: not asked.
        query: a SELECT over the model; its rows are compared instead of the model's.
    """

    where: Where
    rows: Rows | None = None
    columns: Mapping[str, str | None] | None = None
    query: str | None = None


class UnitTest(Struct, frozen=True):
    """One test of one model."""

    name: str
    product: ProductAddress
    model: str
    where: Where
    given: Mapping[str, Rows]
    expected: Expected
    description: str | None = None

    @property
    def address(self) -> str:
        """The model's full name."""
        return f"{self.product}.{self.model}"


class Outcome(StrEnum):
    """How a test ended: `error` when the model, or the test, could not be run."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"


class Difference(Struct, frozen=True):
    """A row that is missing, unexpected, or like an expected one but for some cells; or a column.

    Attributes:
        kind: missing, unexpected, changed or column.
        cells: values as the engine writes them, by column; of a changed row those that were found.
        instead: of a changed row, what was expected where that differs.
    """

    kind: str
    cells: Mapping[str, str | None]
    instead: Mapping[str, str | None] = {}


class TestResult(Struct, frozen=True):
    """How one test ended."""

    __test__ = False  # pytest takes what is named like this for a test

    test: UnitTest
    outcome: Outcome
    differences: tuple[Difference, ...] = ()
    more: int = 0
    diagnostics: tuple[Diagnostic, ...] = ()
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The shape of one test in `weft test --format json`."""
        where = self.test.where
        return {
            "model": self.test.address,
            "name": self.test.name,
            "where": {"file": where.file, "line": where.line, "column": where.column},
            "outcome": self.outcome.value,
            "differences": [
                {"kind": d.kind, "cells": dict(d.cells), "instead": dict(d.instead)} for d in self.differences
            ],
            "more_differences": self.more,
            "diagnostics": [d.as_json() for d in self.diagnostics],
            "seconds": round(self.seconds, 3),
        }


class TestReport(Struct, frozen=True):
    """How all tests ended."""

    __test__ = False

    results: tuple[TestResult, ...]
    diagnostics: tuple[Diagnostic, ...] = ()

    def count(self, outcome: Outcome) -> int:
        """How many tests ended so."""
        return sum(1 for r in self.results if r.outcome is outcome)

    @property
    def exit_code(self) -> int:
        """0 when all passed, 1 when one failed, 2 when one could not be run."""
        if self.count(Outcome.ERROR):
            return 2
        return 1 if self.count(Outcome.FAILED) else 0

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft test --format json`."""
        return {
            "passed": self.count(Outcome.PASSED),
            "failed": self.count(Outcome.FAILED),
            "errors": self.count(Outcome.ERROR),
            "tests": [r.as_json() for r in self.results],
            "diagnostics": [d.as_json() for d in self.diagnostics],
        }
