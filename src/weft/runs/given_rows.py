"""Rows of unit tests as tables of a session, with the types of what they stand for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from weft.engines.base import Session
from weft.errors import Diagnostic, ProjectError, UserCodeError, did_you_mean, error
from weft.model.column import Column
from weft.model.type_text import parse_type
from weft.model.unit_test import Rows
from weft.runs.given_values import altered
from weft.sql.quoting import ident, literal


class Given:
    """Rows of a test over the columns that they stand for.

    Attributes:
        sql: the SELECT of the rows; columns that they do not name are null, or left away with `only_named`.
    """

    def __init__(
        self, session: Session, name: str, rows: Rows, columns: Sequence[Column], *, only_named: bool = False
    ) -> None:
        """Rows for the table `name`.

        Raises:
            ProjectError: WFT-TST-003, a column is not there; WFT-TST-004, a value would be read as another one.
        """
        self._session = session
        self._name = name
        self._rows = rows
        self._types = {c.name: c.type for c in columns}
        self._nested = {n for n in rows.columns if any(isinstance(row.get(n), dict | list) for row in rows.rows)}
        there = named_columns(rows, columns, session) if only_named else columns
        unknown = unknown_columns(rows, name, columns)
        if unknown:
            raise ProjectError(*unknown)
        self._refuse_altered()
        self.sql = self._of_file(there) if rows.path is not None else self._of_values(there)

    def _of_values(self, columns: Sequence[Column]) -> str:
        rows, named = self._rows.rows, self._rows.columns
        items = [f"{_cast(c, named, self._nested)} AS {ident(c.name)}" for c in columns]
        values = ", ".join(f"({', '.join(_literal(row.get(n)) for n in named) or 'NULL'})" for row in rows)
        aliases = ", ".join(f"c{i}" for i in range(max(len(named), 1)))
        if not rows:
            return f"SELECT {', '.join(items)} WHERE false"
        return f"SELECT {', '.join(items)} FROM (VALUES {values}) AS given({aliases})"

    def _of_file(self, columns: Sequence[Column]) -> str:
        assert self._rows.path is not None, "asked of files alone"
        relation = f"read_parquet({literal(self._rows.path)})"
        there = [c.name for c in self._session.columns(f"SELECT * FROM {relation}")]
        for column in there:
            if column not in self._types:
                what, fix = f"`{self._name}` has no column `{column}`", did_you_mean(column, self._types)
                raise ProjectError(error("WFT-TST-003", what, self._rows.where, fix=fix))
        items = [
            f"CAST({ident(c.name) if c.name in there else 'NULL'} AS {_type(c.type)}) AS {ident(c.name)}"
            for c in columns
        ]
        return f"SELECT {', '.join(items)} FROM {relation}"

    def _refuse_altered(self) -> None:
        kinds = {name: parse_type(type_) for name, type_ in self._types.items()}
        for row, where in zip(self._rows.rows, self._rows.places, strict=True):
            for column, value in row.items():
                kind = kinds[column]
                if kind is not None and altered(value, kind):
                    what = f"`{value}` becomes another value as {self._types[column]}, as `{self._name}.{column}` is"
                    fix = "write the value that the column can hold, or change the type of the column"
                    raise ProjectError(error("WFT-TST-004", what, where, fix=fix))

    @contextmanager
    def told(self) -> Iterator[None]:
        """Tells which value was to blame when the rows cannot be computed.

        Raises:
            ProjectError: WFT-TST-004, a value is not of its column's type.
        """
        try:
            yield
        except UserCodeError as e:
            misfit = self._misfit()
            if misfit is not None:
                raise misfit from None
            if self._rows.path is None:
                raise
            what = f"a value of the file is not of the type of its column in `{self._name}`"
            raise ProjectError(error("WFT-TST-004", what, self._rows.where, why=e.diagnostics[0].what)) from None

    def _misfit(self) -> ProjectError | None:
        """The first value that is not of its column's type. It stands in a file of the repository: it may be shown."""
        for row, where in zip(self._rows.rows, self._rows.places, strict=True):
            for column, value in row.items():
                kind = self._types[column]
                given = f"CAST({_literal(value)} AS JSON)" if column in self._nested else _literal(value)
                try:
                    fits = self._session.rows(f"SELECT CAST({given} AS {_type(kind)}) IS NOT NULL")[0][0]
                except UserCodeError:
                    fits = False
                if value is not None and not fits:
                    what = f"`{value}` is no {kind}, as `{self._name}.{column}` is"
                    fix = "correct the value, or the type of the column"
                    return ProjectError(error("WFT-TST-004", what, where, fix=fix))
        return None


def named_columns(rows: Rows, columns: Sequence[Column], session: Session) -> list[Column]:
    """The columns that expected rows name; all of them when there is no row that could name one."""
    if rows.path is not None:
        there = {c.name for c in session.columns(f"SELECT * FROM read_parquet({literal(rows.path)})")}
        return [c for c in columns if c.name in there]
    return [c for c in columns if c.name in rows.columns] if rows.rows else list(columns)


def unknown_columns(rows: Rows, name: str, columns: Sequence[Column]) -> list[Diagnostic]:
    """Columns that rows name and the table has not, each once."""
    types = [c.name for c in columns]
    first = {column: rows.where for column in rows.header if column not in types}
    for row, where in zip(rows.rows, rows.places, strict=True):
        for column in row:
            if column not in types:
                first.setdefault(column, where)
    return [
        error(
            "WFT-TST-003",
            f"`{name}` has no column `{column}`",
            where,
            fix=did_you_mean(column, types, otherwise=f"there are: {', '.join(types)}"),
        )
        for column, where in first.items()
    ]


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
