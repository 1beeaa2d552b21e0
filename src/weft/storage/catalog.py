"""Iceberg's catalog in SQLite or PostgreSQL, with the tables of PyIceberg's SqlCatalog, which opens the same database.

It knows where each table's current metadata file is, and lets the first of two commits win.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from weft.errors import PlatformError, error
from weft.storage.files import Files
from weft.storage.local_files import LocalFiles
from weft.storage.metadata import Metadata, following, moved_to

NAME = "weft"
"""The catalog's name inside the database; other clients open it under the same name."""

TABLES = """
CREATE TABLE IF NOT EXISTS iceberg_tables (
    catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL,
    metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name));
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
    catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL,
    property_value VARCHAR(1000) NOT NULL, PRIMARY KEY (catalog_name, namespace, property_key));
CREATE TABLE IF NOT EXISTS weft_catalog (one INTEGER PRIMARY KEY, id VARCHAR(36) NOT NULL);
"""
_ROW = "catalog_name = ? AND table_namespace = ? AND table_name = ?"

Identifier = tuple[str, ...]


class CommitConflict(Exception):
    """Another commit to the same table was faster."""


class Table(Struct, frozen=True):
    """A table as its current metadata file says."""

    identifier: Identifier
    metadata: Metadata
    location: str


Execute = Callable[[str, Sequence[object]], Any]
"""Runs a statement whose parameters are `?`, and gives the cursor."""


def catalog_at(place: Path | str, files: Files) -> SqlCatalog:
    """The catalog in a file of SQLite, or at the address of a database of PostgreSQL."""
    if isinstance(place, Path):
        return SqliteCatalog(place, files)
    from weft.storage.postgres_catalog import PostgresCatalog

    return PostgresCatalog(place, files)


class SqlCatalog(ABC):
    """Loads tables and commits their next metadata."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def close(self) -> None:
        """Gives a connection back that is kept, if there is one."""
        return

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[Execute]:
        """A transaction, which is kept when it ends well."""

    def load(self, identifier: Identifier) -> Table | None:
        """The table, or None when there is none."""
        with self._transaction() as execute:
            row = execute(f"SELECT metadata_location FROM iceberg_tables WHERE {_ROW}", _key(identifier)).fetchone()
        if row is None:
            return None
        home = "/".join((self._files.home, *identifier))
        here = f"{home}/metadata/{row[0].rpartition('/')[2]}"
        if row[0] == here or not self._files.exists(here):
            return Table(identifier, json.loads(self._files.read(row[0])), row[0])
        # the mesh was moved or copied: what is there is read here, and the next commit says where it lies now
        return Table(identifier, moved_to(json.loads(self._files.read(here)), home), row[0])

    def commit(self, identifier: Identifier, before: Table | None, after: Metadata) -> None:
        """Makes `after` the table's metadata, by compare-and-swap of the metadata's location.

        Raises:
            CommitConflict: another commit was faster.
        """
        known = before.location if before else None
        number = int(known.rpartition("/")[2].partition("-")[0]) + 1 if known else 0
        location = f"{after['location']}/metadata/{number:05d}-{uuid.uuid4()}.metadata.json"
        self._files.write(location, json.dumps(following(after, known), separators=(",", ":")).encode())
        self._swap(identifier, known, location)

    def identity(self) -> str:
        """An id that the catalog has had since it was first asked for one."""
        with self._transaction() as execute:
            execute("INSERT INTO weft_catalog VALUES (1, ?) ON CONFLICT DO NOTHING", (str(uuid.uuid4()),))
            return str(execute("SELECT id FROM weft_catalog", ()).fetchone()[0])

    def identifiers(self) -> list[Identifier]:
        """Every table."""
        with self._transaction() as execute:
            named = "SELECT table_namespace, table_name FROM iceberg_tables WHERE catalog_name = ?"
            rows = execute(named, (NAME,)).fetchall()
        return [(*namespace.split("."), table) for namespace, table in rows]

    def _swap(self, identifier: Identifier, before: str | None, after: str) -> None:
        with self._transaction() as execute:
            if before is not None:
                changed = execute(
                    "UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ? "
                    f"WHERE {_ROW} AND metadata_location = ?",
                    (after, before, *_key(identifier), before),
                ).rowcount
            else:
                namespace = _key(identifier)[1]
                execute(
                    "INSERT INTO iceberg_namespace_properties VALUES (?, ?, 'exists', 'true') ON CONFLICT DO NOTHING",
                    (NAME, namespace),
                )
                changed = execute(
                    "INSERT INTO iceberg_tables VALUES (?, ?, ?, ?, NULL, 'TABLE') ON CONFLICT DO NOTHING",
                    (*_key(identifier), after),
                ).rowcount
        if changed != 1:
            self._files.remove([after.removeprefix(f"{self._files.home}/")])
            raise CommitConflict(f"table {'.'.join(identifier)} was updated by another process")


class SqliteCatalog(SqlCatalog):
    """The catalog in a file of this machine."""

    def __init__(self, path: Path, files: Files | Path) -> None:
        super().__init__(LocalFiles(files) if isinstance(files, Path) else files)
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._connection() as db:
                db.executescript(TABLES)
        except (PlatformError, OSError) as e:
            raise PlatformError(
                error(
                    "WFT-STO-006",
                    f"the catalog {path} cannot be opened",
                    why=str(e),
                    fix="check `storage.catalog` in weft.toml, and that the folder can be written",
                )
            ) from e

    @contextmanager
    def _transaction(self) -> Iterator[Execute]:
        with self._connection() as db:
            yield db.execute

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A transaction, which is kept when it ends well.

        Raises:
            PlatformError: WFT-STO-001 no space left, WFT-STO-040 the file cannot be read or written.
        """
        try:
            with closing(sqlite3.connect(self._path, timeout=30)) as db, db:
                yield db
        except sqlite3.Error as e:
            full = "full" in str(e)
            code, what = ("WFT-STO-001", "no space left for") if full else ("WFT-STO-040", "nothing can be written to")
            fix = "make room, then apply again" if full else "apply again; `weft doctor` looks at the disk"
            raise PlatformError(error(code, f"{what} the catalog {self._path}", why=str(e), fix=fix)) from e


def _key(identifier: Identifier) -> tuple[str, str, str]:
    return NAME, ".".join(identifier[:-1]), identifier[-1]
