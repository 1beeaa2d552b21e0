"""An environment: a registry of its own that shows production wherever it has built nothing itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from msgspec.structs import replace

from weft.errors import Conflict, error
from weft.model.address import Address, ProductAddress
from weft.model.checks import CheckResult
from weft.model.lineage import LineageEdge
from weft.model.publication import Expired, KeptTable, PortState, Publication
from weft.model.records import Batch, DomainRecord, Event, ProductRecord, Publish, Run
from weft.registry.base import Registry, RegistryReader


class EnvironmentRegistry:
    """Reads what the environment has, and production's for the rest. Writes to the environment alone."""

    def __init__(self, own: Registry, production: RegistryReader) -> None:
        self._own = own
        self._production = production

    def close(self) -> None:
        """Gives the environment's connection back; production's belongs to whoever opened it."""
        self._own.close()

    @property
    def described(self) -> str:
        """What keeps the environment's own part."""
        return self._own.described

    # reading

    def ports(self) -> Mapping[Address, PortState]:
        """Every port as the environment shows it, by pinned address."""
        return _shown(self._production.ports(), self._own.ports())

    def ports_of(self, product: ProductAddress) -> Sequence[PortState]:
        """The ports of one product as the environment shows them, by pinned address."""
        theirs, mine = self._production.ports_of(product), self._own.ports_of(product)
        return list(_shown({s.address: s for s in theirs}, {s.address: s for s in mine}).values())

    def port(self, address: Address) -> PortState | None:
        """One port; without major its default major."""
        if address.major is not None:
            return self._own.port(address) or self._production.port(address)
        return next((s for a, s in self.ports().items() if a.unpinned == address.unpinned and s.default), None)

    def publication(self, address: Address, snapshot_id: str | None = None) -> Publication | None:
        """The current publication of a pinned port, or the newest one of a snapshot."""
        return self._own.publication(address, snapshot_id) or self._production.publication(address, snapshot_id)

    def publication_at(self, address: Address, at: datetime) -> Publication | None:
        """What could be read of a pinned port at a time."""
        return self._own.publication_at(address, at) or self._production.publication_at(address, at)

    def history(
        self, address: Address, *, before: int | None = None, limit: int | None = None
    ) -> Sequence[Publication]:
        """Publications of a pinned port: those of the environment, then those of production."""
        mine = self._own.history(address, before=before, limit=limit)
        return [*mine, *self._production.history(address, before=before, limit=limit)][:limit]

    def kept_tables(self, product: ProductAddress | None = None) -> Sequence[KeptTable]:
        """What private models keep here, of one product or of all."""
        every = [*self._production.kept_tables(product), *self._own.kept_tables(product)]
        return list({(t.product, t.model): t for t in every}.values())

    def batches(self, build: str | None = None) -> Sequence[Batch]:
        """Batches of the environment's builds that are not published yet."""
        return self._own.batches(build)

    def products(self) -> Mapping[ProductAddress, ProductRecord]:
        """Every registered product."""
        return {**self._production.products(), **self._own.products()}

    def domains(self) -> Mapping[str, DomainRecord]:
        """Every registered domain."""
        return {**self._production.domains(), **self._own.domains()}

    def product(self, address: ProductAddress) -> ProductRecord | None:
        """One registered product."""
        return self._own.product(address) or self._production.product(address)

    def products_after(self, after: str, limit: int) -> Sequence[ProductRecord]:
        """The next products behind an address, here or in production."""
        both = [*self._production.products_after(after, limit), *self._own.products_after(after, limit)]
        found = {record.address: record for record in both}
        return [found[address] for address in sorted(found, key=str)[:limit]]

    def domain(self, name: str) -> DomainRecord | None:
        """One registered domain."""
        return self._own.domain(name) or self._production.domain(name)

    def moved(self, after: int) -> frozenset[str] | None:
        """Nothing that can be relied on: the environment's log does not tell what moved in production."""
        return None

    def consumers(self, address: Address) -> Sequence[ProductAddress]:
        """Products that read a pinned port, here or in production."""
        return sorted({*self._production.consumers(address), *self._own.consumers(address)})

    def lineage(
        self, nodes: Sequence[str], *, up: bool, depth: int, limit: int = 10_000
    ) -> tuple[Sequence[LineageEdge], bool]:
        """Edges within `depth` hops of the nodes, here or in production, and whether the limit cut them."""
        mine, cut_here = self._own.lineage(nodes, up=up, depth=depth, limit=limit)
        theirs, cut_there = self._production.lineage(nodes, up=up, depth=depth, limit=limit)
        every = list(dict.fromkeys([*mine, *theirs]))
        return every[:limit], cut_here or cut_there or len(every) > limit

    def nodes_of(self, table: str) -> Sequence[str]:
        """Lineage nodes of a table's columns."""
        return self._own.nodes_of(table) or self._production.nodes_of(table)

    def runs(
        self, address: Address | None = None, limit: int = 20, before: tuple[datetime, str] | None = None
    ) -> Sequence[Run]:
        """The newest runs of the environment."""
        return self._own.runs(address, limit, before)

    def run(self, run_id: str) -> Run | None:
        """One run, of the environment or of production."""
        return self._own.run(run_id) or self._production.run(run_id)

    def unfinished(self) -> Sequence[Run]:
        """Runs of the environment that have begun and not ended."""
        return self._own.unfinished()

    def lives(self, run: Run) -> bool:
        """Whether whoever began a run of the environment still goes on with it."""
        return self._own.lives(run)

    def checks(self, run_id: str, address: Address | None = None) -> Mapping[Address, Sequence[CheckResult]]:
        """Check results of a run, samples included."""
        return self._own.checks(run_id, address) or self._production.checks(run_id, address)

    def events(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The environment's log after a sequence number."""
        return self._own.events(after, limit)

    def last_event(self) -> int:
        """The newest sequence number of the environment's log."""
        return self._own.last_event()

    def verify_log(self) -> int:
        """Walks the hash chain of the environment's log."""
        return self._own.verify_log()

    # writing

    def publish(self, publish: Publish) -> Sequence[Publication]:
        """Moves all ports of a product in the environment, where what it read has not moved.

        Raises:
            Conflict: WFT-RUN-001, a port moved, here or in production.
        """
        mine = self._own.ports()
        theirs = self._production.ports()
        required: dict[str, int] = {}
        problems = []
        for name, expected in publish.requires.items():
            here = next((a for a in mine if str(a) == name), None)
            if here is not None:
                required[name] = expected
                continue
            state = next((s for a, s in theirs.items() if str(a) == name), None)
            found = state.revision if state is not None else 0
            if found != expected:
                why = f"production had revision {expected} of it, now it has revision {found}"
                problems.append(
                    error("WFT-RUN-001", f"`{name}` moved since the plan was made", why=why, fix="plan again")
                )
            required[name] = 0
        if problems:
            raise Conflict(*problems)
        self._adopt(publish.retire)
        required |= {str(a): state.revision for a in publish.retire if (state := self._own.port(a)) is not None}
        own_tables = {t.model: t.snapshot_id for t in self._own.kept_tables(publish.product.address)}
        tables = [(table, before if table.model in own_tables else None) for table, before in publish.tables]
        return self._own.publish(replace(publish, requires=required, tables=tables))

    def start_run(self, run: Run) -> None:
        """Records that a run began."""
        self._own.start_run(run)

    def finish_run(self, run: Run) -> None:
        """Records how a run ended."""
        self._own.finish_run(run)

    def record_checks(self, run_id: str, address: Address, results: Sequence[CheckResult], at: datetime) -> None:
        """Keeps check results of a port that was not published."""
        self._own.record_checks(run_id, address, results, at)

    def keep_batch(self, batch: Batch) -> None:
        """Keeps the files of a batch."""
        self._own.keep_batch(batch)

    def drop_batches(self, builds: Sequence[str]) -> None:
        """Forgets the batches of builds."""
        self._own.drop_batches(builds)

    def adopt(self, publications: Sequence[Publication]) -> None:
        """Takes publications over."""
        self._own.adopt(publications)

    def rollback(
        self, publication: Publication, *, expected_revision: int, reason: str, actor: str, at: datetime
    ) -> Publication:
        """Publishes earlier rows again in the environment, and pins the port there."""
        if self._own.port(publication.address) is None:
            self._adopt([publication.address])
            expected_revision = 1
        return self._own.rollback(publication, expected_revision=expected_revision, reason=reason, actor=actor, at=at)

    def expire(self, address: Address, snapshots: Sequence[str], expired: Expired, *, actor: str) -> Sequence[str]:
        """Marks publications of the environment; those of production expire there."""
        mine = {p.snapshot_id for p in self._own.history(address)}
        here = [s for s in snapshots if s in mine]
        return self._own.expire(address, here, expired, actor=actor) if here else ()

    def release(self, address: Address, *, actor: str, at: datetime) -> None:
        """Takes the pin of a rollback away."""
        self._adopt([address])
        self._own.release(address, actor=actor, at=at)

    def retire(self, addresses: Sequence[Address], *, actor: str, run_id: str, at: datetime) -> None:
        """Ends reading of ports in the environment."""
        self._adopt(addresses)
        self._own.retire(addresses, actor=actor, run_id=run_id, at=at)

    def set_default(self, address: Address, *, actor: str, at: datetime) -> None:
        """Makes a major the one that the address without major means here."""
        self._adopt([a for a in self.ports() if a.unpinned == address.unpinned])
        self._own.set_default(address, actor=actor, at=at)

    def lock(self, name: str, *, holder: str, timeout_s: float) -> AbstractContextManager[None]:
        """Holds a named lock of the environment."""
        return self._own.lock(name, holder=holder, timeout_s=timeout_s)

    def _adopt(self, addresses: Collection[Address]) -> None:
        """Makes production's publications the environment's own, so that something can be done with them."""
        known = self._own.ports()
        found = [p for a in addresses if a not in known and (p := self._production.publication(a)) is not None]
        if found:
            self._own.adopt(found)


def _shown(production: Mapping[Address, PortState], own: Mapping[Address, PortState]) -> dict[Address, PortState]:
    """Production's ports and those of the environment in their place, with one default for each name."""
    # what the environment has not touched keeps the major that the address without one means
    kept = {a.unpinned for a, s in production.items() if s.default and a not in own}
    mine = {a: replace(s, default=s.default and a.unpinned not in kept) for a, s in own.items()}
    moved = {a.unpinned for a, s in mine.items() if s.default}
    theirs = {a: replace(s, default=s.default and a.unpinned not in moved) for a, s in production.items()}
    return dict(sorted({**theirs, **mine}.items()))
