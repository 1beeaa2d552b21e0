"""What a registry can do: a reader for planning and reading, a writer for runs alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from weft.model.address import Address, ProductAddress
from weft.model.checks import CheckResult
from weft.model.lineage import LineageEdge
from weft.model.publication import Expired, KeptTable, PortState, Publication
from weft.model.records import Batch, DomainRecord, Event, ProductRecord, Publish, Run


class RegistryReader(Protocol):
    """Reads what is registered; changes nothing."""

    def ports(self) -> Mapping[Address, PortState]:
        """Every port that was ever published and is not purged, retired ones included, by pinned address."""
        ...

    def port(self, address: Address) -> PortState | None:
        """One port; without major its default major."""
        ...

    def publication(self, address: Address, snapshot_id: str | None = None) -> Publication | None:
        """The current publication of a pinned port, or the newest one of a snapshot."""
        ...

    def publication_at(self, address: Address, at: datetime) -> Publication | None:
        """What could be read of a pinned port at a time: follows rollbacks too."""
        ...

    def history(
        self, address: Address, *, before: int | None = None, limit: int | None = None
    ) -> Sequence[Publication]:
        """Publications of a pinned port, newest first: all, or the newest `limit` with a revision under `before`."""
        ...

    def kept_tables(self, product: ProductAddress | None = None) -> Sequence[KeptTable]:
        """What private models keep, of one product or of all."""
        ...

    def batches(self, build: str | None = None) -> Sequence[Batch]:
        """Batches of builds that are not published yet, of one build or of all."""
        ...

    def products(self) -> Mapping[ProductAddress, ProductRecord]:
        """Every registered product."""
        ...

    def domains(self) -> Mapping[str, DomainRecord]:
        """Every registered domain."""
        ...

    def product(self, address: ProductAddress) -> ProductRecord | None:
        """One registered product."""
        ...

    def products_after(self, after: str, limit: int) -> Sequence[ProductRecord]:
        """The next products behind an address in the order of addresses; `""` is before the first one."""
        ...

    def domain(self, name: str) -> DomainRecord | None:
        """One registered domain."""
        ...

    def ports_of(self, product: ProductAddress) -> Sequence[PortState]:
        """The ports of one product that `ports` has, by pinned address."""
        ...

    def moved(self, after: int) -> frozenset[str] | None:
        """What events after a number are about; None where the log does not tell of all that is shown here."""
        ...

    def consumers(self, address: Address) -> Sequence[ProductAddress]:
        """Products that read a pinned port."""
        ...

    def lineage(
        self, nodes: Sequence[str], *, up: bool, depth: int, limit: int = 10_000
    ) -> tuple[Sequence[LineageEdge], bool]:
        """Edges within `depth` hops of the nodes, and whether the limit cut them. Private models are no hop."""
        ...

    def nodes_of(self, table: str) -> Sequence[str]:
        """Lineage nodes of a table's columns: `domain.product.port@major` gives `domain.product.port@major.column`s."""
        ...

    def runs(
        self, address: Address | None = None, limit: int = 20, before: tuple[datetime, str] | None = None
    ) -> Sequence[Run]:
        """The newest runs, of one port or of all.

        Args:
            before: start and id of a run: only what began before it, or at the same time with a lesser id.
        """
        ...

    def run(self, run_id: str) -> Run | None:
        """One run."""
        ...

    def unfinished(self) -> Sequence[Run]:
        """Runs that have begun and not ended: alive in another process, or dead."""
        ...

    def lives(self, run: Run) -> bool:
        """Whether whoever began a run still goes on with it. When nobody can know, it lives."""
        ...

    def checks(self, run_id: str, address: Address | None = None) -> Mapping[Address, Sequence[CheckResult]]:
        """Check results of a run, samples included."""
        ...

    def events(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The log after a sequence number."""
        ...

    def last_event(self) -> int:
        """The newest sequence number, 0 for an empty log."""
        ...

    def verify_log(self) -> int:
        """Walks the hash chain and returns its length.

        Raises:
            PlatformError: WFT-REG-004, the chain is broken.
        """
        ...


class Registry(RegistryReader, Protocol):
    """Changes what is registered. Only `runs` holds one."""

    @property
    def described(self) -> str:
        """What keeps it, for `weft doctor`: a database with its version and place, without credentials."""
        ...

    def publish(self, publish: Publish) -> Sequence[Publication]:
        """The one commit point: moves all ports of a product together with its event, or raises and moves nothing.

        Returns:
            The publications with their revisions.

        Raises:
            Conflict: WFT-RUN-001 a required revision moved, names which; WFT-REG-014 the run has published something
                else of the product. The same content sent again under the same run is published once.
        """
        ...

    def start_run(self, run: Run) -> None:
        """Records that a run began."""
        ...

    def finish_run(self, run: Run) -> None:
        """Records how a run ended; the same run id replaces what `start_run` wrote."""
        ...

    def record_checks(self, run_id: str, address: Address, results: Sequence[CheckResult], at: datetime) -> None:
        """Keeps check results of a port that was not published."""
        ...

    def adopt(self, publications: Sequence[Publication]) -> None:
        """Takes over what another registry has published, as it is: the ports show it from now on."""
        ...

    def keep_batch(self, batch: Batch) -> None:
        """Keeps the files of a batch, so that a run that is interrupted need not compute it again."""
        ...

    def drop_batches(self, builds: Sequence[str]) -> None:
        """Forgets the batches of builds: they were published, or nobody went on with them."""
        ...

    def rollback(
        self, publication: Publication, *, expected_revision: int, reason: str, actor: str, at: datetime
    ) -> Publication:
        """Publishes earlier rows again and pins the port, until `release` or until what its files want changes.

        The parts of the publication that is replaced are kept as `PortState.held`.

        Raises:
            Conflict: WFT-RUN-001, the port has moved.
        """
        ...

    def expire(self, address: Address, snapshots: Sequence[str], expired: Expired, *, actor: str) -> Sequence[str]:
        """Marks the publications of snapshots whose rows go: from then on nobody can begin to read them.

        What is current or pinned stays, whatever is asked.

        Returns:
            The snapshots that it has marked.
        """
        ...

    def release(self, address: Address, *, actor: str, at: datetime) -> None:
        """Takes the pin of a rollback away."""
        ...

    def retire(self, addresses: Sequence[Address], *, actor: str, run_id: str, at: datetime) -> None:
        """Ends reading of ports whose product is gone; their snapshots stay for their time."""
        ...

    def set_default(self, address: Address, *, actor: str, at: datetime) -> None:
        """Makes a major the one that the address without major means."""
        ...

    def lock(self, name: str, *, holder: str, timeout_s: float) -> AbstractContextManager[None]:
        """Holds a named lock; waits at most `timeout_s`. A lock whose holder died is taken over.

        Raises:
            Conflict: WFT-REG-003, somebody else holds it.
        """
        ...

    def close(self) -> None:
        """Gives connections back."""
        ...


def read_all_events(reader: RegistryReader, page: int = 1000) -> Iterator[Event]:
    """Every event, page by page."""
    after = 0
    while batch := reader.events(after, page):
        yield from batch
        after = batch[-1].seq
