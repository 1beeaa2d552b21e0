"""Tables that rest on a server: a run writes its files here, the server commits them; what is read is fetched once."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from weft.model.address import Address
from weft.model.column import Column
from weft.model.handover import AskedTable, Numbering, Scan, ScanAsked, StagedTable
from weft.model.layout import UNORDERED, Layout
from weft.model.publication import DataFile, Manifest, Publication
from weft.storage.base import Target


class Uplink(Protocol):
    """What of a server a storage needs."""

    def numbered(self, run_id: str, asked: AskedTable) -> Numbering:
        """The columns of a table that a run is about to write, with their field ids."""
        ...

    def held(self, table: Address) -> tuple[DataFile, ...]:
        """The files that the server has of a table."""
        ...

    def stage(self, run_id: str, table: StagedTable, fresh: Mapping[str, Path]) -> None:
        """Uploads the new files of a snapshot, which is committed when it is published."""
        ...

    def upload(self, run_id: str, path: str, file: Path) -> None:
        """Uploads one file of a run."""
        ...

    def scan(self, asked: ScanAsked) -> Scan:
        """The files of a snapshot that somebody may read."""
        ...

    def fetch(self, scan: Scan, number: int, size_bytes: int, file: Path) -> None:
        """Downloads a file of a scan."""
        ...


class StagedStorage:
    """Files under `root`, each where the server's warehouse has it: what was written or read once is at hand.

    A file of a snapshot never changes, so that nothing here can be out of date.
    """

    keeps = False
    """Whether tables rest here: then runs look after them."""

    far = False
    """What is committed here waits for no store: one upload follows the other."""

    def __init__(self, root: Path, server: Uplink) -> None:
        self._root = root
        self._server = server
        self._runs: dict[str, str] = {}

    @property
    def root(self) -> str:
        """Absolute path that relative file paths of a manifest belong to."""
        return str(self._root)

    def close(self) -> None:
        """Does nothing: the connection to the server is the registry's."""

    def prepare(
        self,
        table: Address,
        columns: Sequence[Column],
        known: Sequence[Column],
        run_id: str,
        layout: Layout = UNORDERED,
    ) -> Target:
        """Field ids as the server gives them, and an empty folder here."""
        numbering = self._server.numbered(run_id, AskedTable(table, tuple(columns), layout))
        folder = self._root / table.domain / table.product / f"{table.port}@{table.major}" / "data" / f"run-{run_id}"
        folder.mkdir(parents=True, exist_ok=True)
        return Target(table, numbering.columns, numbering.field_ids, str(folder), numbering.layout)

    def commit(self, target: Target, *, run_id: str, base: str | None, files: Sequence[DataFile]) -> str:
        """Uploads what is new of a snapshot. What it returns stands for the snapshot's id until it is published."""
        held = {f.path for f in self._server.held(target.table)}
        key = f"staged:{target.table}:{run_id}"
        fresh = {f.path: self._root / f.path for f in files if f.path not in held}
        staged = StagedTable(key, target.table, target.columns, target.layout, base is not None, tuple(files))
        self._server.stage(run_id, staged, fresh)
        return key

    def beside(self, run_id: str, files: Sequence[DataFile]) -> None:
        """Uploads files that stand beside a snapshot: those of a quarantine."""
        for file in files:
            self._server.upload(run_id, file.path, self._root / file.path)

    def follow(
        self,
        table: Address,
        snapshot_id: str,
        run_id: str | None,
        is_ours: Callable[[str], bool] | None = None,
        branch: str | None = None,
    ) -> str | None:
        """Nothing: the server's tables follow where they are."""
        return None

    def drop_branch(self, table: Address, branch: str) -> None:
        """Nothing: a run has no branch here."""

    def descends(self, table: Address, snapshot_id: str, ancestor: str) -> bool:
        """False: snapshots are known to the server."""
        return False

    def main(self, table: Address) -> str | None:
        """None: the server looks whether another writer has changed a table."""
        return None

    def discard(self, target: Target, run_id: str) -> None:
        """Removes what a failed run staged here; the server removes what was uploaded when the run ends."""
        shutil.rmtree(target.folder, ignore_errors=True)

    def remove(self, files: Sequence[DataFile]) -> None:
        """Removes files that a run has staged and will not commit."""
        for file in files:
            (self._root / file.path).unlink(missing_ok=True)

    def unshown(self) -> Mapping[Address, Collection[str]]:
        """Nothing: the server looks after snapshots."""
        return {}

    def forget(self, snapshots: Mapping[Address, Collection[str]]) -> None:
        """Nothing: the server looks after snapshots."""

    def sweep(
        self,
        keep: Mapping[Address, Collection[str]],
        *,
        older_than: datetime,
        runs: Collection[str],
        beside: Collection[str] = (),
        only: Collection[str] | None = None,
    ) -> Sequence[str]:
        """Removes files that nobody has read or written since a time, and what was staged by the runs `only`."""
        removed = []
        for file in self._root.glob("*/*/*/data/run-*/*"):
            run = file.parent.name.removeprefix("run-")
            if run in runs or (only is not None and run not in only):
                continue
            try:
                if only is None and datetime.fromtimestamp(file.stat().st_mtime).astimezone() >= older_than:
                    continue
                file.unlink()
            except FileNotFoundError:  # another sweep was faster
                continue
            removed.append(str(file))
        return removed

    def present(self, publication: Publication, consumer: str | None, *, quarantine: bool = False) -> None:
        """Fetches the files of a data version that are not here; the server decides who may read it.

        Args:
            consumer: the product for which it is read; None: whoever's token this is.
        """
        held = publication.quarantine.manifest if quarantine and publication.quarantine else publication.manifest
        asked = ScanAsked(str(publication.address), consumer, publication.snapshot_id, quarantine)
        self._fetched(asked, held)

    def of_database(self, publication: Publication, consumer: str, run_id: str, folder: Path) -> list[Path]:
        """Fetches what the server reads for one run of a port that lives in a database; no file where there is no row.

        Args:
            folder: where the files are put; whoever has it removes it.
        """
        scan = self._server.scan(ScanAsked(str(publication.address), consumer, publication.snapshot_id, run=run_id))
        files = [folder / f"{secrets.token_hex(8)}.parquet" for _ in scan.files]
        for one, file in zip(scan.files, files, strict=True):
            self._server.fetch(scan, one.number, one.size_bytes, file)
        return files

    def own(self, table: Address, manifest: Manifest) -> None:
        """Fetches the rows that a table of one's own goes on from, where another machine has written them."""
        self._fetched(ScanAsked(str(table), str(table.of_product)), manifest)

    def _fetched(self, asked: ScanAsked, manifest: Manifest) -> None:
        scan = self._server.scan(asked)  # also when all of it is here: whether it may be read is not for us to say
        numbers = {f.path: (f.number, f.size_bytes) for f in scan.files}
        for listed in manifest.files:
            file = self._root / listed.path
            number, size_bytes = numbers.get(listed.path, (None, listed.size_bytes))
            if file.exists() and file.stat().st_size == size_bytes:
                os.utime(file)  # it is in use: a sweep goes by that
            elif number is not None:
                self._server.fetch(scan, number, size_bytes, file)
