"""A database that holds a registry: what SQLite and PostgreSQL have in common, so that each query is written once.

Statements are written for both: `?` for a value, `ON CONFLICT` for what replaces, 0 and 1 for no and yes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Literal, Protocol

Dialect = Literal["sqlite", "postgresql"]


class Statements(Protocol):
    """One connection for as long as it is lent."""

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        ...

    def row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, if it has one."""
        ...

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Changes rows and says how many."""
        ...

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """The same change for many rows."""
        ...

    def each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query that may be too many to be held at once."""
        ...


class Database(Protocol):
    """Where tables lie. Every failure of the database itself is a `PlatformError`, for reading as for writing.

    Attributes:
        name: what messages call it; without credentials.
        listed: SQL for the values of a JSON list that is given as one value: `x IN ({listed})`.
    """

    name: str
    dialect: Dialect
    listed: str

    @property
    def described(self) -> str:
        """Its system with its version, and its name."""
        ...

    def reading(self) -> AbstractContextManager[Statements]:
        """Statements that read; each sees what was committed when it began.

        Raises:
            PlatformError: WFT-REG-002, the database fails or cannot be reached.
        """
        ...

    def writing(self) -> AbstractContextManager[Statements]:
        """One transaction: kept when it ends well, and nothing of it when it raises. Writers wait for each other.

        Raises:
            PlatformError: WFT-REG-002 the database fails or cannot be reached, WFT-STO-001 its disk is full.
        """
        ...

    def moment(self) -> AbstractContextManager[Statements]:
        """Statements that all see what was committed at one moment, however long they take; nobody waits for them.

        Raises:
            PlatformError: WFT-REG-002, the database fails or cannot be reached.
        """
        ...

    def rebuilding(self) -> AbstractContextManager[Statements]:
        """`writing()`, for changes that take as long as they do."""
        ...

    def close(self) -> None:
        """Gives connections back."""
        ...


@cache
def put(table: str, columns: str, key: str) -> str:
    """The statement that puts a row in the place of the one with the same key.

    Args:
        columns: names, parted by blanks, those of the key among them.
        key: names of the key's columns.

    >>> put("locks", "name holder", "name")
    'INSERT INTO locks (name, holder) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder'
    """
    names, keys = columns.split(), key.split()
    values = ", ".join("?" for _ in names)
    rest = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys)
    then = f"DO UPDATE SET {rest}" if rest else "DO NOTHING"
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values}) ON CONFLICT ({', '.join(keys)}) {then}"
