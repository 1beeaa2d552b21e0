"""What a storage can do: prepare a table for a run, commit its files unseen, let `main` follow, sweep the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from weft.model.address import Address
from weft.model.column import Column
from weft.model.layout import UNORDERED, Layout
from weft.model.publication import DataFile, Manifest, Publication

if TYPE_CHECKING:
    from weft.storage.shown import Shown


class Target(Struct, frozen=True):
    """Where a run writes the files of one table.

    Attributes:
        columns: the columns in their order, with field ids.
        field_ids: DuckDB's `FIELD_IDS` literal for COPY, nested fields included.
        folder: absolute folder (or URI prefix) that holds this run's files and nothing else.
        layout: how the rows are parted and sorted, with the field ids of the columns.
    """

    table: Address
    columns: tuple[Column, ...]
    field_ids: str
    folder: str
    layout: Layout = Layout()


class ShowsTables(Protocol):
    """A storage whose tables engines elsewhere read as they are."""

    def shown(self, published: Publication, location: str, data: Sequence[str] | None = None) -> Shown | None:
        """A publication's snapshot under another location; None where its files hold more than it shows.

        Args:
            data: where its files of data lie, in their order; None: below the location too, by their numbers.
        """
        ...

    def outline(self, published: Publication, location: str) -> Mapping[str, Any] | None:
        """Iceberg's metadata of a publication's table, without a snapshot; None where there is no table."""
        ...

    def bring(self, files: Sequence[DataFile]) -> None:
        """Sees to it that files lie under `root`."""
        ...


class Storage(Protocol):
    """Tables by pinned address. Never decides what is published: the registry does."""

    @property
    def root(self) -> str:
        """Absolute path or URI that relative file paths of a manifest belong to."""
        ...

    @property
    def keeps(self) -> bool:
        """Whether tables rest here; else a server has them, which also looks after them."""
        ...

    @property
    def far(self) -> bool:
        """Whether each file that is written has to wait for a store elsewhere; several may be committed at once."""
        ...

    def close(self) -> None:
        """Gives back what is kept open; it is opened again when it is needed."""
        ...

    def own(self, table: Address, manifest: Manifest) -> None:
        """Sees to it that the files of one's own table, from which a run goes on, lie under `root`."""
        ...

    def beside(self, run_id: str, files: Sequence[DataFile]) -> None:
        """Takes files that a run publishes beside a snapshot: those of a quarantine."""
        ...

    def prepare(
        self,
        table: Address,
        columns: Sequence[Column],
        known: Sequence[Column],
        run_id: str,
        layout: Layout = UNORDERED,
    ) -> Target:
        """Field ids for the columns a run will write, and an empty folder to write to.

        `known` are the columns of the current publication: same `key`, same field id. A new key gets an id that was
        never used in this table. Nothing becomes visible.

        Raises:
            PlatformError: WFT-STO-002, the warehouse cannot be written.
            ProjectError: WFT-STO-005, a change of type that Iceberg does not allow under one field id.
        """
        ...

    def commit(self, target: Target, *, run_id: str, base: str | None, files: Sequence[DataFile]) -> str:
        """Commits a snapshot that holds exactly `files`, on branch `run-<run_id>`, as a child of snapshot `base`.

        New files and files of `base` may be mixed: what lists only files that stay is not written again, and each file
        keeps the partition that it was written with.

        Returns:
            The snapshot id, as text. `main` has not moved.

        Raises:
            PlatformError: WFT-STO-013, another writer has changed the table so that weft does not know how to go on.
        """
        ...

    def follow(
        self,
        table: Address,
        snapshot_id: str,
        run_id: str | None,
        is_ours: Callable[[str], bool] | None = None,
        branch: str | None = None,
    ) -> str | None:
        """Moves `main` to what the registry says, if it is not there yet, and drops the run's branch. Idempotent.

        Args:
            is_ours: whether a snapshot that `main` shows was ever published. It is asked when `main` shows neither the
                snapshot nor the one that it was made from; what is not ours stays on a branch.
            branch: another branch that is moved instead of `main`.

        Returns:
            The branch that keeps what another writer had put on `main`; None when nobody had.
        """
        ...

    def drop_branch(self, table: Address, branch: str) -> None:
        """Drops a branch that is not `main`. Idempotent."""
        ...

    def descends(self, table: Address, snapshot_id: str, ancestor: str) -> bool:
        """Whether a snapshot is another one, or was built on it, at any remove."""
        ...

    def main(self, table: Address) -> str | None:
        """The snapshot that `main` shows; None when there is no table or it is empty."""
        ...

    def discard(self, target: Target, run_id: str) -> None:
        """Removes what a failed run staged: its files and its branch."""
        ...

    def remove(self, files: Sequence[DataFile]) -> None:
        """Removes files that a run has staged and will not commit."""
        ...

    def unshown(self) -> Mapping[Address, Collection[str]]:
        """Snapshots of each table that no branch shows: history, and what runs have left that died."""
        ...

    def forget(self, snapshots: Mapping[Address, Collection[str]]) -> None:
        """Takes snapshots out of their tables' metadata, except what a branch shows. Their files are for the sweep."""
        ...

    def sweep(
        self,
        keep: Mapping[Address, Collection[str]],
        *,
        older_than: datetime,
        runs: Collection[str],
        beside: Collection[str] = (),
        only: Collection[str] | None = None,
    ) -> Sequence[str]:
        """Removes files and branches older than a time that no kept snapshot and no run in `runs` refers to.

        Args:
            beside: paths of files that stand beside snapshots and are kept too: those of quarantines.
            only: runs of which alone anything is removed; None: of all.

        Returns:
            Paths of the files removed.
        """
        ...
