"""Packed files: opened as text, whether they are plain, gzipped or the one file of a zip archive, and unpacked."""

from __future__ import annotations

import codecs
import gzip
import io
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weft.errors import SourceError, error

ENCODINGS = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "ascii": "utf-8", "iso8859-1": "latin-1", "utf-16": "utf-16"}
"""Encodings that DuckDB reads, under Python's names for them."""


def zipped(path: Path) -> bool:
    """Whether a file is a zip archive, by its name."""
    return path.suffix.lower() == ".zip"


def opened(path: Path, encoding: str) -> io.TextIOBase:
    """A file's text, unpacked while it is read.

    Raises:
        SourceError: WFT-SRC-002, an encoding that is not read; WFT-SRC-008, no archive of one file.
    """
    try:
        known = codecs.lookup(encoding).name
    except LookupError as e:
        raise SourceError(error("WFT-SRC-002", f"`{encoding}` is no encoding", fix="for example utf-8, latin-1")) from e
    if known not in ENCODINGS:
        fix = "save it as utf-8, latin-1 or utf-16"
        raise SourceError(error("WFT-SRC-002", f"sources in `{encoding}` are not read", fix=fix))
    encoding = "utf-8-sig" if known == "utf-8" else known
    if path.suffix.lower() == ".gz":
        with path.open("rb") as head:
            if head.read(2) != b"\x1f\x8b":
                raise SourceError(error("WFT-SRC-008", f"`{path.name}` is no gzip file", fix="pack it again"))
        return io.TextIOWrapper(gzip.open(path), encoding=encoding, newline="")
    if zipped(path):
        member = _member(path)  # first: it tells what is no archive at all
        return io.TextIOWrapper(zipfile.ZipFile(path).open(member), encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Tells what is wrong with an archive that cannot be read to its end, is locked or packed in a way of its own."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, RuntimeError) as e:
        raise SourceError(error("WFT-SRC-008", f"`{path.name}` cannot be unpacked", fix="pack it again")) from e


def unpacked(path: Path, folder: Path) -> Path:
    """The one file of an archive, unpacked once into a folder of its own.

    Raises:
        SourceError: WFT-SRC-008.
    """
    done = sorted(folder.iterdir()) if folder.is_dir() else []
    if done:
        return done[0]
    member = _member(path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary, zipfile.ZipFile(path) as archive:
        target = Path(temporary) / "unpacked"
        target.mkdir()
        with (
            usable(path),
            archive.open(member) as packed,
            (target / Path(member).name).open("wb") as out,
        ):
            while chunk := packed.read(1 << 20):
                out.write(chunk)
        try:
            target.rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was faster: its copy is the same
                raise
    return next(folder.iterdir())


def _member(path: Path) -> str:
    """The one file of an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX")]
    except zipfile.BadZipFile as e:
        raise SourceError(error("WFT-SRC-008", f"`{path.name}` is no zip archive", fix="pack it again")) from e
    if len(names) != 1:
        raise SourceError(
            error(
                "WFT-SRC-008",
                f"`{path.name}` holds {len(names)} files",
                why="an archive of a source holds one file",
                fix="pack each file by itself, and name them with a glob",
            )
        )
    return names[0]
