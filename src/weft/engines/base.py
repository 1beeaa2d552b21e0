"""What an engine can do: bind and run the SQL of models, write Parquet, answer questions about rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from msgspec import Struct

from weft.model.column import Column
from weft.model.layout import UNORDERED, Layout
from weft.model.publication import DataFile


class SourceFile(Struct, frozen=True):
    """A file that a session reads for an input port, so that a failure can name both.

    Attributes:
        path: of the file as the engine reads it, or of the folder that it was unpacked to.
        shown: its path as a person knows it.
        port: the input port in words.
    """

    path: str
    shown: str
    port: str


class Session(Protocol):
    """One connection with a namespace of its own. All names given here are quoted by the session."""

    def namespace(self, name: str) -> None:
        """Makes a namespace, if it is new, and works in it from now on; names in others are out of reach."""
        ...

    def reads(self, files: Sequence[SourceFile]) -> None:
        """Tells what files the session is going to read: a failure in one of them names it and its input port."""
        ...

    def parse(self, sql: str) -> str:
        """The parse tree of a SELECT as JSON text (DuckDB's `json_serialize_sql`), errors included. Binds nothing."""
        ...

    def parse_all(self, sqls: Sequence[str]) -> list[str]:
        """The parse trees of several texts, as `parse` gives them, in their order."""
        ...

    def columns_of_all(self, queries: Sequence[tuple[str, str]]) -> Mapping[str, tuple[Column, ...]] | None:
        """Names and types of the results of queries, each given with its name and after those that it reads by theirs.

        None when `columns` and `empty_table`, one query after another, may tell more: above all when one is wrong.
        What they leave in the namespace is not said.
        """
        ...

    def columns(self, sql: str) -> tuple[Column, ...]:
        """Names and types of a query's result, by the binder alone; no row is read.

        Raises:
            UserCodeError: WFT-SQL-010 and others; the diagnostic's `where` has no file: the caller knows it.
        """
        ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query; for few rows."""
        ...

    def arrow(self, sql: str, limit: int | None = None) -> tuple[Any, bool]:
        """The result as a `pyarrow.Table`, and whether `limit` cut rows off. The text runs unchanged.

        Columns whose type Arrow cannot carry without loss, in whole or in a part, are given as the engine's text.
        """
        ...

    def empty_table(self, name: str, columns: Sequence[Column]) -> None:
        """Creates or replaces a table without rows, for binding."""
        ...

    def view(self, name: str, sql: str) -> None:
        """Creates or replaces a view."""
        ...

    def table(self, name: str, sql: str) -> None:
        """Creates or replaces a table with the rows of a query."""
        ...

    def register(self, name: str, rows: object) -> None:
        """Makes an Arrow table, dataset or stream, or a data frame, readable under a name; nothing is copied.

        Raises:
            SourceError: WFT-SRC-007, it is nothing that holds rows.
        """
        ...

    def attach(self, path: str) -> str:
        """Opens a database file for reading alone and gives the name of its catalog.

        Raises:
            SourceError: WFT-SRC-010, it cannot be opened.
        """
        ...

    def filesystem(self, files: Any) -> str:
        """Makes the files of an fsspec file system readable; gives what their paths begin with.

        No two sessions of one engine may be given file systems of the same protocol.
        """
        ...

    def copy_out(
        self,
        sql: str,
        *,
        folder: str,
        root: str,
        field_ids: str,
        columns: Sequence[Column],
        layout: Layout = UNORDERED,
    ) -> tuple[DataFile, ...]:
        """Writes a query's rows as Parquet files under `folder`; statistics come from the writer.

        With a partition each file holds rows of one; with an order the rows stand in it in each file.

        Returns:
            The files, their paths relative to `root`.

        Raises:
            PlatformError: WFT-STO-001 no space left, WFT-STO-002 the folder cannot be written.
            UserCodeError: WFT-ENG-001 the SQL failed on some row, WFT-STO-010 too many partitions, WFT-STO-011 a value
                that no partition can have.
        """
        ...

    def interrupt(self) -> None:
        """Stops what is running; safe from another thread or a signal handler."""
        ...


class Engine(Protocol):
    """Opens sessions."""

    name: str

    def session(self, temp_folder: str | None = None) -> AbstractContextManager[Session]:
        """A session for building: may read the files that weft binds, spills to `temp_folder`. Time zone UTC."""
        ...

    def texts(self, table: Any) -> Any:
        """A `pyarrow.Table` with each value of another as the engine's text, rows in their order; null stays null."""
        ...

    def close(self) -> None:
        """Gives back what sessions share. The engine can be used again."""
        ...

    def locked(
        self,
        relations: Mapping[tuple[str, str, str], str],
        paths: Sequence[str],
        temp_folder: str | None = None,
    ) -> AbstractContextManager[Session]:
        """A session for reading that sees the given relations and nothing else.

        `relations` maps (catalog, schema, table) to the SQL of a FROM item. Only `paths` can be opened; external
        access is off and the configuration locked before the session is handed out.
        """
        ...
