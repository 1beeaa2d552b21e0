"""A connection to an SQLite file for each thread, for as long as the thread lives."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from weakref import WeakSet


class OwnConnection:
    """A connection that is closed when nobody has this any more: its thread has ended, and whoever it has lent it to.

    A connection alone would stay open until the collector finds it: it has a cache of statements that leads back to it.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        """Gives its files back."""
        with suppress(sqlite3.Error):
            self.connection.close()


class OwnConnections:
    """The connections of all threads.

    Threads of a server end when they have had nothing to do for some seconds: what they had open goes with them.
    """

    def __init__(self, opened: Callable[[], sqlite3.Connection]) -> None:
        """`opened` makes one that may be used by every thread."""
        self._opened = opened
        self._own = threading.local()
        self._all: WeakSet[OwnConnection] = WeakSet()
        self._guard = threading.Lock()

    def here(self) -> OwnConnection:
        """That of this thread; whoever lends its connection to others keeps it meanwhile."""
        found: OwnConnection | None = getattr(self._own, "connection", None)
        if found is None:
            found = self._own.connection = OwnConnection(self._opened())
            with self._guard:
                self._all.add(found)
        return found

    def close(self) -> None:
        """Closes all of them; who asks again is given another one."""
        with self._guard:
            for one in list(self._all):
                one.connection.close()
            self._all.clear()
            self._own = threading.local()
