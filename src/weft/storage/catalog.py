"""Iceberg's catalog in an SQLite file, with the tables of PyIceberg's SqlCatalog, which opens the same file.

SqlCatalog itself imports SQLAlchemy, 0.3 CPU seconds that a small build would spend on nothing else.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.serializers import FromInputFile, ToOutputFile
from pyiceberg.table import CommitTableResponse, CreateTableTransaction, StagedTable, Table
from pyiceberg.table.metadata import TableMetadataV1, new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import update_table_metadata

from weft.errors import PlatformError, error
from weft.storage.local_io import LocalIO

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


class SqliteCatalog:
    """Loads and commits tables. A `Table` commits through the catalog that loaded it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.properties: dict[str, str] = {}
        self.name = NAME
        self._io = LocalIO()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._connection() as db:
                db.executescript(_TABLES)
        except (sqlite3.Error, OSError) as e:
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
        metadata = FromInputFile.table_metadata(self._io.new_input(row[0]))
        return Table(identifier, metadata, row[0], self._io, self)

    def load_table(self, identifier: Identifier) -> Table:
        """The table as it is now; what `Table.refresh` asks for."""
        found = self.load(identifier)
        if found is None:
            raise CommitFailedException(f"table {'.'.join(identifier)} is gone")
        return found

    def create(self, identifier: Identifier, schema: Schema, location: str) -> CreateTableTransaction:
        """A transaction whose commit makes the table."""
        metadata = new_table_metadata(
            schema, UNPARTITIONED_PARTITION_SPEC, UNSORTED_SORT_ORDER, location, {"format-version": "2"}
        )
        return CreateTableTransaction(StagedTable(identifier, metadata, "", self._io, self))

    def commit_table(self, table: Table, requirements: Sequence[Any], updates: Sequence[Any]) -> CommitTableResponse:
        """Commits updates whose requirements hold, by compare-and-swap of the metadata's location.

        Raises:
            CommitFailedException: a requirement does not hold, or another commit was faster.
        """
        identifier = table.name()
        current = self.load(identifier)
        for requirement in requirements:
            requirement.validate(current.metadata if current else None)
        metadata = update_table_metadata(
            current.metadata if current else TableMetadataV1.model_construct(last_column_id=-1, schema=Schema()),
            tuple(updates),
            enforce_validation=current is None,
            metadata_location=current.metadata_location if current else None,
        )
        before = current.metadata_location if current else None
        number = int(before.rpartition("/")[2].partition("-")[0]) + 1 if before else 0
        location = f"{metadata.location}/metadata/{number:05d}-{uuid.uuid4()}.metadata.json"
        ToOutputFile.table_metadata(metadata, self._io.new_output(location))
        self._swap(identifier, before, location)
        return CommitTableResponse(metadata=metadata, metadata_location=location)

    def _delete_old_metadata(self, io: Any, base: Any, metadata: Any) -> None:
        """Keeps older metadata files: a table points to at most a hundred of them, and time travel needs none."""

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
                raise CommitFailedException(f"table {'.'.join(identifier)} was updated by another process")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30)) as db, db:
            yield db


def _key(identifier: Identifier) -> tuple[str, str, str]:
    return NAME, ".".join(identifier[:-1]), identifier[-1]
