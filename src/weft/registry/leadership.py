"""Which one of several schedulers leads: an advisory lock of PostgreSQL, or a row with an end in SQLite.

One that asks no more leads no more, also where its process is there and stands still. A leader saves the others their
work. That nothing is queued twice does not rest on it, but on the key of each job.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from weft.errors import WeftError
from weft.registry import codec
from weft.registry.database import Database

if TYPE_CHECKING:
    from psycopg import Connection

_LEADERS = 7_734_002
"""The advisory lock that the leader holds as long as its connection lives."""
_ENDS_IDLE = 140_000
"""The first version of PostgreSQL that ends a connection over which nothing is asked."""


class Leadership(Protocol):
    """Asks to lead, again and again; also from several threads."""

    def leads(self) -> bool:
        """Whether this process leads now."""
        ...

    def resign(self) -> None:
        """Lets another one lead."""
        ...


def leadership(database: Database, holder: str, now: Callable[[], datetime], keep: timedelta) -> Leadership:
    """The leadership of a registry's schedulers.

    Args:
        keep: how long one leads after it last asked, where the database cannot see that it is gone, or it is not.
    """
    if database.dialect == "postgresql":
        from weft.registry.postgres import PostgresDatabase

        assert isinstance(database, PostgresDatabase)
        return _ByLock(database.connections.made, keep)
    return _ByLease(database, holder, now, keep)


class _ByLock:
    """A lock of a connection: PostgreSQL gives it back when the process dies, however it does."""

    def __init__(self, connected: Callable[[], Connection], keep: timedelta) -> None:
        self._connected = connected
        self._keep = keep
        self._connection: Connection | None = None
        self._leads = False
        # loops begin at the same moment: two connections at once, and the one that is kept need not be the one that
        # has the lock
        self._guard = threading.RLock()

    def leads(self) -> bool:
        """Whether this process leads now."""
        import psycopg

        with self._guard:
            try:
                if self._connection is None or self._connection.closed:
                    self._leads = False
                    self._connection = self._connected()
                    if self._connection.info.server_version >= _ENDS_IDLE:
                        milliseconds = int(self._keep.total_seconds() * 1000)
                        self._connection.execute(f"SET idle_session_timeout = {milliseconds}")
                if self._leads:
                    self._connection.execute("SELECT 1")
                else:
                    row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (_LEADERS,)).fetchone()
                    self._leads = bool(row and row[0])
            except psycopg.Error:
                self.resign()
            return self._leads

    def resign(self) -> None:
        """Lets another one lead."""
        import psycopg

        with self._guard:
            connection, self._connection, led = self._connection, None, self._leads
            self._leads = False
            if connection is not None:
                with suppress(psycopg.Error):  # what is closed gives its lock back, only not at once
                    if led:
                        connection.execute("SELECT pg_advisory_unlock(%s)", (_LEADERS,))
                connection.close()


class _ByLease:
    """A row that says until when."""

    def __init__(self, database: Database, holder: str, now: Callable[[], datetime], keep: timedelta) -> None:
        self._database = database
        self._holder = holder
        self._now = now
        self._keep = keep

    def leads(self) -> bool:
        """Whether this process leads now."""
        at = self._now()
        now = codec.time_text(at)
        with self._database.reading() as statements:
            row = statements.row("SELECT holder, until FROM leases WHERE name = ?", ("scheduler",))
        if row is not None and row[0] != self._holder and row[1] >= now:
            return False
        if row is not None and row[0] == self._holder and row[1] > codec.time_text(at + self._keep / 2):
            return True  # one write for many questions
        with self._database.writing() as statements:
            taken = statements.run(
                "INSERT INTO leases (name, holder, until) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE "
                "SET holder = excluded.holder, until = excluded.until "
                "WHERE leases.holder = excluded.holder OR leases.until < ?",
                ("scheduler", self._holder, codec.time_text(at + self._keep), now),
            )
        return bool(taken)

    def resign(self) -> None:
        """Lets another one lead."""
        with suppress(WeftError), self._database.writing() as statements:  # it ends by itself
            statements.run("DELETE FROM leases WHERE name = ? AND holder = ?", ("scheduler", self._holder))
