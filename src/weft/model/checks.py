"""Checks: one rule of a contract, evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from weft.errors import Where


class Rule(StrEnum):
    """The kinds of rules; users' scripts read these words."""

    COLUMN_EXISTS = "column_exists"
    EXTRA_COLUMN = "extra_column"
    TYPE = "type"
    REQUIRED = "required"
    UNIQUE = "unique"
    PRIMARY_KEY = "primary_key"
    PATTERN = "pattern"
    LENGTH = "length"
    RANGE = "range"
    ITEMS = "items"
    VALID_VALUES = "valid_values"
    RELATIONSHIP = "relationship"
    FRESHNESS = "freshness"
    RETENTION = "retention"
    FREQUENCY = "frequency"
    ROW_COUNT = "row_count"
    METRIC = "metric"
    SQL = "sql"
    TEXT = "text"
    CUSTOM = "custom"


class CheckSeverity(StrEnum):
    """ODCS severity: `error` and absent block, every other value warns."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Outcome(StrEnum):
    """What came of a check. Not evaluated is not passed; error counts as failed."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    NOT_EVALUATED = "not_evaluated"


class CheckResult(Struct, frozen=True):
    """One rule of a contract, evaluated on a table.

    Attributes:
        id: stable inside a contract: the rule's own id or name, else `column.rule` made unique.
        column: None for a rule of the table, several names for a composite key, a dotted path when nested.
        failed_rows: None where rows do not fail (a type, a missing column, a row count, freshness).
        expected: what the contract promises, in words or SQL-like text.
        actual: what was found, in words; never a value of a column above the sample classification.
        samples: up to N failing rows: their key columns and the offending one, already redacted.
        blocks: whether this result stops a publication.
    """

    id: str
    rule: Rule
    column: str | tuple[str, ...] | None
    dimension: str | None
    severity: CheckSeverity
    result: Outcome
    failed_rows: int | None = None
    total_rows: int | None = None
    expected: str | None = None
    actual: str | None = None
    reason: str | None = None
    samples: tuple[Mapping[str, Any], ...] = ()
    where: Where | None = None
    must_evaluate: bool = False

    @property
    def blocks(self) -> bool:
        """Failed or error at severity error; not evaluated only where the contract insists."""
        if self.result is Outcome.NOT_EVALUATED:
            return self.must_evaluate
        return self.result in (Outcome.FAILED, Outcome.ERROR) and self.severity is CheckSeverity.ERROR

    @property
    def share(self) -> float | None:
        """Failing rows as a share of all rows, 0 to 1."""
        if self.failed_rows is None or not self.total_rows:
            return None
        return self.failed_rows / self.total_rows

    def as_json(self, *, with_samples: bool = True) -> dict[str, Any]:
        """The check in the shape that `weft verify --format json` prints."""
        return {
            "id": self.id,
            "rule": self.rule.value,
            "column": list(self.column) if isinstance(self.column, tuple) else self.column,
            "dimension": self.dimension,
            "severity": self.severity.value,
            "result": self.result.value,
            "failed_rows": self.failed_rows,
            "total_rows": self.total_rows,
            "share": self.share,
            "expected": self.expected,
            "actual": self.actual,
            "reason": self.reason,
            "samples": [dict(s) for s in self.samples] if with_samples else [],
            "where": {"file": self.where.file, "line": self.where.line, "column": self.where.column}
            if self.where
            else None,
        }


FIRST_ROWS = "; first: "
"""What parts the reason of a failed check from the samples of its rows."""


def without_rows(told: Any) -> Any:
    """What was told in JSON without rows: samples, and those that the reason of a diagnostic may end with.

    >>> without_rows([{"what": "breaks `range`", "why": "found 3 rows; first: id=7", "samples": [{"id": 7}]}])
    [{'what': 'breaks `range`', 'why': 'found 3 rows', 'samples': []}]
    """
    if isinstance(told, Mapping):
        return {key: _without_rows(key, value) for key, value in told.items()}
    return [without_rows(one) for one in told] if isinstance(told, list | tuple) else told


def _without_rows(key: str, value: Any) -> Any:
    if key == "why" and isinstance(value, str):
        return value.partition(FIRST_ROWS)[0]
    return [] if key == "samples" else without_rows(value)


class CheckCounts(Struct, frozen=True):
    """How many checks ended how. `warned` = failed or errored at a severity that does not block."""

    passed: int = 0
    warned: int = 0
    failed: int = 0
    error: int = 0
    not_evaluated: int = 0

    @property
    def total(self) -> int:
        """All checks."""
        return self.passed + self.warned + self.failed + self.error + self.not_evaluated

    def as_json(self) -> dict[str, int]:
        """The counts by name."""
        return {
            "passed": self.passed,
            "warned": self.warned,
            "failed": self.failed,
            "error": self.error,
            "not_evaluated": self.not_evaluated,
        }


def count(results: Iterable[CheckResult]) -> CheckCounts:
    """How many of the results ended how."""
    passed = warned = failed = errors = not_evaluated = 0
    for r in results:
        if r.result is Outcome.PASSED:
            passed += 1
        elif r.result is Outcome.NOT_EVALUATED:
            not_evaluated += 1
        elif r.severity is not CheckSeverity.ERROR:
            warned += 1
        elif r.result is Outcome.FAILED:
            failed += 1
        else:
            errors += 1
    return CheckCounts(passed, warned, failed, errors, not_evaluated)
