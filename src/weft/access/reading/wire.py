"""What a reader process and whoever has started it say to one another, and how it goes over their socket."""

from __future__ import annotations

import socket
from array import array
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec
from msgspec import Struct

from weft.access.result import ResultColumn
from weft.errors import Diagnostic
from weft.sql.allowlist import Walk
from weft.sql.narrowing import EVERYTHING, Narrow

_HEAD = 5
_MESSAGE, _DATA, _LAID = b"M"[0], b"D"[0], b"L"[0]
_BESIDE = 64
"""Bytes for the descriptors that come with a request: there are two at most."""


class Form(StrEnum):
    """What rows are written as."""

    ARROW = "arrow"
    PARQUET = "parquet"
    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"


class Cut(StrEnum):
    """Why rows are missing at the end of an answer."""

    ASKED = "limit"
    ROWS = "rows"
    BYTES = "bytes"
    TIME = "time"


class Limits(Struct, frozen=True):
    """What a reader process may take.

    Attributes:
        memory_bytes: beside what its libraries take.
        temp_bytes: on the disk, for what does not fit into memory.
        threads: of each session; 0: as many as there are cores.
    """

    memory_bytes: int
    temp_folder: str
    temp_bytes: int
    threads: int = 1


class Relation(Struct, frozen=True):
    """A view of a session: the three parts of its name, and the FROM item that it shows."""

    catalog: str
    schema: str
    name: str
    item: str


class Parse(Struct, frozen=True, tag=True):
    """Asks what a text reads and what of it is refused. Answered by a `Parsed`."""

    sql: str


class Parsed(Struct, frozen=True, tag=True):
    """The walk over a text.

    Attributes:
        digest: of what the text says: the same for texts that differ in blanks and comments alone.
        places: names of places for values, each with the column that it is compared with.
        narrow: what it can use of the tables that it reads.
    """

    walk: Walk
    digest: str = ""
    places: tuple[tuple[str, str], ...] = ()
    narrow: Narrow = EVERYTHING


class Told(Struct, frozen=True):
    """What an answer says beside its rows.

    Attributes:
        snapshots: snapshot id by pinned address, in the order in which the query reads them.
        filtered: addresses of which the reader sees only some rows.
        masked: names of columns by address that the reader sees under a mask, with the mask's name.
    """

    snapshots: dict[str, str]
    notes: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    filtered: tuple[str, ...] = ()
    masked: dict[str, dict[str, str]] = {}


class Run(Struct, frozen=True, tag=True):
    """Asks for the rows of a text. Answered by a `Begun`, data, and an `Ended`; or by an `Ended` alone.

    Attributes:
        key: of the session; one that is not known is opened with `relations` and `paths`.
        drop: keys of sessions that are not needed any more.
        limit: how many rows the reader has asked for.
        most_rows: how many anybody may have.
        seconds: how long it may work.
        encoding: `gzip`, `zstd` or nothing, for the whole of the bytes; `lz4` or `zstd` inside of Arrow.
        described: whether only the columns are wanted: the text is bound and nothing is read.
        once: whether nobody asks in this session again: it reads what was brought for this query alone.
        number: of the query among those of a process.
    """

    key: str
    sql: str
    form: Form
    told: Told
    relations: tuple[Relation, ...] | None = None
    paths: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    limit: int | None = None
    most_rows: int | None = None
    most_bytes: int | None = None
    seconds: float | None = None
    encoding: str = ""
    described: bool = False
    once: bool = False
    number: int = 0


class Begun(Struct, frozen=True, tag=True):
    """The query runs and its columns are known; with `ended` when there is nothing more behind the data held so far.

    Attributes:
        number: of the query; 0 of a process that can be asked now.
    """

    columns: tuple[ResultColumn, ...]
    ended: Ended | None = None
    number: int = 0


class Ended(Struct, frozen=True, tag=True):
    """How it went.

    Attributes:
        size_bytes: of the answer before it was compressed.
        failure: why it failed; `kind` is the class of the error.
        broken: whether the process is of no use any more.
        worn: whether it has little left, and another one should take its place.
        unopened: whether there is no session under the key of the query.
    """

    rows: int = 0
    size_bytes: int = 0
    cut: Cut | None = None
    failure: Diagnostic | None = None
    kind: str = ""
    broken: bool = False
    worn: bool = False
    unopened: bool = False


class Cancel(Struct, frozen=True, tag=True):
    """Nobody wants the answer any more. Nothing is said to it but the `Ended` of what ran."""


class Lend(Struct, frozen=True, tag=True):
    """Lends memory for the rest of the answer; its descriptors come with it. Nothing is said to it."""


class Laid(NamedTuple):
    """The next part of the answer's bytes lies at the beginning of a segment of what was lent.

    There are many of them, so they are a head alone: the segment in its first byte, the bytes in three others.
    """

    segment: int
    size_bytes: int


Asked = Parse | Run | Cancel | Lend
Said = Parsed | Begun | Ended

_ENCODER = msgspec.msgpack.Encoder()
_ASKED = msgspec.msgpack.Decoder(Asked)
_SAID = msgspec.msgpack.Decoder(Said)


class LostError(Exception):
    """The other side is gone."""


def send(to: socket.socket, message: Asked | Said) -> None:
    """Sends a message.

    Raises:
        LostError: the other side is gone.
    """
    _frame(to, _MESSAGE, _ENCODER.encode(message))


def send_data(to: socket.socket, data: bytes | bytearray | memoryview) -> None:
    """Sends a part of an answer's bytes; waits while the other side does not take them.

    Raises:
        LostError: the other side is gone.
    """
    _frame(to, _DATA, data)


def send_laid(to: socket.socket, laid: Laid) -> None:
    """Says where a part of an answer's bytes lies.

    Raises:
        LostError: the other side is gone.
    """
    try:
        to.sendall(bytes((_LAID, laid.segment)) + laid.size_bytes.to_bytes(_HEAD - 2, "big"))
    except OSError as e:
        raise LostError from e


def _frame(to: socket.socket, kind: int, body: bytes | bytearray | memoryview) -> None:
    head = bytes((kind,)) + len(body).to_bytes(_HEAD - 1, "big")
    try:
        if len(body) < 1 << 16:
            to.sendall(head + bytes(body))
        else:
            to.sendall(head)
            to.sendall(body)
    except OSError as e:
        raise LostError from e


def lend(to: socket.socket, descriptors: Sequence[int]) -> None:
    """Sends the descriptors of what is lent.

    Raises:
        LostError: the other side is gone.
    """
    body = _ENCODER.encode(Lend())
    frame = bytes((_MESSAGE,)) + len(body).to_bytes(_HEAD - 1, "big") + body
    try:
        sent = socket.send_fds(to, [frame], list(descriptors))
        to.sendall(frame[sent:])
    except OSError as e:
        raise LostError from e


def asked(sender: socket.socket) -> tuple[Asked, list[int]]:
    """The next request, with the descriptors that came with it.

    Raises:
        LostError: whoever asked is gone.
    """
    try:
        # descriptors come with the first byte of what they belong to
        begun, beside, _, _ = sender.recvmsg(_HEAD, _BESIDE, socket.MSG_CMSG_CLOEXEC)
    except OSError as e:
        raise LostError from e
    if not begun:
        raise LostError
    head = begun + bytes(_exactly(sender, _HEAD - len(begun)))
    body = _exactly(sender, int.from_bytes(head[1:], "big"))
    found: Asked = _ASKED.decode(body)
    return found, [number for _, _, data in beside for number in array("i", data)]


def said(sender: socket.socket) -> Said | bytearray | Laid:
    """The next answer, or the next part of its bytes, or where it lies.

    Raises:
        LostError: the process is gone.
        TimeoutError: as the socket's timeout says; nothing is lost of an answer whose head had not come.
    """
    head = _exactly(sender, _HEAD, first=True)
    if head[0] == _LAID:
        return Laid(head[1], int.from_bytes(head[2:], "big"))
    body = _exactly(sender, int.from_bytes(head[1:], "big"))
    return _SAID.decode(body) if head[0] == _MESSAGE else body


def _exactly(sender: socket.socket, size: int, *, first: bool = False) -> bytearray:
    found = bytearray(size)
    view, at = memoryview(found), 0
    while at < size:
        try:
            count = sender.recv_into(view[at:])
        except TimeoutError:
            if first and at == 0:
                raise
            continue  # the rest of a frame is on its way
        except OSError as e:
            raise LostError from e
        if count == 0:
            raise LostError
        at += count
    return found


def names_of(relations: Sequence[Relation]) -> dict[tuple[str, str, str], str]:
    """FROM items by the names under which a query reads them."""
    return {(r.catalog, r.schema, r.name): r.item for r in relations}
