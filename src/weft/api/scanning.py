"""Reading for products elsewhere: the files of exactly the snapshot that was granted, for a while."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from weft.access.permissions import Action, Caller, Role, require
from weft.access.principals import Principal, local_principal, product_principal
from weft.api import addressing
from weft.config import duration
from weft.errors import AccessDenied, UsageError, error
from weft.model.address import Address, ProductAddress, is_slug, parse_address
from weft.model.classification import Classification
from weft.model.handover import Scan, ScanAsked, ScanFile
from weft.model.publication import Manifest, PortState
from weft.registry import codec
from weft.registry.granting import PUBLICATION, classification_of
from weft.registry.grants import Grant, GrantStore

if TYPE_CHECKING:
    from weft.api.platform import Platform

FIRST_BUILD = "first build"
"""The basis of a grant for a product that is built for the first time."""

UNASKED = frozenset({FIRST_BUILD, PUBLICATION})
"""Grants that nobody was asked for."""

_UNTIL_PUBLISHED = timedelta(hours=24)
"""How long a product may read an input that it has not been published with: long enough for its first build."""


class Scanning:
    """Grants, and the scans that they allow."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._rooms = platform.rooms
        self.grants = GrantStore(platform.database)

    def scan(self, caller: Caller, asked: ScanAsked) -> Scan:
        """The files of a snapshot, and a token for them.

        Raises:
            AccessDenied: WFT-ACC-010 the caller does not act for the product, WFT-SRV-040 there is no grant,
                WFT-ACC-002 and others: nobody may read it.
            UsageError: WFT-ACC-001, WFT-RUN-005, WFT-STO-012: it is not there.
        """
        if "~" in asked.port:
            return self._of_table(caller, asked)
        address = parse_address(asked.port)
        consumer, principal = self._consumer(caller, asked.product, address)
        state = self._rooms.published(str(address))
        self._require_grant(caller, consumer, state, quarantine=asked.quarantine)
        opened = self._rooms.counter.open(principal, state.address, asked.snapshot_id, reads=[state.address])
        publication = opened.publication
        held = publication.quarantine.manifest if asked.quarantine and publication.quarantine else publication.manifest
        return self._made(state.address, publication.snapshot_id, consumer, held)

    def file(self, caller: Caller, scan_id: str, token: str, number: int) -> Path:
        """A file of a scan.

        Raises:
            AccessDenied: WFT-SRV-041, the scan does not hold, or not for this caller.
        """
        held = self.grants.held(scan_id, token, self._rooms.now())
        if held is None or not 0 <= number < len(held.files):
            raise AccessDenied(error("WFT-SRV-041", "there is no such scan, or it is over", fix="ask for another one"))
        kind, _, name = held.consumer.partition(":")
        if kind == "product":
            require(caller, Action.PUBLISH, name.partition(".")[0])
        elif name != caller.name:
            raise AccessDenied(error("WFT-SRV-041", "this scan was granted to somebody else"))
        return Path(held.files[number])

    def address(self, path: Path) -> str | None:
        """Where a file of a scan can be fetched for a while; None: it lies here."""
        objects, now = self._rooms.objects, self._rooms.now()
        return addressing.file_address(objects, path, now, now + addressing.LASTS) if objects is not None else None

    def listed(self, caller: Caller, port: str | None, consumer: str | None) -> Sequence[Grant]:
        """Grants on ports of domains in which the caller is somebody, and those of what the caller reads."""
        found = self.grants.listed(port=parse_address(port) if port else None, consumer=consumer)
        if caller.mesh & {Role.OPERATOR, Role.GOVERNANCE_LEAD}:
            return found
        return [
            g
            for g in found
            if g.port.domain in caller.domains
            or (g.kind == "product" and g.consumer.partition(".")[0] in caller.domains)
            or (g.kind == "user" and g.consumer == caller.name)
        ]

    def end(self, caller: Caller, grant_id: str) -> None:
        """Ends a grant; for whoever decides who reads the port.

        Raises:
            AccessDenied: WFT-ACC-010.
            UsageError: WFT-SRV-040, there is no such grant.
        """
        found = next((g for g in self.grants.listed() if g.grant_id == grant_id), None)
        if found is None:
            raise UsageError(error("WFT-SRV-040", f"there is no grant `{grant_id[:80]}`"))
        require(caller, Action.APPROVE, found.port.domain)
        self.grants.end(grant_id, actor=caller.name, at=self._rooms.now())

    def _consumer(self, caller: Caller, product: str | None, port: Address) -> tuple[str, Principal]:
        """Who reads, as grants name it, and as the door knows it."""
        if product is None:
            return f"user:{caller.name}", local_principal(caller.name)
        domain, _, name = product.partition(".")
        if not (is_slug(domain) and is_slug(name)):
            raise UsageError(error("WFT-PLN-001", f"`{product[:200]}` is not the address of a product"))
        require(caller, Action.PUBLISH, domain)
        return f"product:{product}", product_principal(ProductAddress(domain, name))

    def _require_grant(self, caller: Caller, consumer: str, state: PortState, *, quarantine: bool) -> None:
        """Refuses whoever has no grant; gives one to a product that builds for the first time on what is open.

        Raises:
            AccessDenied: WFT-SRV-040.
        """
        kind, _, name = consumer.partition(":")
        address, now = state.address, self._rooms.now()
        if kind == "product" and name.partition(".")[0] == address.domain:
            return
        if kind == "user" and caller.domains.get(address.domain):
            return
        if not quarantine:
            known = [g for g in self.grants.listed(port=address, consumer=name) if g.kind == kind]
            is_open = classification_of(state.contract) <= Classification.INTERNAL
            # what nobody has decided holds only as long as the port stays open
            if any(g.holds(now) and (is_open or g.basis not in UNASKED) for g in known):
                return
            ended = any(not g.holds(now) and g.basis == PUBLICATION for g in known)
            if kind == "product" and not ended and is_open:
                until = now + _UNTIL_PUBLISHED
                self.grants.grant(address, kind, name, basis=FIRST_BUILD, actor=caller.name, at=now, ends_at=until)
                return
        level = classification_of(state.contract)
        raise AccessDenied(
            error(
                "WFT-SRV-040",
                f"`{name}` has no grant to read {'the quarantine of ' if quarantine else ''}`{address}`",
                why=_why(kind, level),
                fix=f"ask the owners of `{address.domain}`",
            )
        )

    def _of_table(self, caller: Caller, asked: ScanAsked) -> Scan:
        """The files of what a private model keeps, for its own product alone."""
        domain = asked.port.partition(".")[0]
        require(caller, Action.PUBLISH, domain)
        kept = next((t for t in self._rooms.production.kept_tables() if str(t.table) == asked.port), None)
        if kept is None or str(kept.product) != asked.product:
            raise UsageError(error("WFT-ACC-001", f"there is no table `{asked.port[:200]}`"))
        return self._made(kept.table, kept.snapshot_id, f"product:{kept.product}", kept.manifest)

    def _made(self, address: Address, snapshot_id: str, consumer: str, manifest: Manifest) -> Scan:
        now = self._rooms.now()
        ends_at = now + duration(self._rooms.settings.publishing.scan_time)
        paths = self._rooms.counter.paths(manifest)
        scan_id, token = self.grants.scan(address, snapshot_id, consumer, paths, now, ends_at)
        files = tuple(ScanFile(f.path, n, f.size_bytes) for n, f in enumerate(manifest.files))
        return Scan(scan_id, token, address, snapshot_id, files, codec.time_text(ends_at))


def _why(kind: str, level: Classification) -> str:
    if kind != "product":
        return "people read the files of their own domains alone"
    return "its owner has ended it" if level <= Classification.INTERNAL else f"it holds what is {level}"
