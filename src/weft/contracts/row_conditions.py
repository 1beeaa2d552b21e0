"""Row conditions: the SQL that tells which rows break a rule, for rules that single rows break."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from weft.contracts.checks import Unusable, expression, failing, literal
from weft.contracts.conditions import (
    Distinct,
    Items,
    Length,
    NotNull,
    Promise,
    Range,
    References,
    TypeKept,
    Valid,
)
from weft.contracts.documents import failing_within
from weft.contracts.parsing import ParsedColumn
from weft.contracts.subject import Subject
from weft.contracts.zones import zone_of
from weft.model.checks import CheckSeverity
from weft.model.odcs import Contract, Property
from weft.model.type_text import TypeText
from weft.model.types import misfit
from weft.sql import quoting
from weft.sql.quoting import ident

_ROWS = "r"
"""The alias under which the rows stand, where a condition reaches beyond its own row."""


def tells_rows(promise: Promise) -> bool:
    """Whether the promise says which rows break it: one bad row breaks it, and without the bad rows it is kept."""
    if promise.filter is not None:
        return False  # of a part of the rows
    match promise.condition:
        case NotNull() | Valid() | Length() | Range() | Items() | Distinct():
            return promise.threshold is None or (promise.threshold.comparison.limits and _none_may_fail(promise))
        case References(max_orphans=tolerated):
            return tolerated == 0
        case TypeKept():
            return True
        case _:
            return False


def blocks_by_rows(promise: Promise) -> bool:
    """Whether rows that break the promise keep a publication back."""
    return promise.severity is CheckSeverity.ERROR and tells_rows(promise)


def value_condition(contract: Contract, subject: Subject, promise: Promise) -> str:
    """SQL that is true for a row whose values break a promise: a null, a pattern, a length, a bound, a list.

    Raises:
        Unusable: the column is missing, or its type does not fit the rule.
    """
    condition = promise.condition
    assert isinstance(condition, NotNull | Valid | Length | Range | Items), "single values break it"
    prop = promise.properties[0]
    tree = subject.type_of(prop)
    judged_by_type = len(prop.path) == 1 and prop.name not in subject.documents
    if prop.logical_type and judged_by_type and not isinstance(condition, NotNull):
        _of_its_type(promise, subject)
    zone = zone_of(contract, prop)
    document = subject.documents.get(prop.path[0])
    if document is not None:
        return failing_within(condition, prop, document, zone)
    parsed = subject.parsed.get(prop.path[0])
    if isinstance(condition, NotNull) and parsed is not None:
        if len(prop.path) == 1:
            return _missing(condition, prop, parsed, tree, zone)
        with suppress(Unusable):  # what was JSON throughout has its parts only once it is parsed
            return failing(condition, prop, parsed.given, zone, parsed.raw)
    return failing(condition, prop, tree, zone)


def _missing(condition: NotNull, prop: Property, parsed: ParsedColumn, tree: TypeText, zone: str) -> str:
    """What does not parse is there, and the type check counts it; a word for nothing is found as it was written."""
    found = [f"{ident(parsed.raw)} IS NULL"]
    if condition.also:
        words = ", ".join(quoting.literal(str(value)) for value in condition.also)
        found.append(f"coalesce({parsed.text} IN ({words}), false)")
        values = [text for value in condition.also if (text := literal(value, tree, zone)) is not None]
        found += [f"coalesce({ident(prop.name)} IN ({', '.join(values)}), false)"] * bool(values)
    return f"({' OR '.join(found)})"


def unparsed_condition(subject: Subject, promise: Promise) -> str | None:
    """SQL that is true for a row whose value is none of the promised type; None where the column's type says it all."""
    name = promise.properties[0].name
    read = subject.documents.get(name) or subject.parsed.get(name)
    return None if read is None else read.broken


def marked_rows(
    contract: Contract, subject: Subject, promises: Sequence[Promise], others: Mapping[str, str | None]
) -> tuple[str, tuple[str, ...]]:
    """A FROM item of the rows with a column for each promise, true for a row that breaks it, and these columns' names.

    Raises:
        Unusable: a promise cannot be judged on the columns as they are.
    """
    inner: list[str] = []
    outer: list[str] = []
    flags: list[str] = []
    for number, promise in enumerate(promises):
        flag = ident(f"weft broken {number}")
        flags.append(flag)
        if isinstance(promise.condition, Distinct | References):
            keys = [ident(f"weft key {number} {i}") for i in range(len(promise.properties))]
            columns = [expression(p, subject.type_of(p))[0] for p in promise.properties]
            inner += [f"{column} AS {key}" for column, key in zip(columns, keys, strict=True)]
            outer.append(f"{_key_condition(promise, subject, keys, columns, others)} AS {flag}")
        else:
            inner.append(f"coalesce({_own_condition(contract, subject, promise)}, false) AS {flag}")
    rows = f"(SELECT *, {', '.join(inner)} FROM {subject.relation}) AS {_ROWS}"
    return f"(SELECT {', '.join([f'{_ROWS}.*', *outer])} FROM {rows})", tuple(flags)


def _own_condition(contract: Contract, subject: Subject, promise: Promise) -> str:
    if isinstance(promise.condition, TypeKept):
        unparsed = unparsed_condition(subject, promise)
        if unparsed is None:
            raise Unusable(f"`{promise.id}` is broken by the column, not by rows")
        return unparsed
    return value_condition(contract, subject, promise)


def _key_condition(
    promise: Promise,
    subject: Subject,
    keys: Sequence[str],
    columns: Sequence[str],
    others: Mapping[str, str | None],
) -> str:
    filled = " AND ".join(f"{_ROWS}.{key} IS NOT NULL" for key in keys)
    same = " AND ".join(f"o.k{i} = {_ROWS}.{key}" for i, key in enumerate(keys))
    condition = promise.condition
    if isinstance(condition, References):
        own = (subject.table.name, subject.table.data.get("physicalName"))
        other = subject.relation if condition.table in own else others.get(condition.table)
        if other is None:
            raise Unusable(f"table `{condition.table}` is not at hand")
        theirs = ", ".join(f"{ident(column)} AS k{i}" for i, column in enumerate(condition.columns))
        return f"({filled} AND NOT EXISTS (SELECT 1 FROM (SELECT {theirs} FROM {other}) AS o WHERE {same}))"
    assert isinstance(condition, Distinct), "a key is unique or refers to another table"
    listed = ", ".join(f"{column} AS k{i}" for i, column in enumerate(columns))
    present = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    shared = (
        f"SELECT {listed} FROM {subject.relation} WHERE {present} GROUP BY {', '.join(columns)} HAVING count(*) > 1"
    )
    twice = f"({filled} AND EXISTS (SELECT 1 FROM ({shared}) AS o WHERE {same}))"
    return f"({twice} OR NOT ({filled}))" if condition.nulls_fail else twice


def _none_may_fail(promise: Promise) -> bool:
    """Whether a threshold means that no row may fail, so that no share is tolerated."""
    threshold = promise.threshold
    assert threshold is not None, "only a promise with a threshold is asked"
    bound = threshold.comparison.bound
    smallest = bound == 0 or (
        threshold.comparison.operator == "mustBeLessThan" and not threshold.percent and bound <= 1
    )
    return bool(smallest) and threshold.holds(0, 1)


def _of_its_type(promise: Promise, subject: Subject) -> None:
    """A rule on a column of another kind than promised says nothing; the column is named."""
    prop = promise.properties[0]
    reason = misfit(prop, subject.types[prop.name])
    if reason and " is no " in reason:
        raise Unusable(f"`{prop.name}` has the wrong type: {reason}")
