"""Queries of a server by Flight SQL, where it speaks that and can be reached; by HTTP else."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import msgspec

from weft.access.reading.collecting import ArrowAnswer
from weft.access.result import ResultColumn
from weft.api.client.distant import DistantResult
from weft.errors import (
    AccessDenied,
    PlatformError,
    TransientError,
    UserCodeError,
    WeftError,
    diagnostic_from_json,
    error,
)

if TYPE_CHECKING:
    from weft.access.values import Texts
    from weft.registry.remote import Server

_KEY = b"weft"
_PATIENCE_S = 2.0
_AGAIN_S = 300.0
"""After so long it is looked anew whether a server speaks Flight SQL."""

_ways: WeakKeyDictionary[Server, tuple[float, Any]] = WeakKeyDictionary()


def query(server: Server, asked: dict[str, Any], texts: Texts) -> DistantResult | None:
    """The rows of a query; None where HTTP is to be asked: it tells what is wrong, or can where Flight cannot.

    Until the first batch has come nothing is lost by asking again; afterwards nothing is asked again.

    Args:
        asked: the body of `POST /api/v1/query`.
    """
    client = _client(server)
    headers = _headers(server, asked)
    if client is None or headers is None:
        return None
    from pyarrow import ArrowException, flight

    from weft.api.wires.flight_messages import packed

    options = flight.FlightCallOptions(headers=headers)
    command = flight.FlightDescriptor.for_command(packed("CommandStatementQuery", {1: asked["sql"].encode()}))
    try:
        info = client.get_flight_info(command, options)
        return FlightResult(FlightAnswer(client.do_get(info.endpoints[0].ticket, options)), texts)
    except (flight.FlightError, ArrowException, OSError):
        return None


class FlightResult(DistantResult):
    """Rows that come by Flight."""

    def __init__(self, answer: FlightAnswer, texts: Texts) -> None:
        super().__init__(lambda: iter(()), texts)
        self.__dict__["_answer"] = answer


class FlightAnswer(ArrowAnswer):
    """An answer on its way by Flight; its first batch has come."""

    def __init__(self, reader: Any) -> None:
        known = (reader.schema.metadata or {}).get(_KEY)
        self._chunks = reader
        self.basis: dict[str, Any] = msgspec.json.decode(known) if known is not None else {}
        self.columns = tuple(ResultColumn(**column) for column in self.basis.get("columns", ()))
        self.schema = reader.schema.remove_metadata()
        self.truncated: bool | None = None
        self._first = reader.read_chunk()

    def batches(self) -> Iterator[Any]:
        """The rows as `pyarrow.RecordBatch`es, as they come.

        Raises:
            PlatformError: WFT-ACC-045, the stream ends before its end.
            WeftError: what the server says.
        """
        from pyarrow import ArrowException, flight

        chunk = self._first
        self._first = None
        while chunk is not None:
            if chunk.app_metadata is not None:
                self.truncated = bool(msgspec.json.decode(chunk.app_metadata.to_pybytes())["truncated"])
            if chunk.data is not None and chunk.data.num_rows:
                yield chunk.data.replace_schema_metadata(None)
            try:
                chunk = self._chunks.read_chunk()
            except StopIteration:
                break
            except (flight.FlightError, ArrowException) as e:
                raise _failed(e) from None
        if self.truncated is None:
            raise PlatformError(error("WFT-ACC-045", "the answer ends before its end", fix="ask again"))


def _client(server: Server) -> Any:
    """A client of the server's Flight; None where it has none that can be reached."""
    until, found = _ways.get(server, (0.0, None))
    if time.monotonic() >= until:
        found = _found(server)
        _ways[server] = (time.monotonic() + _AGAIN_S, found)
    return found


def _found(server: Server) -> Any:
    try:
        from pyarrow import flight

        told = server.get("/api/v1/flight", dict[str, Any])
    except (ImportError, WeftError):
        return None
    place = urlsplit(server.url)
    safe = place.scheme == "https"
    url = told.get("url")
    if not url and told.get("port"):
        host = f"[{place.hostname}]" if ":" in (place.hostname or "") else place.hostname
        url = f"{'grpc+tls' if safe else 'grpc'}://{host}:{told['port']}"
    if not url or (safe and urlsplit(url).scheme != "grpc+tls"):
        return None  # a token that goes to its server by TLS goes no other way
    there = urlsplit(url)
    try:
        socket.create_connection((there.hostname, there.port), timeout=_PATIENCE_S).close()
        return flight.connect(url)
    except (OSError, ValueError):
        return None


def _headers(server: Server, asked: dict[str, Any]) -> list[tuple[bytes, bytes]] | None:
    """What is said beside the query; None where headers cannot say it."""
    at = asked.get("at")
    token = server.bearer()
    said = {
        "authorization": f"Bearer {token}" if token else "",
        "weft-purpose": asked.get("purpose") or "",
        "weft-limit": str(asked["limit"]) if asked.get("limit") is not None else "",
        "weft-at": json.dumps(at) if isinstance(at, dict) else at or "",
    }
    if not all(text.isascii() and text.isprintable() for text in said.values()):
        return None
    return [(name.encode(), text.encode()) for name, text in said.items() if text]


def _failed(e: Exception) -> WeftError:
    """What a server says, as an error of this side."""
    from pyarrow import flight

    kinds = {
        flight.FlightUnauthorizedError: AccessDenied,
        flight.FlightUnavailableError: TransientError,
        flight.FlightInternalError: PlatformError,
    }
    try:
        told = [diagnostic_from_json(one) for one in json.loads(getattr(e, "extra_info", b"") or b"[]")]
    except (KeyError, TypeError, ValueError):
        told = []
    if told:
        return kinds.get(type(e), UserCodeError)(*told)
    return PlatformError(error("WFT-ACC-045", "the answer ends before its end", fix="ask again"))
