"""Connections to a registry in PostgreSQL: few, lent one at a time, and replaced when the server has let them go."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from weft.errors import PlatformError, TransientError, UsageError, error
from weft.registry.schema import VERSIONS

PATIENCE_S = 10
"""How long anything is waited for: a connection, a lock, the answer to a statement."""
_AT_MOST = 10
_SESSION = {
    "timezone": "UTC",
    "statement_timeout": f"{PATIENCE_S}s",
    "lock_timeout": f"{PATIENCE_S}s",
    "idle_in_transaction_session_timeout": "60s",
    # the server's side of it: what a dead host has locked is free within half a minute
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
}
_PATIENT = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0", "lock_timeout": "120s"}
"""For what takes its time: upgrades and backups."""
_CLIENT: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": PATIENCE_S * 1000,
    "application_name": "weft",
}


class _Limited(Connection):
    """A connection that is given up when the server says nothing, not even that it takes too long."""

    def wait(self, gen: Generator[Any, Any, Any], *more: Any, **named: Any) -> Any:
        """What the driver waits for."""
        return super().wait(self._in_time(gen), *more, **named)

    def _in_time(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        deadline = time.monotonic() + PATIENCE_S + 1
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > deadline:
                    self.close()
                    raise psycopg.OperationalError(f"the server has not answered for {PATIENCE_S} s")
                wanted = gen.send(ready)
        except StopIteration as e:
            return e.value


class Connections:
    """Connections to one database, made when they are needed.

    Attributes:
        name: host and database, for messages; without credentials.
    """

    def __init__(self, url: str) -> None:
        """Reads the address; connects to nothing yet.

        Raises:
            UsageError: WFT-REG-011, PostgreSQL does not understand it.
        """
        try:
            given = conninfo_to_dict(url)
        except psycopg.Error:  # its text may quote the address, and a password in it
            what = "`mesh.registry` is no address of a PostgreSQL database"
            fix = "write `postgresql://USER@HOST/NAME`, with signs such as `@` and `#` in a password as `%40` and `%23`"
            raise UsageError(error("WFT-REG-011", what, fix=fix)) from None
        self._given = {**_CLIENT, **{k: v for k, v in given.items() if v is not None}}
        host = self._given.get("host") or self._given.get("hostaddr") or os.environ.get("PGHOST") or "localhost"
        database = self._given.get("dbname") or os.environ.get("PGDATABASE") or self._given.get("user") or ""
        self.name = f"{host}/{database}"
        self._secrets = [str(s) for s in (self._given.get("password"), os.environ.get("PGPASSWORD")) if s]
        self._free = threading.BoundedSemaphore(_AT_MOST)
        self._idle: list[Connection] = []
        self._guard = threading.Lock()
        self._process = os.getpid()

    def made(self, *, patient: bool = False) -> Connection:
        """A connection that belongs to the caller alone, each statement a transaction of its own.

        Args:
            patient: whether its statements may take as long as they do.
        """
        session = {**_SESSION, **(_PATIENT if patient else {})}
        kind: type[Connection] = Connection if patient else _Limited
        options = " ".join([*(f"-c {k}={v}" for k, v in session.items()), str(self._given.get("options") or "")])
        return kind.connect(make_conninfo("", **{**self._given, "options": options.strip()}), autocommit=True)

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        """A connection for a while.

        Raises:
            TransientError: WFT-REG-002, all are lent for too long.
        """
        if not self._free.acquire(timeout=PATIENCE_S):
            what = f"the registry `{self.name}` cannot be asked"
            why = f"all {_AT_MOST} connections of this process were busy for {PATIENCE_S} s"
            raise TransientError(error("WFT-REG-002", what, why=why, fix="try again"))
        try:
            connection = self._taken() or self.made()
            try:
                yield connection
            finally:
                self._given_back(connection)
        finally:
            self._free.release()

    def close(self) -> None:
        """Closes what is lent to nobody."""
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def told(self, done: str) -> Iterator[None]:
        """Turns what the driver raises into errors of ours."""
        try:
            yield
        except psycopg.Error as e:
            raise self.failure(done, e) from e

    def failure(self, done: str, e: Exception) -> PlatformError:
        """What the driver has raised, as an error of ours, without any password.

        Args:
            done: what could not be done: `read`, `written`.
        """
        what = f"the registry `{self.name}` cannot be {done}"
        # its detail holds the row or the key that did not fit, with a hash or a sample in it
        said = (e.diag.message_primary if isinstance(e, psycopg.Error) else None) or str(e)
        why = self._without_secrets(" ".join(said.split()) or type(e).__name__)
        if isinstance(e, psycopg.errors.DiskFull):
            return PlatformError(error("WFT-STO-001", what, why=why, fix="make room on its server"))
        if isinstance(e, psycopg.errors.UndefinedTable):
            return PlatformError(error("WFT-REG-010", what, why=why, fix="weft db upgrade"))
        lost = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
        kind = TransientError if isinstance(e, lost) else PlatformError
        return kind(
            error("WFT-REG-002", what, why=why, fix="try again when the database is there; `weft doctor` looks")
        )

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _taken(self) -> Connection | None:
        while True:
            with self._guard:
                if self._process != os.getpid():  # those of the process that this one was forked from are not ours
                    self._idle, self._process = [], os.getpid()
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if not _gone(connection):
                return connection
            connection.close()

    def _given_back(self, connection: Connection) -> None:
        if connection.closed or connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            connection.close()
            return
        with self._guard:
            self._idle.append(connection)


def _gone(connection: Connection) -> bool:
    """Whether the server has closed a connection that was idle: it has said goodbye where nothing was asked."""
    if connection.closed:
        return True
    asked = select.poll()
    asked.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(asked.poll(0))


def version_of(connection: Connection) -> int:
    """The version of the registry's tables; 0 where there are none."""
    there = connection.execute("SELECT to_regclass(%s)", (VERSIONS,)).fetchone()
    if there == (None,):
        return 0
    found = connection.execute(f"SELECT version_num FROM {VERSIONS}").fetchone()
    return int(found[0]) if found else 0
