"""The registry's tables inside one transaction: what `publishing` reads and writes, however they are kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

from weft.model.address import ProductAddress
from weft.model.lineage import LineageEdge
from weft.model.records import DomainRecord, ProductRecord, Run

PublicationRow = tuple[str, int, str, str, str, str, bytes, bytes]
"""Port, revision, snapshot, run, published at, header, contract, manifest, as `codec.publication_row` gives them."""

KeptRow = tuple[str, str, str, str, str, str, bytes]
"""Product, model, snapshot, run, parts, columns, manifest of what a private model keeps."""

EventRow = tuple[int, str, str, str, str, str, str, str]
"""Number, at, kind, actor, subject, body, previous hash, hash, as `codec.event` reads them."""


GrantRow = tuple[str, str, str, str, str, str | None, str]
"""Id, port, kind of the consumer, consumer, since, until, basis."""


class PortRow(NamedTuple):
    """Which publication a port shows, and how it stands; `name` is its address without major."""

    port: str
    name: str
    major: int
    revision: int
    is_default: bool = False
    retired: bool = False
    pinned: str | None = None
    held: str | None = None


class Tables(Protocol):
    """Rows are named by addresses as text. What is put replaces what had the same name."""

    def port(self, port: str) -> PortRow | None:
        """A port by its pinned address."""
        ...

    def majors(self, name: str) -> list[PortRow]:
        """The ports of an address without major, highest major first."""
        ...

    def put_port(self, row: PortRow) -> None:
        """Keeps how a port stands."""
        ...

    def header(self, port: str, revision: int) -> str:
        """The header of a publication that there is."""
        ...

    def revisions_of(self, port: str, snapshot_id: str) -> list[int]:
        """The publications that show a snapshot."""
        ...

    def put_header(self, port: str, revision: int, header: str) -> None:
        """Keeps another header of a publication that there is: the only thing of it that ever changes."""
        ...

    def add_publication(self, row: PublicationRow) -> None:
        """Adds a publication, which no port shows yet."""
        ...

    def publication_row(self, port: str, revision: int) -> PublicationRow:
        """A publication that there is."""
        ...

    def published(self, run_id: str, product: str) -> tuple[str, str] | None:
        """What a run has published of a product: the digest of its content, and the revisions as JSON."""
        ...

    def put_published(self, run_id: str, product: str, digest: str, revisions: str) -> None:
        """Keeps what a run has published of a product."""
        ...

    def product(self, address: ProductAddress) -> ProductRecord | None:
        """A product as it is registered."""
        ...

    def put_product(self, record: ProductRecord) -> None:
        """Keeps a product and what it reads."""
        ...

    def put_domain(self, record: DomainRecord) -> None:
        """Keeps a domain."""
        ...

    def targets(self, product: str) -> Collection[str]:
        """The nodes that edges of a product lead to."""
        ...

    def replace_edges(self, product: str, gone: Collection[str], edges: Iterable[LineageEdge]) -> None:
        """Adds edges of a product in the place of those that lead to the nodes `gone`."""
        ...

    def put_run(self, run: Run) -> None:
        """Keeps a run, which stays findable by all ports that it ever had."""
        ...

    def put_checks(self, run_id: str, port: str, results: str, samples: Mapping[str, str]) -> None:
        """Keeps check results of a port, and apart from them the samples of each check, which can be erased."""
        ...

    def last_event(self) -> tuple[int, str] | None:
        """Number and hash of the newest event."""
        ...

    def add_event(self, row: EventRow) -> None:
        """Adds an event."""
        ...

    def holding_process(self, lock: str) -> str | None:
        """The process that holds a lock."""
        ...

    def put_lock(self, lock: str, holder: str, process: str) -> None:
        """Keeps who holds a lock."""
        ...

    def delete_lock(self, lock: str, holder: str) -> None:
        """Frees a lock if this holder has it."""
        ...

    def kept(self, product: str) -> list[KeptRow]:
        """What the private models of a product keep."""
        ...

    def put_kept(self, row: KeptRow) -> None:
        """Keeps the table of a private model."""
        ...

    def delete_kept(self, product: str, model: str) -> None:
        """Forgets the table of a private model."""
        ...

    def granted(self, product: str) -> Collection[str]:
        """Ports on which a product has or had a grant by a publication."""
        ...

    def put_grant(self, row: GrantRow) -> None:
        """Adds a grant."""
        ...

    def contract(self, port: str, revision: int) -> bytes:
        """The contract of a publication that there is, packed."""
        ...

    def put_batch(self, build: str, batch: str, at: str, manifest: bytes) -> None:
        """Keeps the files of one batch of a build that is not published yet."""
        ...

    def delete_batches(self, build: str) -> None:
        """Forgets the batches of a build."""
        ...
