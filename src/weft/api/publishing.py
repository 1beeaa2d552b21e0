"""Publishing for domains elsewhere: a run is opened, its files are uploaded, its publications are handed in."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from weft.access.permissions import Action, Caller, Role, require
from weft.api import addressing
from weft.api.committing import Committer, Kept, ProcessCommitter, failure_of
from weft.config import duration, size_bytes
from weft.errors import AccessDenied, Conflict, GateRefused, UsageError, error
from weft.model.address import Address, is_slug, parse_address
from weft.model.handover import AskedTable, ChecksAsked, Handover, Numbering, RollbackAsked, RunOpened, Upload
from weft.model.records import DomainRecord, PortOutcome, Run, RunState
from weft.registry import codec
from weft.registry.handovers import HandedIn, HandoverState, HandoverStore, OpenRun

if TYPE_CHECKING:
    from weft.api.platform import Platform
    from weft.storage.object_files import ObjectFiles

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{7,63}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\.parquet")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ELSEWHERE = "@runner:0:0"
"""The process of a run that lives on another machine: nobody here can know whether it does."""


class Publishing:
    """The server's part of a run. It believes nothing that it cannot see."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._rooms = platform.rooms
        self.handovers = HandoverStore(platform.database)

    @cached_property
    def committer(self) -> Committer:
        """What commits."""
        return ProcessCommitter(self._rooms.settings.root)

    @property
    def objects(self) -> ObjectFiles | None:
        """The files of the warehouse, where it lies in an object store."""
        return self._rooms.objects

    def close(self) -> None:
        """Ends the process that commits."""
        made = self.__dict__.pop("committer", None)
        if made is not None:
            made.close()

    # runs

    def open(self, caller: Caller, run: Run) -> RunOpened:
        """Opens a run of products of domains for which the caller may publish.

        Raises:
            UsageError: WFT-SRV-030, its id is none.
            AccessDenied: WFT-ACC-010; WFT-SRV-030, the run is somebody else's.
        """
        if not _RUN_ID.fullmatch(run.run_id):
            raise UsageError(error("WFT-SRV-030", "the id of a run is of letters, digits and `-`, 8 to 64 of them"))
        domains = frozenset(p.address.domain for p in run.ports)
        if not domains:
            raise UsageError(error("WFT-SRV-030", f"run `{run.run_id}` names no port that it publishes"))
        for port in run.ports:
            _require_port(port.address)
        for domain in sorted(domains):
            require(caller, Action.PUBLISH, domain)
            self._require_domain(domain)
        now = self._rooms.now()
        ends_at = now + duration(self._rooms.settings.publishing.run_time)
        known = self.handovers.run(run.run_id)
        opened = self.handovers.open(OpenRun(run.run_id, caller.name, domains, now, ends_at))
        if opened.caller != caller.name or opened.domains != domains or not opened.writes(now):
            raise AccessDenied(error("WFT-SRV-030", f"run `{run.run_id}` is another one", fix="begin a new run"))
        if known is None:
            started = replace(
                run, actor=caller.name, state=RunState.RUNNING, started_at=now, finished_at=None, process=_ELSEWHERE
            )
            self._rooms.production.start_run(started)
        self.folder_of(run.run_id).mkdir(parents=True, exist_ok=True)
        ends = codec.time_text(opened.ends_at)
        return RunOpened(run.run_id, f"runs/{run.run_id}/", self._most_bytes, ends, addressed=self.objects is not None)

    def number(self, caller: Caller, run_id: str, asked: AskedTable) -> Numbering:
        """The field ids of a table that a run is about to write.

        Raises:
            AccessDenied: WFT-SRV-030 the run is not the caller's or is over, WFT-SRV-032 the table is another domain's.
            ProjectError: WFT-STO-005, a type that Iceberg does not have, or not after the one before.
        """
        from weft.storage.schemas import field_ids
        from weft.storage.tables import TableStorage, layout_of

        run = self._writing(caller, run_id)
        self._require_table(run, asked.table)
        storage = self._rooms.storage
        assert isinstance(storage, TableStorage), "a server keeps its tables itself"
        registry = self._rooms.production
        if asked.table.port.startswith("~"):
            kept = [t for t in registry.kept_tables(asked.table.of_product) if t.table == asked.table]
            known = kept[0].manifest.columns if kept else ()
        else:
            state = registry.port(asked.table)
            known = state.columns if state is not None else ()
        columns, fields = storage.numbered(asked.table, asked.columns, known)
        return Numbering(tuple(columns), field_ids(fields), layout_of(asked.layout, columns))

    def finish(self, caller: Caller, run: Run) -> None:
        """Closes a run. What it says of ports is kept, but for what it says that it has published and has not."""
        opened = self.handovers.run(run.run_id)
        self._require_mine(caller, run.run_id, opened)
        assert opened is not None, "it is the caller's"
        if opened.closed_at is not None:
            return
        published = set(self.handovers.published_by(run.run_id))
        for port in run.ports:
            _require_port(port.address)
        ports = tuple(self._outcome(p, run.run_id, published) for p in run.ports if p.address.domain in opened.domains)
        state = run.state if run.state is not RunState.RUNNING else RunState.INTERRUPTED
        ended = replace(
            run,
            actor=caller.name,
            state=state,
            started_at=opened.opened_at,
            finished_at=self._rooms.now(),
            ports=ports,
            process=_ELSEWHERE,
        )
        self._rooms.production.finish_run(ended)
        self._close(run.run_id)

    def record_checks(self, caller: Caller, run_id: str, asked: ChecksAsked) -> None:
        """Keeps the check results of a port that was not published."""
        run = self._writing(caller, run_id)
        self._require_table(run, asked.address)
        _require_port(asked.address)
        self._rooms.production.record_checks(run_id, asked.address, asked.results, self._rooms.now())

    def end_overdue(self) -> None:
        """Closes runs that have not said how they ended."""
        registry = self._rooms.production
        for run_id in self.handovers.overdue(self._rooms.now()):
            run = registry.run(run_id)
            if run is not None and run.state is RunState.RUNNING:
                registry.finish_run(replace(run, state=RunState.INTERRUPTED, finished_at=self._rooms.now()))
            self._close(run_id)

    def _close(self, run_id: str) -> None:
        self.handovers.close(run_id, self._rooms.now())
        shutil.rmtree(self.folder_of(run_id), ignore_errors=True)
        if self.objects is not None:
            addressing.drop(self.objects, run_id)

    def _outcome(self, port: PortOutcome, run_id: str, published: set[str]) -> PortOutcome:
        if port.outcome not in ("published", "updated"):
            return port
        if str(port.address.of_product) not in published:
            return replace(port, outcome="failed", snapshot_id=None)
        found = self._rooms.production.publication(port.address)
        mine = found is not None and found.run_id == run_id
        return replace(port, snapshot_id=found.snapshot_id, rows=found.rows) if found is not None and mine else port

    # files

    def folder_of(self, run_id: str) -> Path:
        """Where the files of a run lie that were uploaded: under no path that a table has."""
        assert _RUN_ID.fullmatch(run_id), "a run has such an id"
        return self._rooms.settings.state / "staging" / run_id

    def upload(self, caller: Caller, run_id: str, name: str, sha256: str, length: int | None) -> Incoming:
        """Takes a file of a run; what comes is written to the disk as it comes.

        Raises:
            AccessDenied: WFT-SRV-030.
            UsageError: WFT-SRV-045, its name, its digest or its size is none that can be.
        """
        self.require_file(caller, run_id, name, sha256, length)
        folder = self.folder_of(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        return Incoming(folder, name, sha256, self._most_bytes, lambda upload: self.handovers.uploaded(run_id, upload))

    def require_file(self, caller: Caller, run_id: str, name: str, sha256: str, length: int | None) -> None:
        """Refuses what no run of the caller may upload.

        Raises:
            AccessDenied: WFT-SRV-030.
            UsageError: WFT-SRV-045.
        """
        self._writing(caller, run_id)
        if not _FILE.fullmatch(name) or not _SHA256.fullmatch(sha256):
            what = f"`{name[:120]}` with `X-Content-Sha256: {sha256[:80]}` is no file that a run may upload"
            raise UsageError(error("WFT-SRV-045", what, fix="name it `NAME.parquet`, and give its SHA-256 in hex"))
        if length is not None and length > self._most_bytes:
            raise _too_large(name, self._most_bytes)

    @property
    def _most_bytes(self) -> int:
        return size_bytes(self._rooms.settings.publishing.file_size)

    # publications

    def hand_in(self, caller: Caller, body: bytes, wait_s: float) -> HandedIn:
        """Takes a publication, and has it committed or refused.

        Raises:
            AccessDenied: WFT-ACC-010, WFT-SRV-030, WFT-SRV-044.
            Conflict: WFT-SRV-038, the run has handed in another one of the product.
            UsageError: WFT-SRV-003, it is none.
            GateRefused: WFT-SRV-039, the domain has no room for another product.
        """
        try:
            handover = msgspec.json.decode(body, type=Handover)
        except msgspec.DecodeError as e:
            raise UsageError(error("WFT-SRV-003", f"no publication: {e}", fix="see /api/v1/openapi.json")) from e
        product, run_id = handover.publish.product.address, handover.publish.run_id
        require(caller, Action.PUBLISH, product.domain)
        digest = hashlib.sha256(body).hexdigest()
        known = self.handovers.handed_in(run_id, str(product))
        if known is None:
            run = self._writing(caller, run_id)
            if product.domain not in run.domains or not is_slug(product.product):
                raise _not_of_the_run(run_id, str(product))
            most_bytes = self._require_room(caller, handover)
            decides = bool(caller.domains.get(product.domain, frozenset()) & {Role.DOMAIN_OWNER, Role.PRODUCT_OWNER})
            document = msgspec.json.encode(Kept(handover, decides, most_bytes))
            now = self._rooms.now()
            known, _ = self.handovers.hand_in(run_id, str(product), digest, caller.name, document, now)
        if known.caller != caller.name or known.digest != digest:
            raise Conflict(
                error(
                    "WFT-SRV-038",
                    f"run `{run_id}` has handed in another publication of `{product}`",
                    why="a run publishes a product once",
                    fix="begin a new run",
                )
            )
        return self._committed(known, wait_s)

    def roll_back(self, caller: Caller, address: str, asked: RollbackAsked, wait_s: float) -> HandedIn:
        """Has earlier rows of a port shown again.

        Raises:
            AccessDenied: WFT-ACC-010.
            UsageError: WFT-ACC-001, there is no such port; WFT-RUN-006, its rows break today's contract.
            Conflict: WFT-RUN-001, the port has moved since it was looked at.
        """
        target = parse_address(address)
        require(caller, Action.PUBLISH, target.domain)
        target = self._rooms.published(address).address
        if not _RUN_ID.fullmatch(asked.request):
            raise UsageError(error("WFT-SRV-030", "the id of a request is of letters, digits and `-`, 8 to 64 of them"))
        document = msgspec.json.encode(Kept(None, rollback=replace(asked, address=target)))
        digest = hashlib.sha256(document).hexdigest()
        now, of = self._rooms.now(), str(target.of_product)
        known, _ = self.handovers.hand_in(asked.request, of, digest, caller.name, document, now)
        if known.caller != caller.name or known.digest != digest:
            raise Conflict(error("WFT-SRV-038", f"`{asked.request}` is another request", fix="try again"))
        return self._committed(known, wait_s)

    def handed_in(self, caller: Caller, run_id: str, product: str, wait_s: float) -> HandedIn:
        """How a publication stands that was handed in; one that waits is waited for.

        Raises:
            UsageError: WFT-SRV-048, the caller has handed in no such publication.
            AccessDenied: WFT-ACC-010.
        """
        known = self.handovers.handed_in(run_id, product) if _RUN_ID.fullmatch(run_id) else None
        if known is None or known.caller != caller.name:
            what = f"run `{run_id}` has handed in nothing of `{product}`"
            raise UsageError(error("WFT-SRV-048", what, fix="`POST /api/v1/publications` hands it in"))
        require(caller, Action.PUBLISH, product.partition(".")[0])
        return self._committed(known, wait_s)

    def _committed(self, known: HandedIn, wait_s: float) -> HandedIn:
        """How a handover stands after it was waited for.

        Raises:
            WeftError: why it was refused.
        """
        if known.state is HandoverState.WAITING:
            self.committer.commit(known.run_id, known.product, wait_s)
            found = self.handovers.handed_in(known.run_id, known.product)
            assert found is not None, "what was handed in stays"
            known = found
        if known.state is HandoverState.REFUSED:
            assert known.answer is not None, "what is refused says why"
            raise failure_of(known.answer)
        return known

    def _require_room(self, caller: Caller, handover: Handover) -> int | None:
        """How much the product's domain may keep; refuses another product where it may have no more.

        Raises:
            AccessDenied: WFT-SRV-044, the domain is handed in with another document than the one that is registered.
            GateRefused: WFT-SRV-039.
        """
        publish = handover.publish
        product = publish.product.address
        registered = self._require_domain(product.domain)
        if publish.domain.name == product.domain and codec.domain_text(
            replace(publish.domain, requisitioned_by=registered.requisitioned_by)
        ) != codec.domain_text(registered):
            raise AccessDenied(
                error(
                    "WFT-SRV-044",
                    f"`domain.yaml` of `{product.domain}` is not as it is registered",
                    why="a publication does not change its domain",
                    fix="let an owner of the domain apply, or `PUT /api/v1/domains/NAME`",
                )
            )
        given = self._platform.requisitions.store.of(product.domain)
        if given is None:
            return None
        products = [p for p in self._rooms.production.products() if p.domain == product.domain]
        if product not in products and len(products) >= given.most_products:
            what = f"domain `{product.domain}` has {len(products)} products, and may have no more"
            raise GateRefused(error("WFT-SRV-039", what, fix="ask an operator for more"))
        return given.most_bytes

    def _require_domain(self, name: str) -> DomainRecord:
        """A domain as it is registered.

        Raises:
            UsageError: WFT-SRV-043, it is not.
        """
        found = self._rooms.production.domains().get(name)
        if found is None:
            what = f"domain `{name}` is not registered"
            raise UsageError(error("WFT-SRV-043", what, fix="`weft apply` requisitions it, with a token of a person"))
        return found

    # whose

    def _writing(self, caller: Caller, run_id: str) -> OpenRun:
        """A run of the caller's that is open.

        Raises:
            AccessDenied: WFT-SRV-030.
        """
        run = self.handovers.run(run_id)
        self._require_mine(caller, run_id, run)
        assert run is not None, "it is the caller's"
        if not run.writes(self._rooms.now()):
            raise AccessDenied(error("WFT-SRV-030", f"run `{run_id}` is over", fix="begin a new run"))
        for domain in run.domains:
            require(caller, Action.PUBLISH, domain)  # it may have been taken away meanwhile
        return run

    def _require_mine(self, caller: Caller, run_id: str, run: OpenRun | None) -> None:
        if run is None or run.caller != caller.name:
            # whether somebody else has such a run is nobody's business
            raise AccessDenied(error("WFT-SRV-030", f"there is no run `{run_id[:80]}` of `{caller.name}`"))

    def _require_table(self, run: OpenRun, table: Address) -> None:
        stem = table.port.removeprefix("~").partition("@")[0]
        sound = all(map(is_slug, (table.domain, table.product, stem))) and table.major is not None
        if table.domain not in run.domains or not sound:
            raise _not_of_the_run(run.run_id, str(table))


class Incoming:
    """A file on its way to the disk."""

    def __init__(self, folder: Path, name: str, sha256: str, most_bytes: int, keep: Callable[[Upload], Upload]) -> None:
        self._file = folder / name
        self._part = folder / f".{name}.{id(self):x}"
        self._expected = sha256
        self._most_bytes = most_bytes
        self._keep = keep
        self._digest = hashlib.sha256()
        self._size = 0
        self._out: IO[bytes] = self._part.open("xb")

    def write(self, chunk: bytes) -> None:
        """Takes the next bytes.

        Raises:
            UsageError: WFT-SRV-045, they are too many.
        """
        self._size += len(chunk)
        if self._size > self._most_bytes:
            raise _too_large(self._file.name, self._most_bytes)
        self._digest.update(chunk)
        self._out.write(chunk)

    def done(self) -> Upload:
        """Keeps the file under its name, where it has the digest that was announced; the first one under a name stays.

        Raises:
            UsageError: WFT-SRV-045, it has another.
            Conflict: WFT-SRV-031, another file has the name.
        """
        self._out.close()
        upload = Upload(self._file.name, self._size, self._digest.hexdigest())
        if upload.sha256 != self._expected:
            what = f"`{upload.name}` has come with another SHA-256 than was announced"
            raise UsageError(error("WFT-SRV-045", what, fix="upload it again"))
        if self._keep(upload) != upload:
            what = f"another file was uploaded as `{upload.name}` in this run"
            raise Conflict(error("WFT-SRV-031", what, fix="give each file its own name"))
        if not self._file.exists():
            self._part.rename(self._file)
        return upload

    def close(self) -> None:
        """Removes what was not kept."""
        self._out.close()
        self._part.unlink(missing_ok=True)


def _require_port(address: Address) -> None:
    """Refuses what no port can be called: a record that holds it could not be read again.

    Raises:
        UsageError: WFT-PLN-001.
    """
    if parse_address(str(address)) != address or address.major is None:
        raise UsageError(error("WFT-PLN-001", f"`{str(address)[:200]}` is not the address of a port with its major"))


def _too_large(name: str, most: int) -> UsageError:
    what = f"`{name}` is larger than {most:,} bytes"
    return UsageError(error("WFT-SRV-045", what, fix="write smaller files, or raise `publishing.file_size`"))


def _not_of_the_run(run_id: str, what: str) -> AccessDenied:
    return AccessDenied(
        error(
            "WFT-SRV-032", f"`{what[:200]}` is none of what run `{run_id[:80]}` may publish", fix="begin a run for it"
        )
    )
