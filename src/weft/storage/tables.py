"""Tables over a catalog and the files of a warehouse: snapshots on a run's branch, `main` follows the registry."""

from __future__ import annotations

import contextlib
import errno
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar, cast

from msgspec.structs import replace

from weft.errors import PlatformError, TransientError, WeftError, error
from weft.model.address import Address
from weft.model.column import Column
from weft.model.layout import UNORDERED, Layout
from weft.model.publication import DataFile, Manifest
from weft.storage import metadata, sweeping
from weft.storage.base import Target
from weft.storage.catalog import CommitConflict, Identifier, Table
from weft.storage.files import Files, Found, TableFiles
from weft.storage.local_files import LocalFiles
from weft.storage.metadata import Metadata
from weft.storage.schemas import Field, field_ids, fields_of, may_become

_TRIES = 8
_FIRST_PAUSE_S = 0.02

T = TypeVar("T")


class Catalog(Protocol):
    """Knows the current metadata of each table, and lets the first of two commits win."""

    def load(self, identifier: Identifier) -> Table | None:
        """The table, or None when there is none."""
        ...

    def commit(self, identifier: Identifier, before: Table | None, after: Metadata) -> None:
        """Makes `after` the table's metadata.

        Raises:
            CommitConflict: the table is no longer as it was `before`.
        """
        ...

    def identifiers(self) -> list[Identifier]:
        """Every table."""
        ...


class TableStorage(ABC):
    """Tables under `warehouse/<domain>/<product>/<port>@<major>`; a storage adds its catalog and its manifests."""

    keeps = True
    """Tables rest here."""

    def __init__(self, files: Files | Path) -> None:
        """`files`: where they rest, or a folder of this machine in which they rest."""
        self._files: Files = LocalFiles(files) if isinstance(files, Path) else files
        self._fields: dict[str, list[Field]] = {}

    @property
    def far(self) -> bool:
        """Whether the files rest in a store elsewhere."""
        return self._files.far

    def close(self) -> None:
        """Does nothing: nothing is kept open."""
        return

    def own(self, table: Address, manifest: Manifest) -> None:
        """Brings its files here, where they rest elsewhere."""
        self.bring(manifest.files)

    def beside(self, run_id: str, files: Sequence[DataFile]) -> None:
        """Keeps files that a run publishes beside a snapshot."""
        with _disk():
            self._files.keep([f.path for f in files], _branch(run_id), set)

    def bring(self, files: Sequence[DataFile]) -> None:
        """Sees to it that files lie under `root`."""
        with _disk():
            self._files.bring({f.path: f.size_bytes for f in files})

    def held_bytes(self, domain: str) -> int:
        """Bytes that the tables of a domain take where they rest, with all data versions that are not swept yet."""
        with _disk():
            return self._files.held_bytes(domain)

    @property
    def root(self) -> str:
        """Absolute path that relative file paths of a manifest belong to."""
        return self._files.root

    @property
    @abstractmethod
    def _catalog(self) -> Catalog:
        """Where the tables are listed."""

    @abstractmethod
    def _with_snapshot(
        self, table: Metadata, schema_id: int, layout: Layout, base: int | None, files: Sequence[DataFile]
    ) -> tuple[Metadata, int]:
        """The table with a snapshot of exactly `files` that no branch shows yet, and the snapshot's id."""

    @abstractmethod
    def _paths(self, table: Metadata, snapshot_id: int) -> Iterable[str]:
        """The files of a snapshot; none when there is no such snapshot."""

    @abstractmethod
    def _metadata_files(self, table: Table) -> Iterable[str]:
        """Locations of the files that the table's own metadata consists of."""

    def prepare(
        self,
        table: Address,
        columns: Sequence[Column],
        known: Sequence[Column],
        run_id: str,
        layout: Layout = UNORDERED,
    ) -> Target:
        """Field ids for the columns that a run will write, and an empty folder to write to."""
        numbered, fields = self.numbered(table, columns, known)
        folder = self._folder(table, run_id)
        with _disk():
            Path(folder).mkdir(parents=True, exist_ok=True)
        self._fields[folder] = fields
        return Target(table, tuple(numbered), field_ids(fields), folder, layout_of(layout, numbered))

    def _folder(self, table: Address, run_id: str) -> str:
        return str(Path(self.root, *identifier_of(table), "data", _branch(run_id)))

    def numbered(
        self, table: Address, columns: Sequence[Column], known: Sequence[Column]
    ) -> tuple[list[Column], list[Field]]:
        """The columns with their field ids, and as Iceberg's fields; nothing is written.

        Raises:
            ProjectError: WFT-STO-005, a change of type that Iceberg does not allow under one field id.
        """
        found = self._catalog.load(identifier_of(table))
        before = {f["id"]: f for s in found.metadata["schemas"] for f in s["fields"]} if found else {}
        used = max([c.field_id for c in known] + ([found.metadata["last-column-id"]] if found else []), default=0)
        fresh = itertools.count(used + 1)
        ids = {c.key: c.field_id for c in known}
        numbered: list[Column] = []
        fields: list[Field] = []
        for column in columns:
            field_id = ids.get(column.key)
            column = replace(column, field_id=next(fresh) if field_id is None else field_id)
            (field,) = fields_of([column], fresh)
            old = before.get(column.field_id)
            if old is not None and not may_become(old["type"], field["type"]):
                # Iceberg reads a file's values by field id: under the old id, old files would be read as another type.
                column = replace(column, field_id=next(fresh))
                field = {**field, "id": column.field_id}
            elif old is not None and isinstance(old["type"], dict):
                # Nested fields have no identity of their own in a contract: they keep their ids while the shape stays.
                field = {**field, "type": old["type"]}
            numbered.append(column)
            fields.append(field)
        return numbered, fields

    def commit(self, target: Target, *, run_id: str, base: str | None, files: Sequence[DataFile]) -> str:
        """Commits a snapshot that holds exactly `files`, on the run's branch, as a child of `base`."""
        fields = self._fields[target.folder]
        identifier = identifier_of(target.table)

        def once() -> str:
            before = self._catalog.load(identifier)
            location = "/".join((self._files.home, *identifier))
            table = before.metadata if before else metadata.new_table(location, fields)
            _require_our_version(target.table, table)
            table, schema_id = metadata.with_fields(table, fields)
            table, snapshot_id = self._with_snapshot(
                table, schema_id, target.layout, int(base) if base else None, files
            )
            self._catalog.commit(identifier, before, metadata.with_branch(table, _branch(run_id), snapshot_id))
            return str(snapshot_id)

        with _disk():
            self._keep(identifier, base, run_id, files)
            return _retried(once)

    def _keep(self, identifier: Identifier, base: str | None, run_id: str, files: Sequence[DataFile]) -> None:
        """Sees to it that the files of a snapshot rest in the warehouse before anything leads to them."""

        def known() -> set[str]:
            found = self._catalog.load(identifier) if base is not None else None
            paths = self._paths(found.metadata, int(base)) if found is not None and base is not None else ()
            return {p.removeprefix(f"{self._files.home}/") for p in paths}

        self._files.keep([f.path for f in files], _branch(run_id), known)

    def follow(
        self,
        table: Address,
        snapshot_id: str,
        run_id: str | None,
        is_ours: Callable[[str], bool] | None = None,
        branch: str | None = None,
    ) -> str | None:
        """Moves `main` to what the registry says, and drops the run's branch; keeps what others wrote on a branch."""
        moved = branch or metadata.MAIN
        identifier, wanted = identifier_of(table), int(snapshot_id)

        def once() -> str | None:
            found = self._catalog.load(identifier)
            target = metadata.snapshot(found.metadata, wanted) if found is not None else None
            if found is None or target is None:
                return None
            after, aside = found.metadata, None
            shown = metadata.branch(after, moved)
            if shown != wanted:
                known = shown in (None, target.get("parent-snapshot-id"))
                if not known and is_ours is not None and not is_ours(str(shown)):
                    aside = f"foreign-{shown}"
                    after = metadata.with_branch(after, aside, cast(int, shown))
                after = metadata.with_branch(after, moved, wanted)
            if run_id is not None and metadata.branch(after, _branch(run_id)) is not None:
                after = metadata.without_branch(after, _branch(run_id))
            if after is not found.metadata:
                self._catalog.commit(identifier, found, after)
            return aside

        with _disk():
            aside = _retried(once)
        if run_id is not None:
            self._fields.pop(self._folder(table, run_id), None)
        return aside

    def drop_branch(self, table: Address, branch: str) -> None:
        """Drops a branch that is not `main`."""
        assert branch != metadata.MAIN, "what production shows stays"
        with _disk():
            self._drop_branch(identifier_of(table), branch)

    def descends(self, table: Address, snapshot_id: str, ancestor: str) -> bool:
        """Whether a snapshot is another one, or was built on it."""
        found = self._catalog.load(identifier_of(table))
        at: int | None = int(snapshot_id)
        while found is not None and at is not None:
            if at == int(ancestor):
                return True
            shown = metadata.snapshot(found.metadata, at)
            at = shown.get("parent-snapshot-id") if shown is not None else None
        return False

    def main(self, table: Address) -> str | None:
        """The snapshot that `main` shows."""
        found = self._catalog.load(identifier_of(table))
        shown = metadata.branch(found.metadata, metadata.MAIN) if found else None
        return str(shown) if shown is not None else None

    def discard(self, target: Target, run_id: str) -> None:
        """Removes what a failed run staged: its files and its branch."""
        with contextlib.suppress(WeftError, OSError):  # why the run failed is what counts; a sweep takes the rest
            self._files.remove_run(Path(target.folder).relative_to(self.root).as_posix())
            self._drop_branch(identifier_of(target.table), _branch(run_id))
        self._fields.pop(target.folder, None)

    def remove(self, files: Sequence[DataFile]) -> None:
        """Removes files that a run has staged and will not commit."""
        self._files.remove([f.path for f in files])

    def sweep(
        self,
        keep: Mapping[Address, Collection[str]],
        *,
        older_than: datetime,
        runs: Collection[str],
        beside: Collection[str] = (),
        only: Collection[str] | None = None,
    ) -> Sequence[str]:
        """Removes files and branches older than a time that no kept snapshot and no run in `runs` refers to."""
        kept_ids = {identifier_of(a): {int(s) for s in snapshots} for a, snapshots in keep.items()}
        lying = self._files.listed()
        removed: list[str] = []
        for identifier in self._catalog.identifiers():
            table = self._catalog.load(identifier)
            if table is None:
                continue
            wanted = kept_ids.get(identifier, set())
            for name, shown in metadata.branches(table.metadata).items():
                run = name.removeprefix("run-")
                if run == name or run in runs or (only is not None and run not in only):
                    continue
                if _age(table, shown) < older_than:
                    self._drop_branch(identifier, name)
            live = {p for s in wanted for p in self._paths(table.metadata, s)} | set(beside)
            here = lying.get(identifier, TableFiles())
            gone = sweeping.orphans(here.data, live, older_than, runs, only)
            if only is None:
                gone += sweeping.old_metadata(here.metadata, self._metadata_files(table), older_than)
            removed += self._removed(identifier, gone, runs, only)
        known = set(self._catalog.identifiers())
        for staged in sorted(lying.keys() - known):  # staged for a table that was never made
            gone = sweeping.orphans(lying[staged].data, beside, older_than, runs, only)
            if only is None:
                gone += sweeping.old_metadata(lying[staged].metadata, (), older_than)
            removed += self._removed(staged, gone, runs, only)
        return removed + (list(self._files.sweep(older_than, runs)) if only is None else [])

    def _removed(
        self, identifier: Identifier, gone: Sequence[Found], runs: Collection[str], only: Collection[str] | None
    ) -> list[str]:
        self._files.remove([one.place for one in gone])
        self._files.tidy(identifier, runs, only)
        return [one.shown for one in gone]

    def _drop_branch(self, identifier: Identifier, branch: str) -> None:
        def once() -> None:
            table = self._catalog.load(identifier)
            if table is not None and metadata.branch(table.metadata, branch) is not None:
                self._catalog.commit(identifier, table, metadata.without_branch(table.metadata, branch))

        _retried(once)

    def unshown(self) -> Mapping[Address, Collection[str]]:
        """Snapshots of each table that no branch shows."""
        tables = ((i, self._catalog.load(i)) for i in self._catalog.identifiers())
        return {
            _address(identifier): [str(s) for s in metadata.unshown(table.metadata)]
            for identifier, table in tables
            if table is not None
        }

    def forget(self, snapshots: Mapping[Address, Collection[str]]) -> None:
        """Takes snapshots that no branch shows out of their tables' metadata."""
        for address, ids in snapshots.items():
            self._forget(identifier_of(address), {int(s) for s in ids})

    def _forget(self, identifier: Identifier, snapshots: Collection[int]) -> None:
        def once() -> None:
            table = self._catalog.load(identifier)
            after = metadata.without_snapshots(table.metadata, snapshots) if table is not None else None
            if table is not None and after is not None and after is not table.metadata:
                self._catalog.commit(identifier, table, after)

        if snapshots:
            with _disk():
                _retried(once)


def layout_of(layout: Layout, columns: Sequence[Column]) -> Layout:
    """A layout with the field ids of its columns."""
    ids = {c.name: c.field_id for c in columns}
    return Layout(
        tuple(replace(f, field_id=ids[f.column]) for f in layout.partition),
        tuple(replace(f, field_id=ids[f.column]) for f in layout.sort),
    )


def _require_our_version(address: Address, table: Metadata) -> None:
    """Refuses a table that another writer has brought to a newer version of the specification.

    Raises:
        PlatformError: WFT-STO-013.
    """
    version = table["format-version"]
    if version != metadata.VERSION:
        raise PlatformError(
            error(
                "WFT-STO-013",
                f"another writer has made the table of `{address}` one of Iceberg's version {version}",
                why=f"weft writes version {metadata.VERSION}, and a table never goes back",
                fix="publish a new major, which has a table of its own",
            )
        )


def identifier_of(table: Address) -> Identifier:
    """Under which names the catalog has a table."""
    return (table.domain, table.product, f"{table.port}@{table.major}")


def _address(identifier: Identifier) -> Address:
    """The address of a table: of a port, or of what a private model keeps."""
    domain, product, name = identifier
    port, _, major = name.rpartition("@")
    return Address(domain, product, port, int(major))


def _branch(run_id: str) -> str:
    return f"run-{run_id}"


def _age(table: Table, snapshot_id: int) -> datetime:
    snapshot = metadata.snapshot(table.metadata, snapshot_id)
    assert snapshot is not None, "a reference names a snapshot"
    return datetime.fromtimestamp(snapshot["timestamp-ms"] / 1000).astimezone()


def _retried(once: Callable[[], T]) -> T:
    """Runs an optimistic commit until it wins.

    Raises:
        TransientError: WFT-STO-003, others were faster every time.
    """
    for attempt in range(_TRIES):
        try:
            return once()
        except CommitConflict:
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
