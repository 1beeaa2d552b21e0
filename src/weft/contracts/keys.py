"""Keys: uniqueness, and references to another table; each its own query."""

from __future__ import annotations

from collections.abc import Sequence

from weft.contracts.checks import Unusable
from weft.contracts.conditions import Distinct, Promise, References, dotted
from weft.contracts.evaluator import Evaluator
from weft.contracts.findings import Finding, counted, not_judged
from weft.contracts.samples import select_list
from weft.model.type_text import TypeText
from weft.model.types import logical_type, normalise
from weft.sql.quoting import ident

_FEW = 10_000
"""Hashes that a query names one by one."""

FEW_KEYS = 100_000
"""Up to so many rows one query more takes longer than to hold all keys at once."""


def keys_of(column: str) -> tuple[str, str]:
    """Aggregates that both give the number of rows where no key is null and no two are the same."""
    return f"count({column})", f"count(DISTINCT {column})"


def distinct(
    promise: Promise, columns: Sequence[str], relation: str, evaluator: Evaluator, total: int, *, hashed: bool = True
) -> Finding:
    """Whether no two rows share a key; counts all rows that share one, for a primary key also those with a null.

    The hashes of the keys are sorted, so that equal ones are neighbours: that takes half the time and a third of the
    memory of grouping the keys, and it names the hashes that occur again. Only keys of these hashes are grouped, which
    is exact; where they are very many, all keys are. A server that is not known to hash groups its keys at once.
    """
    nulls_fail = isinstance(promise.condition, Distinct) and promise.condition.nulls_fail
    names = [f"k{i}" for i in range(len(columns))]
    filled = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    suspects = everything = f"{relation} WHERE {filled}"
    few = False
    if hashed:
        key = f"hash({', '.join(columns)})"
        sorted_ = f"SELECT h, lag(h) OVER (ORDER BY h) AS before FROM (SELECT {key} AS h FROM {everything})"
        again = f"count(*) FILTER (WHERE h = before), min(h, {_FEW}) FILTER (WHERE h = before)"
        keys, repeats, hashes = evaluator.rows(f"SELECT count(*), {again} FROM ({sorted_})")[0]
        suspects += f" AND {key} IN (SELECT unnest([{', '.join(map(str, hashes or ()))}]::UBIGINT[]))"
        few = repeats <= _FEW
    else:
        keys, repeats = evaluator.rows(f"SELECT count(*), 1 FROM {everything}")[0]

    def shared(rows: str) -> str:
        aliased = ", ".join(f"{column} AS {name}" for column, name in zip(columns, names, strict=True))
        return f"SELECT {aliased}, count(*) AS n FROM {rows} GROUP BY {', '.join(columns)} HAVING count(*) > 1"

    doubles = 0
    if repeats:
        query = f"SELECT coalesce(sum(n), 0) FROM ({shared(suspects if few else everything)})"
        doubles = int(evaluator.rows(query)[0][0])
    nulls = total - int(keys) if nulls_fail else 0

    def sample(shown: Sequence[str], limit: int) -> str:
        if not doubles:
            return f"SELECT {select_list(shown)} FROM {relation} WHERE NOT ({filled}) LIMIT {limit}"
        # a key that occurs twice makes two rows, which stand side by side in the sample
        inner = ", ".join(f"{column} AS {ident(f'weft {name}')}" for column, name in zip(columns, names, strict=True))
        on = " AND ".join(f"r.{ident(f'weft {name}')} = d.{name}" for name in names)
        return (
            f"SELECT {select_list(shown, 'r.')} FROM (SELECT *, {inner} FROM {suspects}) AS r"
            f" JOIN ({shared(suspects)} LIMIT {limit}) AS d ON {on} ORDER BY {', '.join(f'd.{name}' for name in names)}"
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
    theirs = ", ".join(f"{ident(c)} AS {name}" for c, name in zip(condition.columns, names, strict=True))
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
