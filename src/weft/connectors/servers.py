"""Database servers whose tables are verified in place: what they share, whatever they are made by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from msgspec import Struct

from weft.connectors.targets import Database, named_table
from weft.errors import SourceError, UserCodeError, error
from weft.model.column import Column
from weft.model.odcs import SchemaObject
from weft.sql.quoting import ident

_ALL_OF = "SELECT * FROM "


class Driver(Protocol):
    """A connection in a transaction that only reads, and what differs from one kind of server to the other.

    Attributes:
        dialect: as sqlglot names it.
        schemas: where names without a schema are looked for.
    """

    dialect: str
    schemas: list[str]

    def tables(self) -> list[tuple[str, str]]:
        """Every table and view that can be seen, as (schema, name)."""
        ...

    def described(self, schema: str, table: str, one: SchemaObject | None) -> Described:
        """The columns of a table, by the catalog alone; no row is read."""
        ...

    def script(self, schema: str, table: str) -> str:
        """The DDL that would make a table: columns, keys, conditions and comments; no row is read."""
        ...

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query; raises `WeftError` when it fails, with no value of a row in it."""
        ...

    def quoted(self, name: str) -> str:
        """A name as the server's SQL writes it."""
        ...


class Described(Struct, frozen=True):
    """A table of a server.

    Attributes:
        columns: with the types that DuckDB has for them.
        source: a FROM item of the server that gives them, with texts that compare as bytes.
    """

    columns: tuple[Column, ...]
    source: str


class OpenServer:
    """The tables of one database under judgement. Implements `contracts.evaluator.Server`."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._tables: dict[str, Described] = {}
        self.dialect = driver.dialect
        self.available = driver.tables()
        self.schemas = driver.schemas

    def table(self, one: SchemaObject | str) -> str | None:
        """The relation of a table, for queries; None when the database has none of its name."""
        place = named_table(one, self.available, self._driver.schemas)
        if place is None:
            return None
        name = ".".join(place)
        if name not in self._tables or not isinstance(one, str):
            self._tables[name] = self._driver.described(*place, one if isinstance(one, SchemaObject) else None)
        return ident(name)

    def script(self, table: str) -> str | None:
        """The DDL that would make a table, in the server's words; None when the database has none of its name."""
        place = named_table(table, self.available, self._driver.schemas)
        return None if place is None else self._driver.script(*place)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query in DuckDB's words, which is translated and run where the rows are."""
        from weft.sql.dialects import translated  # sqlglot is slow to import, and only servers need it

        return self._driver.run(translated(sql, self.dialect, {n: t.source for n, t in self._tables.items()}))

    def native(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query in the server's own words."""
        return self._driver.run(sql)

    def columns(self, sql: str) -> tuple[Column, ...]:
        """The columns of a relation."""
        found = self._known(sql.removeprefix(_ALL_OF)) if sql.startswith(_ALL_OF) else None
        if found is None:
            raise UserCodeError(error("WFT-SQL-013", "the columns of this query are not known before it runs"))
        return found.columns

    def quoted(self, name: str) -> str:
        """A name as the server's SQL writes it."""
        return self._driver.quoted(name)

    def only(self, relation: str, names: Sequence[str]) -> str:
        """The relation of some columns of another one, of those that it has."""
        found = self._known(relation)
        assert found is not None, "a relation was made by `table`"
        by_name = {c.name: c for c in found.columns}
        names = [name for name in names if name in by_name]
        listed = ", ".join(self.quoted(name) for name in names)
        rows = f"(SELECT {listed or 'NULL'} FROM {self.source(relation)})"
        name = f"{listed} of {relation}"
        self._tables[name] = Described(tuple(by_name[n] for n in names), rows)
        return ident(name)

    def filtered(self, relation: str, alias: str, condition: str) -> str:
        """The relation of those rows of another one that meet a condition in the server's own words."""
        found = self._known(relation)
        assert found is not None, "a relation was made by `table`"
        name = f"{relation} where {condition}"
        rows = f"(SELECT * FROM {found.source} AS {self.quoted(alias)} WHERE ({condition}\n))"
        self._tables[name] = Described(found.columns, rows)
        return ident(name)

    def source(self, relation: str) -> str:
        """What stands for a relation in the server's own SQL."""
        found = self._known(relation)
        assert found is not None, "a relation was made by `table`"
        return f"{found.source} AS {self.quoted('rows of it')}" if found.source.startswith("(") else found.source

    def _known(self, relation: str) -> Described | None:
        return next((t for name, t in self._tables.items() if ident(name) == relation), None)


def read_as(name: str, columns: Sequence[Column], items: Sequence[str], quoted: Callable[[str], str]) -> Described:
    """A table whose columns are read by these items of a SELECT; one whose items are its columns stands for itself."""
    plain = all(item == quoted(column.name) for item, column in zip(items, columns, strict=True))
    return Described(tuple(columns), name if plain else f"(SELECT {', '.join(items)} FROM {name})")


def open_server(target: Database) -> AbstractContextManager[OpenServer]:
    """The server of a database, connected in a transaction that only reads and sees one state of all tables.

    Raises:
        SourceError: WFT-SRC-006, its driver is not installed; WFT-SRC-010, it cannot be reached.
    """
    if target.kind == "postgresql":
        from weft.connectors import postgres

        return postgres.connected(target)
    from weft.connectors import mysql

    return mysql.connected(target)


def is_installed(module: str) -> bool:
    """Whether a package can be imported; it is not."""
    from importlib.util import find_spec

    try:
        return find_spec(module) is not None
    except ImportError:
        return False


def missing(package: str, extra: str) -> SourceError:
    """The error that a driver is not installed."""
    what = f"the package `{package}` is not installed"
    return SourceError(error("WFT-SRC-006", what, fix=f'pip install "weft[{extra}]"'))


def unreachable(target: Database, why: str) -> SourceError:
    """The error that a database cannot be opened."""
    fix = "try the same address with the server's own client"
    return SourceError(error("WFT-SRC-010", f"`{target}` cannot be opened", why=why, fix=fix))


def too_long(target: Database, seconds: float | None = None) -> UserCodeError:
    """The error that a query was stopped by the server.

    Args:
        seconds: how long it was allowed to take; None: as long as the database allows.
    """
    own = seconds is None or seconds >= target.timeout_s
    what = f"the query took longer than {target.timeout_s if own else seconds:g} s"
    fix = "allow more: `?timeout_s=` in the URL" if own else "read fewer rows, or allow more: `query.time`"
    return UserCodeError(error("WFT-ENG-003", what, fix=fix))
