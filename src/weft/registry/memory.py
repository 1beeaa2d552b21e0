"""The registry in memory, for embedding and tests: it does what the one on disk does, and ends with its process."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from msgspec import Struct, field

from weft.model.address import Address, ProductAddress, parse_address
from weft.model.checks import CheckResult
from weft.model.lineage import LineageEdge
from weft.model.publication import KeptTable, PortState, Publication
from weft.model.records import Batch, DomainRecord, Event, ProductRecord, Run, RunState
from weft.registry import codec, lineage, log
from weft.registry.base import read_all_events
from weft.registry.tables import EventRow, GrantRow, KeptRow, PortRow, PublicationRow
from weft.registry.writer import RegistryWriter


class _RunRow(NamedTuple):
    """A run, and all ports that it ever had."""

    run_id: str
    started_at: str
    ports: frozenset[str]
    text: str


class _Tables(Struct):
    """What the codec makes of each record: a value that a file would not give back is not given back here either.

    Rows are never changed, only replaced, so a shallow copy of each table is a copy of all of them.
    """

    ports: dict[str, PortRow] = field(default_factory=dict)
    publications: dict[str, tuple[PublicationRow, ...]] = field(default_factory=dict)  # newest first: the one shown
    products: dict[str, str] = field(default_factory=dict)
    reads: dict[str, tuple[str, ...]] = field(default_factory=dict)
    domains: dict[str, str] = field(default_factory=dict)
    edges: dict[str, tuple[LineageEdge, ...]] = field(default_factory=dict)
    runs: dict[str, _RunRow] = field(default_factory=dict)
    checks: dict[tuple[str, str], tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    events: list[EventRow] = field(default_factory=list)
    locks: dict[str, tuple[str, str]] = field(default_factory=dict)
    kept_rows: dict[tuple[str, str], KeptRow] = field(default_factory=dict)
    batch_rows: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    publishes: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    grants: dict[str, GrantRow] = field(default_factory=dict)

    def copied(self) -> _Tables:
        return _Tables(*(copy.copy(getattr(self, name)) for name in self.__struct_fields__))

    def port(self, port: str) -> PortRow | None:
        return self.ports.get(port)

    def majors(self, name: str) -> list[PortRow]:
        return sorted((r for r in self.ports.values() if r.name == name), key=lambda r: r.major, reverse=True)

    def put_port(self, row: PortRow) -> None:
        self.ports[row.port] = row

    def header(self, port: str, revision: int) -> str:
        return next(row[5] for row in self.publications[port] if row[1] == revision)

    def revisions_of(self, port: str, snapshot_id: str) -> list[int]:
        return sorted(row[1] for row in self.publications.get(port, ()) if row[2] == snapshot_id)

    def put_header(self, port: str, revision: int, header: str) -> None:
        self.publications[port] = tuple(
            (*row[:5], header, *row[6:]) if row[1] == revision else row for row in self.publications[port]
        )

    def add_publication(self, row: PublicationRow) -> None:
        self.publications[row[0]] = (row, *self.publications.get(row[0], ()))

    def publication_row(self, port: str, revision: int) -> PublicationRow:
        return next(row for row in self.publications[port] if row[1] == revision)

    def published(self, run_id: str, product: str) -> tuple[str, str] | None:
        return self.publishes.get((run_id, product))

    def put_published(self, run_id: str, product: str, digest: str, revisions: str) -> None:
        self.publishes[run_id, product] = (digest, revisions)

    def product(self, address: ProductAddress) -> ProductRecord | None:
        text = self.products.get(str(address))
        return codec.product(text) if text else None

    def put_product(self, record: ProductRecord) -> None:
        self.products[str(record.address)] = codec.product_text(record)
        self.reads[str(record.address)] = record.reads

    def put_domain(self, record: DomainRecord) -> None:
        self.domains[record.name] = codec.domain_text(record)

    def targets(self, product: str) -> Collection[str]:
        return {e.target for e in self.edges.get(product, ())}

    def replace_edges(self, product: str, gone: Collection[str], edges: Iterable[LineageEdge]) -> None:
        replaced = set(gone)
        left = (e for e in self.edges.get(product, ()) if e.target not in replaced)
        self.edges[product] = (*left, *edges)

    def all_edges(self) -> Iterator[LineageEdge]:
        return (e for edges in self.edges.values() for e in edges)

    def put_run(self, run: Run) -> None:
        before = self.runs[run.run_id].ports if run.run_id in self.runs else frozenset()
        ports = before | set(run.found_by)
        self.runs[run.run_id] = _RunRow(run.run_id, codec.time_text(run.started_at), ports, codec.run_text(run))

    def put_checks(self, run_id: str, port: str, results: str, samples: Mapping[str, str]) -> None:
        self.checks[run_id, port] = (results, samples)

    def last_event(self) -> tuple[int, str] | None:
        return (self.events[-1][0], self.events[-1][-1]) if self.events else None

    def add_event(self, row: EventRow) -> None:
        self.events.append(row)

    def holding_process(self, lock: str) -> str | None:
        return self.locks[lock][1] if lock in self.locks else None

    def put_lock(self, lock: str, holder: str, process: str) -> None:
        self.locks[lock] = (holder, process)

    def delete_lock(self, lock: str, holder: str) -> None:
        if lock in self.locks and self.locks[lock][0] == holder:
            del self.locks[lock]

    def kept(self, product: str) -> list[KeptRow]:
        return [row for (of, _), row in sorted(self.kept_rows.items()) if of == product]

    def put_kept(self, row: KeptRow) -> None:
        self.kept_rows[row[0], row[1]] = row

    def delete_kept(self, product: str, model: str) -> None:
        self.kept_rows.pop((product, model), None)

    def granted(self, product: str) -> Collection[str]:
        return {row[1] for row in self.grants.values() if row[3] == product and row[6] == "publication"}

    def put_grant(self, row: GrantRow) -> None:
        self.grants[row[0]] = row

    def contract(self, port: str, revision: int) -> bytes:
        return next(row[6] for row in self.publications[port] if row[1] == revision)

    def put_batch(self, build: str, batch: str, at: str, manifest: bytes) -> None:
        self.batch_rows[build, batch] = (at, manifest)

    def delete_batches(self, build: str) -> None:
        self.batch_rows = {key: row for key, row in self.batch_rows.items() if key[0] != build}

    def state(self, row: PortRow) -> PortState:
        newest = self.publications[row.port][0]
        return codec.port_state((*newest[:-1], row.is_default, row.retired, row.pinned, row.held))


class MemoryRegistry(RegistryWriter):
    """Reads and changes what is registered. Readers never wait for a writer, and see a transaction whole or not."""

    def __init__(self) -> None:
        self._tables = _Tables()
        self._writing = threading.Lock()

    @property
    def described(self) -> str:
        """What keeps it."""
        return "memory"

    def close(self) -> None:
        """Holds nothing that has to be given back."""

    # reading: each takes the tables once, so that all it reads is of one moment

    def ports(self) -> Mapping[Address, PortState]:
        """Every port that was ever published, by pinned address."""
        tables = self._tables
        return {s.address: s for s in (tables.state(row) for _, row in sorted(tables.ports.items()))}

    def port(self, address: Address) -> PortState | None:
        """One port; without major its default major."""
        tables = self._tables
        if address.major is None:
            row = next((r for r in tables.majors(address.unpinned) if r.is_default), None)
        else:
            row = tables.port(str(address))
        return tables.state(row) if row else None

    def publication(self, address: Address, snapshot_id: str | None = None) -> Publication | None:
        """The current publication of a pinned port, or the newest one of a snapshot."""
        return self._first(address, lambda row: snapshot_id is None or row[2] == snapshot_id)

    def publication_at(self, address: Address, at: datetime) -> Publication | None:
        """What could be read of a pinned port at a time."""
        return self._first(address, lambda row: row[4] <= codec.time_text(at))

    def history(
        self, address: Address, *, before: int | None = None, limit: int | None = None
    ) -> Sequence[Publication]:
        """Publications of a pinned port, newest first."""
        rows = (r for r in self._tables.publications.get(str(address), ()) if before is None or r[1] < before)
        return [codec.publication(row) for row in islice(rows, limit)]

    def kept_tables(self, product: ProductAddress | None = None) -> Sequence[KeptTable]:
        """What private models keep, of one product or of all."""
        rows = sorted(self._tables.kept_rows.items())
        return [codec.kept_table(row) for (of, _), row in rows if product is None or of == str(product)]

    def batches(self, build: str | None = None) -> Sequence[Batch]:
        """Batches of builds that are not published yet, of one build or of all."""
        return [
            Batch(number, batch, datetime.fromisoformat(at), codec.files_of(manifest))
            for (number, batch), (at, manifest) in sorted(self._tables.batch_rows.items())
            if build is None or number == build
        ]

    def products(self) -> Mapping[ProductAddress, ProductRecord]:
        """Every registered product."""
        records = [codec.product(text) for _, text in sorted(self._tables.products.items())]
        return {r.address: r for r in records}

    def domains(self) -> Mapping[str, DomainRecord]:
        """Every registered domain."""
        return {name: codec.domain(text) for name, text in sorted(self._tables.domains.items())}

    def product(self, address: ProductAddress) -> ProductRecord | None:
        """One registered product."""
        return self._tables.product(address)

    def products_after(self, after: str, limit: int) -> Sequence[ProductRecord]:
        """The next products behind an address."""
        behind = sorted((address, text) for address, text in self._tables.products.items() if address > after)
        return [codec.product(text) for _, text in behind[:limit]]

    def domain(self, name: str) -> DomainRecord | None:
        """One registered domain."""
        text = self._tables.domains.get(name)
        return codec.domain(text) if text else None

    def ports_of(self, product: ProductAddress) -> Sequence[PortState]:
        """The ports of one product, by pinned address."""
        tables = self._tables
        return [tables.state(row) for port, row in sorted(tables.ports.items()) if port.startswith(f"{product}.")]

    def moved(self, after: int) -> frozenset[str] | None:
        """What events after a number are about."""
        return frozenset(event[4] for event in self._tables.events[after:])

    def consumers(self, address: Address) -> Sequence[ProductAddress]:
        """Products that read a pinned port."""
        found = sorted(product for product, reads in self._tables.reads.items() if str(address) in reads)
        return [ProductAddress(*name.split(".")) for name in found]

    def lineage(
        self, nodes: Sequence[str], *, up: bool, depth: int, limit: int = 10_000
    ) -> tuple[Sequence[LineageEdge], bool]:
        """Edges within `depth` hops of the nodes, and whether the limit cut them. Private models are no hop."""
        by_near: dict[str, list[lineage.EdgeRow]] = {}
        for edge in self._tables.all_edges():
            row = (edge.source, edge.target, edge.kind.value, edge.transformation.value, edge.hiding)
            by_near.setdefault(edge.target if up else edge.source, []).append(row)
        return lineage.within(
            lambda front: (e for node in front for e in by_near.get(node, ())), nodes, up=up, depth=depth, limit=limit
        )

    def nodes_of(self, table: str) -> Sequence[str]:
        """Lineage nodes of a table's columns."""
        ends = {end for e in self._tables.all_edges() for end in (e.source, e.target)}
        return sorted(end for end in ends if end.startswith(f"{table}."))

    def runs(
        self, address: Address | None = None, limit: int = 20, before: tuple[datetime, str] | None = None
    ) -> Sequence[Run]:
        """The newest runs, of one port or of all."""
        end = (codec.time_text(before[0]), before[1]) if before is not None else None
        newest = sorted(self._tables.runs.values(), key=lambda r: (r.started_at, r.run_id), reverse=True)
        behind = (r for r in newest if end is None or (r.started_at, r.run_id) < end)
        found = (r.text for r in behind if address is None or str(address) in r.ports)
        return [codec.run(text) for text in islice(found, limit)]

    def run(self, run_id: str) -> Run | None:
        """One run."""
        row = self._tables.runs.get(run_id)
        return codec.run(row.text) if row else None

    def unfinished(self) -> Sequence[Run]:
        """Runs that have begun and not ended."""
        runs = [codec.run(row.text) for _, row in sorted(self._tables.runs.items())]
        return [r for r in runs if r.state is RunState.RUNNING]

    def checks(self, run_id: str, address: Address | None = None) -> Mapping[Address, Sequence[CheckResult]]:
        """Check results of a run, samples included."""
        return {
            parse_address(port): codec.check_results(results, {i: json.loads(rows) for i, rows in samples.items()})
            for (run, port), (results, samples) in sorted(self._tables.checks.items())
            if run == run_id and (address is None or port == str(address))
        }

    def events(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The log after a sequence number."""
        return [codec.event(row) for row in self._tables.events[after : after + limit]]

    def last_event(self) -> int:
        """The newest sequence number, 0 for an empty log."""
        return len(self._tables.events)

    def verify_log(self) -> int:
        """Walks the hash chain and returns its length."""
        return log.verify(read_all_events(self))

    def _first(self, address: Address, wanted: Callable[[PublicationRow], bool]) -> Publication | None:
        rows = self._tables.publications.get(str(address), ())
        return next((codec.publication(row) for row in rows if wanted(row)), None)

    # writing: see RegistryWriter

    @contextmanager
    def _transaction(self) -> Iterator[_Tables]:
        """All or nothing: readers get the new tables when it returns."""
        with self._writing:
            tables = self._tables.copied()
            yield tables
            self._tables = tables
