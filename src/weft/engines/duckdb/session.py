"""One DuckDB connection as a session."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import duckdb
from msgspec.structs import replace

from weft.engines.base import SourceFile
from weft.engines.duckdb.failures import told
from weft.engines.duckdb.layouts import Parted
from weft.engines.duckdb.texts import carried, overfull
from weft.engines.duckdb.together import AT_ONCE, described
from weft.errors import Diagnostic, SourceError, UserCodeError, Where, error
from weft.model.column import Column
from weft.model.layout import UNORDERED, Layout
from weft.model.publication import ColumnStatistics, DataFile
from weft.model.type_text import TypeText, parse_type
from weft.model.types import normalise
from weft.sql.quoting import dotted, ident, literal

_SUFFIXED = re.compile(r".+_\d+")
_LEADING = re.compile(r"(?:\s+|--[^\n]*\n|/\*.*?\*/)+", re.DOTALL)


class DuckDBSession:
    """Implements `engines.base.Session`. Rows go from DuckDB to Parquet without becoming Python objects."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._database: str | None = None
        self._single: set[str] = set()
        self._files: list[SourceFile] = []
        self._registered: list[str] = []
        self._attached: list[str] = []
        self._filesystems: list[str] = []

    def namespace(self, name: str) -> None:
        """Makes a namespace, if it is new, and works in it from now on."""
        with self._told():
            if self._database is None:
                row = self._connection.execute("SELECT current_database()").fetchone()
                assert row is not None, "a scalar function gives a row"
                self._database = str(row[0])
            space = dotted((self._database, name))
            self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {space}; USE {space}")

    def reads(self, files: Sequence[SourceFile]) -> None:
        """Tells what files the session is going to read: a failure in one of them names it and its input port."""
        self._files += files

    def _told(self) -> AbstractContextManager[None]:
        return told(self._files)

    def parse(self, sql: str) -> str:
        """The parse tree as JSON text, errors included. Binds nothing."""
        with self._told():
            row = self._connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
        assert row is not None, "a scalar function gives a row"
        return str(row[0])

    def parse_all(self, sqls: Sequence[str]) -> list[str]:
        """The parse trees of several texts, in their order: one question costs half of what many do."""
        if not sqls:
            return []
        with self._told():
            rows = self._connection.execute(
                "SELECT json_serialize_sql(sql) FROM unnest($1) WITH ORDINALITY AS t(sql, number) ORDER BY number",
                [list(sqls)],
            ).fetchall()
        return [str(row[0]) for row in rows]

    def columns_of_all(self, queries: Sequence[tuple[str, str]]) -> Mapping[str, tuple[Column, ...]] | None:
        """Names and types of queries, each over the ones before it; None when one at a time may tell more."""
        found: dict[str, tuple[Column, ...]] = {}
        try:
            with self._told():
                queries = [(name, self._whole(sql)) for name, sql in queries]
        except UserCodeError:
            return None
        for start in range(0, len(queries), AT_ONCE):
            for name in list(found)[max(start - AT_ONCE, 0) :]:
                self.empty_table(name, found[name])
            with self._told():
                more = described(self._connection, queries[start : start + AT_ONCE])
            if more is None:
                return None
            found |= more
        return found

    def columns(self, sql: str) -> tuple[Column, ...]:
        """Names and types of a query's result, by the binder alone."""
        with self._told():
            described = self._connection.execute(f"DESCRIBE {self._one(sql)}").fetchall()
        names = [row[0] for row in described]
        lowered = [n.lower() for n in names]
        twice = {n for n in lowered if lowered.count(n) > 1}
        if any(_SUFFIXED.fullmatch(n) for n in names):
            twice |= self._renamed(sql)
        if twice:
            first = sorted(twice)[0]
            raise UserCodeError(
                error(
                    "WFT-SQL-009",
                    f"two columns are named `{first}`",
                    why="a table has one column of a name, whatever its case",
                    fix=f"give one of them another name: `… AS other_{first}`",
                )
            )
        return tuple(Column(row[0], normalise(row[1])) for row in described)

    def _renamed(self, sql: str) -> set[str]:
        """Names that the query gives twice: DESCRIBE has told them apart by `_1` and the like."""
        with self._told():
            given = [name.lower() for name in self._connection.sql(self._one(sql)).columns or []]
        return {g for g in given if given.count(g) > 1}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query; for few rows."""
        with self._told():
            return self._connection.execute(sql).fetchall()

    def arrow(self, sql: str, limit: int | None = None) -> tuple[Any, bool]:
        """The result as a `pyarrow.Table`, and whether `limit` cut rows off.

        Columns whose type Arrow cannot carry without loss, in whole or in a part, are given as DuckDB's text; so is a
        column with integers of more than 38 digits, for which the query is run once more.
        """
        body = self._one(sql)
        with _places_below(sql), self._told():
            result = self._connection.sql(body)
        names, whole = list(result.columns), [carried(kind) for kind in result.types]
        while True:
            if all(whole):
                with _places_below(sql), self._told():
                    table, truncated = _fetched(result, limit)
            else:
                with _places_inside(), self._told():
                    table, truncated = _fetched(self._connection.sql(_with_texts(body, whole)), limit)
            full = [overfull(column) for column in table.columns]
            if not any(full):
                return table.rename_columns(names), truncated
            whole = [kept and not out for kept, out in zip(whole, full, strict=True)]

    def empty_table(self, name: str, columns: Sequence[Column]) -> None:
        """Creates or replaces a table without rows, for binding."""
        listed = ", ".join(f"{ident(c.name)} {_declared(c.type)}" for c in columns)
        with self._told():
            self._connection.execute(f"CREATE OR REPLACE TABLE {ident(name)} ({listed})")

    def view(self, name: str, sql: str) -> None:
        """Creates or replaces a view."""
        with self._told():
            self._connection.execute(f"CREATE OR REPLACE VIEW {ident(name)} AS {self._whole(sql)}")

    def table(self, name: str, sql: str) -> None:
        """Creates or replaces a table with the rows of a query."""
        with self._told():
            self._connection.execute(f"CREATE OR REPLACE TABLE {ident(name)} AS {self._whole(sql)}")

    def register(self, name: str, rows: object) -> None:
        """Makes an Arrow table, dataset or stream, or a data frame, readable under a name; nothing is copied."""
        try:
            self._connection.register(name, rows)
        except duckdb.InvalidInputException:
            what = f"a {type(rows).__module__}.{type(rows).__qualname__} holds no rows that can be read"
            fix = "give an Arrow table, dataset or reader, or a pandas or Polars data frame"
            raise SourceError(error("WFT-SRC-007", what, fix=fix)) from None
        self._registered.append(name)

    def attach(self, path: str) -> str:
        """Opens a database file for reading alone and gives the name of its catalog."""
        name = f"file {uuid.uuid4().hex}"
        try:
            self._connection.execute(f"ATTACH {literal(path)} AS {ident(name)} (READ_ONLY)")
        except duckdb.Error as e:
            held = re.search(r"(?i)\block\b|already attached|different configuration", str(e))
            why = "another connection has it open for writing" if held else None
            what = f"`{Path(path).name}` cannot be opened as a DuckDB database"
            raise SourceError(error("WFT-SRC-010", what, why=why)) from None
        self._attached.append(name)
        return name

    def filesystem(self, files: Any) -> str:
        """Makes the files of an fsspec file system readable; gives what their paths begin with."""
        self._connection.register_filesystem(files)
        self._filesystems.append(files.protocol)
        return f"{files.protocol}://"

    def release(self) -> None:
        """Lets go of what was registered and attached."""
        for name in self._registered:
            self._connection.unregister(name)
        for name in self._attached:
            self._connection.execute(f"DETACH {ident(name)}")
        for name in self._filesystems:
            self._connection.unregister_filesystem(name)
        self._filesystems.clear()
        self._registered.clear()
        self._attached.clear()

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
        """Writes a query's rows as Parquet files under `folder`; statistics come from the writer."""
        body = self._whole(sql)
        options = f"FORMAT parquet, COMPRESSION zstd, FIELD_IDS {field_ids}, RETURN_STATS true"
        target = Path(folder) if layout.partition else Path(folder) / f"{uuid.uuid4().hex}.parquet"
        parted = Parted(body, layout, columns) if layout else None
        if parted is not None:
            body, options = parted.sql, f"{options}, {parted.options}"
        with self._told():
            written = self._connection.execute(f"COPY ({body}\n) TO {literal(str(target))} ({options})").fetchall()
        files = [(row, _data_file(row, root, columns)) for row in written if row[1] > 0]
        if parted is None or not layout.partition:
            return tuple(file for _, file in files)
        parted.limited(len({tuple(sorted(row[5].items())) for row, _ in files}))
        return tuple(replace(file, partition=parted.values(row[5])) for row, file in files)

    def _one(self, sql: str) -> str:
        """The text without a semicolon at its end, when it is one statement: a second one would be run behind it."""
        body = sql.rstrip().rstrip(";")
        if body not in self._single:
            if len(self._connection.extract_statements(body)) != 1:
                raise UserCodeError(error("WFT-SQL-002", "not exactly one SELECT", fix="keep one statement"))
            self._single.add(body)
        return body

    def _whole(self, sql: str) -> str:
        """The text as `_one` gives it, where nothing follows it: without `;` there is no second statement behind it.

        Parsing each model once more would take a tenth of the time that building many small ones takes.
        """
        body = sql.rstrip().rstrip(";")
        return self._one(sql) if ";" in body else body

    def interrupt(self) -> None:
        """Stops what is running."""
        self._connection.interrupt()


def _fetched(result: Any, limit: int | None) -> tuple[Any, bool]:
    """The rows of a relation, and whether the limit cut some off."""
    import pyarrow as pa

    if limit is None:
        return result.to_arrow_table(), False
    reader = result.to_arrow_reader(min(max(limit + 1, 1), 65_536))
    batches, found = [], 0
    for batch in reader:
        batches.append(batch)
        found += batch.num_rows
        if found > limit:
            break
    return pa.Table.from_batches(batches, schema=reader.schema).slice(0, limit), found > limit


@contextmanager
def _places_below(sql: str) -> Iterator[None]:
    """Moves places in a query to where they are: DuckDB counts lines from the first word of one that it runs."""
    leading = _LEADING.match(sql)
    above = leading[0] if leading else ""
    try:
        yield
    except UserCodeError as e:
        raise UserCodeError(*(_moved(d, above) for d in e.diagnostics)) from None


@contextmanager
def _places_inside() -> Iterator[None]:
    """Moves places in what `_with_texts` made to where they are in the query; a place in the first line is no place."""
    try:
        yield
    except UserCodeError as e:
        raise UserCodeError(*(_lifted(d) for d in e.diagnostics)) from None


def _with_texts(body: str, whole: Sequence[bool]) -> str:
    """A query around another that gives the columns that are not `whole` as text. It puts one line above it."""
    names = [f"c{i}" for i in range(len(whole))]
    listed = ", ".join(n if kept else f"CAST({n} AS VARCHAR) AS {n}" for n, kept in zip(names, whole, strict=True))
    return f"SELECT {listed} FROM (\n{body}\n) AS given({', '.join(names)})"


def _lifted(diagnostic: Diagnostic) -> Diagnostic:
    where = diagnostic.where
    if where is None or where.line is None:
        return diagnostic
    return replace(diagnostic, where=Where(where.file, where.line - 1, where.column) if where.line > 1 else None)


def _moved(diagnostic: Diagnostic, above: str) -> Diagnostic:
    where = diagnostic.where
    if where is None or where.line is None or where.column is None:
        return diagnostic
    beside = len(above) - (above.rfind("\n") + 1) if where.line == 1 else 0
    return replace(diagnostic, where=Where(where.file, where.line + above.count("\n"), where.column + beside))


def _data_file(row: tuple[Any, ...], root: str, columns: Sequence[Column]) -> DataFile:
    filename, rows, size, _, statistics = row[:5]
    known = {
        c.field_id: _statistics(statistics[ident_always(c.name)]) for c in columns if ident_always(c.name) in statistics
    }
    path = Path(filename)
    relative = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    return DataFile(relative, int(rows), int(size), known)


def ident_always(name: str) -> str:
    """A name as the writer's statistics quote it."""
    return '"' + name.replace('"', '""') + '"'


def _statistics(found: Mapping[str, str]) -> ColumnStatistics:
    exact = found.get("min_is_exact", "true") == "true" and found.get("max_is_exact", "true") == "true"
    nulls, size = found.get("null_count"), found.get("column_size_bytes")
    return ColumnStatistics(
        int(nulls) if nulls is not None else None,
        found.get("min"),
        found.get("max"),
        int(size) if size is not None else None,
        exact,
    )


def _declared(type_text: str) -> str:
    """A type as DDL names it: that of nothing but NULL is quoted there, as it is a word of SQL."""
    tree = parse_type(type_text) if "NULL" in type_text else None
    return type_text if tree is None else str(_quoted(tree))


def _quoted(tree: TypeText) -> TypeText:
    name = '"NULL"' if tree.name == "NULL" else tree.name
    return replace(tree, name=name, parts=tuple((label, _quoted(part)) for label, part in tree.parts))
