"""The registry of a server: the same questions over HTTP; what a run changes, the server checks and commits."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from msgspec.structs import replace

from weft.errors import AccessDenied, TransientError, UsageError, WeftError, error
from weft.model.address import Address, ProductAddress
from weft.model.checks import CheckResult
from weft.model.document import Carried
from weft.model.handover import (
    AskedTable,
    ChecksAsked,
    Committed,
    Handover,
    Numbering,
    RollbackAsked,
    RunOpened,
    Scan,
    ScanAsked,
    StagedTable,
    Upload,
    UploadAddress,
)
from weft.model.lineage import LineageEdge
from weft.model.publication import DataFile, Expired, KeptTable, PortState, Publication
from weft.model.records import Batch, DomainRecord, Event, ProductRecord, Publish, Run, RunState
from weft.registry import log
from weft.registry.base import Registry, read_all_events
from weft.registry.credentials import Credentials, default_folder, server_url, token_for
from weft.registry.meters import Meter, MetersTold
from weft.registry.remote import Server

_PATIENCE_S = 1800.0
"""How long a publication is waited for: the server reads every row of it."""

_READ = "/api/v1/registry"


class HttpRegistry:
    """Reads what a server has registered, and hands in what runs make.

    What concerns this machine alone stays here, in a small registry of its own: which of its runs have died, the
    batches of builds that were interrupted, and that two runs of one repository do not publish a product at once.
    """

    def __init__(
        self, url: str, local: Registry | None = None, token: str | None = None, cache: Path | None = None
    ) -> None:
        if local is None:
            from weft.registry.memory import MemoryRegistry

            local = MemoryRegistry()
        self.server = Server(url, lambda: token or token_for(url, os.environ), cache)
        self._local = local
        self._staged: dict[str, StagedTable] = {}
        self._uploads: dict[str, Upload] = {}
        self._addressed: dict[str, bool] = {}

    @property
    def described(self) -> str:
        """The server, by its address."""
        return f"weft server, {self.server.url}"

    def close(self) -> None:
        """Gives connections back."""
        self.server.close()
        self._local.close()

    # reading

    def ports(self) -> Mapping[Address, PortState]:
        """Every port that was ever published, by pinned address."""
        return {s.address: s for s in self.server.get(f"{_READ}/ports", list[PortState])}

    def port(self, address: Address) -> PortState | None:
        """One port; without major its default major."""
        found: PortState | None = self.server.get(f"{_READ}/ports/{address}", PortState | None)
        return found

    def publication(self, address: Address, snapshot_id: str | None = None) -> Publication | None:
        """The current publication of a pinned port, or the newest one of a snapshot."""
        return self._publication(address, {"snapshot": snapshot_id})

    def publication_at(self, address: Address, at: datetime) -> Publication | None:
        """What could be read of a pinned port at a time."""
        return self._publication(address, {"at": at.isoformat()})

    def _publication(self, address: Address, params: Mapping[str, str | None]) -> Publication | None:
        found: Publication | None = self.server.get(
            f"{_READ}/ports/{address}/publication", Publication | None, params=params
        )
        return found

    def history(
        self, address: Address, *, before: int | None = None, limit: int | None = None
    ) -> Sequence[Publication]:
        """Publications of a pinned port, newest first."""
        found: list[Publication] = self.server.get(
            f"{_READ}/ports/{address}/history", list[Publication], {"before": before, "limit": limit}
        )
        return found

    def kept_tables(self, product: ProductAddress | None = None) -> Sequence[KeptTable]:
        """What private models keep, of one product or of all that the caller publishes."""
        params = {"product": str(product) if product is not None else None}
        found: list[KeptTable] = self.server.get(f"{_READ}/kept-tables", list[KeptTable], params)
        return found

    def batches(self, build: str | None = None) -> Sequence[Batch]:
        """Batches of builds of this machine that are not published yet."""
        return self._local.batches(build)

    def products(self) -> Mapping[ProductAddress, ProductRecord]:
        """Every registered product."""
        return {r.address: r for r in self.server.get(f"{_READ}/products", list[ProductRecord])}

    def domains(self) -> Mapping[str, DomainRecord]:
        """Every registered domain."""
        return {r.name: r for r in self.server.get(f"{_READ}/domains", list[DomainRecord])}

    def policies(self) -> list[Carried]:
        """The policies of the platform that the server has."""
        found: list[Carried] = self.server.get(f"{_READ}/policies", list[Carried])
        return found

    def product(self, address: ProductAddress) -> ProductRecord | None:
        """One registered product."""
        found: ProductRecord | None = self.server.get(f"{_READ}/products/{address}", ProductRecord | None)
        return found

    def products_after(self, after: str, limit: int) -> Sequence[ProductRecord]:
        """The next products behind an address."""
        found: list[ProductRecord] = self.server.get(
            f"{_READ}/products", list[ProductRecord], {"after": after, "limit": limit}
        )
        return found

    def domain(self, name: str) -> DomainRecord | None:
        """One registered domain."""
        found: DomainRecord | None = self.server.get(f"{_READ}/domains/{quote(name, safe='')}", DomainRecord | None)
        return found

    def ports_of(self, product: ProductAddress) -> Sequence[PortState]:
        """The ports of one product."""
        found: list[PortState] = self.server.get(f"{_READ}/products/{product}/ports", list[PortState])
        return found

    def moved(self, after: int) -> frozenset[str] | None:
        """None: the log is not for everybody, so it cannot tell every client what has moved."""
        return None

    def consumers(self, address: Address) -> Sequence[ProductAddress]:
        """Products that read a pinned port."""
        found: list[ProductAddress] = self.server.get(f"{_READ}/ports/{address}/consumers", list[ProductAddress])
        return found

    def lineage(
        self, nodes: Sequence[str], *, up: bool, depth: int, limit: int = 10_000
    ) -> tuple[Sequence[LineageEdge], bool]:
        """Edges within `depth` hops of the nodes, and whether the limit cut them."""
        asked = {"nodes": list(nodes), "up": up, "depth": depth, "limit": limit}
        found: tuple[list[LineageEdge], bool] = self.server.send(
            "POST", f"{_READ}/lineage", asked, tuple[list[LineageEdge], bool]
        )
        return found

    def nodes_of(self, table: str) -> Sequence[str]:
        """Lineage nodes of a table's columns."""
        found: list[str] = self.server.get(f"{_READ}/nodes", list[str], {"table": table})
        return found

    def runs(
        self, address: Address | None = None, limit: int = 20, before: tuple[datetime, str] | None = None
    ) -> Sequence[Run]:
        """The newest runs, of one port or of all."""
        params = {
            "port": str(address) if address is not None else None,
            "limit": limit,
            "before": before[0].isoformat() if before is not None else None,
            "before_id": before[1] if before is not None else None,
        }
        found: list[Run] = self.server.get(f"{_READ}/runs", list[Run], params)
        return found

    def run(self, run_id: str) -> Run | None:
        """One run."""
        found: Run | None = self.server.get(f"{_READ}/runs/{quote(run_id, safe='')}", Run | None)
        return found

    def unfinished(self) -> Sequence[Run]:
        """Runs of this machine that have begun and not ended: the server sees after the others."""
        return self._local.unfinished()

    def lives(self, run: Run) -> bool:
        """Whether whoever began a run of this machine still goes on with it."""
        return self._local.lives(run)

    def checks(self, run_id: str, address: Address | None = None) -> Mapping[Address, Sequence[CheckResult]]:
        """Check results of a run; of rows that fail them only what one may read."""
        params = {"port": str(address) if address is not None else None}
        found = self.server.get(f"{_READ}/runs/{quote(run_id, safe='')}/checks", list[ChecksAsked], params)
        return {one.address: one.results for one in found}

    def events(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The log after a sequence number."""
        found: list[Event] = self.server.get(f"{_READ}/events", list[Event], {"after": after, "limit": limit})
        return found

    def last_event(self) -> int:
        """The newest sequence number, 0 for an empty log."""
        found: int = self.server.get(f"{_READ}/last-event", int)
        return found

    def verify_log(self) -> int:
        """Walks the hash chain, here: the server's word is not taken for it."""
        return log.verify(read_all_events(self))

    # runs

    def start_run(self, run: Run) -> None:
        """Opens a run on the server, and remembers here which process it lives in."""
        self._local.start_run(run)
        try:
            opened: RunOpened = self.server.send("POST", "/api/v1/runs", run, RunOpened)
        except WeftError as e:
            if not isinstance(e, TransientError):  # then nobody knows whether it has begun there
                self._local.finish_run(replace(run, state=RunState.INTERRUPTED, finished_at=run.started_at))
            raise
        self._addressed[run.run_id] = opened.addressed

    def finish_run(self, run: Run) -> None:
        """Tells the server how a run ended; what it has uploaded and not published goes.

        One that ended in the middle may never have begun there, or have begun under another name: whoever goes on here
        cannot close it, and the server sees to it when its time is over.
        """
        try:
            self.server.send("PUT", f"/api/v1/runs/{run.run_id}", run)
        except AccessDenied as e:
            if run.state is not RunState.INTERRUPTED or e.diagnostics[0].code != "WFT-SRV-030":
                raise
        self._local.finish_run(run)

    def record_checks(self, run_id: str, address: Address, results: Sequence[CheckResult], at: datetime) -> None:
        """Keeps check results of a port that was not published."""
        self.server.send("PUT", f"/api/v1/runs/{run_id}/checks", ChecksAsked(address, tuple(results)))

    def meter(self, meters: Sequence[Meter]) -> None:
        """Tells the server what runs have cost this machine."""
        for run_id in dict.fromkeys(m.run_id for m in meters if m.run_id is not None):
            mine = MetersTold(tuple(m for m in meters if m.run_id == run_id))
            self.server.send("POST", f"/api/v1/runs/{run_id}/meters", mine)

    def numbered(self, run_id: str, asked: AskedTable) -> Numbering:
        """The columns of a table that a run is about to write, with the field ids that the server gives them."""
        found: Numbering = self.server.send("POST", f"/api/v1/runs/{run_id}/tables", asked, Numbering)
        return found

    def stage(self, run_id: str, table: StagedTable, fresh: Mapping[str, Path]) -> None:
        """Uploads the new files of a snapshot, which `publish` will commit by its key.

        Args:
            fresh: where each new file lies, by its path in the manifest.
        """
        self._staged[table.key] = table
        for path, file in fresh.items():
            self.upload(run_id, path, file)

    def upload(self, run_id: str, path: str, file: Path) -> None:
        """Uploads one file of a run."""
        if path in self._uploads:
            return
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        name = f"{hashlib.sha256(path.encode()).hexdigest()[:32]}.parquet"
        upload = Upload(name, file.stat().st_size, digest)
        if self._addressed.get(run_id):
            asked = f"/api/v1/runs/{run_id}/uploads"
            self.server.put_at(lambda: self.server.send("POST", asked, upload, UploadAddress), file)
        else:
            self.server.put_file(f"/api/v1/runs/{run_id}/files/{name}", file, digest)
        self._uploads[path] = upload

    def held(self, table: Address) -> tuple[DataFile, ...]:
        """The files that the server has of a table: of a port's current publication, or of what a model keeps."""
        for kept in self.kept_tables(table.of_product) if table.port.startswith("~") else ():
            if kept.table == table:
                return kept.manifest.files
        found = self.publication(table) if not table.port.startswith("~") else None
        if found is None:
            return ()
        return found.manifest.files + (found.quarantine.manifest.files if found.quarantine is not None else ())

    def scan(self, asked: ScanAsked) -> Scan:
        """The files of a snapshot that somebody may read; those of a table in a database are made while one waits."""
        if asked.run is not None:
            made: Scan = self.server.send("POST", "/api/v1/scans", asked, Scan, again=False, patience_s=_PATIENCE_S)
            return made
        found: Scan = self.server.send("POST", "/api/v1/scans", asked, Scan)
        return found

    def fetch(self, scan: Scan, number: int, size_bytes: int, file: Path) -> None:
        """Downloads a file of a scan."""
        self.server.fetch_file(f"/api/v1/scans/{scan.scan_id}/files/{number}", file, size_bytes, scan.token)

    # writing

    def publish(self, publish: Publish) -> Sequence[Publication]:
        """Hands in a publication: the server checks all of it, and commits it or refuses it whole."""
        handover = self.handover(publish)
        done: Committed = self.server.hand_in("/api/v1/publications", handover, Committed, _PATIENCE_S)
        for table in handover.tables:
            del self._staged[table.key]
        for path in handover.uploads:
            del self._uploads[path]
        return done.publications

    def handover(self, publish: Publish) -> Handover:
        """A publication with what was staged for it."""
        keys = {p.snapshot_id for p in publish.publications} | {t.snapshot_id for t, _ in publish.tables}
        tables = tuple(t for key, t in self._staged.items() if key in keys)
        paths = {f.path for t in tables for f in t.files}
        paths |= {f.path for p in publish.publications if p.quarantine for f in p.quarantine.manifest.files}
        uploads = {path: upload for path, upload in self._uploads.items() if path in paths}
        return Handover(publish, tables, uploads)

    def retire(self, addresses: Sequence[Address], *, actor: str, run_id: str, at: datetime) -> None:
        """Ends reading of ports whose product is gone."""
        for address in addresses:
            self.server.send("POST", f"{_READ}/ports/{address}/retire", {"run_id": run_id})

    def release(self, address: Address, *, actor: str, at: datetime) -> None:
        """Takes the pin of a rollback away."""
        self.server.send("POST", f"{_READ}/ports/{address}/release", {})

    def set_default(self, address: Address, *, actor: str, at: datetime) -> None:
        """Makes a major the one that the address without major means."""
        self.server.send("POST", f"{_READ}/ports/{address}/default", {})

    def rollback(
        self, publication: Publication, *, expected_revision: int, reason: str, actor: str, at: datetime
    ) -> Publication:
        """Asks the server to show earlier rows again: it checks them itself."""
        asked = RollbackAsked(publication.run_id, publication.snapshot_id, expected_revision, reason)
        path = f"{_READ}/ports/{publication.address}/rollback"
        done: Committed = self.server.hand_in(path, asked, Committed, _PATIENCE_S)
        return done.publications[0]

    def requisition(self, domain: DomainRecord) -> str | None:
        """Asks for a domain that is not there yet, and keeps the token that publishes for it."""
        made = self.server.send("POST", "/api/v1/domains", domain.document, dict[str, object], again=False)
        token = made.get("token")
        if isinstance(token, str):
            Credentials(default_folder(os.environ)).keep_domain(server_url(self.server.url), domain.name, token)
            return token
        return None

    def change_domain(self, domain: DomainRecord) -> None:
        """Changes what a domain's file says."""
        self.server.send("PUT", f"/api/v1/domains/{quote(domain.name, safe='')}", domain.document)

    def expire(self, address: Address, snapshots: Sequence[str], expired: Expired, *, actor: str) -> Sequence[str]:
        """Nothing: the server looks after its data versions itself."""
        return ()

    def adopt(self, publications: Sequence[Publication]) -> None:
        """Refuses: what is published comes to a server by runs alone.

        Raises:
            UsageError: WFT-REG-023.
        """
        raise UsageError(
            error(
                "WFT-REG-023",
                f"`{self.server.url}` takes over no publications of another registry",
                fix="apply the repository that they were made from",
            )
        )

    def keep_batch(self, batch: Batch) -> None:
        """Keeps the files of a batch, which lie on this machine."""
        self._local.keep_batch(batch)

    def drop_batches(self, builds: Sequence[str]) -> None:
        """Forgets the batches of builds."""
        self._local.drop_batches(builds)

    def lock(self, name: str, *, holder: str, timeout_s: float) -> AbstractContextManager[None]:
        """Holds a lock among the runs of this machine; the server holds its own while it commits."""
        return self._local.lock(name, holder=holder, timeout_s=timeout_s)
