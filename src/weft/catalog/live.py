"""The search index of a server: asked by several threads at once, it follows the registry and is never waited for long.

What a few events moved is taken in before a question is answered. More than that, as when there is no index yet, is
read by a thread of its own; until it is done, questions are answered from what the index had before.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from weft.catalog.index import follow, is_usable, moved_since
from weft.catalog.listing import drafts
from weft.errors import PlatformError, WeftError, error
from weft.registry.at_once import may_wait
from weft.registry.base import RegistryReader
from weft.registry.own_connections import OwnConnection, OwnConnections

_AT_ONCE = 50
"""Domains and products that may be read while somebody waits for an answer."""
_PATIENCE_S = 30.0
_PAGES_KB = 4 * 1024


class LiveIndex:
    """An index file beside a registry. Another process may follow with the same file."""

    def __init__(self, path: Path, reader: RegistryReader) -> None:
        self._path = path
        self._reader = reader
        self._own = OwnConnections(self._opened)
        self._following = threading.Lock()
        self._behind: threading.Thread | None = None
        self._failed: Exception | None = None
        self._seen = -1
        self._drafts: tuple[int, frozenset[str]] = (-1, frozenset())
        self._made = False

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The index, as a connection of this thread.

        Raises:
            PlatformError: WFT-SRV-004, it is made for the first time and not yet done.
        """
        self.catch_up()
        own = self._here()  # stays open as long as this is read, also when its thread has ended
        yield own.connection

    def catch_up(self) -> None:
        """Takes in what moved: at once where that is little, else begins to.

        Raises:
            PlatformError: WFT-SRV-004, there is no index yet.
        """
        newest = self._reader.last_event()
        if newest != self._seen and self._behind is None:
            may_wait()
            with self._following:
                if newest != self._seen and self._behind is None:
                    self._go(newest)
        if not self._made:
            if self._behind is None and self._failed is not None:
                raise self._failed
            raise PlatformError(
                error(
                    "WFT-SRV-004",
                    "the index of the catalog is being made",
                    why="the server sees this registry for the first time, or another one than before",
                    fix="ask again in some seconds; `/readyz` says when it is done",
                )
            )

    def drafts(self) -> frozenset[str]:
        """Addresses of all products and ports that are drafts.

        Raises:
            PlatformError: WFT-SRV-004, there is no index yet.
        """
        with self.reading() as connection:
            seen, known = self._drafts
            if seen != self._seen:
                seen, known = self._drafts = self._seen, drafts(connection)
            return known

    @property
    def behind(self) -> bool:
        """Whether there is something of the registry that it does not show yet."""
        return self._behind is not None or not self._made

    def close(self) -> None:
        """Waits for what is being read, and gives the connections back."""
        behind = self._behind
        if behind is not None:
            behind.join(_PATIENCE_S)
        self._own.close()

    def _go(self, newest: int) -> None:
        connection = self._connection()
        usable = is_usable(connection)
        moved = moved_since(connection, self._reader) if usable else None
        few = len(moved) <= _AT_ONCE if moved is not None else self._few_products()
        if few:
            follow(connection, self._reader)
            self._seen, self._made = newest, True
            return
        self._made = self._made or (usable and moved is not None)
        self._behind = threading.Thread(target=self._follow_behind, args=(newest,), name="index", daemon=True)
        self._behind.start()

    def _few_products(self) -> bool:
        return len(self._reader.products_after("", _AT_ONCE + 1)) <= _AT_ONCE

    def _follow_behind(self, newest: int) -> None:
        try:
            follow(self._connection(), self._reader)
            self._seen, self._made, self._failed = newest, True, None
        except (WeftError, sqlite3.Error, OSError) as e:  # told to whoever asks next
            self._failed = e
        finally:
            self._behind = None

    def _connection(self) -> sqlite3.Connection:
        return self._here().connection

    def _here(self) -> OwnConnection:
        try:
            return self._own.here()
        except (OSError, sqlite3.Error) as e:
            what = f"the index of the catalog, {self._path.name}, cannot be opened"
            fix = f"delete {self._path}: it is made anew from the registry"
            raise PlatformError(error("WFT-SRV-005", what, why=str(e), fix=fix)) from e

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")  # who reads does not wait for the thread that writes
        connection.execute(f"PRAGMA cache_size = -{_PAGES_KB}")
        return connection
