"""Queries of readers: a locked instance that streams, and errors that show nothing but the reader's own text."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import duckdb
from msgspec import Struct

from weft.engines.duckdb.generic import BEFORE, told_generically
from weft.engines.duckdb.texts import carried
from weft.errors import UserCodeError, error
from weft.model.column import Column
from weft.model.types import normalise


class Stream(Struct, frozen=True):
    """A query that has been bound.

    Attributes:
        columns: of the result, with DuckDB's types.
        whole: which of them Arrow carries without loss; the others are DuckDB's texts.
        batches: a `pyarrow.RecordBatchReader`.
    """

    columns: tuple[Column, ...]
    whole: tuple[bool, ...]
    batches: Any


class GovernedSession:
    """A locked DuckDB with the views of one decision. One query at a time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, known: Sequence[str]) -> None:
        """`known` are names of columns that the reader may know, for proposals."""
        self._connection = connection
        self._known = tuple(known)

    def stream(
        self, sql: str, batch_rows: int, texts: Sequence[bool] | None = None, *, described: bool = False
    ) -> Stream:
        """Begins a query, whose text has passed the walker.

        Args:
            texts: which columns are given as DuckDB's texts, beside those that Arrow cannot carry.
            described: whether only the columns are wanted, and no row.

        Raises:
            UserCodeError, PlatformError: nothing of the rows and of what the views are made of stands in them.
        """
        body = sql.rstrip().rstrip(";")
        with told_generically(sql, self._known):
            result = self._bound(body)
            columns = tuple(Column(n, normalise(str(k))) for n, k in zip(result.columns, result.types, strict=True))
            _once(columns)
            whole = tuple(carried(kind) for kind in result.types)
            if texts is not None:
                whole = tuple(kept and not text for kept, text in zip(whole, texts, strict=True))
            if not all(whole):
                result = self._connection.sql(_with_texts(body, whole))
            if described:
                result = result.limit(0)
            return Stream(columns, whole, result.to_arrow_reader(batch_rows))

    def _bound(self, body: str) -> duckdb.DuckDBPyRelation:
        try:
            return self._connection.sql(body)
        except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException):
            # only a statement tells where it is wrong
            self._connection.execute(f"{BEFORE}{body}")
            raise

    def batches(self, stream: Stream, sql: str) -> Generator[Any]:
        """The rows of a query, batch by batch; they are made as they are taken.

        Raises:
            UserCodeError, PlatformError: as `stream`.
        """
        names = [c.name for c in stream.columns]
        try:
            with told_generically(sql, self._known):
                for batch in stream.batches:
                    yield batch.rename_columns(names)
        finally:
            stream.batches.close()  # with an open result the connection takes no other query

    def interrupt(self) -> None:
        """Stops what is running; from another thread."""
        self._connection.interrupt()

    def close(self) -> None:
        """Gives the instance back."""
        self._connection.close()


def _once(columns: Sequence[Column]) -> None:
    """Refuses a result with a name twice: no format but CSV could carry it.

    Raises:
        UserCodeError: WFT-SQL-009.
    """
    lowered = [c.name.lower() for c in columns]
    twice = sorted({name for name in lowered if lowered.count(name) > 1})
    if twice:
        raise UserCodeError(
            error(
                "WFT-SQL-009",
                f"two columns are named `{twice[0]}`",
                why="a table has one column of a name, whatever its case",
                fix=f"give one of them another name: `… AS other_{twice[0]}`",
            )
        )


def _with_texts(body: str, whole: Sequence[bool]) -> str:
    """A query around another that gives the columns that are not `whole` as text."""
    names = [f"c{i}" for i in range(len(whole))]
    listed = ", ".join(n if kept else f"CAST({n} AS VARCHAR) AS {n}" for n, kept in zip(names, whole, strict=True))
    return f"SELECT {listed} FROM (\n{body}\n) AS given({', '.join(names)})"
