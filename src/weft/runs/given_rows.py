"""Rows of unit tests as tables of a session, with the types of what they stand for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from weft.engines.base import Session
from weft.errors import Diagnostic, ProjectError, UserCodeError, did_you_mean, error
from weft.model.column import Column
from weft.model.unit_test import Rows
from weft.sql.quoting import ident, literal


def make_table(
    session: Session,
    name: str,
    rows: Rows,
    columns: Sequence[Column],
    *,
    shown: str | None = None,
    only_named: bool = False,
) -> None:
    """Makes a table of given rows; columns that they do not name are null, or left away with `only_named`.

    Args:
        shown: the name in messages, where it is not the table's.

    Raises:
        ProjectError: WFT-TST-003, a column is not there; WFT-TST-004, a value is not of its type.
    """
    if rows.path is not None:
        _from_parquet(session, name, rows, columns, only_named=only_named)
        return
    types = {c.name: c.type for c in columns}
    unknown = unknown_columns(rows, shown or name, columns)
    if unknown:
        raise ProjectError(*unknown)
    named = rows.columns
    kept = [c for c in columns if not only_named or c.name in named]
    if not rows.rows:
        session.empty_table(name, kept)
        return
    nested = {n for n in named if any(isinstance(row.get(n), dict | list) for row in rows.rows)}
    items = [f"{_cast(c, named, nested)} AS {ident(c.name)}" for c in kept]
    values = ", ".join(f"({', '.join(_literal(row.get(n)) for n in named) or 'NULL'})" for row in rows.rows)
    aliases = ", ".join(f"c{i}" for i in range(max(len(named), 1)))
    sql = f"SELECT {', '.join(items)} FROM (VALUES {values}) AS given({aliases})"
    try:
        session.table(name, sql)
    except UserCodeError:
        raise _misfit(session, shown or name, rows, types, nested) from None


def named_columns(rows: Rows, columns: Sequence[Column], session: Session) -> list[Column]:
    """The columns that expected rows name; all of them when there is no row that could name one."""
    if rows.path is not None:
        there = {c.name for c in session.columns(f"SELECT * FROM read_parquet({literal(rows.path)})")}
        return [c for c in columns if c.name in there]
    return [c for c in columns if c.name in rows.columns] if rows.rows else list(columns)


def unknown_columns(rows: Rows, name: str, columns: Sequence[Column]) -> list[Diagnostic]:
    """Columns that rows name and the table has not, each once."""
    types = [c.name for c in columns]
    first = {
        column: where
        for row, where in zip(rows.rows, rows.places, strict=True)
        for column in row
        if column not in types
    }
    return [
        error(
            "WFT-TST-003",
            f"`{name}` has no column `{column}`",
            where,
            fix=did_you_mean(column, types, otherwise=f"there are: {', '.join(types)}"),
        )
        for column, where in first.items()
    ]


def _from_parquet(session: Session, name: str, rows: Rows, columns: Sequence[Column], *, only_named: bool) -> None:
    assert rows.path is not None, "asked of files alone"
    types = {c.name: c.type for c in columns}
    there = [c.name for c in session.columns(f"SELECT * FROM read_parquet({literal(rows.path)})")]
    for column in there:
        if column not in types:
            fix = did_you_mean(column, types)
            raise ProjectError(error("WFT-TST-003", f"`{name}` has no column `{column}`", rows.where, fix=fix))
    kept = [c for c in columns if not only_named or c.name in there]
    items = [
        f"CAST({ident(c.name) if c.name in there else 'NULL'} AS {_type(c.type)}) AS {ident(c.name)}" for c in kept
    ]
    try:
        session.table(name, f"SELECT {', '.join(items)} FROM read_parquet({literal(rows.path)})")
    except UserCodeError as e:
        what = f"a value of the file is not of the type of its column in `{name}`"
        raise ProjectError(error("WFT-TST-004", what, rows.where, why=e.diagnostics[0].what)) from None


def _cast(column: Column, named: Sequence[str], nested: set[str]) -> str:
    if column.name not in named:
        return f"CAST(NULL AS {_type(column.type)})"
    cell = f"c{named.index(column.name)}"
    if column.name in nested:
        cell = f"CAST({cell} AS JSON)"
    return f"CAST({cell} AS {_type(column.type)})"


def _type(text: str) -> str:
    return '"NULL"' if text == "NULL" else text


def _literal(value: Any) -> str:
    """A value as text, which the cast to the column's type reads."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "'true'" if value else "'false'"
    if isinstance(value, dict | list):
        return literal(json.dumps(value, ensure_ascii=False))
    return literal(str(value))


def _misfit(session: Session, name: str, rows: Rows, types: Mapping[str, str], nested: set[str]) -> ProjectError:
    """The first value that is not of its column's type. It stands in a file of the repository, so it may be shown."""
    for row, where in zip(rows.rows, rows.places, strict=True):
        for column, value in row.items():
            cell = _literal(value)
            given = f"CAST({cell} AS JSON)" if column in nested else cell
            try:
                fits = session.rows(f"SELECT CAST({given} AS {_type(types[column])}) IS NOT NULL")[0][0]
            except UserCodeError:
                fits = False
            if value is not None and not fits:
                what = f"`{value}` is no {types[column]}, as `{name}.{column}` is"
                return ProjectError(
                    error("WFT-TST-004", what, where, fix="correct the value, or the type it stands for")
                )
    return ProjectError(error("WFT-TST-004", f"the rows of `{name}` do not fit its columns", rows.where))
