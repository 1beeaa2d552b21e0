"""Iceberg's catalog in an SQLite file, with the tables of PyIceberg's SqlCatalog, which opens the same file.

It knows where each table's current metadata file is, and lets the first of two commits win.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from msgspec import Struct

from weft.errors import PlatformError, error
from weft.storage import local_files
from weft.storage.local_files import SCHEME
from weft.storage.metadata import Metadata, following, moved_to

NAME = "weft"
"""The catalog's name inside the file; other clients open it under the same name."""

_TABLES = """
CREATE TABLE IF NOT EXISTS iceberg_tables (
    catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL,
    metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name));
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
    catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL,
    property_value VARCHAR(1000) NOT NULL, PRIMARY KEY (catalog_name, namespace, property_key));
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


class SqliteCatalog:
    """Loads tables and commits their next metadata."""

    def __init__(self, path: Path, warehouse: Path) -> None:
        self._path = path
        self._warehouse = warehouse
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._connection() as db:
                db.executescript(_TABLES)
        except (PlatformError, OSError) as e:
            raise PlatformError(
                error(
                    "WFT-STO-006",
                    f"the catalog {path} cannot be opened",
                    why=str(e),
                    fix="check `storage.catalog` in weft.toml, and that the folder can be written",
                )
            ) from e

    def load(self, identifier: Identifier) -> Table | None:
        """The table, or None when there is none."""
        with self._connection() as db:
            row = db.execute(f"SELECT metadata_location FROM iceberg_tables WHERE {_ROW}", _key(identifier)).fetchone()
        if row is None:
            return None
        home = f"{SCHEME}{self._warehouse.joinpath(*identifier)}"
        here = f"{home}/metadata/{row[0].rpartition('/')[2]}"
        if row[0] == here or not local_files.local_path(here).exists():
            return Table(identifier, json.loads(local_files.read(row[0])), row[0])
        # the mesh was moved or copied: what is there is read here, and the next commit says where it lies now
        return Table(identifier, moved_to(json.loads(local_files.read(here)), home), row[0])

    def commit(self, identifier: Identifier, before: Table | None, after: Metadata) -> None:
        """Makes `after` the table's metadata, by compare-and-swap of the metadata's location.

        Raises:
            CommitConflict: another commit was faster.
        """
        known = before.location if before else None
        number = int(known.rpartition("/")[2].partition("-")[0]) + 1 if known else 0
        location = f"{after['location']}/metadata/{number:05d}-{uuid.uuid4()}.metadata.json"
        local_files.write(location, json.dumps(following(after, known), separators=(",", ":")).encode())
        self._swap(identifier, known, location)

    def identifiers(self) -> list[Identifier]:
        """Every table."""
        with self._connection() as db:
            rows = db.execute(
                "SELECT table_namespace, table_name FROM iceberg_tables WHERE catalog_name = ?", (NAME,)
            ).fetchall()
        return [(*namespace.split("."), table) for namespace, table in rows]

    def _swap(self, identifier: Identifier, before: str | None, after: str) -> None:
        with self._connection() as db:
            if before is not None:
                changed = db.execute(
                    "UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ? "
                    f"WHERE {_ROW} AND metadata_location = ?",
                    (after, before, *_key(identifier), before),
                ).rowcount
            else:
                namespace = _key(identifier)[1]
                db.execute(
                    "INSERT OR IGNORE INTO iceberg_namespace_properties VALUES (?, ?, 'exists', 'true')",
                    (NAME, namespace),
                )
                changed = db.execute(
                    "INSERT OR IGNORE INTO iceberg_tables VALUES (?, ?, ?, ?, NULL, 'TABLE')",
                    (*_key(identifier), after),
                ).rowcount
        if changed != 1:
            local_files.local_path(after).unlink(missing_ok=True)
            raise CommitConflict(f"table {'.'.join(identifier)} was updated by another process")

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
