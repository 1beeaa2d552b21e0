"""The registry's questions for clients: what is not for everybody is left out of the answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from weft.access.permissions import Action, Caller, may, require
from weft.api.drafts import Drafts
from weft.api.records import events_for, inside, shown_run
from weft.errors import UsageError, error
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.checks import CheckResult
from weft.model.handover import ChecksAsked
from weft.model.publication import Manifest, PortState, Publication
from weft.model.records import ProductRecord, Run
from weft.project.policies import packed

if TYPE_CHECKING:
    from weft.api.access.failing_rows import FailingRowsOfPort
    from weft.api.platform import Platform

_MOST = 10_000
_MOST_EDGES = 200_000
"""Edges of one answer; that it was cut is told."""


class Reading:
    """Answers as JSON, with a tag that stays while nothing is published."""

    def __init__(self, platform: Platform) -> None:
        self._rooms = platform.rooms
        self._registry = platform.rooms.production
        self._failing = platform.failing_rows
        self._made: dict[str, tuple[int, bytes]] = {}
        self._lists: dict[str, tuple[int, bytes, tuple[PortState | ProductRecord, ...]]] = {}

    def tag(self, caller: Caller) -> str:
        """Moves with each event: what was answered before it is out of date, and so is what somebody else was shown."""
        seen_by = sorted(caller.domains), sorted(caller.mesh), sorted(caller.actions or ())
        whose = hashlib.blake2b(repr(seen_by).encode(), digest_size=6).hexdigest()
        return f'"{self._registry.last_event()}-{whose}"'

    def ports(self, caller: Caller) -> bytes:
        """Every port, but for drafts of others."""
        return self._for(caller, "ports", lambda: self._registry.ports().values())

    def products(self, caller: Caller) -> bytes:
        """Every product, but for drafts of others."""
        return self._for(caller, "products", lambda: self._registry.products().values())

    def domains(self) -> bytes:
        """Every domain."""
        return self._once("domains", lambda: list(self._registry.domains().values()))

    def policies(self) -> bytes:
        """The policies of the platform, as their files have them."""
        return encoded([packed(policy) for policy in self._rooms.governance.folder.documents()])

    def port(self, caller: Caller, address: str) -> bytes:
        """One port, or null."""
        found = self._registry.port(parse_address(address))
        return encoded(found if found is not None and _is_open(caller, found) else None)

    def publication(self, caller: Caller, address: str, snapshot: str | None, at: datetime | None) -> bytes:
        """A publication, or null. Bounds of columns are values of rows: they are for its own domain."""
        target = parse_address(address)
        if self._is_hidden(caller, target):
            return encoded(None)
        if at is not None:
            found = self._registry.publication_at(target, at)
        else:
            found = self._registry.publication(target, snapshot)
        return encoded(self._shown(caller, found) if found is not None else None)

    def product(self, caller: Caller, address: str) -> bytes:
        """One product, or null."""
        found = self._registry.product(_product(address))
        return encoded(found if found is not None and _is_open(caller, found) else None)

    def products_after(self, caller: Caller, after: str, limit: int) -> bytes:
        """The next products behind an address, but for drafts of others: only the last page may be short."""
        limit = min(max(limit, 0), _MOST)
        shown: list[ProductRecord] = []
        while len(shown) < limit and (page := self._registry.products_after(after, limit)):
            shown += [p for p in page if _is_open(caller, p)]
            after = str(page[-1].address)
        return encoded(shown[:limit])

    def ports_of(self, caller: Caller, product: str) -> bytes:
        """The ports of one product."""
        return encoded([p for p in self._registry.ports_of(_product(product)) if _is_open(caller, p)])

    def domain(self, name: str) -> bytes:
        """One domain, or null."""
        return encoded(self._registry.domain(name))

    def history(self, caller: Caller, address: str, before: int | None, limit: int | None) -> bytes:
        """Publications of a port, newest first."""
        target = parse_address(address)
        if self._is_hidden(caller, target):
            return encoded([])
        found = self._registry.history(target, before=before, limit=limit)
        return encoded([self._shown(caller, p) for p in found])

    def _shown(self, caller: Caller, found: Publication) -> Publication:
        if inside(caller, found.address) or not self._rooms.grounds.level_of(found.address, found.contract):
            return found
        files = tuple(replace(f, statistics={}) for f in found.manifest.files)
        quarantine = found.quarantine
        if quarantine is not None:
            quarantine = replace(quarantine, manifest=Manifest(quarantine.manifest.columns, ()))
        return replace(found, manifest=replace(found.manifest, files=files), quarantine=quarantine)

    def kept_tables(self, caller: Caller, product: str | None) -> bytes:
        """What private models keep, of products that the caller may publish."""
        found = self._registry.kept_tables(_product(product) if product else None)
        return encoded([t for t in found if may(caller, Action.PUBLISH, t.product.domain)])

    def consumers(self, caller: Caller, address: str) -> bytes:
        """Products that read a port, but for drafts of others; none of a port that is one."""
        target, drafts = parse_address(address), Drafts(self._registry, caller)
        found = () if drafts.hide(str(target)) else self._registry.consumers(target)
        return encoded([one for one in found if not drafts.hide(str(one))])

    def lineage(self, caller: Caller, nodes: Sequence[str], *, up: bool, depth: int, limit: int) -> bytes:
        """Edges within `depth` hops, but for those from or to drafts of others."""
        drafts = Drafts(self._registry, caller)
        asked = [node for node in nodes[:_MOST] if not drafts.hide(node)]
        edges, cut = self._registry.lineage(asked, up=up, depth=depth, limit=min(limit, _MOST_EDGES))
        shown = [one for one in edges if not (drafts.hide(one.source) or drafts.hide(one.target))]
        return encoded((shown, cut))

    def nodes(self, caller: Caller, table: str) -> bytes:
        """Lineage nodes of a table's columns; none of a draft of others."""
        hidden = Drafts(self._registry, caller).hide(table)
        return encoded([] if hidden else self._registry.nodes_of(table))

    def runs(self, caller: Caller, address: str | None, limit: int, before: tuple[datetime, str] | None) -> bytes:
        """The newest runs, without rows and without drafts of others: only the last page may be short."""
        port = parse_address(address) if address else None
        limit, drafts = min(max(limit, 0), _MOST), Drafts(self._registry, caller)
        shown: list[Run] = []
        while len(shown) < limit and (page := self._registry.runs(port, limit, before)):
            shown += [found for run in page if (found := shown_run(run, drafts)) is not None]
            before = page[-1].started_at, page[-1].run_id
        return encoded(shown[:limit])

    def run(self, caller: Caller, run_id: str) -> bytes:
        """One run without rows and without drafts of others, or null."""
        found = self._registry.run(run_id)
        return encoded(shown_run(found, Drafts(self._registry, caller)) if found is not None else None)

    def checks(self, caller: Caller, run_id: str, address: str | None) -> bytes:
        """Check results of a run. Samples are rows: values that the caller may read, which is written down."""
        port, drafts = parse_address(address) if address else None, Drafts(self._registry, caller)
        rows = self._failing.of_run(caller, run_id, port)
        found = self._registry.checks(run_id, port)
        return encoded(
            [
                ChecksAsked(one, tuple(_with_rows(result, rows.get(one)) for result in results))
                for one, results in found.items()
                if not drafts.hide(str(one))
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

    def _is_hidden(self, caller: Caller, address: Address) -> bool:
        """Whether a port is a draft of a domain of others."""
        if address.domain in caller.domains:
            return False
        state = self._registry.port(address)
        return state is not None and not _is_open(caller, state)

    def _for(self, caller: Caller, name: str, made: Callable[[], Iterable[PortState | ProductRecord]]) -> bytes:
        """A list without the drafts of others: what is open to all is made once, what is not is put behind it."""
        newest = self._registry.last_event()
        known = self._lists.get(name)
        if known is None or known[0] != newest:
            found = list(made())
            open_ = encoded([one for one in found if one.status != "draft"])
            known = self._lists[name] = newest, open_, tuple(one for one in found if one.status == "draft")
        own = [one for one in known[2] if _is_open(caller, one)]
        if not own:
            return known[1]
        return encoded(own) if known[1] == b"[]" else known[1][:-1] + b"," + encoded(own)[1:]

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


def _is_open(caller: Caller, found: PortState | ProductRecord) -> bool:
    """Whether something is for somebody: a draft is for its own domain alone."""
    return found.status != "draft" or found.address.domain in caller.domains


def _with_rows(result: CheckResult, shown: FailingRowsOfPort | None) -> CheckResult:
    """A result with what is shown of its rows as samples: their values that are not masked."""
    rows = shown.rows.get(result.id, ()) if shown is not None else ()
    told = ({cell.column: cell.value for cell in row if not cell.masked} for row in rows)
    return replace(result, samples=tuple(row for row in told if row))


def _product(text: str) -> ProductAddress:
    domain, _, name = text.partition(".")
    return ProductAddress(domain, name)
