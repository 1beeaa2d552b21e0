"""Files of an object store as a source: listed, copied as they are into a batch, and read from there."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from weft.config import Connection
from weft.connectors.files import FileConnector
from weft.connectors.landing import Batch, LandingFolder
from weft.connectors.stores import matching
from weft.errors import SourceError, error
from weft.model.column import Column
from weft.model.mesh import Source

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, S3FileSystem

_CHUNK = 8 << 20
_NAME = 60
_REFUSALS = ("ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "EXPIRED_TOKEN", "403")


def listing(source: Source, connection: Connection) -> str:
    """A digest of the objects of a source: their names, sizes and times.

    Raises:
        SourceError: WFT-SRC-001 there is none, WFT-SRC-010 the store does not answer.
    """
    return _digest(_found(source, connection))


def header(source: Source, connection: Connection, connector: FileConnector, folder: Path) -> tuple[Column, ...]:
    """The columns of a source whose objects are not landed yet, by the first of them.

    Raises:
        SourceError: WFT-SRC-001 to 010.
    """
    first = _found(source, connection)[0]
    target = folder / _digest([first]) / _name(0, first.path)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_suffix(".half")
        _copy(_store(connection), first.path, half)
        half.replace(target)
    return connector.bind(replace(source, file=str(target), remote=None), trusted=True).columns


def copied(source: Source, connection: Connection, batch: str, folder: Path) -> Batch:
    """Copies the objects of a source into a batch, byte for byte.

    Raises:
        SourceError: WFT-SRC-001, -010; WFT-SRC-030, they changed while they were read.
    """
    found, files = _found(source, connection), _store(connection)
    watermark = _digest(found)
    digests, columns = [], ()
    for number, info in enumerate(found):
        digests.append(_copy(files, info.path, folder / _name(number, info.path)))
    if listing(source, connection) != watermark:
        what = f"`{source.file}` changed while it was read"
        raise SourceError(error("WFT-SRC-030", what, fix="apply again when what writes there has ended"))
    content = hashlib.sha256(json.dumps(digests).encode()).hexdigest()
    return Batch(batch, "", "", len(digests), columns, content, watermark=watermark)


def local(source: Source, folder: LandingFolder, batch: Batch) -> Source:
    """The landed objects, as files."""
    files = folder.files(batch, "raw")
    return replace(source, file=str(files[0].parent / "raw-*"), remote=None)


def reached(connection: Connection) -> None:
    """Asks a store for its buckets.

    Raises:
        SourceError: WFT-SRC-010, it does not answer.
    """
    from pyarrow.fs import FileSelector

    try:
        _store(connection).get_file_info(FileSelector("", recursive=False))
    except OSError as problem:
        raise _unreachable(connection, problem) from None


def _found(source: Source, connection: Connection) -> list[FileInfo]:
    try:
        return matching(source.file, _store(connection))
    except OSError as problem:
        raise _unreachable(connection, problem) from None


def _digest(found: list[FileInfo]) -> str:
    return hashlib.sha256(json.dumps([[f.path, f.size, str(f.mtime)] for f in found]).encode()).hexdigest()


def _name(number: int, key: str) -> str:
    """The name of a landed object: a person knows it again by its own, of which the ending says the format."""
    own = re.sub(r"[^\w.-]", "_", key.rpartition("/")[2])[-_NAME:]
    return f"raw-{number:06d}-{own}"


def _copy(files: S3FileSystem, key: str, target: Path) -> str:
    hasher = hashlib.sha256()
    try:
        with files.open_input_stream(key, compression=None) as given, target.open("wb") as file:
            while chunk := given.read(_CHUNK):
                hasher.update(chunk)
                file.write(chunk)
    except OSError as problem:
        target.unlink(missing_ok=True)
        if problem.errno is not None and shutil.disk_usage(target.parent).free < _CHUNK:
            raise
        what = f"`s3://{key}` could not be read to its end"
        raise SourceError(error("WFT-SRC-010", what, why=type(problem).__name__)) from None
    return hasher.hexdigest()


def _store(connection: Connection) -> S3FileSystem:
    from pyarrow.fs import S3FileSystem

    options: dict[str, str] = {}
    for ours, theirs in (("endpoint", "endpoint_override"), ("region", "region")):
        if ours in connection.options:
            options[theirs] = connection.options[ours]
    for key in ("access_key", "secret_key", "session_token"):
        secret = connection.secret(key)
        if secret is not None:
            options[key] = secret.value
    return S3FileSystem(**options, connect_timeout=10)


def _unreachable(connection: Connection, problem: OSError) -> SourceError:
    what = f"the store of the connection `{connection.name}` does not answer"
    why = "it refuses the key" if any(word in str(problem) for word in _REFUSALS) else type(problem).__name__
    return SourceError(error("WFT-SRC-010", what, why=why, fix="look at `endpoint`, `region` and its keys"))
