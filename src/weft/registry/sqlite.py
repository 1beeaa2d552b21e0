"""A registry's database in one SQLite file: the embedded default."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from weft.errors import PlatformError, TransientError, error
from weft.registry.at_once import may_wait
from weft.registry.database import Dialect
from weft.registry.own_connections import OwnConnections
from weft.registry.schema import upgrade
from weft.registry.sql import SqlRegistry

_BESIDE = 64 << 10
"""Bytes that SQLite may want for its files beside the database: 32 KiB for its index of the log, and the log."""


class SqliteRegistry(SqlRegistry):
    """The registry in one file, made when it is not there."""

    def __init__(self, path: Path) -> None:
        """Opens the registry.

        Raises:
            PlatformError: WFT-REG-002, the file cannot be opened.
            ProjectError: WFT-REG-001, a newer weft has written it.
        """
        super().__init__(SqliteDatabase(path))


class _Statements:
    """Rows by SQL on one connection."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
        return found

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        return self._db.execute(sql, values).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self._db.executemany(sql, rows)

    def each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        return self._db.execute(sql)  # no generator: one that is not read to its end would close what is closed


class SqliteDatabase:
    """Implements `database.Database`. Writes are durable when they return; readers never wait for a writer.

    Each thread has a connection of its own: what one writes and has not committed, no other sees.
    """

    dialect: Dialect = "sqlite"
    listed = "SELECT value FROM json_each(?)"

    def __init__(self, path: Path) -> None:
        """Opens the file, and makes it when it is not there.

        Raises:
            PlatformError: WFT-REG-002, the file cannot be opened.
            ProjectError: WFT-REG-001, a newer weft has written it.
        """
        self.name = path.name
        self._path = path
        self._own = OwnConnections(self._opened)
        self._fixed = _cannot_be_written(path)
        try:
            if not self._fixed:
                path.parent.mkdir(parents=True, exist_ok=True)
            db = self._connection()
            if not self._fixed:
                if db.execute("PRAGMA user_version").fetchone()[0] == 0:
                    db.execute("PRAGMA journal_mode = WAL")
                upgrade(db, self.name)
        except (sqlite3.Error, OSError) as e:
            why, fix = str(e), "check `mesh.registry` in weft.toml, and that the folder can be written"
            if _is_full(path.parent):
                why, fix = "no space left on the disk", "make room, then try again; what is published is whole"
            raise PlatformError(error("WFT-REG-002", f"the registry {path} cannot be opened", why=why, fix=fix)) from e

    @property
    def described(self) -> str:
        """Its system with its version, and its name."""
        return f"SQLite {sqlite3.sqlite_version}, {self.name}"

    def close(self) -> None:
        """Gives the connections back."""
        self._own.close()

    @contextmanager
    def reading(self) -> Iterator[_Statements]:
        """Statements that read."""
        try:
            own = self._own.here()  # stays open as long as this is read, also when its thread has ended
            yield _Statements(own.connection)
        except sqlite3.Error as e:
            raise self._failed("read", e) from e

    @contextmanager
    def writing(self) -> Iterator[_Statements]:
        """All or nothing, on disk when it returns."""
        may_wait()
        try:
            own = self._own.here()
            db = own.connection
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as e:
            raise self._failed("written", e) from e
        try:
            yield _Statements(db)
            db.execute("COMMIT")
        except BaseException as e:
            if db.in_transaction:
                db.execute("ROLLBACK")
            if isinstance(e, sqlite3.Error):
                raise self._failed("written", e) from e
            raise

    @contextmanager
    def moment(self) -> Iterator[_Statements]:
        """Statements that see one moment: writers go on in the log beside the file."""
        try:
            with closing(self._opened()) as db:
                db.execute("BEGIN")
                yield _Statements(db)
        except sqlite3.Error as e:
            raise self._failed("read", e) from e

    def rebuilding(self) -> AbstractContextManager[_Statements]:
        """`writing()`: a file has no limits of time."""
        return self.writing()

    def _connection(self) -> sqlite3.Connection:
        return self._own.here().connection

    def _opened(self) -> sqlite3.Connection:
        if self._fixed:
            # SQLite would want to write beside the file; what cannot be written by anybody does not move either
            uri = f"{self._path.absolute().as_uri()}?mode=ro&immutable=1"
            return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        db = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA synchronous = FULL")
        return db

    def _failed(self, done: str, e: sqlite3.Error) -> PlatformError:
        code = "WFT-STO-001" if "full" in str(e) else "WFT-REG-002"
        why = str(e) or type(e).__name__
        kind = TransientError if "locked" in why else PlatformError  # somebody else writes for longer than was waited
        return kind(error(code, f"the registry `{self.name}` cannot be {done}", why=why))


def _is_full(folder: Path) -> bool:
    """Whether a folder has no room for what SQLite lays beside a file that it opens, also to read it."""
    try:
        return shutil.disk_usage(folder).free < _BESIDE
    except OSError:
        return False


def _cannot_be_written(path: Path) -> bool:
    """Whether a registry lies on a disk that is mounted for reading, with nothing left to be taken into it."""
    log_file = path.with_name(f"{path.name}-wal")
    try:
        read_only = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
        return read_only and not (log_file.is_file() and log_file.stat().st_size)
    except OSError:
        return False
