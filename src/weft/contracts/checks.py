"""Checks: conditions as SQL that tells failing rows."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from weft.contracts.conditions import Age, Condition, Items, Length, NotNull, Range, Valid, dotted
from weft.contracts.zones import known_zone
from weft.model.odcs import Property
from weft.model.type_text import TypeText
from weft.model.types import INTEGERS, LISTS, NUMBERS
from weft.sql import quoting
from weft.sql.quoting import ident

_TEXTS = frozenset({"VARCHAR", "ENUM", "UUID"})
_LOCAL = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"})
_INSTANTS = _LOCAL | {"TIMESTAMPTZ", "TIMESTAMPTZ_NS"}

_ENDS = {"{key}": ("key", "map_keys"), "{}": ("value", "map_values")}
"""The steps of a path into a map: the part of its type, and the function that gives all of one row."""

Predicate = Callable[[str, TypeText, str | None], str]
"""From an expression, its type and the struct around it (if any) to SQL that is true for a failing value."""


class Unusable(Exception):
    """A condition cannot be judged on the columns as they are; the text says why and names the column."""


def expression(prop: Property, tree: TypeText) -> tuple[str, TypeText]:
    """The SQL of a column or of a field in it, and its type; `tree` is the column's type.

    Raises:
        Unusable: the path goes through the items of an array or the entries of a map.
    """
    sql = ident(prop.path[0])
    for step in prop.path[1:]:
        if step in ("[]", *_ENDS):
            place = "an array" if step == "[]" else "a map"
            raise Unusable(f"`{dotted(prop)}` stands in {place}, where it has many values for one row")
        sql, tree = _field(sql, tree, step, prop)
    return sql, tree


def failing(condition: Condition, prop: Property, tree: TypeText, zone: str, column: str | None = None) -> str:
    """SQL that is true for a row that breaks a condition on a column, on a field in it, or on items of an array.

    Args:
        tree: the column's type.
        column: under which name the column stands, where that is not its own.

    Raises:
        Unusable: the column's type does not fit the condition.
    """
    fails = predicate(condition, prop, zone)
    return _descend(ident(column or prop.path[0]), tree, prop.path[1:], fails, prop, None, 0)


def _descend(
    sql: str,
    tree: TypeText,
    steps: Sequence[str],
    predicate: Predicate,
    prop: Property,
    parent: str | None,
    depth: int,
) -> str:
    if not steps:
        return predicate(sql, tree, parent)
    if steps[0] in ("[]", *_ENDS):
        many, element = _many(sql, tree, steps[0], prop)
        variable = f"item{depth}"
        inner = _descend(variable, element, steps[1:], predicate, prop, None, depth + 1)
        return f"len(list_filter({many}, lambda {variable}: {inner})) > 0"
    field, part = _field(sql, tree, steps[0], prop)
    return _descend(field, part, steps[1:], predicate, prop, sql, depth)


def _many(sql: str, tree: TypeText, step: str, prop: Property) -> tuple[str, TypeText]:
    """The list of the items of an array, or of the keys or values of a map, and of which type each is."""
    if step == "[]":
        if tree.element is None:
            raise Unusable(f"`{dotted(prop)}`: {tree} has no items")
        return sql, tree.element
    label, function = _ENDS[step]
    part = tree.part(label) if tree.name == "MAP" else None
    if part is None:
        raise Unusable(f"`{dotted(prop)}`: {tree} is no map")
    return f"{function}({sql})", part


def _field(sql: str, tree: TypeText, name: str, prop: Property) -> tuple[str, TypeText]:
    part = tree.part(name) if tree.name == "STRUCT" else None
    if part is None:
        raise Unusable(f"`{dotted(prop)}`: {tree} has no field `{name}`")
    return f"struct_extract({sql}, {quoting.literal(name)})", part


def predicate(condition: Condition, prop: Property, zone: str) -> Predicate:
    """What makes SQL that is true for a single value that breaks a condition."""
    match condition:
        case NotNull(also):
            return lambda sql, tree, parent: _null(sql, tree, parent, also, zone)
        case Valid():
            return lambda sql, tree, _: _invalid(condition, prop, sql, tree, zone)
        case Length():
            return lambda sql, tree, _: _outside_length(condition, prop, sql, tree)
        case Range():
            return lambda sql, tree, _: _outside_range(condition, prop, sql, tree, zone)
        case Items():
            return lambda sql, tree, _: _wrong_items(condition, prop, sql, tree)
        case _:
            raise TypeError(f"{type(condition).__name__} is no condition on single values")


def _null(sql: str, tree: TypeText, parent: str | None, also: Sequence[Any], zone: str) -> str:
    found = f"{sql} IS NULL"
    if parent is not None:
        found = f"({parent} IS NOT NULL AND {found})"
    # what is no value of the column's type cannot occur
    listed = [text for value in also if (text := literal(value, tree, zone)) is not None]
    return f"({found} OR {sql} IN ({', '.join(listed)}))" if listed else found


def _invalid(condition: Valid, prop: Property, sql: str, tree: TypeText, zone: str) -> str:
    parts = []
    if condition.values is not None:
        listed = [
            text for value in condition.values if value is not None and (text := literal(value, tree, zone)) is not None
        ]
        parts.append(f"{sql} NOT IN ({', '.join(listed)})" if listed else f"{sql} IS NOT NULL")
    if condition.pattern is not None:
        if tree.name not in _TEXTS:
            raise Unusable(f"`{dotted(prop)}` is {tree}; a pattern needs text")
        text = sql if tree.name == "VARCHAR" else f"CAST({sql} AS VARCHAR)"
        parts.append(f"NOT regexp_matches({text}, {quoting.literal(condition.pattern)})")
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _outside_length(condition: Length, prop: Property, sql: str, tree: TypeText) -> str:
    if tree.name not in ("VARCHAR", "BLOB", "ENUM"):
        raise Unusable(f"`{dotted(prop)}` is {tree}; a length needs text")
    text = f"CAST({sql} AS VARCHAR)" if tree.name == "ENUM" else sql
    return outside(
        f"{'octet_length' if tree.name == 'BLOB' else 'length'}({text})", condition.minimum, condition.maximum
    )


def outside(sql: str, low: Any, high: Any) -> str:
    """SQL that is true for a value below or above two bounds, one of which may be missing."""
    if low is not None and high is not None:
        return f"{sql} NOT BETWEEN {low} AND {high}"
    return f"{sql} < {low}" if low is not None else f"{sql} > {high}"


def _outside_range(condition: Range, prop: Property, sql: str, tree: TypeText, zone: str) -> str:
    def bound(value: Any) -> str | None:
        if value is None:
            return None
        text = literal(value, tree, zone)
        if tree.name in _TEXTS or tree.name == "BOOLEAN" or text is None:
            raise Unusable(f"`{dotted(prop)}` is {tree}; it cannot be compared with {value}")
        return text

    low, high = bound(condition.minimum), bound(condition.maximum)
    parts = [outside(sql, low, high)] if low or high else []
    if (above := bound(condition.exclusive_minimum)) is not None:
        parts.append(f"{sql} <= {above}")
    if (below := bound(condition.exclusive_maximum)) is not None:
        parts.append(f"{sql} >= {below}")
    if condition.multiple_of is not None:
        parts.append(_no_multiple(sql, tree, prop, condition.multiple_of))
    if tree.name in ("FLOAT", "DOUBLE") and high is None and below is None:
        parts.append(f"isnan({sql})")  # it stands above every number, and is a multiple of none
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _no_multiple(sql: str, tree: TypeText, prop: Property, step: Any) -> str:
    divisor = literal(step, tree, "UTC")
    if tree.name not in NUMBERS or divisor is None or Decimal(divisor) <= 0:
        raise Unusable(f"`{dotted(prop)}` is {tree}; it has no multiples of {step}")
    if tree.name in ("FLOAT", "DOUBLE"):
        # 0.3 is no exact multiple of 0.1 in binary: a quotient this near to an integer counts as one
        digits = 6 if tree.name == "FLOAT" else 9
        quotient = f"({sql} / {divisor}::DOUBLE)"
        return f"abs({quotient} - round({quotient})) > 1e-{digits} * greatest(1, abs({quotient}))"
    return f"{sql} % {divisor} <> 0"


def _wrong_items(condition: Items, prop: Property, sql: str, tree: TypeText) -> str:
    if tree.name == "MAP" and not condition.unique:
        return outside(f"cardinality({sql})", condition.minimum, condition.maximum)
    if tree.name not in LISTS:
        raise Unusable(f"`{dotted(prop)}` is {tree}; only an array has items")
    parts = []
    if condition.minimum is not None or condition.maximum is not None:
        parts.append(outside(f"len({sql})", condition.minimum, condition.maximum))
    if condition.unique:
        # list_distinct leaves nulls out
        filled = f"len(list_filter({sql}, lambda item: item IS NOT NULL))"
        parts.append(f"len(list_distinct({sql})) <> {filled} OR len({sql}) - {filled} > 1")
    return f"({' OR '.join(parts)})"


def listable(tree: TypeText) -> bool:
    """Whether a contract can list the values of a type: texts and whole numbers, which are judged as they are written.

    >>> listable(TypeText("UUID")), listable(TypeText("BLOB")), listable(TypeText("DOUBLE"))
    (True, False, False)
    """
    return tree.name in _TEXTS | INTEGERS


def literal(value: Any, tree: TypeText, zone: str) -> str | None:
    """A value of a contract as SQL writes it for a column of a type; None when the type has no such value.

    >>> literal("0.50", TypeText("DECIMAL", (5, 2)), "UTC"), literal("x", TypeText("INTEGER"), "UTC")
    ('0.50', None)
    >>> literal("2020-01-01 00:00+10:00", TypeText("TIMESTAMPTZ"), "UTC")
    "TIMESTAMPTZ '2019-12-31 14:00:00+00:00'"
    """
    if tree.name in _TEXTS:
        return quoting.literal(str(value).lower() if isinstance(value, bool) else str(value))
    if tree.name == "BOOLEAN":
        return str(value).lower() if str(value).lower() in ("true", "false") else None
    if tree.name in NUMBERS:
        return _number_text(value)
    try:
        if tree.name == "DATE":
            return _date_literal(str(value))
        if tree.name in _INSTANTS:
            return instant_literal(datetime.fromisoformat(str(value)), tree, zone)
        if tree.name in ("TIME", "TIME_NS", "TIMETZ"):
            return f"{tree.name} '{time.fromisoformat(str(value)).isoformat()}'"
    except ValueError:
        return None
    return None


def _number_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return format(number, "f") if number.is_finite() else None


def _date_literal(text: str) -> str:
    moment = datetime.fromisoformat(text)
    if moment.time() == time(0):
        return f"DATE '{moment.date().isoformat()}'"
    return f"TIMESTAMP '{moment.replace(tzinfo=None).isoformat(' ')}'"


def instant_literal(moment: datetime, tree: TypeText, zone: str) -> str:
    """An instant as SQL writes it for a column: a local one stands in `zone`."""
    place = place_of(zone)
    if tree.name in ("TIMESTAMPTZ", "TIMESTAMPTZ_NS"):
        moment = moment if moment.tzinfo else moment.replace(tzinfo=place)
        return f"{tree.name} '{moment.astimezone(UTC).isoformat(' ')}'"
    local = moment.astimezone(place).replace(tzinfo=None) if moment.tzinfo else moment
    return f"TIMESTAMP '{local.isoformat(' ')}'"


def place_of(zone: str) -> ZoneInfo:
    """The time zone of a name.

    Raises:
        Unusable: there is no such zone.
    """
    place = known_zone(zone)
    if place is None:
        raise Unusable(f"there is no time zone `{zone}`")
    return place


def oldest_allowed(age: Age, prop: Property, tree: TypeText, now: datetime) -> str:
    """The instant as old as a condition allows, as SQL writes it for a column.

    Days, weeks, months and years are those of the calendar in the column's zone, so that a day of 23 or 25 hours is
    one day; of a date, only whole days count.

    Raises:
        Unusable: the column tells no time.
    """
    if tree.name != "DATE" and tree.name not in _INSTANTS:
        raise Unusable(f"`{dotted(prop)}` is {tree}, which tells no age")
    moment = earliest(age, now)
    if tree.name == "DATE":
        if age.unit in ("hour", "minute", "second"):
            return f"TIMESTAMP '{moment.replace(tzinfo=None).isoformat(' ')}'"
        return f"DATE '{moment.date().isoformat()}'"
    return instant_literal(moment, tree, age.zone)


def earliest(age: Age, now: datetime) -> datetime:
    """The instant as long before another one as an age says, in the age's zone.

    Raises:
        Unusable: there is no such zone, or the calendar ends before.
    """
    place = place_of(age.zone)
    try:
        if age.unit in ("hour", "minute", "second"):
            return (now.astimezone(UTC) - timedelta(**{f"{age.unit}s": age.value})).astimezone(place)
        return _back(now.astimezone(place), age)
    except (OverflowError, ValueError) as problem:
        raise Unusable("the period is longer than the calendar") from problem


def _back(moment: datetime, age: Age) -> datetime:
    """So many calendar days, weeks, months or years before, at the same time of the clock."""
    if age.unit in ("day", "week"):
        return moment - timedelta(days=age.value * (7 if age.unit == "week" else 1))
    months = round(age.value * (12 if age.unit == "year" else 1))
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))
