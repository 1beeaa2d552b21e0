"""Landed batches: what was read from a source, raw, in folders that appear whole or not at all.

.weft/landing/DOMAIN/PRODUCT/INPUT/
    batch-20261121T140000123456-1a2b3c/
        batch.json            what it is, see `Batch`
        rows-0.parquet …      the rows as they came, with `_loaded_at` and `_batch`
        keys-0.parquet …      every key of the source, where deletes are found by them
    asked.json                when the source was asked last, and what it said
    lock
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from weft.model.address import ProductAddress

_PREFIX = "batch-"
_HALF = ".half-"
_TIME = "%Y%m%dT%H%M%S%f"


class LandedColumn(Struct, frozen=True):
    """A column as it was landed: its type on the server, and the one that it is read with."""

    name: str
    server: str
    type: str
    endless: bool = False


class Batch(Struct, frozen=True):
    """What one landing has brought.

    Attributes:
        binding: digest of what was read and how; batches of another one do not go together with it.
        since: the first value of the cursor that was read; None: everything was.
        until: the greatest value of the cursor when reading began.
        watermark: what the source said of itself then.
        keyed: whether every key of the source stands beside the rows.
        version: moves with the rows that this batch and those before it make.
    """

    batch: str
    loaded_at: str
    binding: str
    rows: int
    columns: tuple[LandedColumn, ...]
    version: str
    since: str | None = None
    until: str | None = None
    watermark: str | None = None
    keyed: bool = False

    @property
    def at(self) -> dt.datetime:
        """When it was loaded, in UTC."""
        return dt.datetime.fromisoformat(self.loaded_at)


class Asked(Struct, frozen=True):
    """What a source has said when it was asked last."""

    at: str
    watermark: str | None


class LandingFolder:
    """The batches of one input port."""

    def __init__(self, state: Path, product: ProductAddress, name: str) -> None:
        self.path = state / "landing" / product.domain / product.product / name

    def batches(self, binding: str) -> list[Batch]:
        """The batches that make the present state, oldest first: the last full one of a binding, and what follows."""
        found: list[Batch] = []
        for folder in reversed(self.folders()):
            one = _read(folder)
            if one.binding != binding:
                break
            found.append(one)
            if one.since is None:
                return found[::-1]
        return []  # without a full one there is no state

    def folders(self) -> list[Path]:
        """The folder of every batch, oldest first."""
        return sorted(self.path.glob(f"{_PREFIX}*")) if self.path.is_dir() else []

    def files(self, batch: Batch, kind: str) -> list[Path]:
        """The files of a batch: `rows`, `keys` or `raw`."""
        return sorted((self.path / f"{_PREFIX}{batch.batch}").glob(f"{kind}-*"))

    def asked(self) -> Asked | None:
        """When the source was asked last; None when it never was."""
        try:
            return msgspec.json.decode((self.path / "asked.json").read_bytes(), type=Asked)
        except (OSError, msgspec.DecodeError):
            return None

    def note(self, asked: Asked) -> None:
        """Keeps when the source was asked."""
        _written(self.path / "asked.json", msgspec.json.encode(asked))

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else lands into this folder meanwhile; what a landing that died has left is gone."""
        import fcntl

        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            for half in self.path.glob(f"{_HALF}*"):
                shutil.rmtree(half, ignore_errors=True)
            yield

    @contextlib.contextmanager
    def half(self, now: dt.datetime) -> Iterator[tuple[str, Path]]:
        """Name and folder of a batch that nobody sees before `show`; it goes when anything fails.

        Batches stand in the order of their names, so that none may come before one that is there: clocks go back.
        """
        last = self.folders()[-1:]
        if last:
            then = last[0].name.removeprefix(_PREFIX).partition("-")[0]
            now = max(now, dt.datetime.strptime(f"{then}Z", f"{_TIME}%z") + dt.timedelta(microseconds=1))
        name = f"{now:{_TIME}}-{secrets.token_hex(3)}"
        folder = self.path / f"{_HALF}{name}"
        folder.mkdir(parents=True)
        try:
            yield name, folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def show(self, batch: Batch, folder: Path) -> None:
        """Makes a batch visible, by one rename, when everything in it is on the disk."""
        _written(folder / "batch.json", msgspec.json.encode(batch))
        for file in folder.iterdir():
            _synced(file)
        _synced(folder)
        folder.rename(self.path / f"{_PREFIX}{batch.batch}")
        _synced(self.path)

    def drop(self, needed: Sequence[Batch], before: dt.datetime) -> None:
        """Removes batches that the present state does not need and that were loaded before a time."""
        keep = {b.batch for b in needed}
        for folder in self.folders():
            one = _read(folder)
            if one.batch not in keep and one.at < before:
                gone = self.path / f"{_HALF}{one.batch}"
                folder.rename(gone)
                shutil.rmtree(gone, ignore_errors=True)


def version_after(former: str, name: str) -> str:
    """The version of the rows that a batch makes together with those before it."""
    return hashlib.sha256(json.dumps([former, name]).encode()).hexdigest()


def _read(folder: Path) -> Batch:
    return msgspec.json.decode((folder / "batch.json").read_bytes(), type=Batch)


def _written(path: Path, content: bytes) -> None:
    half = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    half.write_bytes(content)
    _synced(half)
    half.replace(path)


def _synced(path: Path) -> None:
    held = os.open(path, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)
