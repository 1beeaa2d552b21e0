"""Keys: uniqueness, and references to another table; each its own query."""

from __future__ import annotations

from collections.abc import Sequence

from weft.contracts.checks import Unusable, quote
from weft.contracts.conditions import Distinct, Promise, References, dotted
from weft.contracts.evaluator import Evaluator
from weft.contracts.findings import Finding, counted, not_judged
from weft.contracts.samples import select_list
from weft.model.type_text import TypeText
from weft.model.types import logical_type, normalise

_ROWS_AT_ONCE = 10_000_000
"""Rows. So many distinct hashes take 0.4 GB."""


def distinct(
    promise: Promise, columns: Sequence[str], relation: str, evaluator: Evaluator, total: int, *, hashed: bool = True
) -> Finding:
    """Whether no two rows share a key; counts all rows that share one, for a primary key also those with a null.

    Distinct hashes are counted first, which takes little memory. As many hashes as keys means that no key occurs
    twice; otherwise the keys of the hashes that occur twice are grouped exactly. Of very many rows, a part of the
    hashes is looked at after another, so that memory stays what it is for `_ROWS_AT_ONCE`. A server that is not
    known to hash groups its keys at once.
    """
    nulls_fail = isinstance(promise.condition, Distinct) and promise.condition.nulls_fail
    filled = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    key = f"hash({', '.join(columns)})"
    names = [f"k{i}" for i in range(len(columns))]
    aliased = ", ".join(f"{column} AS {name}" for column, name in zip(columns, names, strict=True))
    parts = (-(-total // _ROWS_AT_ONCE) or 1) if hashed else 1
    differing = f"count(DISTINCT {key})" if hashed else "0"
    keys = doubles = 0
    shared = ""
    for part in range(parts):
        where = filled if parts == 1 else f"{filled} AND {key} % {parts} = {part}"
        (row,) = evaluator.rows(f"SELECT count(*), {differing} FROM {relation} WHERE {where}")
        keys += int(row[0])
        if int(row[1]) == int(row[0]):
            continue
        suspected = f"SELECT {key} FROM {relation} WHERE {where} GROUP BY {key} HAVING count(*) > 1"
        found = (
            f"SELECT {aliased}, count(*) AS n FROM {relation} WHERE {where}{f' AND {key} IN ({suspected})' * hashed}"
            f" GROUP BY {', '.join(columns)} HAVING count(*) > 1"
        )
        twice = int(evaluator.rows(f"SELECT coalesce(sum(n), 0) FROM ({found})")[0][0])
        doubles += twice
        shared = shared or (found if twice else "")
    nulls = total - keys if nulls_fail else 0

    def sample(shown: Sequence[str], limit: int) -> str:
        if not doubles:
            return f"SELECT {select_list(shown)} FROM {relation} WHERE NOT ({filled}) LIMIT {limit}"
        # a key that occurs twice makes two rows, which stand side by side in the sample
        inner = ", ".join(f"{column} AS {quote(f'weft {name}')}" for column, name in zip(columns, names, strict=True))
        on = " AND ".join(f"r.{quote(f'weft {name}')} = d.{name}" for name in names)
        return (
            f"SELECT {select_list(shown, 'r.')} FROM (SELECT *, {inner} FROM {relation}) AS r"
            f" JOIN ({shared} LIMIT {limit}) AS d ON {on} ORDER BY {', '.join(f'd.{name}' for name in names)}"
            f" LIMIT {limit}"
        )

    return counted(promise, doubles + nulls, total, sample)


def references(
    promise: Promise,
    condition: References,
    columns: Sequence[tuple[str, TypeText]],
    relation: str,
    other: str | None,
    evaluator: Evaluator,
    total: int,
) -> Finding:
    """Whether each key is there in another table; counts the rows whose key is not.

    Raises:
        Unusable: the other table lacks a column, or its column is of another kind.
    """
    if other is None:
        return not_judged(f"table `{condition.table}` is not at hand")
    _comparable(promise, condition, columns, other, evaluator)
    names = [f"k{i}" for i in range(len(columns))]
    own = ", ".join(f"{sql} AS {name}" for (sql, _), name in zip(columns, names, strict=True))
    filled = " AND ".join(f"{sql} IS NOT NULL" for sql, _ in columns)
    theirs = ", ".join(f"{quote(c)} AS {name}" for c, name in zip(condition.columns, names, strict=True))
    on = " AND ".join(f"l.{name} = r.{name}" for name in names)
    orphans = f"ANTI JOIN (SELECT {theirs} FROM {other}) AS r ON {on}"  # the engine hashes the smaller side
    query = f"SELECT count(*) FROM (SELECT {own} FROM {relation} WHERE {filled}) AS l {orphans}"
    count = int(evaluator.rows(query)[0][0])

    def sample(shown: Sequence[str], limit: int) -> str:
        rows = f"SELECT {own}, {select_list(shown)} FROM {relation} WHERE {filled}"
        return f"SELECT {select_list(shown, 'l.')} FROM ({rows}) AS l {orphans} LIMIT {limit}"

    return counted(promise, count, total, sample, tolerated=condition.max_orphans)


def _comparable(
    promise: Promise,
    condition: References,
    columns: Sequence[tuple[str, TypeText]],
    other: str,
    evaluator: Evaluator,
) -> None:
    there = {column.name: normalise(column.type) for column in evaluator.columns(f"SELECT * FROM {other}")}
    for prop, (_, tree), name in zip(promise.properties, columns, condition.columns, strict=True):
        if name not in there:
            raise Unusable(f"table `{condition.table}` has no column `{name}`")
        kinds = {_kind(str(tree)), _kind(there[name])}
        if len(kinds) > 1:
            raise Unusable(f"`{dotted(prop)}` is {tree}, but `{condition.table}.{name}` is {there[name]}")


def _kind(duck_type: str) -> str:
    kind = logical_type(duck_type)
    return "number" if kind == "integer" else kind
