"""What a storage can do: prepare a table for a run, commit its files unseen, let `main` follow, sweep the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from weft.model.address import Address
from weft.model.column import Column
from weft.model.publication import DataFile


class Target(Struct, frozen=True):
    """Where a run writes the files of one table.

    Attributes:
        columns: the columns in their order, with field ids.
        field_ids: DuckDB's `FIELD_IDS` literal for COPY, nested fields included.
        folder: absolute folder (or URI prefix) that holds this run's files and nothing else.
    """

    table: Address
    columns: tuple[Column, ...]
    field_ids: str
    folder: str


class Storage(Protocol):
    """Tables by pinned address. Never decides what is published: the registry does."""

    @property
    def root(self) -> str:
        """Absolute path or URI that relative file paths of a manifest belong to."""
        ...

    def prepare(self, table: Address, columns: Sequence[Column], known: Sequence[Column], run_id: str) -> Target:
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

        Returns:
            The snapshot id, as text. `main` has not moved.
        """
        ...

    def follow(self, table: Address, snapshot_id: str, run_id: str | None, branch: str | None = None) -> None:
        """Moves `main`, or another branch, to what the registry says, and drops the run's branch. Idempotent."""
        ...

    def forget(self, table: Address, branch: str) -> None:
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
