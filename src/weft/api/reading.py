"""The registry's questions for clients: what is not for everybody is left out of the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from weft.access.permissions import Action, Caller, Role, may, require
from weft.api.records import events_for
from weft.errors import UsageError, error
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.checks import CheckResult
from weft.model.handover import ChecksAsked
from weft.model.publication import Manifest, Publication
from weft.registry.granting import classification_of

if TYPE_CHECKING:
    from weft.api.platform import Platform

_MOST = 10_000
_MOST_EDGES = 200_000
"""Edges of one answer; that it was cut is told."""


class Reading:
    """Answers as JSON, with a tag that stays while nothing is published."""

    def __init__(self, platform: Platform) -> None:
        self._rooms = platform.rooms
        self._registry = platform.rooms.production
        self._made: dict[str, tuple[int, bytes]] = {}

    def tag(self) -> str:
        """Moves with each event: what was answered before it is out of date."""
        return f'"{self._registry.last_event()}"'

    def ports(self) -> bytes:
        """Every port."""
        return self._once("ports", lambda: list(self._registry.ports().values()))

    def products(self) -> bytes:
        """Every product."""
        return self._once("products", lambda: list(self._registry.products().values()))

    def domains(self) -> bytes:
        """Every domain."""
        return self._once("domains", lambda: list(self._registry.domains().values()))

    def port(self, address: str) -> bytes:
        """One port, or null."""
        return encoded(self._registry.port(parse_address(address)))

    def publication(self, caller: Caller, address: str, snapshot: str | None, at: datetime | None) -> bytes:
        """A publication, or null. Bounds of columns are values of rows: they are for its own domain."""
        target = parse_address(address)
        if at is not None:
            found = self._registry.publication_at(target, at)
        else:
            found = self._registry.publication(target, snapshot)
        return encoded(_shown(caller, found) if found is not None else None)

    def product(self, address: str) -> bytes:
        """One product, or null."""
        return encoded(self._registry.product(_product(address)))

    def products_after(self, after: str, limit: int) -> bytes:
        """The next products behind an address."""
        return encoded(self._registry.products_after(after, min(max(limit, 0), _MOST)))

    def ports_of(self, product: str) -> bytes:
        """The ports of one product."""
        return encoded(self._registry.ports_of(_product(product)))

    def domain(self, name: str) -> bytes:
        """One domain, or null."""
        return encoded(self._registry.domain(name))

    def history(self, caller: Caller, address: str, before: int | None, limit: int | None) -> bytes:
        """Publications of a port, newest first."""
        found = self._registry.history(parse_address(address), before=before, limit=limit)
        return encoded([_shown(caller, p) for p in found])

    def kept_tables(self, caller: Caller, product: str | None) -> bytes:
        """What private models keep, of products that the caller may publish."""
        found = self._registry.kept_tables(_product(product) if product else None)
        return encoded([t for t in found if may(caller, Action.PUBLISH, t.product.domain)])

    def consumers(self, address: str) -> bytes:
        """Products that read a port."""
        return encoded(self._registry.consumers(parse_address(address)))

    def lineage(self, nodes: Sequence[str], *, up: bool, depth: int, limit: int) -> bytes:
        """Edges within `depth` hops."""
        return encoded(self._registry.lineage(nodes[:_MOST], up=up, depth=depth, limit=min(limit, _MOST_EDGES)))

    def nodes(self, table: str) -> bytes:
        """Lineage nodes of a table's columns."""
        return encoded(self._registry.nodes_of(table))

    def runs(self, address: str | None, limit: int, before: tuple[datetime, str] | None) -> bytes:
        """The newest runs."""
        port = parse_address(address) if address else None
        return encoded(self._registry.runs(port, min(max(limit, 0), _MOST), before))

    def run(self, run_id: str) -> bytes:
        """One run, or null."""
        return encoded(self._registry.run(run_id))

    def checks(self, caller: Caller, run_id: str, address: str | None) -> bytes:
        """Check results of a run. Samples are rows: they are for the port's own domain."""
        found = self._registry.checks(run_id, parse_address(address) if address else None)
        return encoded(
            [
                ChecksAsked(port, tuple(results) if _inside(caller, port) else tuple(map(_without_samples, results)))
                for port, results in found.items()
            ]
        )

    def events(self, caller: Caller, after: int, limit: int) -> bytes:
        """The log after a sequence number, as far as it is for the caller."""
        return encoded(events_for(caller, self._registry.events(after, min(max(limit, 0), _MOST))))

    def last_event(self) -> int:
        """The newest sequence number."""
        return self._registry.last_event()

    # what is done to one port

    def retire(self, caller: Caller, address: str, run_id: str) -> None:
        """Ends reading of a port whose product is gone.

        Raises:
            AccessDenied: WFT-ACC-010.
            GateRefused: WFT-PLN-009, products read it.
        """
        from weft.errors import GateRefused
        from weft.model.mesh import Mesh
        from weft.plan.gate import readers_left
        from weft.registry.readers import readers_of

        target = self._own(caller, address)
        left = readers_of(self._registry, target, self._registry.ports())
        objections = readers_left(target, left, Mesh("", "", {}, {}, (), {}), ())
        if objections:
            raise GateRefused(*objections)
        self._registry.retire([target], actor=caller.name, run_id=run_id, at=self._rooms.now())

    def release(self, caller: Caller, address: str) -> None:
        """Takes the pin of a rollback away."""
        self._registry.release(self._own(caller, address), actor=caller.name, at=self._rooms.now())

    def set_default(self, caller: Caller, address: str) -> None:
        """Makes a major the one that the address without major means."""
        target = self._own(caller, address)
        state = self._registry.port(target)
        if state is None or state.retired:
            raise UsageError(error("WFT-PLN-013", f"`{target}` is retired, and cannot be the default"))
        self._registry.set_default(target, actor=caller.name, at=self._rooms.now())

    def _own(self, caller: Caller, address: str) -> Address:
        target = parse_address(address)
        require(caller, Action.PUBLISH, target.domain)
        return self._rooms.published(str(target)).address

    def _once(self, name: str, made: Callable[[], Any]) -> bytes:
        """An answer that is made anew only when something has happened."""
        newest = self._registry.last_event()
        known = self._made.get(name)
        if known is None or known[0] != newest:
            known = self._made[name] = newest, encoded(made())
        return known[1]


def encoded(value: Any) -> bytes:
    """A value as JSON."""
    return msgspec.json.encode(value, enc_hook=str)


def _inside(caller: Caller, port: Address) -> bool:
    return bool(caller.domains.get(port.domain)) or Role.OPERATOR in caller.mesh


def _shown(caller: Caller, found: Publication) -> Publication:
    if _inside(caller, found.address) or not classification_of(found.contract):
        return found
    files = tuple(replace(f, statistics={}) for f in found.manifest.files)
    quarantine = found.quarantine
    if quarantine is not None:
        quarantine = replace(quarantine, manifest=Manifest(quarantine.manifest.columns, ()))
    return replace(found, manifest=Manifest(found.manifest.columns, files), quarantine=quarantine)


def _without_samples(result: CheckResult) -> CheckResult:
    return replace(result, samples=())


def _product(text: str) -> ProductAddress:
    domain, _, name = text.partition(".")
    return ProductAddress(domain, name)
