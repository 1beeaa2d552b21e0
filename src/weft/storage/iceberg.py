"""Tables as Apache Iceberg on a local disk, which other clients read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from weft.model.layout import Layout
from weft.model.publication import DataFile
from weft.storage.catalog import SqliteCatalog, Table
from weft.storage.local_files import SCHEME
from weft.storage.metadata import Metadata
from weft.storage.tables import TableStorage


class IcebergStorage(TableStorage):
    """Tables whose metadata lies beside their data, listed in an SQLite catalog."""

    def __init__(self, warehouse: Path, catalog: Path) -> None:
        super().__init__(warehouse)
        self._catalog_path = catalog

    @cached_property
    def _catalog(self) -> SqliteCatalog:
        return SqliteCatalog(self._catalog_path, self._warehouse)

    def _with_snapshot(
        self, table: Metadata, schema_id: int, layout: Layout, base: int | None, files: Sequence[DataFile]
    ) -> tuple[Metadata, int]:
        from weft.storage import partitions, snapshots  # brings Avro, which only a writer needs

        table, spec_id = partitions.with_spec(table, layout.partition)
        table, order_id = partitions.with_sort_order(table, layout)
        wanted = {f"{SCHEME}{self.root}/{f.path}": f for f in files}
        return snapshots.next_snapshot(table, snapshots.Arrangement(schema_id, spec_id, order_id), base, wanted)

    def _metadata_files(self, table: Table) -> Iterable[str]:
        from weft.storage import snapshots

        newest = self._catalog.load(table.identifier)  # another commit may have been made since
        for one in (table, newest) if newest is not None else (table,):
            yield one.location
            yield from (entry["metadata-file"] for entry in one.metadata["metadata-log"])
            yield from snapshots.metadata_files(one.metadata)

    def _paths(self, table: Metadata, snapshot_id: int) -> Iterable[str]:
        from weft.storage import snapshots

        return (e.path for e in snapshots.live_entries(table, snapshot_id))
