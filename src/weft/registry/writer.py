"""The writing half of a registry: each change is one transaction over its tables, and every change has its event."""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

from weft.errors import Conflict, PlatformError, error
from weft.model.address import Address
from weft.model.checks import CheckResult
from weft.model.publication import Expired, Manifest, Publication
from weft.model.records import Batch, Publish, Run
from weft.registry import codec, processes, publishing
from weft.registry.tables import Tables

_PAUSE_S = 0.05
_LEFT: set[tuple[str, str]] = set()
"""Locks of this process, with the times they were taken, that could not be given back when the disk failed."""


class RegistryWriter(ABC):
    """Changes what is registered; a registry adds its transaction and how it is read."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[Tables]:
        """The tables, all of whose changes are kept when it ends well, and none when it raises."""

    def lives(self, run: Run) -> bool:
        """Whether whoever began a run still goes on with it."""
        return processes.alive(run.process)

    def publish(self, publish: Publish) -> Sequence[Publication]:
        """The one commit point."""
        with self._transaction() as tables:
            return publishing.publish(tables, publish)

    def start_run(self, run: Run) -> None:
        """Records that a run began."""
        with self._transaction() as tables:
            tables.put_run(run)
            publishing.append(tables, run.started_at, "run.started", run.actor, run.run_id, {"kind": run.kind})

    def finish_run(self, run: Run) -> None:
        """Records how a run ended."""
        assert run.finished_at is not None, "a run that ended has a time"
        body = {"state": run.state.value, "ports": {str(p.address): p.outcome for p in run.ports}}
        with self._transaction() as tables:
            tables.put_run(run)
            publishing.append(tables, run.finished_at, "run.finished", run.actor, run.run_id, body)

    def record_checks(self, run_id: str, address: Address, results: Sequence[CheckResult], at: datetime) -> None:
        """Keeps check results of a port that was not published."""
        with self._transaction() as tables:
            publishing.put_checks(tables, run_id, address, results)

    def adopt(self, publications: Sequence[Publication]) -> None:
        """Takes over what another registry has published, as it is."""
        with self._transaction() as tables:
            for publication in publications:
                publishing.put(tables, publication)

    def keep_batch(self, batch: Batch) -> None:
        """Keeps the files of a batch."""
        with self._transaction() as tables:
            files = codec.manifest_blob(Manifest((), batch.files))
            tables.put_batch(batch.build, batch.batch, codec.time_text(batch.at), files)

    def drop_batches(self, builds: Sequence[str]) -> None:
        """Forgets the batches of builds."""
        with self._transaction() as tables:
            for build in builds:
                tables.delete_batches(build)

    def rollback(
        self, publication: Publication, *, expected_revision: int, reason: str, actor: str, at: datetime
    ) -> Publication:
        """Publishes earlier rows again and pins the port."""
        with self._transaction() as tables:
            return publishing.rollback(tables, publication, expected_revision, reason, actor, at)

    def expire(self, address: Address, snapshots: Sequence[str], expired: Expired, *, actor: str) -> Sequence[str]:
        """Marks the publications of snapshots whose rows go; what is current or pinned stays."""
        with self._transaction() as tables:
            return publishing.expire(tables, address, snapshots, expired, actor)

    def release(self, address: Address, *, actor: str, at: datetime) -> None:
        """Takes the pin of a rollback away."""
        with self._transaction() as tables:
            publishing.unpin(tables, address)
            publishing.append(tables, at, "port.released", actor, str(address), {})

    def retire(self, addresses: Sequence[Address], *, actor: str, run_id: str, at: datetime) -> None:
        """Ends reading of ports whose product is gone."""
        with self._transaction() as tables:
            publishing.retire(tables, addresses, actor, run_id, at)

    def set_default(self, address: Address, *, actor: str, at: datetime) -> None:
        """Makes a major the one that the address without major means."""
        with self._transaction() as tables:
            publishing.move_default(tables, address, actor, at)

    @contextmanager
    def lock(self, name: str, *, holder: str, timeout_s: float) -> Iterator[None]:
        """Holds a named lock; one whose process has died is taken over."""
        # each time it is taken has a name of its own: what was left of one time frees no other
        taking = f"{holder} {secrets.token_hex(4)}"
        deadline = time.monotonic() + timeout_s
        while not self._taken(name, taking):
            if time.monotonic() > deadline:
                raise Conflict(
                    error(
                        "WFT-REG-003",
                        f"`{name}` is held by another run",
                        why=f"waited {timeout_s:g} s for it",
                        fix="try again when the other run has ended; `weft runs` shows it",
                    )
                )
            time.sleep(_PAUSE_S)
        try:
            yield
        finally:
            try:
                with self._transaction() as tables:
                    tables.delete_lock(name, taking)
            except PlatformError:  # what was done under it stands; other processes take it over when this one has ended
                _LEFT.add((name, taking))

    def _taken(self, name: str, taking: str) -> bool:
        with self._transaction() as tables:
            for lock, former in [left for left in tuple(_LEFT) if left[0] == name]:
                tables.delete_lock(lock, former)
            if processes.alive(tables.holding_process(name)):
                return False
            tables.put_lock(name, taking, processes.identity())
            return True
