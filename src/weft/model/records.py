"""What the registry keeps beside publications: products, domains, runs, events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from weft.model.address import Address, ProductAddress
from weft.model.checks import CheckResult
from weft.model.lineage import LineageEdge
from weft.model.publication import DataFile, KeptTable, Publication


class DomainRecord(Struct, frozen=True):
    """A domain as registered; `document` is its `domain.yaml` whole.

    Attributes:
        requisitioned_by: who has asked a server for it: its owner, where the document names none.
    """

    name: str
    title: str
    kind: str
    description: str | None
    owner_team: str
    owner_contact: str | None
    document: Mapping[str, Any]
    requisitioned_by: str | None = None


def domain_members(domain: DomainRecord | None) -> list[tuple[str, tuple[str, ...]]]:
    """The people of a domain with their roles; whoever has asked for it owns it where nobody else is named."""
    entries = (domain.document.get("members") or ()) if domain else ()
    found = [
        (str(m["user"]), tuple(str(r) for r in m.get("roles") or ()))
        for m in entries
        if isinstance(m, Mapping) and m.get("user")
    ]
    asked = domain.requisitioned_by if domain else None
    if asked is not None and not any(r in ("owner", "domain_owner", "domain owner") for _, rs in found for r in rs):
        found.append((asked, ("owner",)))
    return found


class ProductRecord(Struct, frozen=True):
    """A product as registered; `document` is its ODPS descriptor whole.

    Attributes:
        owner_domain: the repository's mesh name that registered it; another one is another owner of the address.
        reads: pinned addresses of the ports that it reads.
    """

    address: ProductAddress
    title: str
    status: str
    purpose: str | None
    tags: tuple[str, ...]
    owner: str
    reads: tuple[str, ...]
    document: Mapping[str, Any]


class RunState(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


LANDING = "land"
"""The kind of a run that lands sources. It judges no row, so it is none of the runs of the ports made from them."""


class PortOutcome(Struct, frozen=True):
    """What a run did with one port: published, unchanged, failed, skipped, retired; landed or not what it reads.

    Attributes:
        quarantine: counts of the rows that were left out, if any.
        override: who published it against which failed checks, if somebody did.
        ended_at: when one that failed had; of a published one its publication says so.
    """

    address: Address
    outcome: str
    snapshot_id: str | None = None
    rows: int | None = None
    seconds: float | None = None
    diagnostics: tuple[Mapping[str, Any], ...] = ()
    quarantine: Mapping[str, Any] | None = None
    override: Mapping[str, Any] | None = None
    ended_at: datetime | None = None


class Run(Struct, frozen=True):
    """One execution of a plan."""

    run_id: str
    kind: str
    actor: str
    state: RunState
    started_at: datetime
    finished_at: datetime | None = None
    selection: tuple[str, ...] = ()
    ports: tuple[PortOutcome, ...] = ()
    process: str | None = None

    @property
    def found_by(self) -> tuple[str, ...]:
        """The ports of which it is one of the runs."""
        return tuple(str(p.address) for p in self.ports) if self.kind != LANDING else ()


class Event(Struct, frozen=True):
    """What happened: a link of the hash chain. Holds references, never samples, keys, query texts or purposes."""

    seq: int
    at: datetime
    kind: str
    actor: str
    subject: str
    body: Mapping[str, Any]
    hash: str
    previous: str


class Batch(Struct, frozen=True):
    """Files of one stretch of time of a build that is not published yet: the next run need not compute it again.

    Attributes:
        build: of everything that its rows depend on, as a digest.
        batch: its stretch of time.
    """

    build: str
    batch: str
    at: datetime
    files: tuple[DataFile, ...]


class WrittenModel(Struct, frozen=True):
    """A model as its file has it.

    Attributes:
        name: `flights`, or `flights@1` for an older major.
        text: its SELECT without the settings; of a Python model the whole file.
        python: whether it is in Python.
        references: what it reads.
        columns: the columns of its rows, in their order.
        inputs: names of the columns of each input port that it reads: of sources nobody else knows them.
    """

    name: str
    text: str
    settings: Mapping[str, Any]
    python: bool
    references: tuple[str, ...]
    columns: tuple[str, ...]
    inputs: Mapping[str, tuple[str, ...]]


class Publish(Struct, frozen=True):
    """All that the one commit point moves: every port of a product together, or nothing.

    Attributes:
        requires: revision that each port must still have, by pinned address as text (`0`: not published yet).
        checks: results by pinned address; samples go to a table that can be erased.
        edges: lineage into the ports and private models of this product, replacing what was there.
        retire: ports of this product to retire in the same transaction.
        kept: ports whose rows stay, since only their texts or rules move: the pin of a rollback holds on.
        tables: what private models keep now, each with the snapshot that must still be its last one (None: none).
        models: private models that keep a table; those of others are forgotten. None: as it was.
        checked: by port, who has checked what, where it was not the run itself: it stands in the event.
        domain_stays: whether the domain's record is left as it is registered, whatever `domain` says of it.
        written: the models from which the ports were built, for whoever finds out their lineage.
    """

    domain: DomainRecord
    product: ProductRecord
    publications: Sequence[Publication]
    requires: Mapping[str, int]
    checks: Mapping[str, Sequence[CheckResult]]
    edges: Sequence[LineageEdge]
    run_id: str
    actor: str
    at: datetime
    defaults: Sequence[Address] = ()
    retire: Sequence[Address] = ()
    kept: Sequence[Address] = ()
    tables: Sequence[tuple[KeptTable, str | None]] = ()
    models: Sequence[str] | None = None
    checked: Mapping[str, Any] = {}
    domain_stays: bool = False
    written: Sequence[WrittenModel] = ()

    @property
    def built(self) -> list[Address]:
        """The ports whose rows are new."""
        kept = set(self.kept)
        return [p.address for p in self.publications if p.address not in kept]
