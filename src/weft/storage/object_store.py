"""A bucket of an S3-compatible store: signed requests, and for files that are uploaded Arrow's client in C++."""

from __future__ import annotations

import errno
import http.client
import shutil
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from msgspec import Struct

from weft.connections import Connection, Secret
from weft.errors import PlatformError, TransientError, WeftError, error
from weft.storage.signing import Keys, authorised, digest_of, path_of, query_of, signed_address

if TYPE_CHECKING:
    from pyarrow.fs import S3FileSystem

_TRIES = 4
_FIRST_PAUSE_S = 0.1
_TIMEOUT_S = 30
_AGAIN = frozenset({429, 500, 502, 503, 504})
_CHUNK = 16 << 20
_BUFFER = 1 << 20
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})
"""Failures of this machine's disk, while what the store sends is written."""

_PAGE = 1000
"""How many entries of a list come at once; stores give no more."""


class Object(Struct, frozen=True):
    """An object, or an upload that has not ended: then `upload` says which."""

    key: str
    at: datetime
    size_bytes: int = 0
    upload: str = ""


class Part(Struct, frozen=True):
    """An object, or a part of it, on its way.

    Attributes:
        status: 200 for all of it, 206 for a part, 416 where there is no such part.
        span: which part of how many bytes, as `Content-Range` says it; empty for all of it.
        chunks: the bytes, as they come.
    """

    status: int
    size_bytes: int
    span: str
    chunks: Iterator[bytes]


class ObjectStore:
    """What weft does with a bucket. Addresses are by path (`endpoint/bucket/key`)."""

    def __init__(self, bucket: str, connection: Connection) -> None:
        """Reaches for nothing yet."""
        self.bucket = bucket
        self.connection = connection
        self._region = region_of(connection)
        self._endpoint = endpoint_of(connection)
        self._local = threading.local()
        self._arrow: tuple[Keys, S3FileSystem] | None = None

    # small objects

    def get(self, key: str) -> bytes:
        """An object.

        Raises:
            FileNotFoundError: there is none.
        """
        status, body = self._asked("GET", key)
        if status == 404:
            raise FileNotFoundError(f"s3://{self.bucket}/{key}")
        return body

    def put(self, key: str, content: bytes) -> None:
        """Writes an object, whole."""
        self._asked("PUT", key, content=content)

    def size_of(self, key: str) -> int | None:
        """How large an object is, in bytes; None when there is none."""
        status, _ = self._asked("HEAD", key)
        return self._length() if status != 404 else None

    def delete(self, key: str) -> None:
        """Removes an object, if there is one."""
        self._asked("DELETE", key)

    def listed(self, prefix: str) -> Iterator[Object]:
        """All objects whose keys begin with a prefix."""
        values = {"list-type": "2", "prefix": prefix, "encoding-type": "url", "max-keys": str(_PAGE)}
        while True:
            found = self._document(values)
            for one in found.iterfind("{*}Contents"):
                yield Object(_key(one), _time(one, "LastModified"), int(_text(one, "Size")))
            if _text(found, "IsTruncated") != "true":
                return
            values["continuation-token"] = _text(found, "NextContinuationToken")

    def unfinished(self, prefix: str) -> Iterator[Object]:
        """Uploads in parts that have not ended."""
        values = {"uploads": "", "prefix": prefix, "encoding-type": "url", "max-uploads": str(_PAGE)}
        while True:
            found = self._document(values)
            for one in found.iterfind("{*}Upload"):
                yield Object(_key(one), _time(one, "Initiated"), upload=_text(one, "UploadId"))
            if _text(found, "IsTruncated") != "true":
                return
            values["key-marker"] = _text(found, "NextKeyMarker")
            values["upload-id-marker"] = _text(found, "NextUploadIdMarker")

    def abort(self, one: Object) -> None:
        """Gives up an upload in parts, and what has come of it."""
        self._asked("DELETE", one.key, {"uploadId": one.upload})

    # large objects

    def upload(self, file: Path, key: str) -> None:
        """Copies a file into the bucket, in parts where it is large. Its bytes do not pass through Python.

        Raises:
            PlatformError: WFT-STO-015, -017.
            TransientError: WFT-STO-016.
        """
        self._copied(file, f"{self.bucket}/{key}")

    def download(self, key: str, file: Path) -> None:
        """Copies an object into a file, through one buffer: a web process fetches too, and has no Arrow.

        Raises:
            FileNotFoundError: there is none.
            PlatformError: WFT-STO-015, -017.
            TransientError: WFT-STO-016.
        """
        with file.open("wb") as out:
            status, _ = self._asked("GET", key, into=out)
        if status == 404:
            raise FileNotFoundError(f"s3://{self.bucket}/{key}")

    def part(self, key: str, wanted: str = "") -> Part:
        """Begins to fetch an object, on a connection of its own, for somebody who is given the bytes as they come.

        Args:
            wanted: what a `Range` says; empty: all of it.

        Raises:
            FileNotFoundError: there is none.
            PlatformError: WFT-STO-015, the store refuses the keys.
            TransientError: WFT-STO-016, it does not answer.
        """
        url = self._url(key)
        more = {"range": wanted} if wanted else {}
        signed = authorised(self._keys(), self._region, "GET", url, more, digest_of(b""), datetime.now(UTC))
        connection = _connected(url)
        try:
            connection.request("GET", urlsplit(url).path, headers=signed)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as problem:
            connection.close()
            raise self._failure(None, str(problem) or type(problem).__name__) from None
        if answer.status not in (200, 206, 416):
            connection.close()
            if answer.status == 404:
                raise FileNotFoundError(f"s3://{self.bucket}/{key}")
            raise self._failure(None if answer.status in _AGAIN else answer.status, f"it says {answer.status}")
        size_bytes = int(answer.headers.get("content-length") or 0)
        span = answer.headers.get("content-range") or ""
        return Part(answer.status, size_bytes, span, _chunks(connection, answer, size_bytes))

    def address(self, method: str, key: str, headers: Mapping[str, str], lasts_s: int) -> str:
        """An address that allows one method on one object for a while."""
        now = datetime.now(UTC)
        return signed_address(self._keys(), self._region, method, self._url(key), headers, lasts_s, now)

    # how

    def _keys(self) -> Keys:
        return keys_of(self.connection)

    def _files(self) -> S3FileSystem:
        from pyarrow.fs import S3FileSystem

        keys = self._keys()
        if self._arrow is None or self._arrow[0] != keys:
            parts = urlsplit(self._endpoint)
            made = S3FileSystem(
                access_key=keys.access_key.value,
                secret_key=keys.secret_key.value,
                session_token=_value(keys.session_token),
                region=self._region,
                scheme=parts.scheme,
                endpoint_override=f"{parts.netloc}{parts.path}",
                connect_timeout=10,
                request_timeout=_TIMEOUT_S,
                allow_delayed_open=True,  # what is small is one request
            )
            self._arrow = keys, made
        return self._arrow[1]

    def _copied(self, file: Path, place: str) -> None:
        """Copies a file into the store, buffer by buffer.

        Arrow's own `copy_files` leaves the closing of what it has written to a destructor, which lets failures pass: an
        upload that was refused, or whose parts were never put together, would be taken for done. What a failure leaves
        under the name is half a file at most, which nothing names.
        """
        from pyarrow import OSFile

        try:
            with OSFile(str(file)) as given:
                out = self._files().open_output_stream(place, compression=None)
                while (buffer := given.read_buffer(_CHUNK)).size:
                    out.write(buffer)
                out.close()
        except FileNotFoundError:
            raise
        except OSError as problem:
            if problem.errno is not None:
                raise  # this machine's disk
            raise self._failure(_status_in(str(problem)), type(problem).__name__) from None

    def _url(self, key: str) -> str:
        return f"{self._endpoint}{path_of(self.bucket, key)}"

    def _document(self, values: Mapping[str, str]) -> ET.Element:
        status, body = self._asked("GET", "", values)
        if status == 404:
            raise self._failure(404, "NoSuchBucket")
        return ET.fromstring(body)  # of the store that is trusted with all rows

    def _asked(
        self,
        method: str,
        key: str,
        values: Mapping[str, str] | None = None,
        content: bytes = b"",
        into: BinaryIO | None = None,
    ) -> tuple[int, bytes]:
        """Status and body of an answer: well, or 404 for what is not there.

        Args:
            into: takes the body of an answer that is well.

        Raises:
            TransientError: WFT-STO-016, the store does not answer.
            PlatformError: WFT-STO-015 it refuses the keys, WFT-STO-017 there is no such bucket.
        """
        url = self._url(key) if key else f"{self._endpoint}{path_of(self.bucket, '')}".rstrip("/")
        query = f"?{query_of(values)}" if values else ""
        why = ""
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(_FIRST_PAUSE_S * 4 ** (attempt - 1))
            sent = authorised(
                self._keys(), self._region, method, url + query, {}, digest_of(content), datetime.now(UTC)
            )
            try:
                status, body = self._sent(method, url + query, sent, content, into)
            except (OSError, http.client.HTTPException) as problem:
                self._local.__dict__.pop("open", None)
                if isinstance(problem, OSError) and problem.errno in _OF_THE_DISK:
                    raise
                why = str(problem) or type(problem).__name__
                continue
            if status < 300 or (status == 404 and method != "PUT" and b"NoSuchBucket" not in body):
                return status, body
            if status not in _AGAIN:
                raise self._failure(status, _text(ET.fromstring(body), "Code") if body else "")
            why = f"it says {status}"
        raise self._failure(None, why)

    def _sent(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, into: BinaryIO | None
    ) -> tuple[int, bytes]:
        found: http.client.HTTPConnection | None = getattr(self._local, "open", None)
        parts = urlsplit(url)
        if found is None:
            found = self._local.open = _connected(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        found.request(method, target, body=content or (b"" if method == "PUT" else None), headers=dict(headers))
        answer = found.getresponse()
        self._local.length = int(answer.headers.get("content-length") or 0)
        if into is not None and answer.status == 200:
            into.seek(0)
            into.truncate()
            shutil.copyfileobj(answer, into, _BUFFER)
            if into.tell() != self._local.length:
                raise http.client.IncompleteRead(b"", self._local.length - into.tell())
        body = answer.read()
        if answer.will_close:
            found.close()
            self._local.open = None
        return answer.status, body

    def _length(self) -> int:
        return int(self._local.length)

    def _failure(self, status: int | None, why: str) -> WeftError:
        place = f"s3://{self.bucket}"
        if status in (400, 401, 403):
            fix = f"look at the keys and the region of the connection `{self.connection.name}`"
            return PlatformError(
                error("WFT-STO-015", f"the store refuses what is asked of `{place}`", why=why, fix=fix)
            )
        if status == 404:
            fix = "make the bucket, or mend `storage.warehouse`"
            return PlatformError(error("WFT-STO-017", f"there is no bucket `{self.bucket}`", why=why, fix=fix))
        what = f"the store of the warehouse `{place}` does not answer"
        fix = f"try again; look at `endpoint` of the connection `{self.connection.name}`"
        return TransientError(error("WFT-STO-016", what, why=why, fix=fix))


def region_of(connection: Connection) -> str:
    """The region of a store."""
    return connection.options.get("region", "us-east-1")


def endpoint_of(connection: Connection) -> str:
    """Where a store answers."""
    endpoint = connection.options.get("endpoint") or f"https://s3.{region_of(connection)}.amazonaws.com"
    return (endpoint if "://" in endpoint else f"https://{endpoint}").rstrip("/")


def keys_of(connection: Connection) -> Keys:
    """The keys of a store as they are now: a reference to a file may lead to others than before.

    Raises:
        SourceError: WFT-SRC-021, they are not where their references say.
        PlatformError: WFT-STO-015, there are none.
    """
    one, other = connection.secret("access_key"), connection.secret("secret_key")
    if one is None or other is None:
        what = f"the connection `{connection.name}` gives no keys for the warehouse"
        fix = "give it `access_key` and `secret_key`, each as `{ env = … }` or `{ file = … }`"
        raise PlatformError(error("WFT-STO-015", what, fix=fix))
    return Keys(one, other, connection.secret("session_token"))


_REFUSALS = ("ACCESS_DENIED", "SIGNATURE_DOES_NOT_MATCH", "INVALID_ACCESS_KEY_ID", "INVALID_CLIENT_TOKEN_ID")
"""How Arrow's client names what is a matter of keys."""


def _status_in(text: str) -> int | None:
    """The status of the answer that Arrow's client tells of."""
    _, found, rest = text.partition("HTTP status ")
    digits = rest[:3]
    if found and digits.isdigit():
        return int(digits)
    if any(named in text for named in _REFUSALS):
        return 403
    return 404 if "NO_SUCH_BUCKET" in text else None


def _connected(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.netloc, timeout=_TIMEOUT_S)


def _chunks(
    connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, size_bytes: int
) -> Iterator[bytes]:
    """The body of an answer; one that ends too early is a failure, and never passes for whole."""
    left = size_bytes
    try:
        while left and (chunk := answer.read(min(left, _BUFFER))):
            left -= len(chunk)
            yield chunk
    finally:
        connection.close()
    if left:
        raise http.client.IncompleteRead(b"", left)


def _text(of: ET.Element, name: str) -> str:
    return of.findtext(f"{{*}}{name}") or ""


def _key(of: ET.Element) -> str:
    from urllib.parse import unquote_plus

    return unquote_plus(_text(of, "Key"))


def _time(of: ET.Element, name: str) -> datetime:
    return datetime.fromisoformat(_text(of, name).replace("Z", "+00:00"))


def _value(secret: Secret | None) -> str | None:
    return secret.value if secret is not None else None
