"""The same tables for an environment: its snapshots stand on a branch of their own, `main` is production's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from weft.model.address import Address
from weft.model.column import Column
from weft.model.layout import UNORDERED, Layout
from weft.model.publication import DataFile, Manifest
from weft.storage.base import Storage, Target


def branch_of(environment: str) -> str:
    """The branch that shows what an environment has published."""
    return f"env-{environment}"


class EnvironmentStorage:
    """Implements `storage.base.Storage` over production's, whose `main` it never moves."""

    def __init__(self, production: Storage, environment: str) -> None:
        self._production = production
        self._branch = branch_of(environment)

    @property
    def root(self) -> str:
        """Absolute path or URI that relative file paths of a manifest belong to."""
        return self._production.root

    @property
    def keeps(self) -> bool:
        """Whether tables rest here."""
        return self._production.keeps

    @property
    def far(self) -> bool:
        """Whether files rest in a store elsewhere."""
        return self._production.far

    def close(self) -> None:
        """Gives back what production keeps open."""
        self._production.close()

    def own(self, table: Address, manifest: Manifest) -> None:
        """Sees to it that the files of one's own table lie here."""
        self._production.own(table, manifest)

    def beside(self, run_id: str, files: Sequence[DataFile]) -> None:
        """Takes files that a run publishes beside a snapshot."""
        self._production.beside(run_id, files)

    def prepare(
        self,
        table: Address,
        columns: Sequence[Column],
        known: Sequence[Column],
        run_id: str,
        layout: Layout = UNORDERED,
    ) -> Target:
        """Field ids for the columns a run will write, and an empty folder to write to."""
        return self._production.prepare(table, columns, known, run_id, layout)

    def commit(self, target: Target, *, run_id: str, base: str | None, files: Sequence[DataFile]) -> str:
        """Commits a snapshot on the run's branch."""
        return self._production.commit(target, run_id=run_id, base=base, files=files)

    def follow(
        self,
        table: Address,
        snapshot_id: str,
        run_id: str | None,
        is_ours: Callable[[str], bool] | None = None,
        branch: str | None = None,
    ) -> str | None:
        """Moves the environment's branch to what its registry says; nobody else writes to that one."""
        return self._production.follow(table, snapshot_id, run_id, None, branch or self._branch)

    def drop_branch(self, table: Address, branch: str) -> None:
        """Drops a branch."""
        self._production.drop_branch(table, branch)

    def unshown(self) -> Mapping[Address, Collection[str]]:
        """Snapshots of each table that no branch shows."""
        return self._production.unshown()

    def forget(self, snapshots: Mapping[Address, Collection[str]]) -> None:
        """Takes snapshots that no branch shows out of their tables' metadata."""
        self._production.forget(snapshots)

    def main(self, table: Address) -> str | None:
        """The snapshot that production's `main` shows."""
        return self._production.main(table)

    def descends(self, table: Address, snapshot_id: str, ancestor: str) -> bool:
        """Whether a snapshot was built on another one."""
        return self._production.descends(table, snapshot_id, ancestor)

    def discard(self, target: Target, run_id: str) -> None:
        """Removes what a failed run staged."""
        self._production.discard(target, run_id)

    def remove(self, files: Sequence[DataFile]) -> None:
        """Removes files that a run has staged and will not commit."""
        self._production.remove(files)

    def sweep(
        self,
        keep: Mapping[Address, Collection[str]],
        *,
        older_than: datetime,
        runs: Collection[str],
        beside: Collection[str] = (),
        only: Collection[str] | None = None,
    ) -> Sequence[str]:
        """Removes what nothing refers to."""
        return self._production.sweep(keep, older_than=older_than, runs=runs, beside=beside, only=only)
