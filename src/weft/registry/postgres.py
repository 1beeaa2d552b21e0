"""A registry's database in PostgreSQL: what several processes, on several machines, share."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool, PoolTimeout

from weft.errors import PlatformError, error
from weft.registry.database import Dialect
from weft.registry.schema import STEPS, statements_of
from weft.registry.sql import SqlRegistry

_WRITERS = 7_734_001
"""The advisory lock that writers hold, one at a time: each event is chained to the one before it."""
_PATIENCE_S = 10.0


class PostgresRegistry(SqlRegistry):
    """The registry in a PostgreSQL database."""

    def __init__(self, url: str) -> None:
        """Connects to the database.

        Raises:
            PlatformError: WFT-REG-002, it cannot be reached.
        """
        database = PostgresDatabase(url)
        database.upgrade()
        super().__init__(database)


class _Statements:
    """Rows by SQL on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(_placed(sql), values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        return self._connection.execute(_placed(sql), values).fetchone()

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        return self._connection.execute(_placed(sql), values).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_placed(sql), list(rows))


@cache
def _placed(sql: str) -> Any:
    """A statement with the driver's marks for values."""
    return sql.replace("%", "%%").replace("?", "%s")


class PostgresDatabase:
    """Implements `database.Database` with a pool of connections."""

    dialect: Dialect = "postgresql"
    listed = "SELECT jsonb_array_elements_text(CAST(? AS jsonb))"

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.name = f"{parts.hostname or 'localhost'}/{parts.path.lstrip('/')}"
        self._url = url
        self._guard = threading.Lock()
        self._pool: ConnectionPool | None = None

    def upgrade(self) -> None:
        """Makes the tables where there are none."""
        with self.writing() as statements:
            if statements.row("SELECT to_regclass('events')") == (None,):
                for step in STEPS:
                    for statement in statements_of(step, self.dialect):
                        statements.run(statement)

    def close(self) -> None:
        """Gives the connections back."""
        with self._guard:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    @contextmanager
    def reading(self) -> Iterator[_Statements]:
        """Statements that read."""
        with self._told("read"), self._connections().connection(_PATIENCE_S) as connection:
            yield _Statements(connection)

    @contextmanager
    def writing(self) -> Iterator[_Statements]:
        """All or nothing."""
        with self._told("written"), self._connections().connection(_PATIENCE_S) as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITERS,))
            yield _Statements(connection)

    def connected(self) -> Connection:
        """A connection of its own, outside the pool, for a lock that lasts as long as it does."""
        return Connection.connect(self._url, autocommit=True, connect_timeout=int(_PATIENCE_S))

    def _connections(self) -> ConnectionPool:
        with self._guard:
            if self._pool is None:
                self._pool = ConnectionPool(
                    self._url,
                    min_size=0,
                    max_size=10,
                    open=True,
                    kwargs={"autocommit": True, "options": "-c timezone=UTC", "application_name": "weft"},
                    check=ConnectionPool.check_connection,
                    reconnect_timeout=_PATIENCE_S,
                )
            return self._pool

    @contextmanager
    def _told(self, done: str) -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, PoolTimeout) as e:
            code = "WFT-STO-001" if isinstance(e, psycopg.errors.DiskFull) else "WFT-REG-002"
            what = f"the registry `{self.name}` cannot be {done}"
            why = str(e).splitlines()[0] if str(e) else type(e).__name__
            raise PlatformError(error(code, what, why=why, fix="try again when the database is there")) from e
