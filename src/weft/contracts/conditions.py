"""Conditions: what a contract promises about rows, as values."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from weft.errors import Where
from weft.model.checks import CheckSeverity, Rule
from weft.model.odcs import Property

_WORDS = {
    "mustBe": "=",
    "mustNotBe": "≠",
    "mustBeGreaterThan": ">",
    "mustBeGreaterOrEqualTo": "≥",
    "mustBeLessThan": "<",
    "mustBeLessOrEqualTo": "≤",
    "mustBeBetween": "between",
    "mustNotBeBetween": "not between",
}
OPERATORS = tuple(_WORDS)
"""The eight comparisons of ODCS quality rules (Source: ODCS schema, `DataQualityOperators`)."""


class Comparison(Struct, frozen=True):
    """One operator of a quality rule with its bound; `mustBeBetween` has two, both included."""

    operator: str
    bound: Any

    def holds(self, value: Any) -> bool:
        """Whether a value that was found keeps the promise.

        >>> Comparison("mustBeBetween", [1, 3]).holds(3), Comparison("mustBe", 0).holds(Decimal("0.00"))
        (True, True)

        What is not a number (NaN) is neither equal to a bound nor on one side of it.

        Raises:
            TypeError: the value cannot be compared with the bound.
        """
        if isinstance(value, float) and value != value:
            return self.operator in ("mustNotBe", "mustNotBeBetween")
        if self.operator in ("mustBe", "mustNotBe"):
            return _equal(value, self.bound) == (self.operator == "mustBe")
        if self.operator in ("mustBeBetween", "mustNotBeBetween"):
            low, high = (_number(b) for b in self.bound)
            return (low <= _number(value) <= high) == (self.operator == "mustBeBetween")
        found, bound = _number(value), _number(self.bound)
        return {
            "mustBeGreaterThan": found > bound,
            "mustBeGreaterOrEqualTo": found >= bound,
            "mustBeLessThan": found < bound,
            "mustBeLessOrEqualTo": found <= bound,
        }[self.operator]

    @property
    def limits(self) -> bool:
        """Whether it is an upper limit, so that counted rows are failing rows."""
        return self.operator in ("mustBeLessThan", "mustBeLessOrEqualTo") or (
            self.operator == "mustBe" and _equal(self.bound, 0)
        )

    def __str__(self) -> str:
        if isinstance(self.bound, list | tuple) and len(self.bound) == 2:
            return f"{_WORDS[self.operator]} {self.bound[0]} and {self.bound[1]}"
        return f"{_WORDS[self.operator]} {self.bound}"


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError(f"{type(value).__name__} is no number")
    return Decimal(str(value))


def _equal(value: Any, bound: Any) -> bool:
    if isinstance(value, bool) or isinstance(bound, bool):
        return value is bound
    if isinstance(value, int | float | Decimal) and isinstance(bound, int | float | Decimal):
        return _number(value) == _number(bound)
    return bool(value == bound) if value is None or bound is None else str(value) == str(bound)


class Threshold(Struct, frozen=True):
    """How many rows may fail: compared as a count, or as a percentage of all rows."""

    comparison: Comparison
    percent: bool = False

    def holds(self, count: int, total: int) -> bool:
        """Whether so many of so many rows keep the promise; of no rows, 0 percent fail."""
        return self.comparison.holds(self.value(count, total))

    def value(self, count: int, total: int) -> int | float:
        """What the comparison is made with."""
        return (100 * count / total if total else 0) if self.percent else count

    def __str__(self) -> str:
        return f"{self.comparison}{' %' if self.percent else ''}"


class ColumnExists(Struct, frozen=True):
    """The table has the column."""


class TypeKept(Struct, frozen=True):
    """The column has the type that the contract says, nested fields included."""


class ExtraColumns(Struct, frozen=True):
    """The table has no other columns."""

    names: tuple[str, ...]


class NotNull(Struct, frozen=True):
    """No null; other values may count as missing too."""

    also: tuple[Any, ...] = ()


class Valid(Struct, frozen=True):
    """Values from a list, or matching a pattern; nulls are not judged.

    A pattern is searched for, as JSON Schema does with the same ECMA-262 syntax: `^` and `$` anchor it.
    """

    values: tuple[Any, ...] | None = None
    pattern: str | None = None


class Length(Struct, frozen=True):
    """Characters of a text."""

    minimum: int | None = None
    maximum: int | None = None


class Range(Struct, frozen=True):
    """Bounds of numbers, dates and times, as the contract writes them."""

    minimum: Any = None
    maximum: Any = None
    exclusive_minimum: Any = None
    exclusive_maximum: Any = None
    multiple_of: Any = None


class Items(Struct, frozen=True):
    """How many items an array has, and whether they differ."""

    minimum: int | None = None
    maximum: int | None = None
    unique: bool = False


class Distinct(Struct, frozen=True):
    """No two rows share the columns' values.

    Attributes:
        nulls_fail: a primary key may hold no null; elsewhere nulls do not collide.
    """

    nulls_fail: bool = False


class RowCount(Struct, frozen=True):
    """How many rows there are."""

    comparison: Comparison


class SqlValue(Struct, frozen=True):
    """A query gives one value that is compared."""

    query: str
    comparison: Comparison


class References(Struct, frozen=True):
    """Each key of these columns is there in another table; keys with a null refer to nothing.

    Attributes:
        table: the other table as the reference names it.
        columns: its columns, in the order of the referring ones.
        max_orphans: percent of all rows that may refer to nothing.
    """

    table: str
    columns: tuple[str, ...]
    max_orphans: float = 0.0


class Age(Struct, frozen=True):
    """How old rows may be: the newest (freshness) or every one (retention).

    Attributes:
        value: so many units.
        unit: year, month, week, day, hour, minute or second.
        zone: where local times and dates live, an IANA name.
    """

    value: float
    unit: str
    zone: str
    newest: bool


class Frequency(Struct, frozen=True):
    """How long it may be from one publication of new rows to the next."""

    age: Age


class Unevaluated(Struct, frozen=True):
    """Cannot be evaluated by design."""

    reason: str


class Faulty(Struct, frozen=True):
    """Cannot be understood; `fix` says how to write it."""

    reason: str
    fix: str | None = None


Condition = (
    ColumnExists
    | TypeKept
    | ExtraColumns
    | NotNull
    | Valid
    | Length
    | Range
    | Items
    | Distinct
    | RowCount
    | SqlValue
    | References
    | Age
    | Frequency
    | Unevaluated
    | Faulty
)


class Promise(Struct, frozen=True):
    """One rule of a contract: a condition on some columns, and how much its breach matters.

    Attributes:
        id: stable inside the contract.
        properties: the columns (or nested fields) that it speaks of; empty for a rule of the table.
        threshold: how many rows may fail; None for none.
        expected: the promise in words.
        filter: SQL that chooses the rows that it speaks of; None for all.
    """

    id: str
    rule: Rule
    properties: tuple[Property, ...]
    condition: Condition
    expected: str
    dimension: str | None
    where: Where
    severity: CheckSeverity = CheckSeverity.ERROR
    threshold: Threshold | None = None
    must_evaluate: bool = False
    filter: str | None = None

    @property
    def column(self) -> str | tuple[str, ...] | None:
        """The column as results name it: None, a dotted path, or several names."""
        names = tuple(dotted(prop) for prop in self.properties)
        if not names:
            return None
        return names[0] if len(names) == 1 else names


def dotted(prop: Property) -> str:
    """The path of a property: `address.zip`, `tags[]`, of a map `prices{key}` and, its values, `prices{}`."""
    return ".".join(prop.path).replace(".[]", "[]").replace(".{key}", "{key}").replace(".{}", "{}")


def comparison_of(entry: Mapping[str, Any]) -> Comparison | str:
    """The one comparison of a quality rule, or why there is not exactly one."""
    found = [name for name in OPERATORS if name in entry]
    if len(found) != 1:
        return "it needs exactly one of " + ", ".join(OPERATORS) + (f"; it has {len(found)}" if found else "")
    bound = entry[found[0]]
    if found[0].endswith("Between"):
        numeric = isinstance(bound, list | tuple) and len(bound) == 2 and all(_is_number(b) for b in bound)
        if not numeric or bound[0] > bound[1]:
            return f"`{found[0]}` needs two numbers, the smaller one first"
        return Comparison(found[0], tuple(bound))
    if found[0] not in ("mustBe", "mustNotBe") and not _is_number(bound):
        return f"`{found[0]}` needs a number"
    return Comparison(found[0], bound)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
