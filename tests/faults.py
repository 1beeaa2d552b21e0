"""Faults in what weft writes: the n-th write of a process fails or is its last.

Nothing of weft is replaced. What it writes with is wrapped: transactions of SQLite and PostgreSQL, the calls that
change folders and files, and the engine's writing of Parquet. So whatever writes in some other way later on is counted
too.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOWS = ("error before", "error after", "kill before", "kill after")
"""What happens at one write: it fails, it is done and yet fails, the process ends before it, or right behind it."""
FULL = "full"
"""From one write on, none that needs room succeeds."""
_DERIVED = ("cache/", "tmp/", "index.db")
"""What may be lost at any time, as it is made anew, is no write that counts."""
_NEEDS_ROOM = ("fsync", "mkdir", "rename", "commit", "copy")


class Faults:
    """Counts the writes below a folder, and lets one of them be struck.

    Attributes:
        writes: what was written so far, in words.
    """

    def __init__(self, folder: Path, at: int = 0, how: str = "") -> None:
        self.writes: list[str] = []
        self._folder = f"{folder}/"
        self._at = at
        self._how = how
        self._removing = False

    def install(self) -> None:
        """Wraps what this process writes with, for the rest of its life."""
        for name in ("rename", "replace", "unlink", "remove", "mkdir", "rmdir", "link"):
            setattr(os, name, self._of_paths(name, getattr(os, name)))
        os.fsync = self._of_handles("fsync", os.fsync)  # type: ignore[assignment]
        shutil.rmtree = self._of_trees(shutil.rmtree)  # type: ignore[assignment]
        self._in_databases()
        self._in_servers()
        self._in_engine()

    def written(self, what: str, write: Callable[[], Any], error: Callable[[], Exception]) -> Any:
        """Does a write, or what is to happen instead of it or behind it."""
        self.writes.append(what)
        number = len(self.writes)
        if self._how == FULL and self._at and number >= self._at and what.split()[0] in _NEEDS_ROOM:
            raise error()
        struck = number == self._at
        if struck and self._how.endswith("before"):
            self._strike(error)
        done = write()
        if struck and self._how.endswith("after"):
            self._strike(error)
        return done

    def _strike(self, error: Callable[[], Exception]) -> None:
        if self._how.startswith("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        raise error()

    def _counts(self, path: str) -> bool:
        return path.startswith(self._folder) and not path.removeprefix(self._folder).startswith(_DERIVED)

    def _disk(self, path: str) -> Callable[[], Exception]:
        code = errno.ENOSPC if self._how in (FULL, "error before") else errno.EIO
        return lambda: OSError(code, os.strerror(code), path)

    def _of_paths(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(path: Any, *more: Any, **named: Any) -> Any:
            text = os.fspath(path) if not isinstance(path, int) else ""
            inside = self._removing and named.get("dir_fd") is not None
            if not inside and not self._counts(str(text)):
                return call(path, *more, **named)
            if name == "mkdir" and os.path.isdir(text):
                return call(path, *more, **named)  # it fails, and writes nothing
            return self.written(f"{name} {text}", lambda: call(path, *more, **named), self._disk(str(text)))

        return wrapped

    def _of_handles(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(handle: int) -> Any:
            path = os.readlink(f"/proc/self/fd/{handle}")
            if not self._counts(path):
                return call(handle)
            return self.written(f"{name} {path}", lambda: call(handle), self._disk(path))

        return wrapped

    def _of_trees(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(path: Any, *more: Any, **named: Any) -> Any:
            self._removing = self._counts(str(path))
            try:
                return call(path, *more, **named)
            finally:
                self._removing = False

        return wrapped

    def _in_databases(self) -> None:
        connect, faults = sqlite3.connect, self

        class Connection(sqlite3.Connection):
            """A connection whose commits are writes."""

            shown = ""

            def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
                if sql.strip().upper() == "COMMIT":
                    return self._committed(lambda: super(Connection, self).execute(sql, *more))
                return super().execute(sql, *more)

            def __exit__(self, kind: Any, *more: Any) -> Any:
                if kind is None and self.in_transaction:
                    return self._committed(lambda: super(Connection, self).__exit__(kind, *more))
                return super().__exit__(kind, *more)

            def _committed(self, commit: Callable[[], Any]) -> Any:
                full = faults._how in (FULL, "error before")
                text = "database or disk is full" if full else "disk I/O error"
                return faults.written(f"commit {self.shown}", commit, lambda: sqlite3.OperationalError(text))

        def wrapped(path: Any, *more: Any, **named: Any) -> sqlite3.Connection:
            if not faults._counts(str(path)):
                return connect(path, *more, **named)
            made = connect(path, *more, **{**named, "factory": Connection})
            assert isinstance(made, Connection)
            made.shown = str(path)
            return made

        sqlite3.connect = wrapped  # type: ignore[assignment]

    def _in_servers(self) -> None:
        import psycopg

        faults, transaction = self, psycopg.Connection.transaction

        class Transaction:
            """A transaction of PostgreSQL, whose commit is a write."""

            def __init__(self, connection: psycopg.Connection, *more: Any, **named: Any) -> None:
                self._reads = connection.read_only
                self._held = transaction(connection, *more, **named)

            def __enter__(self) -> Any:
                return self._held.__enter__()

            def __exit__(self, kind: Any, *more: Any) -> Any:
                if kind is not None or self._reads:
                    return self._held.__exit__(kind, *more)
                ended = False

                def commit() -> Any:
                    nonlocal ended
                    ended = True
                    return self._held.__exit__(None, *more)

                lost = psycopg.OperationalError("server closed the connection unexpectedly")
                full = psycopg.errors.DiskFull("could not extend file: No space left on device")
                try:
                    return faults.written("commit postgresql", commit, lambda: full if faults._how == FULL else lost)
                except psycopg.Error as e:
                    if not ended:
                        self._held.__exit__(type(e), e, e.__traceback__)
                    raise

        def wrapped(connection: psycopg.Connection, *more: Any, **named: Any) -> Any:
            return Transaction(connection, *more, **named)

        psycopg.Connection.transaction = wrapped  # type: ignore[method-assign]

    def _in_engine(self) -> None:
        from weft.engines.duckdb.session import DuckDBSession

        copy_out, faults = DuckDBSession.copy_out, self

        def wrapped(session: DuckDBSession, sql: str, **named: Any) -> Any:
            return faults.written(
                f"copy {named['folder']}", lambda: copy_out(session, sql, **named), faults._disk(named["folder"])
            )

        DuckDBSession.copy_out = wrapped  # type: ignore[method-assign]
