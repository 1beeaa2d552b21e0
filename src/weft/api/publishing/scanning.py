"""Reading for products elsewhere: the files of exactly the snapshot that was granted, for a while."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from weft.access import as_files
from weft.access.permissions import Action, Caller, require
from weft.access.principals import Principal, PrincipalKind, of_caller, product_principal
from weft.access.rights import FIRST_BUILD
from weft.access.witness import untold
from weft.api.publishing import addressing
from weft.api.publishing.run_inputs import RunInputs
from weft.config import duration
from weft.errors import AccessDenied, Conflict, PlatformError, UsageError, error
from weft.model.address import Address, ProductAddress, is_slug, parse_address
from weft.model.classification import Classification
from weft.model.handover import Scan, ScanAsked, ScanFile
from weft.model.publication import Manifest, PortState
from weft.registry import codec
from weft.registry.granting import PUBLICATION
from weft.registry.grants import Grant, GrantStore, HeldScan
from weft.registry.meters import BUILD, READ, Meter

if TYPE_CHECKING:
    from weft.access.opened import Readable
    from weft.access.witness import Over
    from weft.api.platform import Platform

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
        self.inputs = RunInputs(platform)
        self._witness = platform.rooms.witness("files")

    def scan(self, caller: Caller, asked: ScanAsked) -> Scan:
        """The files of a snapshot, and a token for them.

        Raises:
            AccessDenied: WFT-ACC-010 the caller does not act for the product, WFT-SRV-040 there is no grant,
                WFT-ACC-002 and others: nobody may read it, WFT-ACC-037 not all of it.
            UsageError: WFT-ACC-001, WFT-RUN-005, WFT-STO-012: it is not there.
            Conflict: WFT-RUN-001, it lives in a database, and was published again.
            WeftError: as `RunInputs.made`, where it lives in a database.
        """
        if "~" in asked.port:
            return self._of_table(caller, asked)
        address = parse_address(asked.port)
        consumer, principal = self._consumer(caller, asked.product, address)
        state = self._rooms.published(str(address))
        self._require_grant(caller, consumer, state, quarantine=asked.quarantine)
        opened = self._opened(principal, state, asked)
        if not opened.decision.whole:
            raise as_files.holds_hidden(state.address, principal.name)
        if opened.live is not None:
            return self._of_database(caller, consumer, principal, state, opened, asked)
        publication = opened.publication
        before = replace(state, contract=publication.contract)
        if publication.snapshot_id != state.snapshot_id and not self._is_open(before):
            # what it held then may have been less open than what the port holds now
            self._require_grant(caller, consumer, before, quarantine=asked.quarantine)
        held = publication.quarantine.manifest if asked.quarantine and publication.quarantine else publication.manifest
        over = self._told(principal, opened)
        try:
            made = self._made(state.address, publication.snapshot_id, consumer, held)
        except BaseException:
            over("failed", 0, 0)
            raise
        over("done", held.rows, held.size_bytes)
        return made

    def _opened(self, principal: Principal, state: PortState, asked: ScanAsked) -> Readable:
        """The port at the snapshot that was asked for.

        Raises:
            Conflict: WFT-RUN-001, it lives in a database, and is not as it was when the run looked.
        """
        try:
            return self._rooms.counter.open(principal, state.address, asked.snapshot_id, reads=[state.address])
        except UsageError as e:
            if asked.run is None or e.diagnostics[0].code != "WFT-ACC-056":
                raise
            raise _moved(state.address) from None

    def _of_database(
        self,
        caller: Caller,
        consumer: str,
        principal: Principal,
        state: PortState,
        opened: Readable,
        asked: ScanAsked,
    ) -> Scan:
        """The rows of a port that lives in a database, for the run that builds a product from them, and no longer."""
        if asked.run is None or asked.quarantine or principal.kind is not PrincipalKind.PRODUCT:
            raise as_files.has_none(state.address, "a run of `weft apply` is given its rows to build from")
        over = self._told(principal, opened)
        try:
            made = self.inputs.made(caller, asked.run, principal, opened)
            self._require_grant(caller, consumer, self._rooms.published(str(state.address)), quarantine=False)
            again = self._opened(principal, state, asked)
            if again.relation != opened.relation or not again.decision.whole:
                raise _moved(state.address)
            now = self._rooms.now()
            ends_at = min(made.ends_at, now + duration(self._rooms.settings.publishing.scan_time))
            paths = [path for path, _ in made.files]
            snapshot_id = opened.publication.snapshot_id
            scan_id, token = self.grants.scan(state.address, snapshot_id, consumer, paths, now, ends_at)
        except BaseException:
            over("failed", 0, 0)
            raise
        over("done", made.rows, made.size_bytes)
        files = tuple(ScanFile(Path(p).name, n, f.size_bytes) for n, (p, f) in enumerate(made.files))
        return Scan(scan_id, token, state.address, snapshot_id, files, codec.time_text(ends_at))

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
        elif held.consumer != _of_people(of_caller(caller)):
            raise AccessDenied(error("WFT-SRV-041", "this scan was granted to somebody else"))
        else:
            require(caller, Action.QUERY)
        file = Path(held.files[number])
        open_ = self.inputs.holds(held.files[number])
        if open_ is False or (open_ and self._rooms.objects is None and not file.is_file()):
            raise AccessDenied(error("WFT-SRV-041", "the run that this was read for is over", fix="begin a new run"))
        with suppress(PlatformError):  # it is held for the next time, and the reader does not wait for it
            size_bytes = file.stat().st_size if file.is_file() else self._size_in_store(held, number)
            self._platform.meters.add(*_served(held, number, size_bytes, self._rooms.now()))
        return file

    def _size_in_store(self, held: HeldScan, number: int) -> int:
        """Bytes of a file of a scan that lies in an object store; 0 of one that nobody knows any more."""
        key = self.inputs.key(held.files[number])
        if key is not None and self._rooms.objects is not None:
            return self._rooms.objects.store.size_of(key) or 0
        found = self._rooms.production.publication(held.port, held.snapshot_id)
        beside = (found.quarantine.manifest,) if found is not None and found.quarantine is not None else ()
        for manifest in (found.manifest, *beside) if found is not None else ():
            for path, data_file in zip(self._rooms.counter.paths(manifest), manifest.files, strict=True):
                if str(path) == held.files[number]:
                    return int(data_file.size_bytes)
        return 0

    def address(self, path: Path) -> str | None:
        """Where a file of a scan can be fetched for a while; None: it lies here."""
        objects, now = self._rooms.objects, self._rooms.now()
        key = self.inputs.key(str(path))
        if objects is not None and key is not None:
            return addressing.object_address(objects, key, now, now + addressing.LASTS)
        return addressing.file_address(objects, path, now, now + addressing.LASTS) if objects is not None else None

    def may_build_on(self, product: ProductAddress, state: PortState) -> bool:
        """Whether a product may publish rows that are made from a port: as it may read it, now."""
        if product.domain == state.address.domain:
            return True
        found = [g for g in self.grants.listed(port=state.address, consumer=str(product)) if g.kind == "product"]
        return self._granted(found, state) or self._is_free(found, state, self._rooms.now())

    def _consumer(self, caller: Caller, product: str | None, port: Address) -> tuple[str, Principal]:
        """Who reads, as grants name it, and as the door knows it."""
        if product is None:
            require(caller, Action.QUERY)  # a token that finds what there is reads none of it
            principal = self._platform.access.principal_of(caller)
            return _of_people(principal), principal
        domain, _, name = product.partition(".")
        if not (is_slug(domain) and is_slug(name)):
            raise UsageError(error("WFT-PLN-001", f"`{product[:200]}` is not the address of a product"))
        self._platform.requisitions.registered(domain)  # for another one nobody could publish, whoever they are
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
        if kind != "product" and caller.domains.get(address.domain):
            return
        if not quarantine:
            people = self._platform.access.principal_of(caller).consumers
            known = self.grants.of(address, {(kind, name)} if kind == "product" else people)
            if self._granted(known, state):
                return
            if kind == "product" and self._is_free(known, state, now):
                until = now + _UNTIL_PUBLISHED
                self.grants.grant(address, kind, name, basis=FIRST_BUILD, actor=caller.name, at=now, ends_at=until)
                return
        level = self._rooms.grounds.level_of(state.address, state.contract)
        raise AccessDenied(
            error(
                "WFT-SRV-040",
                f"`{name}` has no grant to read {'the quarantine of ' if quarantine else ''}`{address}`",
                why=_why(kind, level),
                fix=f"ask the owners of `{address.domain}`",
            )
        )

    def _granted(self, known: Sequence[Grant], state: PortState) -> bool:
        """Whether one of the grants holds; what nobody has decided holds only as long as the port stays open."""
        now = self._rooms.now()
        return any(g.holds(now) and (self._is_open(state) or g.basis not in UNASKED) for g in known)

    def _is_open(self, state: PortState) -> bool:
        return self._rooms.grounds.level_of(state.address, state.contract) <= Classification.INTERNAL

    def _is_free(self, known: Sequence[Grant], state: PortState, now: datetime) -> bool:
        """Whether a product may begin to read a port unasked: it is open, and its owner has not ended that."""
        return self._is_open(state) and not any(not g.holds(now) and g.basis == PUBLICATION for g in known)

    def _told(self, principal: Principal, opened: Readable) -> Over:
        """Writes down that somebody is about to be given files; gives what says how it ended.

        What a domain's products read of their own domain is not written down: they build it together.
        """
        address = opened.publication.address
        if self._witness is None or principal.domain == address.domain:
            return untold
        return self._witness.begun(principal, {address: opened}, None)

    def _of_table(self, caller: Caller, asked: ScanAsked) -> Scan:
        """The files of what a private model keeps, for its own product alone."""
        domain = asked.port.partition(".")[0]
        require(caller, Action.PUBLISH, domain)
        product, _, name = (asked.product or "").partition(".")
        own = self._rooms.production.kept_tables(ProductAddress(product, name)) if asked.product else ()
        kept = next((t for t in own if str(t.table) == asked.port), None)
        if kept is None or kept.table.domain != domain:
            raise UsageError(error("WFT-ACC-001", f"there is no table `{asked.port[:200]}`"))
        return self._made(kept.table, kept.snapshot_id, f"product:{kept.product}", kept.manifest)

    def _made(self, address: Address, snapshot_id: str, consumer: str, manifest: Manifest) -> Scan:
        now = self._rooms.now()
        ends_at = now + duration(self._rooms.settings.publishing.scan_time)
        paths = self._rooms.counter.paths(manifest)
        scan_id, token = self.grants.scan(address, snapshot_id, consumer, paths, now, ends_at)
        files = tuple(ScanFile(f.path, n, f.size_bytes) for n, f in enumerate(manifest.files))
        return Scan(scan_id, token, address, snapshot_id, files, codec.time_text(ends_at))


def _moved(address: Address) -> Conflict:
    what = f"`{address}` lives in a database, and was published again or is granted otherwise since the run looked"
    return Conflict(error("WFT-RUN-001", what, why="a run builds from what it has planned with", fix="apply again"))


def _of_people(principal: Principal) -> str:
    """Who reads for themselves, be it by a grant of their own or of a team of theirs."""
    return f"{principal.kind.value}:{principal.name}"


def _served(held: HeldScan, number: int, size_bytes: int, at: datetime) -> list[Meter]:
    """What a reader is given with a file, once however often it is asked for; a product's own tables are not served."""
    kind, _, consumer = held.consumer.partition(":")
    product = str(held.port.of_product)
    if kind == "product" and consumer == product:
        return []
    key = f"{held.scan_id}:{number}"
    purpose = BUILD if kind == "product" else READ
    return [
        Meter(at, "bytes_served", size_bytes, product, consumer, purpose, str(held.port), None, held.snapshot_id, key)
    ]


def _why(kind: str, level: Classification) -> str:
    if kind != "product":
        return "people read the files of their own domains alone"
    return "its owner has ended it" if level <= Classification.INTERNAL else f"it holds what is {level}"
