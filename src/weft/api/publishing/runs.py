"""Runs of domains elsewhere: opened for a while, given a place for their files, and ended."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from weft.access.permissions import Action, Caller, require
from weft.api.publishing import addressing
from weft.api.publishing.committer import Committer, ProcessCommitter
from weft.api.publishing.incoming import Incoming, too_large
from weft.api.publishing.run_inputs import INPUTS, drop_inputs
from weft.api.publishing.runs_elsewhere import begun, ended_at, outcome, require_port
from weft.config import duration, size_bytes
from weft.errors import AccessDenied, Conflict, UsageError, error
from weft.model.address import Address, ProductAddress, is_slug
from weft.model.handover import AskedTable, ChecksAsked, Numbering, RunOpened
from weft.model.records import Run, RunState
from weft.registry import codec
from weft.registry.handovers import HandoverState, HandoverStore, OpenRun
from weft.runs.quotas import require_bytes

if TYPE_CHECKING:
    from weft.api.platform import Platform
    from weft.registry.meters import Meter
    from weft.storage.object_files import ObjectFiles

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{7,63}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\.parquet")
_SHA256 = re.compile(r"[0-9a-f]{64}")


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
        if not RUN_ID.fullmatch(run.run_id):
            raise UsageError(error("WFT-SRV-030", "the id of a run is of letters, digits and `-`, 8 to 64 of them"))
        domains = frozenset(p.address.domain for p in run.ports)
        if not domains:
            raise UsageError(error("WFT-SRV-030", f"run `{run.run_id}` names no port that it publishes"))
        for port in run.ports:
            require_port(port.address)
        for domain in sorted(domains):
            require(caller, Action.PUBLISH, domain)
            self._platform.requisitions.registered(domain)
        now = self._rooms.now()
        ends_at = now + duration(self._rooms.settings.publishing.run_time)
        known = self.handovers.run(run.run_id)
        if known is None and self._rooms.production.run(run.run_id) is not None:
            # it was begun on the server itself, by somebody else: nobody goes on with it from elsewhere
            raise AccessDenied(error("WFT-SRV-030", f"run `{run.run_id}` is another one", fix="begin a new run"))
        opened = self.handovers.open(OpenRun(run.run_id, caller.name, domains, now, ends_at))
        if opened.caller != caller.name or opened.domains != domains or not opened.writes(now):
            raise AccessDenied(error("WFT-SRV-030", f"run `{run.run_id}` is another one", fix="begin a new run"))
        if known is None:
            self._rooms.production.start_run(begun(run, caller.name, now))
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
        named = {f.column for f in asked.layout.partition} | {f.column for f in asked.layout.sort}
        unknown = sorted(named.difference(c.name for c in asked.columns))
        if unknown:
            what = f"`{asked.table}` is to be laid out by `{unknown[0][:80]}`, which is no column of it"
            raise UsageError(error("WFT-SRV-003", what, fix="name columns of the table"))
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
            require_port(port.address)
        own = [p for p in run.ports if p.address.domain in opened.domains]
        now = self._rooms.now()
        ports = tuple(
            outcome(p, run.run_id, published, self._rooms.production, ended_at(p, run, opened.opened_at, now))
            for p in own
        )
        state = run.state if run.state is not RunState.RUNNING else RunState.INTERRUPTED
        started = self._rooms.production.run(run.run_id) or begun(run, caller.name, opened.opened_at)
        self._rooms.production.finish_run(replace(started, state=state, finished_at=now, ports=ports))
        self._close(run.run_id)

    def record_checks(self, caller: Caller, run_id: str, asked: ChecksAsked) -> None:
        """Keeps the check results of a port that was not published.

        Raises:
            AccessDenied: WFT-SRV-030, WFT-SRV-032.
            Conflict: WFT-SRV-038, it was handed in.
        """
        run = self._writing(caller, run_id)
        self._require_table(run, asked.address)
        require_port(asked.address)
        handed_in = self.handovers.handed_in(run_id, str(asked.address.of_product))
        if handed_in is not None and handed_in.state is not HandoverState.REFUSED:
            what = f"run `{run_id}` has handed in `{asked.address.of_product}`: what came of its checks is found here"
            raise Conflict(error("WFT-SRV-038", what, fix="begin a new run"))
        self._rooms.production.record_checks(run_id, asked.address, asked.results, self._rooms.now())

    def meter(self, caller: Caller, run_id: str, meters: Sequence[Meter]) -> None:
        """Keeps what a run says that it has cost its own machine.

        Raises:
            AccessDenied: WFT-SRV-030 the run is not the caller's or is over, WFT-SRV-032 a product is none of its.
        """
        from weft.registry.meters import MeterStore
        from weft.runs.metering import told

        run = self._writing(caller, run_id)
        kept = told(meters, run_id, self._rooms.now())
        for product in dict.fromkeys(m.product for m in kept):
            domain, _, name = product.partition(".")
            if domain not in run.domains or not is_slug(name):
                raise _not_of_the_run(run_id, product)
        MeterStore(self._platform.database).add(kept)

    def tidy(self) -> int:
        """Closes runs that have not said how they ended, and removes uploads that nobody publishes any more.

        Returns:
            How many runs it has closed.
        """
        registry, ended = self._rooms.production, 0
        try:
            with registry.lock("runs elsewhere", holder=secrets.token_hex(6), timeout_s=0):
                for run_id in self.handovers.overdue(self._rooms.now()):
                    run = registry.run(run_id)
                    if run is not None and run.state is RunState.RUNNING:
                        registry.finish_run(replace(run, state=RunState.INTERRUPTED, finished_at=self._rooms.now()))
                    self._close(run_id)
                    ended += 1
        except Conflict:  # another worker is at it
            return 0
        staging = self._rooms.settings.state / "staging"
        for folder in staging.iterdir() if staging.is_dir() else ():
            opened = self.handovers.run(folder.name)
            if opened is None or opened.closed_at is not None:
                waits = self.handovers.waits(folder.name)
                shutil.rmtree(folder / INPUTS if waits else folder, ignore_errors=True)
        return ended

    def _close(self, run_id: str) -> None:
        """Ends a run; what is still to be committed keeps its files until it is."""
        self.handovers.close(run_id, self._rooms.now())
        drop_inputs(self._platform, run_id)
        self.let_go(run_id)

    def let_go(self, run_id: str) -> None:
        """Removes what a run has uploaded, where it has ended and nothing of it is still to be committed."""
        opened = self.handovers.run(run_id)
        if (opened is None or opened.closed_at is not None) and not self.handovers.waits(run_id):
            shutil.rmtree(self.folder_of(run_id), ignore_errors=True)
            if self.objects is not None:
                addressing.drop(self.objects, run_id)

    # files

    @cached_property
    def place(self) -> str:
        """A name for this server's folder: only who works over the same one finds the files of a handover."""
        file = self._rooms.settings.state / "place"
        try:
            return file.read_text(encoding="utf-8")
        except FileNotFoundError:
            file.parent.mkdir(parents=True, exist_ok=True)
            made = file.with_name(f".place-{secrets.token_hex(6)}")
            made.write_text(secrets.token_hex(8), encoding="utf-8")
            with suppress(FileExistsError):  # another process was faster
                os.link(made, file)
            made.unlink()
            return file.read_text(encoding="utf-8")

    def folder_of(self, run_id: str) -> Path:
        """Where the files of a run lie that were uploaded: under no path that a table has."""
        assert RUN_ID.fullmatch(run_id), "a run has such an id"
        return self._rooms.settings.state / "staging" / run_id

    def upload(self, caller: Caller, run_id: str, name: str, sha256: str, length: int | None) -> Incoming:
        """Takes a file of a run; what comes is written to the disk as it comes.

        Raises:
            AccessDenied: WFT-SRV-030.
            UsageError: WFT-SRV-045, its name, its digest or its size is none that can be.
            GateRefused: WFT-SRV-039, its domain has no room for it.
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
            GateRefused: WFT-SRV-039, its domain has no room for it.
        """
        run = self._writing(caller, run_id)
        if not _FILE.fullmatch(name) or not _SHA256.fullmatch(sha256):
            what = f"`{name[:120]}` with `X-Content-Sha256: {sha256[:80]}` is no file that a run may upload"
            raise UsageError(error("WFT-SRV-045", what, fix="name it `NAME.parquet`, and give its SHA-256 in hex"))
        if length is not None and length > self._most_bytes:
            raise too_large(name, self._most_bytes)
        for domain in sorted(run.domains):
            room = self._platform.requisitions.room(domain)
            if room is not None:
                require_bytes(room, domain, self.handovers.uploaded_bytes(domain) + (length or 0))

    def require_builds(self, caller: Caller, run_id: str, product: ProductAddress) -> OpenRun:
        """The run of a caller that builds a product now.

        Raises:
            AccessDenied: WFT-SRV-030 it is not theirs or is over, WFT-SRV-032 it is for other domains.
        """
        run = self._writing(caller, run_id)
        if product.domain not in run.domains or not is_slug(product.product):
            raise _not_of_the_run(run_id, str(product))
        return run

    @property
    def _most_bytes(self) -> int:
        return size_bytes(self._rooms.settings.publishing.file_size)

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


def _not_of_the_run(run_id: str, what: str) -> AccessDenied:
    return AccessDenied(
        error(
            "WFT-SRV-032", f"`{what[:200]}` is none of what run `{run_id[:80]}` may publish", fix="begin a run for it"
        )
    )
