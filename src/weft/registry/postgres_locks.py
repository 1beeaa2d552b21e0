"""Locks of a registry in PostgreSQL: each is held by a connection of its own, and goes with it, wherever that was.

A lock frees itself when its process, its host or its network is gone: the server notices.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection

from weft.errors import Conflict, PlatformError, error
from weft.registry.postgres_connections import Connections

_PAUSE_S = 0.05
_WATCH_S = 5.0
GRACE_S = 60.0
"""How long after a start of the server nobody is taken for dead: whoever lives takes its lock again."""
_HELD = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid::bigint = %s AND objid::bigint = %s
"""


def run_lock(run_id: str) -> str:
    """The name of the lock that a run holds as long as it goes on."""
    return f"run:{run_id}"


def number_of(name: str) -> int:
    """The number under which PostgreSQL knows a lock of ours."""
    return int.from_bytes(hashlib.sha256(f"weft {name}".encode()).digest()[:8], "big", signed=True)


def is_held(connection: Connection, name: str) -> bool:
    """Whether anybody holds a lock."""
    number = number_of(name)
    row = connection.execute(_HELD, (number >> 32 & 0xFFFFFFFF, number & 0xFFFFFFFF)).fetchone()
    return row is not None and row[0] > 0


def is_young(connection: Connection) -> bool:
    """Whether the server has started just now."""
    row = connection.execute("SELECT extract(epoch FROM now() - pg_postmaster_start_time())").fetchone()
    return row is not None and float(row[0]) < GRACE_S


@contextmanager
def held(connections: Connections, name: str, timeout_s: float) -> Iterator[None]:
    """Holds a lock.

    Raises:
        Conflict: WFT-REG-003, somebody else holds it.
        TransientError: WFT-REG-002, the database cannot be reached.
    """
    deadline = time.monotonic() + timeout_s
    with connections.told("locked"):
        connection = connections.made()
    try:
        with connections.told("locked"):
            while not _tried(connection, name):
                if time.monotonic() > deadline:
                    raise Conflict(
                        error(
                            "WFT-REG-003",
                            f"`{name}` is held by another run",
                            why=f"waited {timeout_s:g} s for it",
                            fix="try again when the other run has ended; `weft runs` shows it",
                        )
                    )
                time.sleep(_PAUSE_S)
        yield
    finally:
        connection.close()  # the lock goes with it, also when the server has gone before


class HeldRun:
    """The lock of a run of this process, taken again when its connection was lost."""

    def __init__(self, connections: Connections, run_id: str) -> None:
        """Takes the lock.

        Raises:
            Conflict: WFT-REG-015, somebody else holds it.
            TransientError: WFT-REG-002, the database cannot be reached.
        """
        self.run_id = run_id
        self._connections = connections
        self._guard = threading.Lock()
        self._connection: Connection | None = None
        self._ended = threading.Event()
        self.require()
        threading.Thread(target=self._watch, name=f"holds {run_id}", daemon=True).start()

    def require(self) -> None:
        """Makes sure that the run is still held here.

        Raises:
            Conflict: WFT-REG-015, it was lost, and somebody else has taken the run over.
            TransientError: WFT-REG-002, the database cannot be reached.
        """
        with self._guard, self._connections.told("locked"):
            if self._connection is not None and _answers(self._connection):
                return
            self._connection = self._connections.made()
            if not _tried(self._connection, run_lock(self.run_id)):
                self._connection.close()
                raise taken_over(self.run_id)

    def release(self) -> None:
        """Gives the lock back."""
        self._ended.set()
        with self._guard:
            if self._connection is not None:
                self._connection.close()

    def _watch(self) -> None:
        while not self._ended.wait(_WATCH_S):
            try:
                self.require()
            except Conflict:  # the run is lost; it is told when it publishes
                return
            except PlatformError:  # the server is away, and is asked again
                continue
            if self._ended.is_set():
                self.release()


def taken_over(run_id: str) -> Conflict:
    """What a run is told that was taken for dead."""
    what = f"run {run_id} was taken for dead, and what it had staged was removed"
    why = "its connection to the registry was away for too long"
    return Conflict(error("WFT-REG-015", what, why=why, fix="apply again"))


def _tried(connection: Connection, name: str) -> bool:
    return connection.execute("SELECT pg_try_advisory_lock(%s)", (number_of(name),)).fetchone() == (True,)


def _answers(connection: Connection) -> bool:
    try:
        return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.Error:
        connection.close()
        return False
