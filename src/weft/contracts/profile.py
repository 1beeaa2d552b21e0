"""Profiles: what rows are like, as a ground for drafting a contract."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from weft.contracts.checks import listable
from weft.contracts.evaluator import Evaluator
from weft.contracts.scan import Scan
from weft.model.column import Column
from weft.model.type_text import parse_type
from weft.model.types import logical_type, normalise
from weft.sql.quoting import ident

MOST_VALUES = 20
"""Columns with at most so many distinct values have them listed."""

_LONGEST_VALUE = 100
"""A longer text is none of a few values that a person lists."""

_CANDIDATES = 6
"""Columns that are tried together as a composite key."""
_WIDEST_KEY = 3
_LEAST_SHARE = 0.9
"""Distinct values are first estimated; an estimate of this share of all rows is worth an exact count."""

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PERSONAL_WORDS = """
email mail phone mobile cell tel telephone fax name firstname lastname fullname surname forename nickname username birth
birthday birthdate dob age gender sex address street zip postcode postal iban bic ssn passport nationality tax ip salary
income wage card account password secret token licence license contact person religion health diagnosis patient employee
signature
"""
_PERSONAL = frozenset(_PERSONAL_WORDS.split())


class ColumnProfile(Struct, frozen=True):
    """What one column is like.

    Attributes:
        distinct: exact for key candidates and for few values, else an estimate.
        minimum: of numbers, and with it `maximum`.
        values: all distinct values, when there are at most `MOST_VALUES` and a contract can write each; else None.
        personal: its name looks like that of personal data: none of its values was read.
    """

    name: str
    type: str
    nulls: int
    distinct: int
    minimum: Any = None
    maximum: Any = None
    shortest: int | None = None
    longest: int | None = None
    values: tuple[Any, ...] | None = None
    personal: bool = False


class Profile(Struct, frozen=True):
    """What a table is like: its columns, and the narrowest sets of columns that identify a row."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    keys: tuple[tuple[str, ...], ...]


def looks_personal(name: str) -> bool:
    """Whether a column's name is that of personal data, more or less.

    >>> looks_personal("contactEmail"), looks_personal("birth_date"), looks_personal("tail_number")
    (True, True, False)
    """
    return any(word.lower() in _PERSONAL for word in _WORDS.findall(name)) or name.lower() in _PERSONAL


def profile(evaluator: Evaluator, relation: str, *, sensitive: Sequence[str] = ()) -> Profile:
    """The profile of a relation: one scan, then exact counts for what may be a key or an enumeration.

    Args:
        sensitive: columns whose values are not to be read, beside those that look personal.

    Raises:
        WeftError: the relation cannot be read.
    """
    columns = evaluator.columns(f"SELECT * FROM {relation}")
    closed = {c.name for c in columns if c.name in sensitive or looks_personal(c.name)}
    scan = Scan(relation)
    total = scan.add("count(*)")
    for column in columns:
        for expression in _aggregates(column, column.name in closed):
            scan.add(expression)
    scan.run(evaluator)
    rows = int(scan.value(total))
    found = [_column(column, scan, rows, column.name in closed, evaluator, relation) for column in columns]
    return Profile(rows, tuple(found), _keys(found, rows, evaluator, relation))


def _kind(column: Column) -> str:
    return logical_type(column.type)


def _listed(found: Sequence[Any]) -> tuple[Any, ...] | None:
    """Values as a contract lists them; None when there is one that no person would write."""
    listed = tuple(value if isinstance(value, int) else str(value) for value in found)
    readable = all(isinstance(v, int) or (len(v) <= _LONGEST_VALUE and v.isprintable()) for v in listed)
    return listed if readable else None


def _aggregates(column: Column, closed: bool) -> list[str]:
    name = ident(column.name)
    found = [f"count({name})"]
    if _kind(column) not in ("object", "array"):
        found.append(f"approx_count_distinct({name})")
    if closed:
        return found
    if _kind(column) in ("integer", "number"):
        found += [f"min({name})", f"max({name})"]
    if normalise(column.type) == "VARCHAR":
        found += [f"min(length({name}))", f"max(length({name}))"]
    return found


def _column(column: Column, scan: Scan, rows: int, closed: bool, evaluator: Evaluator, relation: str) -> ColumnProfile:
    values = dict(
        zip(
            ("filled", "distinct", "first", "last"),
            (scan.value(expression) for expression in _aggregates(column, closed)),
            strict=False,
        )
    )
    distinct = int(values.get("distinct") or 0)
    listed = None
    tree = parse_type(column.type)
    if not closed and 0 < distinct <= MOST_VALUES * 2 and tree is not None and listable(tree):
        name = ident(column.name)
        query = f"SELECT {name} FROM {relation} WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT {MOST_VALUES + 1}"
        found = [row[0] for row in evaluator.rows(query)]
        if len(found) <= MOST_VALUES:
            listed, distinct = _listed(found), len(found)
    text = normalise(column.type) == "VARCHAR"
    first, last = values.get("first"), values.get("last")
    return ColumnProfile(
        name=column.name,
        type=normalise(column.type),
        nulls=rows - int(values["filled"]),
        distinct=distinct,
        minimum=None if text else first,
        maximum=None if text else last,
        shortest=int(first) if text and first is not None else None,
        longest=int(last) if text and last is not None else None,
        values=listed,
        personal=closed,
    )


def _keys(
    columns: Sequence[ColumnProfile], rows: int, evaluator: Evaluator, relation: str
) -> tuple[tuple[str, ...], ...]:
    if rows < 2:
        return ()
    usable = [c for c in columns if c.nulls == 0 and c.distinct > 1 and logical_type(c.type) != "number"]
    singles = [c for c in usable if c.distinct >= _LEAST_SHARE * rows]
    found = [(c.name,) for c in singles if _unique((c.name,), rows, evaluator, relation)]
    if found:
        return tuple(found)
    ranked = sorted(usable, key=lambda c: -c.distinct)[:_CANDIDATES]
    for width in range(2, _WIDEST_KEY + 1):
        for group in itertools.combinations(ranked, width):
            names = tuple(c.name for c in columns if c in group)
            reach = 1
            for c in group:
                reach *= c.distinct
            if reach >= rows and _unique(names, rows, evaluator, relation):
                return (names,)
    return ()


def _unique(names: Sequence[str], rows: int, evaluator: Evaluator, relation: str) -> bool:
    hashed = ", ".join(ident(name) for name in names)
    return bool(evaluator.rows(f"SELECT count(DISTINCT hash({hashed})) FROM {relation}")[0][0] == rows)
