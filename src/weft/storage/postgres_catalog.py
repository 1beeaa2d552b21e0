"""Iceberg's catalog in PostgreSQL, so that several machines share a warehouse."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from weft.errors import PlatformError, TransientError, UsageError, error
from weft.storage.catalog import TABLES, SqlCatalog
from weft.storage.files import Files

if TYPE_CHECKING:
    from psycopg import Connection, Cursor

    from weft.storage.catalog import Execute

_SESSION = "-c statement_timeout=10s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
_MAKING = 7_305_511_201
"""Of the advisory lock under which the tables are made: two that make them at once would hinder one another."""


class PostgresCatalog(SqlCatalog):
    """The catalog in a database that others reach too."""

    def __init__(self, address: str, files: Files) -> None:
        """Connects, and makes the catalog's tables where there are none.

        Raises:
            UsageError: WFT-STO-018, the address is none, or what opens it is not installed.
            TransientError: WFT-STO-019, the database cannot be reached.
            PlatformError: WFT-STO-040, it refuses.
        """
        super().__init__(files)
        self._given, self._name = _read(address)
        self._guard = threading.RLock()
        self._open: Connection | None = None
        self._process = os.getpid()
        with self._transaction() as execute:
            if execute("SELECT to_regclass('weft_catalog') IS NULL", ()).fetchone()[0]:
                execute(f"SELECT pg_advisory_xact_lock({_MAKING})", ())
                for statement in filter(str.strip, TABLES.split(";")):
                    execute(statement, ())

    def close(self) -> None:
        """Gives the connection back; another is made when it is needed."""
        with self._guard:
            self._close()

    @contextmanager
    def _transaction(self) -> Iterator[Execute]:
        import psycopg

        with self._guard:
            try:
                with self._connected() as db, db.transaction():
                    yield lambda sql, values: self._done(db, sql, values)
            except psycopg.Error as e:
                self._close()
                why = str(e).strip().split("\n", 1)[0]
                for secret in filter(None, (self._given.get("password"), os.environ.get("PGPASSWORD"))):
                    why = why.replace(str(secret), "***")
                what = f"the catalog `{self._name}` cannot be "
                if isinstance(e, psycopg.OperationalError):
                    fix = "try again; look at `storage.catalog`, and whether the database answers"
                    raise TransientError(error("WFT-STO-019", f"{what}reached", why=why, fix=fix)) from None
                fix = "look whether the user may read and write its tables"
                raise PlatformError(error("WFT-STO-040", f"{what}read or written", why=why, fix=fix)) from None

    def _done(self, db: Connection, sql: str, values: Sequence[object]) -> Cursor[Any]:
        return db.execute(sql.replace("?", "%s").encode(), values or None)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        import psycopg

        if self._process != os.getpid():  # a child does not speak through its parent's connection
            self._open, self._process = None, os.getpid()
        if self._open is not None and not _answers(self._open):
            self._close()
        if self._open is None:
            self._open = psycopg.connect(**self._given, autocommit=True)
        yield self._open

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


def _answers(connection: Connection) -> bool:
    """Whether a connection is still one: a server that was started anew has let it go."""
    import psycopg

    try:
        connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def _read(address: str) -> tuple[dict[str, Any], str]:
    """What the driver makes of an address, and how the database is named to people.

    Raises:
        UsageError: WFT-STO-018.
    """
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        what = "a catalog in PostgreSQL needs psycopg, which is not installed"
        raise UsageError(error("WFT-STO-018", what, fix="`pip install 'weft[postgres]'`")) from None
    try:
        given = {k: v for k, v in conninfo_to_dict(address).items() if v is not None}
    except psycopg.Error:  # its text may quote the address, and a password in it
        what = "`storage.catalog` is no address of a PostgreSQL database"
        fix = "write `postgresql://USER@HOST/NAME`, with signs such as `@` and `#` in a password as `%40` and `%23`"
        raise UsageError(error("WFT-STO-018", what, fix=fix)) from None
    name = f"{given.get('host') or os.environ.get('PGHOST') or 'localhost'}/{given.get('dbname', '')}"
    options = f"{_SESSION} {given.get('options', '')}".strip()
    return {"connect_timeout": 5, "application_name": "weft", **given, "options": options}, name
