"""What runs elsewhere build from of ports that live in databases: rows in files, for one run, gone when it ends."""

from __future__ import annotations

import secrets
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from weft.access.live_saying import Wanted
from weft.access.opened import Readable
from weft.access.permissions import Caller
from weft.access.principals import Principal
from weft.access.reading.turns import Turns
from weft.config import duration, size_bytes
from weft.connectors.postgres_live import Limits
from weft.errors import UserCodeError, WeftError, error
from weft.model.address import ProductAddress
from weft.model.handover import Upload
from weft.model.publication import DataFile
from weft.runs.quotas import require_bytes
from weft.sql.quoting import ident

if TYPE_CHECKING:
    from weft.api.platform import Platform

INPUTS = "inputs"
"""The folder of a run, in what it may write, that the server writes into and the run does not."""


class Input(Struct, frozen=True):
    """Rows that were read for a run.

    Attributes:
        files: absolute paths, and what is told of each.
        ends_at: when the run ends at the latest.
    """

    files: tuple[tuple[str, DataFile], ...]
    ends_at: datetime

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(one.rows for _, one in self.files)

    @property
    def size_bytes(self) -> int:
        """Bytes of the files."""
        return sum(one.size_bytes for _, one in self.files)


class RunInputs:
    """Reads tables for runs elsewhere, and knows the files that came of it."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._rooms = platform.rooms
        asked = platform.rooms.settings.query
        patience_s = duration(asked.patience).total_seconds()
        self._turns = Turns(asked.each, asked.processes + asked.slow_processes, patience_s)

    def made(self, caller: Caller, run_id: str, principal: Principal, one: Readable) -> Input:
        """The rows that a port has now, all of them and nothing hidden, in files of a run.

        Args:
            one: a port that lives in a database, opened for the product that the run builds.

        Raises:
            AccessDenied: WFT-SRV-030 the run is not the caller's or is over, WFT-SRV-032 it is for other domains.
            GateRefused: WFT-SRV-039, the domain has no room for them.
            SourceError: WFT-SRC-056, the database does not answer.
            TransientError: WFT-ACC-041, too many wait for a database.
            UserCodeError: WFT-ENG-003 it takes too long, WFT-ENG-005 it is too large.
        """
        publishing = self._platform.publishing
        product = ProductAddress(*principal.name.split("."))
        publishing.require_builds(caller, run_id, product)
        folder = publishing.folder_of(run_id) / INPUTS
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        aside = folder / f".{secrets.token_hex(8)}"
        try:
            with self._turns.turn(principal.name):
                found = self._written(principal, one, aside, self._most_bytes(product.domain))
            kept = tuple(self._kept(run_id, aside / data.path, data) for data in found)
            run = publishing.require_builds(caller, run_id, product)  # it may have ended while the database worked
        except (WeftError, OSError):
            opened = publishing.handovers.run(run_id)
            if opened is None or not opened.writes(self._rooms.now()):
                drop_inputs(self._platform, run_id)
                publishing.require_builds(caller, run_id, product)  # its folder may have gone with it
            raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return Input(kept, run.ends_at)

    def holds(self, path: str) -> bool | None:
        """Whether the run of such a file is still open; None of a file that is of no run."""
        file = Path(path)
        if file.parent.name != INPUTS or file.parent.parent.parent != self._staging:
            return None
        run = self._platform.publishing.handovers.run(file.parent.parent.name)
        return run is not None and run.writes(self._rooms.now())

    def key(self, path: str) -> str | None:
        """The key of such a file in the object store; None of a file that is of no run, and where there is no store."""
        file, objects = Path(path), self._rooms.objects
        if objects is None or file.parent.name != INPUTS or file.parent.parent.parent != self._staging:
            return None
        return objects.staging(file.parent.parent.name, _in_store(file.name))

    @property
    def _staging(self) -> Path:
        return self._rooms.settings.state / "staging"

    def _most_bytes(self, domain: str) -> int:
        """How large the file of a table may be: as one that a runner uploads, and no more than its domain has room."""
        most = size_bytes(self._rooms.settings.publishing.file_size)
        room = self._platform.requisitions.room(domain)
        if room is None:
            return most
        uploaded = self._platform.publishing.handovers.uploaded_bytes(domain)
        return min(most, room.most_bytes - uploaded - require_bytes(room, domain, uploaded + 1))

    def _written(self, principal: Principal, one: Readable, folder: Path, most: int) -> tuple[DataFile, ...]:
        """Files with the types of the port, under a folder; none where there is no row."""
        assert one.live is not None, "the caller has looked"
        address = one.publication.address
        limits = Limits(duration(self._rooms.settings.query.time).total_seconds(), most)
        folder.mkdir(mode=0o700)
        try:
            ready = self._rooms.live.brought({address: one}, Wanted(domain=principal.domain), folder, limits)[address]
        except UserCodeError as e:
            if e.diagnostics[0].code != "WFT-ENG-005":
                raise
            raise _too_much(one, most) from None
        columns = one.live.columns
        ids = ", ".join(f"{ident(c.name)}: {number}" for number, c in enumerate(columns, 1))
        with self._rooms.engine.session() as session:
            found = session.copy_out(
                f"SELECT * FROM {ready.relation}",
                folder=str(folder),
                root=str(folder),
                field_ids=f"{{{ids}}}",
                columns=columns,
            )
        if sum(data.size_bytes for data in found) > most:
            raise _too_much(one, most)
        return found

    def _kept(self, run_id: str, file: Path, data: DataFile) -> tuple[str, DataFile]:
        """A file under its name; its bytes count as what its run has uploaded, as long as the run is open."""
        name = f"{secrets.token_hex(16)}.parquet"
        place = file.parent.parent / name
        self._platform.publishing.handovers.uploaded(run_id, Upload(f"{INPUTS}/{name}", data.size_bytes, ""))
        objects = self._rooms.objects
        if objects is None:
            file.replace(place)
        else:
            objects.store.upload(file, objects.staging(run_id, _in_store(name)))
        return str(place), data


def drop_inputs(platform: Platform, run_id: str) -> None:
    """Removes what was read for a run that has ended, be it that something of it still waits to be committed."""
    publishing, objects = platform.publishing, platform.rooms.objects
    shutil.rmtree(publishing.folder_of(run_id) / INPUTS, ignore_errors=True)
    names = publishing.handovers.forget_uploads(run_id, f"{INPUTS}/")
    if objects is not None:
        for name in names:
            with suppress(WeftError):  # where it does not answer, a sweep removes it
                objects.store.delete(objects.staging(run_id, _in_store(name.removeprefix(f"{INPUTS}/"))))


def _in_store(name: str) -> str:
    """The name of a file in an object store, where runs have no folders: a sweep knows a run by the folder."""
    return f"{INPUTS}-{name}"


def _too_much(one: Readable, most: int) -> UserCodeError:
    what = f"`{one.publication.address}` holds more than {most:,} bytes, and no more may be read of it for this run"
    why = "what a run elsewhere reads of a table in a database is written into a file for it"
    fix = "build the product where the server is, or ask for a port over a view with fewer rows or columns"
    return UserCodeError(error("WFT-ENG-005", what, why=why, fix=fix))
