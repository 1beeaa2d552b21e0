"""Tables in Parquet files with their metadata in memory, for embedding and tests: no other client finds them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from weft.model.publication import DataFile
from weft.storage import metadata
from weft.storage.catalog import CommitConflict, Identifier, Table
from weft.storage.metadata import Metadata
from weft.storage.tables import TableStorage


class MemoryCatalog:
    """Tables by identifier."""

    def __init__(self) -> None:
        self._tables: dict[Identifier, Table] = {}
        self._committing = threading.Lock()

    def load(self, identifier: Identifier) -> Table | None:
        """The table, or None when there is none."""
        return self._tables.get(identifier)

    def commit(self, identifier: Identifier, before: Table | None, after: Metadata) -> None:
        """Makes `after` the table's metadata.

        Raises:
            CommitConflict: another commit was faster.
        """
        with self._committing:
            if self._tables.get(identifier) is not before:
                raise CommitConflict(f"table {'.'.join(identifier)} was updated by another thread")
            self._tables[identifier] = Table(identifier, metadata.following(after, None), after["location"])

    def identifiers(self) -> list[Identifier]:
        """Every table."""
        return list(self._tables)


class MemoryStorage(TableStorage):
    """Tables that end with their process; the files in the warehouse stay until they are swept."""

    def __init__(self, warehouse: Path) -> None:
        super().__init__(warehouse)
        self._tables = MemoryCatalog()

    @property
    def _catalog(self) -> MemoryCatalog:
        return self._tables

    def _with_snapshot(
        self, table: Metadata, schema_id: int, base: int | None, files: Sequence[DataFile]
    ) -> tuple[Metadata, int]:
        snapshot_id = metadata.fresh_snapshot_id(table)
        paths = json.dumps([f.path for f in files])  # stands itself where else a manifest list's location stands
        after = metadata.with_snapshot(
            table, snapshot_id, parent=base, schema_id=schema_id, manifest_list=paths, summary={}
        )
        return after, snapshot_id

    def _metadata_files(self, table: Table) -> Iterable[str]:
        return ()

    def _paths(self, table: Metadata, snapshot_id: int) -> Iterable[str]:
        found = metadata.snapshot(table, snapshot_id)
        paths: list[str] = json.loads(found["manifest-list"]) if found else []
        return paths
