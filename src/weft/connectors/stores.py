"""Files in S3-compatible object stores: read where they are, by their parts, as a query asks for them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from weft.connectors.relations import ForeignFile, as_they_are, format_of
from weft.connectors.servers import missing
from weft.connectors.targets import Place
from weft.errors import SourceError, error
from weft.model.mesh import Source

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, S3FileSystem

_SPECIAL = re.compile(r"[*?[]")
_SCHEMES = ("s3://", "s3a://", "s3n://")


def is_store(path: str) -> bool:
    """Whether a path lies in an object store.

    >>> is_store("s3://bucket/orders/*.parquet"), is_store("orders.parquet")
    (True, False)
    """
    return path.lower().startswith(_SCHEMES)


def store(place: Place, environ: Mapping[str, str]) -> S3FileSystem:
    """The store of a place; credentials and region are those of the environment, as every client of S3 finds them.

    Source: `endpointUrl` of the contract's server, else AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL.
    """
    from pyarrow.fs import S3FileSystem

    options: dict[str, Any] = {}
    endpoint = endpoint_of(place, environ)
    if endpoint:
        options["endpoint_override"] = endpoint
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if region:
        options["region"] = region
    if environ.get("AWS_ACCESS_KEY_ID"):
        options["access_key"] = environ["AWS_ACCESS_KEY_ID"]
        options["secret_key"] = environ.get("AWS_SECRET_ACCESS_KEY", "")
        options["session_token"] = environ.get("AWS_SESSION_TOKEN")
    return S3FileSystem(**options)


def endpoint_of(place: Place, environ: Mapping[str, str]) -> str | None:
    """Where the store of a place answers; None for Amazon's own."""
    return place.endpoint or environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")


def objects(place: Place, files: S3FileSystem) -> list[str]:
    """The keys, bucket first, that a path, a pattern or a folder (`…/`) names, in order.

    Raises:
        SourceError: WFT-SRC-001, there is none; WFT-SRC-010, the store does not answer or refuses.
    """
    try:
        return [f.path for f in matching(place.path, files)]
    except OSError as problem:
        why = str(problem).split("\n", 1)[0]
        fix = "look at AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_REGION and AWS_ENDPOINT_URL"
        raise SourceError(error("WFT-SRC-010", f"`{place.path}` cannot be opened", why=why, fix=fix)) from None


def matching(path: str, files: S3FileSystem) -> list[FileInfo]:
    """The objects that a path, a pattern or a folder (`…/`) names, in the order of their keys.

    fsspec's own glob leaves out what it cannot list, so that files would be missing without a word.

    Raises:
        SourceError: WFT-SRC-001, there is none.
        OSError: the store does not answer or refuses, if only for one folder.
    """
    wanted = key_of(path) + ("**" if path.endswith("/") else "")
    special = _SPECIAL.search(wanted)
    try:
        if special is None:
            found = [files.get_file_info(wanted)]
        else:
            below, _, pattern = wanted[: special.start()].rpartition("/")
            depth = None if "**" in wanted else (pattern + wanted[special.start() :]).count("/") + 1
            fits = _pattern(path, wanted)
            found = [f for f in _below(below, depth, files) if fits.match(f.path)]
    except OSError as problem:
        if "NO_SUCH_BUCKET" not in str(problem):
            raise
        found = []
    found = sorted((f for f in found if f.is_file), key=lambda f: f.path)
    if not found:
        raise SourceError(error("WFT-SRC-001", f"there is no object `{path}`", fix="mend the path"))
    return found


def _pattern(path: str, wanted: str) -> re.Pattern[str]:
    try:
        from fsspec.utils import glob_translate
    except ImportError:
        raise missing("fsspec", "s3") from None
    try:
        return re.compile(glob_translate(wanted))
    except ValueError:
        what = f"there is no object `{path}`"
        why, fix = "`**` stands for folders, however deep, and is a whole part of a path", "write `**/*` and the ending"
        raise SourceError(error("WFT-SRC-001", what, why=why, fix=fix)) from None


def _below(folder: str, depth: int | None, files: S3FileSystem) -> list[FileInfo]:
    """What lies in a folder, so many levels deep; None: all of it."""
    from pyarrow.fs import FileSelector, FileType

    found = files.get_file_info(FileSelector(folder, allow_not_found=True, recursive=depth is None))
    if depth is None or depth == 1:
        return list(found)
    deeper = [_below(f.path, depth - 1, files) for f in found if f.type == FileType.Directory]
    return [*found, *chain.from_iterable(deeper)]


def listed(place: Place, environ: Mapping[str, str]) -> frozenset[str]:
    """The objects below a place, as URLs.

    Raises:
        SourceError: WFT-SRC-001, there is none; WFT-SRC-010, the store does not answer or refuses.
    """
    scheme = place.path.partition("://")[0]
    return frozenset(f"{scheme}://{key}" for key in objects(place, store(place, environ)))


def stored(place: Place, environ: Mapping[str, str], register: Callable[[object], str]) -> ForeignFile:
    """Objects of a store as they are, readable in a session.

    Args:
        register: makes a file system readable in the session, and gives what its paths begin with.

    Raises:
        SourceError: WFT-SRC-001, -006, -007 or -010.
    """
    files = store(place, environ)
    found = objects(place, files)
    kind = place.format or format_of(found[0])
    if kind not in ("csv", "json", "ndjson", "parquet") or found[0].lower().endswith(".zip"):
        what = f"the format of `{place.path}` is none that is read from a store"
        raise SourceError(error("WFT-SRC-007", what, fix="give Parquet, CSV or JSON, also gzipped; or a Delta table"))
    prefix = register(_bridge(files))
    return as_they_are(Source(place.path, delimiter=place.delimiter), kind, [prefix + key for key in found])


def key_of(path: str) -> str:
    """Bucket and key of a URL."""
    return path.partition("://")[2]


def _bridge(files: S3FileSystem) -> Any:
    """The store as fsspec has it, whose paths lose whatever stands before `://`."""
    try:
        from fsspec.implementations.arrow import ArrowFSWrapper
    except ImportError:
        raise missing("fsspec", "s3") from None

    class Bridge(ArrowFSWrapper):  # type: ignore[misc]
        protocol = f"weft-{uuid.uuid4().hex}"  # sessions share what is registered
        cachable = False

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return path.partition("://")[2] if "://" in path else path

    return Bridge(files)
