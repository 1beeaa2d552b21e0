"""Tables as Apache Iceberg on a local disk: snapshots on a run's branch, `main` follows the registry."""

from __future__ import annotations

import errno
import itertools
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from weft.errors import PlatformError, TransientError, error
from weft.model.address import Address
from weft.model.column import Column
from weft.model.publication import DataFile
from weft.storage.base import Target

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table

    from weft.storage.catalog import SqliteCatalog

_TRIES = 8
_FIRST_PAUSE_S = 0.02

T = TypeVar("T")


class IcebergStorage:
    """Tables under `warehouse/<domain>/<product>/<port>@<major>`, listed in an SQLite catalog.

    PyIceberg is imported when something is written: a read never needs it.
    """

    def __init__(self, warehouse: Path, catalog: Path) -> None:
        self._warehouse = warehouse
        self._catalog_path = catalog
        self._schemas: dict[str, Schema] = {}

    @property
    def root(self) -> str:
        """Absolute path that relative file paths of a manifest belong to."""
        return str(self._warehouse)

    @cached_property
    def _catalog(self) -> SqliteCatalog:
        from weft.storage.catalog import SqliteCatalog

        return SqliteCatalog(self._catalog_path)

    def prepare(self, table: Address, columns: Sequence[Column], known: Sequence[Column], run_id: str) -> Target:
        """Field ids for the columns that a run will write, and an empty folder to write to."""
        from weft.storage.schemas import field_ids, iceberg_schema

        before = self._catalog.load(_identifier(table))
        used = max([c.field_id for c in known] + ([before.metadata.last_column_id] if before else []), default=0)
        fresh = itertools.count(used + 1)
        ids = {c.key: c.field_id for c in known}
        numbered = tuple(replace(c, field_id=ids[c.key] if c.key in ids else next(fresh)) for c in columns)
        # Nested fields have no identity of their own in a contract yet: they keep their ids while the type stays.
        schema = iceberg_schema(numbered, fresh)
        if before is not None:
            schema = _with_known_nested(schema, before.schema(), {c.name for c in known})
        folder = self._folder(table) / "data" / f"run-{run_id}"
        with _disk():
            folder.mkdir(parents=True, exist_ok=True)
        self._schemas[str(folder)] = schema
        return Target(table, numbered, field_ids(schema), str(folder))

    def commit(self, target: Target, *, run_id: str, base: str | None, files: Sequence[DataFile]) -> str:
        """Commits a snapshot that holds exactly `files`, on the run's branch, as a child of `base`."""
        from weft.storage.data_files import data_file
        from weft.storage.local_io import SCHEME

        schema = self._schemas[target.folder]
        records = [data_file(f, f"{SCHEME}{self.root}/{f.path}", schema) for f in files]
        branch = f"run-{run_id}"

        def once() -> str:
            table = self._catalog.load(_identifier(target.table))
            if table is None:
                location = f"{SCHEME}{self._folder(target.table)}"
                with self._catalog.create(_identifier(target.table), schema, location) as tx:
                    return _first_snapshot(tx, branch, records)
            if base is None:
                with table.transaction() as tx:
                    _evolve(tx, table, schema)
                    return _first_snapshot(tx, branch, records)
            if branch not in table.metadata.refs:
                # A commit of its own: PyIceberg looks for a snapshot's parent among the branches that are committed.
                self._catalog.commit_table(table, (), (_branch_at(branch, int(base)),))
                table.refresh()
            with table.transaction() as tx:
                _evolve(tx, table, schema)
                with tx.update_snapshot(branch=branch).overwrite() as swap:
                    for old in _files_of(table, base):
                        swap.delete_data_file(old)
                    for record in records:
                        swap.append_data_file(record)
                return str(swap.snapshot_id)

        with _disk():
            return _retried(once)

    def follow(self, table: Address, snapshot_id: str, run_id: str | None) -> None:
        """Moves `main` to what the registry says, and drops the run's branch."""
        from pyiceberg.table.update import AssertRefSnapshotId, RemoveSnapshotRefUpdate, SetSnapshotRefUpdate

        def once() -> None:
            found = self._catalog.load(_identifier(table))
            if found is None or found.metadata.snapshot_by_id(int(snapshot_id)) is None:
                return
            refs = found.metadata.refs
            main = refs["main"].snapshot_id if "main" in refs else None
            updates: list[Any] = []
            if main != int(snapshot_id):
                updates.append(SetSnapshotRefUpdate(ref_name="main", type="branch", snapshot_id=int(snapshot_id)))
            if run_id is not None and f"run-{run_id}" in refs:
                updates.append(RemoveSnapshotRefUpdate(ref_name=f"run-{run_id}"))
            if updates:
                requirement = AssertRefSnapshotId(ref="main", snapshot_id=main)
                self._catalog.commit_table(found, (requirement,), tuple(updates))

        with _disk():
            _retried(once)

    def main(self, table: Address) -> str | None:
        """The snapshot that `main` shows."""
        found = self._catalog.load(_identifier(table))
        current = found.metadata.current_snapshot() if found else None
        return str(current.snapshot_id) if current else None

    def discard(self, target: Target, run_id: str) -> None:
        """Removes what a failed run staged: its files and its branch."""
        shutil.rmtree(target.folder, ignore_errors=True)
        self._drop_branch(_identifier(target.table), f"run-{run_id}")

    def sweep(
        self, keep: Mapping[Address, Collection[str]], *, older_than: datetime, runs: Collection[str]
    ) -> Sequence[str]:
        """Removes files and branches older than a time that no kept snapshot and no run in `runs` refers to."""
        kept_ids = {_identifier(a): {int(s) for s in snapshots} for a, snapshots in keep.items()}
        removed: list[str] = []
        for identifier in self._catalog.identifiers():
            table = self._catalog.load(identifier)
            if table is None:
                continue
            wanted = kept_ids.get(identifier, set())
            for name, ref in table.metadata.refs.items():
                if name.startswith("run-") and name[4:] not in runs and _age(table, ref.snapshot_id) < older_than:
                    self._drop_branch(identifier, name)
            live = {f.file_path for s in wanted for f in _files_of(table, str(s))}
            removed += _sweep_folder(_table_folder(table) / "data", live, older_than, runs)
        known = {str(_table_folder(t)) for i in self._catalog.identifiers() if (t := self._catalog.load(i))}
        for data in self._warehouse.glob("*/*/*/data"):
            if str(data.parent) not in known:  # staged for a table that was never made
                removed += _sweep_folder(data, set(), older_than, runs)
        return removed

    def _drop_branch(self, identifier: tuple[str, ...], branch: str) -> None:
        from pyiceberg.table.update import RemoveSnapshotRefUpdate

        def once() -> None:
            table = self._catalog.load(identifier)
            if table is not None and branch in table.metadata.refs:
                self._catalog.commit_table(table, (), (RemoveSnapshotRefUpdate(ref_name=branch),))

        _retried(once)

    def _folder(self, table: Address) -> Path:
        return self._warehouse / table.domain / table.product / f"{table.port}@{table.major}"


def _identifier(table: Address) -> tuple[str, ...]:
    return (table.domain, table.product, f"{table.port}@{table.major}")


def _table_folder(table: Table) -> Path:
    from weft.storage.local_io import local_path

    return local_path(table.location())


def _files_of(table: Table, snapshot_id: str | None) -> Iterator[Any]:
    """The data files of a snapshot, as Iceberg's records."""
    snapshot = table.metadata.snapshot_by_id(int(snapshot_id)) if snapshot_id else None
    if snapshot is None:
        return
    for manifest in snapshot.manifests(table.io):
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            yield entry.data_file


def _age(table: Table, snapshot_id: int) -> datetime:
    snapshot = table.metadata.snapshot_by_id(snapshot_id)
    assert snapshot is not None, "a reference names a snapshot"
    return datetime.fromtimestamp(snapshot.timestamp_ms / 1000).astimezone()


def _first_snapshot(tx: Any, branch: str, records: Sequence[Any]) -> str:
    """Commits files as a snapshot without parent. PyIceberg lets a table's first snapshot go to `main` alone,
    so it is added without a branch, which then is put on it.
    """
    with tx.update_snapshot(branch=None).fast_append() as append:
        for record in records:
            append.append_data_file(record)
    tx._apply((_branch_at(branch, append.snapshot_id),), ())
    return str(append.snapshot_id)


def _branch_at(branch: str, snapshot_id: int) -> Any:
    """The update that makes a run's branch. Its name holds the run's id, so nobody else can have made it."""
    from pyiceberg.table.refs import SnapshotRefType
    from pyiceberg.table.update import SetSnapshotRefUpdate

    return SetSnapshotRefUpdate(ref_name=branch, type=SnapshotRefType.BRANCH, snapshot_id=snapshot_id)


def _evolve(tx: Any, table: Table, schema: Schema) -> None:
    """Makes a schema the table's current one. Readers of ours take columns from the registry, so `main` stays right."""
    from pyiceberg.table.update import AddSchemaUpdate, AssertLastAssignedFieldId, SetCurrentSchemaUpdate

    if table.schema().fields == schema.fields:
        return
    same = next((s for s in table.metadata.schemas if s.fields == schema.fields), None)
    requirement = AssertLastAssignedFieldId(last_assigned_field_id=table.metadata.last_column_id)
    if same is not None:
        tx._apply((SetCurrentSchemaUpdate(schema_id=same.schema_id),), (requirement,))
        return
    number = max(s.schema_id for s in table.metadata.schemas) + 1
    fresh = schema.model_copy(update={"schema_id": number})
    tx._apply((AddSchemaUpdate(schema_=fresh), SetCurrentSchemaUpdate(schema_id=-1)), (requirement,))


def _with_known_nested(schema: Schema, before: Schema, names: set[str]) -> Schema:
    """The schema in which a nested column whose shape has not changed keeps the ids of its fields."""
    from pyiceberg.schema import Schema as NewSchema

    known = {f.field_id: f for f in before.fields if f.name in names or not f.field_type.is_primitive}
    return NewSchema(
        *(
            f.model_copy(update={"field_type": known[f.field_id].field_type})
            if not f.field_type.is_primitive
            and f.field_id in known
            and _shape(known[f.field_id].field_type) == _shape(f.field_type)
            else f
            for f in schema.fields
        )
    )


def _shape(kind: Any) -> str:
    """A type's text without its field ids."""
    import re

    return re.sub(r"\b\d+: ", "", str(kind))


def _sweep_folder(folder: Path, live: set[str], older_than: datetime, runs: Collection[str]) -> list[str]:
    """Removes run folders' files that nobody refers to."""
    removed: list[str] = []
    for file in sorted(folder.glob("run-*/*")):
        if file.parent.name[4:] in runs or f"file://{file}" in live:
            continue
        if datetime.fromtimestamp(file.stat().st_mtime).astimezone() < older_than:
            file.unlink(missing_ok=True)
            removed.append(str(file))
    for empty in folder.glob("run-*"):
        if empty.name[4:] not in runs and not any(empty.iterdir()):
            empty.rmdir()
    return removed


def _retried(once: Callable[[], T]) -> T:
    """Runs an optimistic commit until it wins.

    Raises:
        TransientError: WFT-STO-003, others were faster every time.
    """
    from pyiceberg.exceptions import CommitFailedException

    for attempt in range(_TRIES):
        try:
            return once()
        except CommitFailedException:
            time.sleep(_FIRST_PAUSE_S * 2**attempt)
    raise TransientError(
        error("WFT-STO-003", "other commits to the same table were faster every time", fix="try again")
    )


@contextmanager
def _disk() -> Iterator[None]:
    """Failures of the disk as ours.

    Raises:
        PlatformError: WFT-STO-001 no space left, WFT-STO-002 the warehouse cannot be written.
    """
    try:
        yield
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise PlatformError(
                error("WFT-STO-001", "no space left for the warehouse", fix="make room, then apply again")
            ) from e
        if e.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise PlatformError(
                error(
                    "WFT-STO-002",
                    f"the warehouse cannot be written: {e.strerror}",
                    why=str(e.filename) if e.filename else None,
                    fix="change its permissions, or name another folder as `storage.warehouse`",
                )
            ) from e
        raise
