"""Files on a local disk: those of metadata appear whole, and are on the disk when they appear."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from weft.storage.files import Found, TableFiles

SCHEME = "file://"
AHEAD = timedelta(minutes=5)
"""How far the clock that has written a file may go before ours."""


def local_path(location: str) -> Path:
    """The path of a `file://` location."""
    return Path(location.removeprefix(SCHEME))


def read(location: str) -> bytes:
    """The content of a file."""
    return local_path(location).read_bytes()


def write(location: str, content: bytes) -> None:
    """Writes a new file; a crash leaves none."""
    written(local_path(location), content)


def written(path: Path, content: bytes) -> None:
    """Writes a new file; a crash leaves none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".pending-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).rename(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class LocalFiles:
    """Implements `storage.files.Files` over a folder: what was written there rests there."""

    far = False
    """Files lie on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def home(self) -> str:
        """The location of the folder."""
        return f"{SCHEME}{self._folder}"

    @property
    def root(self) -> str:
        """The folder."""
        return str(self._folder)

    def read(self, location: str) -> bytes:
        """The content of a file."""
        return read(location)

    def write(self, location: str, content: bytes) -> None:
        """Writes a new file."""
        write(location, content)

    def exists(self, location: str) -> bool:
        """Whether there is such a file."""
        return local_path(location).exists()

    def remove(self, places: Collection[str]) -> None:
        """Removes files, where they are."""
        for place in places:
            (self._folder / place).unlink(missing_ok=True)

    def remove_run(self, folder: str) -> None:
        """Removes a folder."""
        shutil.rmtree(self._folder / folder, ignore_errors=True)

    def keep(self, places: Sequence[str], fresh: str, known: Callable[[], Collection[str]]) -> None:
        """Does nothing: they lie where they stay."""

    def bring(self, sizes: Mapping[str, int]) -> None:
        """Does nothing: they lie here."""

    def listed(self) -> Mapping[tuple[str, ...], TableFiles]:
        """All that lies in the folders of tables."""
        return listed_below(
            self._folder, self._folder.glob("*/*/*/data/run-*/*"), self._folder.glob("*/*/*/metadata/*")
        )

    def held_bytes(self, folder: str) -> int:
        """Bytes that lie below a folder."""
        size, folders = 0, [str(self._folder / folder)]
        while folders:
            try:
                with os.scandir(folders.pop()) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                        else:
                            size += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:  # a sweep was faster
                continue
        return size

    def tidy(self, folder: tuple[str, ...], spared: Collection[str], only: Collection[str] | None) -> None:
        """Removes empty folders of a table's runs."""
        drop_empty(self._folder.joinpath(*folder) / "data", spared, only)

    def claim(self, catalog: Callable[[], str]) -> None:
        """Does nothing: whoever copies a folder has one of their own."""

    def sweep(self, older_than: datetime, runs: Collection[str]) -> Sequence[str]:
        """Nothing: all that is here lies in the folders of tables."""
        return ()


def listed_below(root: Path, data: Iterable[Path], metadata: Iterable[Path] = ()) -> dict[tuple[str, ...], TableFiles]:
    """Files of data and of metadata below a folder, by table."""
    found: dict[tuple[str, ...], tuple[list[Found], list[Found]]] = {}
    for kind, paths in enumerate((data, metadata)):
        for path in sorted(paths):
            place = path.relative_to(root).as_posix()
            one = Found(place, written_at(path), str(path))
            found.setdefault(tuple(place.split("/")[:3]), ([], []))[kind].append(one)
    return {table: TableFiles(tuple(d), tuple(m)) for table, (d, m) in found.items()}


def drop_empty(data: Path, spared: Collection[str], only: Collection[str] | None) -> None:
    """Removes empty folders of runs."""
    for folder in data.glob("run-*"):
        run = folder.name[4:]
        if run not in spared and (only is None or run in only) and not any(folder.iterdir()):
            with contextlib.suppress(OSError):  # another sweep was faster, or another run of the same build goes on
                folder.rmdir()


def written_at(file: Path) -> datetime:
    """When a file was written. One from the future was written by a clock that has gone back since: it ages from now.

    One that another sweep has removed meanwhile is young.
    """
    now = datetime.now().astimezone()
    try:
        at = datetime.fromtimestamp(file.stat().st_mtime).astimezone()
        if at > now + AHEAD:
            os.utime(file)
    except FileNotFoundError:
        return now
    return min(at, now)
