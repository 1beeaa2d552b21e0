"""Columns of many queries by one question to the binder, each query over the ones before it.

Asked one at a time, DuckDB parses each query twice and a table without rows for it once more. Here the queries are
CTEs of one statement, and its result has one column for each of them: a STRUCT, whose type tells names and types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import duckdb

from weft.model.column import Column
from weft.model.type_text import parse_type
from weft.model.types import normalise
from weft.sql.quoting import ident

AT_ONCE = 32
"""Queries in one statement: a longer chain saves nothing, and DuckDB nests them."""

_ROW = "weft row {}"
_NUMBERED = re.compile(r"(.+)[_:]\d+")


def described(
    connection: duckdb.DuckDBPyConnection, queries: Sequence[tuple[str, str]]
) -> Mapping[str, tuple[Column, ...]] | None:
    """Names and types of each query's result, by name; None when one at a time may tell more.

    That is so when something is wrong with one of them, and where DuckDB may have told two columns of one name apart.

    Args:
        queries: name and SQL of each, after those that it reads; at most `AT_ONCE`.
    """
    ctes = ",\n".join(f"{ident(name)} AS (\n{sql}\n)" for name, sql in queries)
    rows = {name: _ROW.format(number) for number, (name, _) in enumerate(queries)}
    told = ", ".join(ident(row) for row in rows.values())
    tables = ", ".join(f"{ident(name)} AS {ident(row)}" for name, row in rows.items())
    try:
        answer = connection.execute(f"DESCRIBE WITH {ctes}\nSELECT {told} FROM {tables}").fetchall()
    except duckdb.InterruptException:
        raise
    except duckdb.Error:
        return None
    found: dict[str, tuple[Column, ...]] = {}
    for (name, _), row in zip(queries, answer, strict=True):
        columns = _fields(row[1])
        if columns is None:
            return None
        found[name] = columns
    return found


def _fields(text: str) -> tuple[Column, ...] | None:
    tree = parse_type(text)
    if tree is None or tree.name != "STRUCT":
        return None
    names = {label.lower() for label, _ in tree.parts}
    numbered = (_NUMBERED.fullmatch(name) for name in names)
    if len(names) != len(tree.parts) or any(n is not None and n[1] in names for n in numbered):
        return None
    if any(name.startswith("weft row ") for name in names):
        return None  # it would have been taken for the row
    return tuple(Column(label, normalise(str(part))) for label, part in tree.parts)
