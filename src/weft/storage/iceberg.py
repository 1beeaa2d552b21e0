"""Tables as Apache Iceberg on a local disk or in an object store, which other clients read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from weft.model.layout import Layout
from weft.model.publication import DataFile, Publication
from weft.storage.catalog import SqlCatalog, Table, catalog_at
from weft.storage.files import Files
from weft.storage.metadata import Metadata
from weft.storage.tables import TableStorage, identifier_of

if TYPE_CHECKING:
    from weft.storage.shown import Shown


class IcebergStorage(TableStorage):
    """Tables whose metadata lies beside their data, listed in a catalog in SQLite or PostgreSQL."""

    def __init__(self, files: Files | Path, catalog: Path | str) -> None:
        """`catalog`: the file of SQLite, or the address of a database of PostgreSQL."""
        super().__init__(files)
        self._catalog_place = catalog

    def close(self) -> None:
        """Gives the catalog's connection back."""
        held = self.__dict__.pop("_catalog", None)
        if held is not None:
            held.close()

    @cached_property
    def _catalog(self) -> SqlCatalog:
        made = catalog_at(self._catalog_place, self._files)
        self._files.claim(made.identity)
        return made

    def shown(self, published: Publication, location: str, data: Sequence[str] | None = None) -> Shown | None:
        """A publication's snapshot as others read it, see `storage.shown`; None where its files hold more than it."""
        from weft.storage.shown import shown

        found = self._catalog.load(identifier_of(published.address))
        return shown(found.metadata, published, location, data) if found is not None else None

    def outline(self, published: Publication, location: str) -> Metadata | None:
        """The table of a publication without its rows; None where there is none."""
        from weft.storage.shown import outline

        found = self._catalog.load(identifier_of(published.address))
        return outline(found.metadata, published, location) if found is not None else None

    def _with_snapshot(
        self, table: Metadata, schema_id: int, layout: Layout, base: int | None, files: Sequence[DataFile]
    ) -> tuple[Metadata, int]:
        from weft.storage import partitions, snapshots  # brings Avro, which only a writer needs

        table, spec_id = partitions.with_spec(table, layout.partition)
        table, order_id = partitions.with_sort_order(table, layout)
        wanted = {f"{self._files.home}/{f.path}": f for f in files}
        arranged = snapshots.Arrangement(schema_id, spec_id, order_id)
        return snapshots.next_snapshot(self._files, table, arranged, base, wanted)

    def _metadata_files(self, table: Table) -> Iterable[str]:
        from weft.storage import snapshots

        newest = self._catalog.load(table.identifier)  # another commit may have been made since
        for one in (table, newest) if newest is not None else (table,):
            yield one.location
            yield from (entry["metadata-file"] for entry in one.metadata["metadata-log"])
            yield from snapshots.metadata_files(self._files, one.metadata)

    def _paths(self, table: Metadata, snapshot_id: int) -> Iterable[str]:
        from weft.storage import snapshots

        return (e.path for e in snapshots.live_entries(self._files, table, snapshot_id))
