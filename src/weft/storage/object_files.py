"""A warehouse in an object store: data is written here and uploaded whole, and what was read once is at hand.

A file of a table never changes, so that no copy here can be out of date. A copy of what rests in the store can be told
by its mode: it is for reading alone. Only copies give way when there are too many.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from weft.errors import PlatformError, ProjectError, error
from weft.storage.files import Found, TableFiles
from weft.storage.local_files import drop_empty, listed_below, written
from weft.storage.object_store import ObjectStore, Part

SCHEME = "s3://"
STAGING = ".staging"
"""Below it lies what runners have uploaded for a server that has not looked at it yet: no table's name begins so."""

SHOWN = ".shown"
"""Below it lie data versions as engines elsewhere read them, for as long as somebody has asked for them lately."""

_CLAIM = ".weft-catalog"
"""The object that says whose the place is."""

_AT_ONCE = 8
_IN_USE_S = 3600
"""A copy that was asked for in the last hour may be read just now."""

_COPY = 0o444
T = TypeVar("T")


class ObjectFiles:
    """Implements `storage.files.Files` over a bucket, with a folder of this machine before it."""

    far = True
    """Each file has to wait for the store."""

    def __init__(self, store: ObjectStore, prefix: str, folder: Path, most_bytes: int) -> None:
        """`most_bytes`: how much of the folder copies may take that nobody has asked for in the last hour."""
        self.store = store
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._folder = folder
        self._most_bytes = most_bytes
        self._fresh_bytes = most_bytes  # the first copy of a process looks how much there is

    @property
    def home(self) -> str:
        """The location of the warehouse."""
        return f"{SCHEME}{self.store.bucket}/{self._prefix}".rstrip("/")

    @property
    def root(self) -> str:
        """Absolute path of the folder of copies, and of what is written."""
        return str(self._folder)

    def read(self, location: str) -> bytes:
        """The content of a file of metadata: of the copy that is here, else of the store."""
        copy = self._folder / self._place(location)
        try:
            content = copy.read_bytes()
            os.utime(copy)  # it is in use
        except FileNotFoundError:
            content = self.store.get(self._key(self._place(location)))
            self._copy_of(copy, content)
        return content

    def write(self, location: str, content: bytes) -> None:
        """Writes a new file of metadata into the store, and a copy of it here."""
        place = self._place(location)
        self.store.put(self._key(place), content)
        self._copy_of(self._folder / place, content)

    def exists(self, location: str) -> bool:
        """Whether there is such a file."""
        place = self._place(location)
        return (self._folder / place).exists() or self.store.size_of(self._key(place)) is not None

    def remove(self, places: Collection[str]) -> None:
        """Removes files from the store, and here."""
        there = [place for place in places if not _is_own(self._folder / place)]
        for place in places:
            (self._folder / place).unlink(missing_ok=True)
        self._each(lambda place: self.store.delete(self._key(place)), there)

    def remove_run(self, folder: str) -> None:
        """Removes what a run has written of a table."""
        shutil.rmtree(self._folder / folder, ignore_errors=True)
        self._each(lambda one: self.store.delete(one.key), list(self.store.listed(f"{self._key(folder)}/")))

    def keep(self, places: Sequence[str], fresh: str, known: Callable[[], Collection[str]]) -> None:
        """Uploads what is not in the store yet; a file that has been uploaded is for reading alone."""
        older = [p for p in places if p.split("/")[-2] != fresh]
        if older:
            there = known()
            older = [p for p in older if p not in there]
        new = [p for p in places if p.split("/")[-2] == fresh]
        # whatever a former attempt has uploaded of them may have been discarded with it
        self._each(self._upload, new)
        self._each(self._upload_missing, older)

    def bring(self, sizes: Mapping[str, int]) -> None:
        """Downloads what is not here.

        Raises:
            PlatformError: WFT-STO-004, the store has no such file, or another one.
        """
        missing = []
        for place, size_bytes in sizes.items():
            file = self._folder / place
            try:
                if file.stat().st_size == size_bytes:
                    os.utime(file)  # it is in use: what gives way goes by that
                    continue
            except FileNotFoundError:
                pass
            missing.append(place)
        self._each(lambda place: self._download(place, sizes[place]), missing)

    def listed(self) -> Mapping[tuple[str, ...], TableFiles]:
        """All that lies in the folders of tables: in the store, and what was written here and not uploaded."""
        found = listed_below(self._folder, (p for p in self._folder.glob("*/*/*/data/run-*/*") if _is_own(p)))
        data = {table: list(files.data) for table, files in found.items()}
        metadata: dict[tuple[str, ...], list[Found]] = {}
        for one in self.store.listed(self._prefix):
            place = one.key.removeprefix(self._prefix)
            parts = place.split("/")
            shown = Found(place, one.at, f"{self.home}/{place}")
            if len(parts) == 6 and parts[3] == "data" and parts[4].startswith("run-"):
                data.setdefault(tuple(parts[:3]), []).append(shown)
            elif len(parts) == 5 and parts[3] == "metadata":
                metadata.setdefault(tuple(parts[:3]), []).append(shown)
        return {
            table: TableFiles(tuple(data.get(table, ())), tuple(metadata.get(table, ())))
            for table in data.keys() | metadata.keys()
        }

    def held_bytes(self, folder: str) -> int:
        """Bytes of the objects below a folder; copies that lie here do not count."""
        return sum(one.size_bytes for one in self.store.listed(f"{self._key(folder)}/"))

    def tidy(self, folder: tuple[str, ...], spared: Collection[str], only: Collection[str] | None) -> None:
        """Removes empty folders of a table's runs."""
        drop_empty(self._folder.joinpath(*folder) / "data", spared, only)

    def claim(self, catalog: Callable[[], str]) -> None:
        """Sees to it that one catalog alone knows what lies here: what another one has would be swept.

        Raises:
            ProjectError: WFT-STO-020, another catalog has claimed the place.
        """
        key, mine = self._key(_CLAIM), catalog()
        try:
            found = self.store.get(key)
        except FileNotFoundError:
            self.store.put(key, mine.encode())
            found = self.store.get(key)  # of two that began at once one has lost
        if found.decode(errors="replace") != mine:
            raise ProjectError(
                error(
                    "WFT-STO-020",
                    f"the tables in `{self.home}` belong to another catalog than `storage.catalog`",
                    why="each would take the other's files for orphans, and remove them",
                    fix=f"name another prefix, or the other catalog; where it is gone for good, remove `{key}`",
                )
            )

    def sweep(self, older_than: datetime, runs: Collection[str]) -> Sequence[str]:
        """Gives up uploads that were begun before a time; removes what was staged or shown before it, and copies."""
        removed = []
        for one in list(self.store.unfinished(self._prefix)):
            if one.at < older_than and _run_of(one.key) not in runs:
                self.store.abort(one)
                removed.append(f"{SCHEME}{self.store.bucket}/{one.key}")
        for folder in (STAGING, SHOWN):
            for one in list(self.store.listed(f"{self._prefix}{folder}/")):
                if one.at < older_than and _run_of(one.key) not in runs:
                    self.store.delete(one.key)
                    removed.append(f"{SCHEME}{self.store.bucket}/{one.key}")
        self._make_room()
        return removed

    # what runners elsewhere upload

    def staging(self, run_id: str, name: str) -> str:
        """The key under which a runner uploads a file of its run."""
        return f"{self._prefix}{STAGING}/{run_id}/{name}"

    def drop_staging(self, run_id: str) -> None:
        """Removes what a run has uploaded; what was published of it lies elsewhere."""
        for one in list(self.store.listed(f"{self._prefix}{STAGING}/{run_id}/")):
            self.store.delete(one.key)

    # what engines elsewhere fetch with keys of the store

    @property
    def claim_key(self) -> str:
        """The key of the object that says whose the place is: no reader's keys open it."""
        return self._key(_CLAIM)

    def location(self, place: str) -> str:
        """Where a file lies, by its place."""
        return f"{self.home}/{place}"

    def key(self, place: str) -> str:
        """The key of a place."""
        return self._key(place)

    def show(self, files: Mapping[str, bytes]) -> None:
        """Writes files below `SHOWN`, by their places."""
        self._each(lambda place: self.store.put(self._key(place), files[place]), list(files))

    def alone(self, folder: str, places: Collection[str]) -> bool:
        """Whether the store has nothing else in a folder than these files."""
        keys = {self._key(place) for place in places}
        return all(one.key in keys for one in self.store.listed(f"{self._key(folder)}/"))

    def key_of(self, path: str) -> str:
        """The key of a file of data, by its path under `root`."""
        return self._key(Path(path).relative_to(self._folder).as_posix())

    def part(self, path: str, wanted: str) -> Part:
        """Begins to fetch a file of data, or the part of it that a `Range` names, past this folder.

        Raises:
            PlatformError: WFT-STO-004, the store has no such file; WFT-STO-015.
            TransientError: WFT-STO-016, it does not answer.
        """
        try:
            return self.store.part(self.key_of(path), wanted)
        except FileNotFoundError:
            place = Path(path).relative_to(self._folder).as_posix()
            raise _no_file(f"{self.home}/{place}", "it is not in the store") from None

    # how

    def _place(self, location: str) -> str:
        assert location.startswith(f"{self.home}/"), "a table's files lie in its warehouse"
        return location.removeprefix(f"{self.home}/")

    def _key(self, place: str) -> str:
        return f"{self._prefix}{place}"

    def _copy_of(self, copy: Path, content: bytes) -> None:
        with contextlib.suppress(OSError):  # without a copy it is read from the store
            written(copy, content)
            copy.chmod(_COPY)

    def _upload(self, place: str) -> None:
        file = self._folder / place
        try:
            size_bytes = file.stat().st_size
        except FileNotFoundError:
            if self.store.size_of(self._key(place)) is None:
                raise _no_file(f"{self.home}/{place}", "it is neither here nor in the store") from None
            return
        self.store.upload(file, self._key(place))
        self._took(size_bytes)
        file.chmod(_COPY)

    def _upload_missing(self, place: str) -> None:
        if self.store.size_of(self._key(place)) is None:
            self._upload(place)

    def _download(self, place: str, size_bytes: int) -> None:
        file = self._folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.{os.getpid()}-{time.monotonic_ns()}")
        try:
            try:
                self.store.download(self._key(place), part)
            except FileNotFoundError:
                raise _no_file(f"{self.home}/{place}", "it is not in the store") from None
            if part.stat().st_size != size_bytes:
                raise _no_file(f"{self.home}/{place}", "the store has another file in its place")
            part.chmod(_COPY)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        self._took(size_bytes)

    def _took(self, size_bytes: int) -> None:
        self._fresh_bytes += size_bytes
        if self._fresh_bytes > self._most_bytes // 16:
            self._fresh_bytes = 0
            self._make_room()

    def _make_room(self) -> None:
        """Removes copies that were asked for longest ago, until the others are few enough."""
        copies = []
        for file in self._folder.glob("*/*/*/*/**/*"):
            with contextlib.suppress(FileNotFoundError):
                found = file.lstat()
                if file.is_file() and not found.st_mode & 0o222:
                    copies.append((found.st_mtime, found.st_size, file))
        total = sum(size for _, size, _ in copies)
        limit = time.time() - _IN_USE_S
        for at, size, file in sorted(copies):
            if total <= self._most_bytes or at > limit:
                return
            file.unlink(missing_ok=True)
            total -= size

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_AT_ONCE, "weft-store")

    def _each(self, act: Callable[[T], None], of: Collection[T]) -> None:
        """Does something with each, several at once; raises what the first has raised when all have ended."""
        if len(of) == 1:
            act(next(iter(of)))
        elif of:
            problems = [p for p in (f.exception() for f in [self._pool.submit(act, one) for one in of]) if p]
            if problems:
                raise problems[0]


def split_location(location: str) -> tuple[str, str]:
    """Bucket and prefix of a warehouse.

    >>> split_location("s3://company/mesh/prod"), split_location("s3://company")
    (('company', 'mesh/prod'), ('company', ''))
    """
    bucket, _, prefix = location.removeprefix(SCHEME).partition("/")
    return bucket, prefix.strip("/")


def _run_of(key: str) -> str:
    """The run that writes an object: that of its folder."""
    return key.rpartition("/")[0].rpartition("/")[2].removeprefix("run-")


def _is_own(file: Path) -> bool:
    """Whether a file was written here and is not uploaded yet."""
    try:
        return bool(file.stat().st_mode & 0o200)
    except FileNotFoundError:
        return False


def _no_file(location: str, why: str) -> PlatformError:
    what = f"the data file `{location}` cannot be read"
    return PlatformError(error("WFT-STO-004", what, why=why, fix="restore the warehouse, or rebuild"))
