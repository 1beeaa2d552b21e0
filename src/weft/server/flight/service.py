"""The Flight SQL service: each call is somebody's, and what it asks goes through the door."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow import flight

from weft.access.permissions import Action, Caller, require
from weft.api.wires.flight import Client, FlightPlatform, Table
from weft.api.wires.flight_messages import Message, encoded, malformed, packed, unpacked
from weft.errors import (
    AccessDenied,
    Conflict,
    PlatformError,
    TransientError,
    UsageError,
    UserCodeError,
    WeftError,
    error,
)
from weft.server.flight import metadata
from weft.server.flight.statements import Asked, Planned, Prepared, Rules, Statements, over
from weft.server.flight.streams import Live, Taken
from weft.sql.parameters import as_literal, filled, names_of, places
from weft.sql.quoting import dotted

_MOST_TEXT = 200_000
_MOST_TABLES = 8
"""Tables of a prepared query whose columns are looked at."""
_HEADERS = ("weft-purpose", "weft-limit", "weft-at")
_ACTIONS = {
    "CreatePreparedStatement": "Keeps a query with places for values.",
    "ClosePreparedStatement": "Forgets it.",
    "CancelFlightInfo": "Takes tickets back.",
    "CloseSession": "Says that a connection ends.",
}
log = logging.getLogger("weft.server")


class SignIn(flight.ServerMiddlewareFactory):
    """Finds out who calls, at every call: a token that is revoked holds no longer."""

    def __init__(self, platform: FlightPlatform) -> None:
        self._platform = platform

    def start_call(self, info: Any, headers: Mapping[str, list[str]]) -> Call:
        """The call, with its caller."""
        given = {name.lower(): values for name, values in headers.items()}
        authorization = _first(given, "authorization")
        with _as_flight(unknown=True):
            caller = self._platform.run(self._platform.caller, authorization)
        return Call(caller, authorization, {name: _first(given, name) for name in _HEADERS})


class Call(flight.ServerMiddleware):
    """One call.

    Attributes:
        said: headers of weft's own, empty where they are not there.
    """

    def __init__(self, caller: Caller, authorization: str, said: Mapping[str, str]) -> None:
        self.caller = caller
        self.said = said
        self._authorization = authorization

    def sending_headers(self) -> dict[str, str]:
        """The bearer token that a name and a token were changed into: the token itself, asked about at each call."""
        kind, _, rest = self._authorization.partition(" ")
        if kind.lower() != "basic":
            return {}
        from weft.api.wires.flight import password_of

        return {"authorization": f"Bearer {password_of(rest)}"}


class HandshakeByHeaders(flight.ServerAuthHandler):
    """The handshake has nothing to say beside its headers, which every call is looked at by."""

    def authenticate(self, outgoing: Any, incoming: Any) -> None:
        """Lets the handshake end."""

    def is_valid(self, token: bytes) -> str:
        """Nobody is known by this; see `SignIn`."""
        return ""


def _placeless(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of which no traceback says in which file it stands, nor shows its lines."""
    method.__code__ = method.__code__.replace(co_filename="<weft>")
    return method


class FlightService(flight.FlightServerBase):
    """Flight SQL over one platform."""

    def __init__(
        self,
        platform: FlightPlatform,
        location: str,
        *,
        tls: tuple[bytes, bytes] | None = None,
        rules: Rules | None = None,
        patience_s: float = 60.0,
    ) -> None:
        """Listens at once.

        Args:
            tls: certificate and key, in PEM.
            patience_s: how long a client may take nothing of an answer.
        """
        self._platform = platform
        self._statements = Statements(rules)
        self.live = Live(patience_s)
        certificates = {"tls_certificates": [tls]} if tls is not None else {}
        super().__init__(
            location,
            auth_handler=HandshakeByHeaders(),
            middleware={"weft": SignIn(platform)},
            **certificates,
        )

    def close(self) -> None:
        """Ends what runs, and listens no more."""
        self.live.close()
        self.shutdown()

    # the calls of Flight

    def get_flight_info(self, context: Any, descriptor: Any) -> Any:
        """The schema and the ticket of what a command asks for."""
        with _as_flight():
            schema, ticket = self._platform.run(self._ticket, _call(context), descriptor)
            return flight.FlightInfo(schema, descriptor, [flight.FlightEndpoint(ticket, [])], -1, -1)

    @_placeless
    def get_schema(self, context: Any, descriptor: Any) -> Any:
        """The schema of what a command asks for."""
        try:
            with _as_flight():
                return flight.SchemaResult(self._platform.run(self._planned, _call(context), descriptor).schema)
        except (flight.FlightError, pa.ArrowException) as e:
            raise e.with_traceback(None) from None  # of this call alone Flight tells where the code is that raised it

    def do_get(self, context: Any, ticket: Any) -> Any:
        """The rows of a ticket. Rights are looked at anew: what was planned is no right."""
        with _as_flight():
            found = self._platform.run(self._fetched, _call(context), ticket.ticket, Client(context.is_cancelled))
            if isinstance(found, Taken):
                return flight.GeneratorStream(found.schema, _told(found))
            return flight.RecordBatchStream(found)

    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Takes the values of a prepared statement; nothing else is written here."""
        with _as_flight():
            message = _command(descriptor)
            if message.name != "CommandPreparedStatementQuery":
                raise metadata.unsupported(message.name)
            prepared = self._platform.run(self._statement, _call(context), message)
            prepared.values = _values(reader, len(names_of(prepared.places)))
            writer.write(pa.py_buffer(encoded({1: message.data(1)})))

    def list_actions(self, context: Any) -> list[tuple[str, str]]:
        """What can be done beside reading."""
        return list(_ACTIONS.items())

    def do_action(self, context: Any, action: Any) -> Iterator[bytes]:
        """Prepares and closes statements, takes tickets back."""
        with _as_flight():
            return iter(self._platform.run(self._done, _call(context), action.type, action.body.to_pybytes()))

    # what they are made of

    def _ticket(self, call: Call, descriptor: Any) -> tuple[Any, bytes]:
        planned = self._planned(call, descriptor)
        return planned.schema, self._statements.ticket(self._platform.principal(call.caller), planned)

    def _fetched(self, call: Call, ticket: bytes, client: Client) -> Any:
        """What a ticket stands for: an answer on its way, or a `pyarrow.Table` about what there is."""
        principal = self._platform.principal(call.caller)
        planned = self._statements.redeemed(principal, ticket)
        if isinstance(planned.what, bytes):
            message = unpacked(planned.what)
            return metadata.table(self._platform, call.caller, message, lambda one: self._columns_of(call, one))
        asked = planned.what
        try:
            streamed = self._platform.ask(
                call.caller, asked.sql, limit=asked.limit, at=asked.at, purpose=asked.purpose, client=client
            )
            taken = Taken(streamed, self.live, self._platform.taking, client)
        except BaseException as e:
            client.forget()
            if isinstance(e, TransientError):  # whoever is told to try again tries with the same ticket
                self._statements.given_back(principal, ticket, planned)
            raise
        if not taken.schema.equals(planned.schema):
            taken.close()
            raise over("the columns are others than when the query was planned")
        return taken

    def _statement(self, call: Call, message: Message) -> Prepared:
        return self._statements.statement(self._platform.principal(call.caller), message.data(1))

    def _done(self, call: Call, kind: str, body: bytes) -> list[bytes]:
        principal = self._platform.principal(call.caller)
        match kind:
            case "CreatePreparedStatement":
                return [self._prepare(call, unpacked(body))]
            case "ClosePreparedStatement":
                self._statements.closed(principal, unpacked(body).data(1))
                return []
            case "CancelFlightInfo":
                asked = Message("CancelFlightInfoRequest", {})
                with contextlib.suppress(UsageError):
                    asked = unpacked(body)
                info = flight.FlightInfo.deserialize(asked.data(1) or body)
                dropped = [self._statements.dropped(principal, e.ticket.ticket) for e in info.endpoints]
                return [encoded({1: 1 if all(dropped) else 3})]
            case "CloseSession":
                return [encoded({1: 1})]
        raise metadata.unsupported(kind)

    def _prepare(self, call: Call, message: Message) -> bytes:
        require(call.caller, Action.QUERY)
        asked = _asked(call, message.text(1) or "")
        found = places(asked.sql)
        names = names_of(found)
        prepared = Prepared(asked, found, None if names else ())
        try:
            schema = self._schema(call, asked, filled(asked.sql, found, dict.fromkeys(names, "NULL")))
        except UserCodeError:
            if not names:
                raise
            schema = pa.schema([])  # it depends on the values
        handle = self._statements.prepared(self._platform.principal(call.caller), prepared)
        types = self._types(call, asked) if names else {}
        # where it is not known what a value is to be, drivers are told that it is a text, and take any
        values = pa.schema([pa.field(name, types.get(name, pa.utf8())) for name in names])
        found_schemas = {2: schema.serialize().to_pybytes(), 3: values.serialize().to_pybytes()}
        return packed("ActionCreatePreparedStatementResult", {1: handle, **found_schemas})

    def _types(self, call: Call, asked: Asked) -> Mapping[str, Any]:
        """The types of places that are compared with a column, as the caller sees it."""
        tables, places = self._platform.places(call.caller, asked.sql)
        if not places or len(tables) > _MOST_TABLES:
            return {}
        fields: dict[str, set[Any]] = {}
        for table in tables:
            domain, product, port = table.split(".")
            for field in self._schema(call, asked, f"SELECT * FROM {dotted((domain, product, port))}"):
                fields.setdefault(field.name.lower(), set()).add(field.type)
        found = {place: fields.get(column, set()) for place, column in places}
        return {place: next(iter(types)) for place, types in found.items() if len(types) == 1}

    def _planned(self, call: Call, descriptor: Any) -> Planned:
        if descriptor.descriptor_type == flight.DescriptorType.PATH:  # of clients that speak Flight, and not its SQL
            asked = _asked(call, metadata.all_at(descriptor.path))
            return Planned(asked, self._schema(call, asked, asked.sql))
        message = _command(descriptor)
        match message.name:
            case "CommandStatementQuery":
                asked = _asked(call, message.text(1) or "")
            case "CommandPreparedStatementQuery":
                asked = _bound(self._statement(call, message))
            case _:
                return Planned(bytes(descriptor.command), metadata.schema(message))
        return Planned(asked, self._schema(call, asked, asked.sql))

    def _schema(self, call: Call, asked: Asked, sql: str) -> Any:
        """The schema of a query; nothing is read."""
        streamed = self._platform.ask(call.caller, sql, limit=None, at=asked.at, purpose=asked.purpose, described=True)
        taken = Taken(streamed, self.live, self._platform.taking, Client(lambda: False))
        try:
            return taken.schema.remove_metadata()
        finally:
            for _ in taken:
                pass

    def _columns_of(self, call: Call, one: Table) -> Any:
        return self._schema(call, Asked(""), metadata.all_of(one))


def _told(taken: Taken) -> Iterator[Any]:
    """The batches, with errors as Flight tells them."""
    with _as_flight():
        for batch in taken:
            yield batch
            del batch  # its memory is the reader's again, which may wait for it


def _call(context: Any) -> Call:
    found: Call = context.get_middleware("weft")
    return found


def _command(descriptor: Any) -> Message:
    if descriptor.descriptor_type != flight.DescriptorType.CMD:
        raise malformed()
    return unpacked(descriptor.command)


def _asked(call: Call, sql: str) -> Asked:
    if len(sql) > _MOST_TEXT or "\0" in sql:
        raise UsageError(error("WFT-SRV-081", f"a query has at most {_MOST_TEXT:,} characters, and no null byte"))
    limit, at = call.said["weft-limit"], call.said["weft-at"]
    if limit and not (limit.isascii() and limit.isdigit() and len(limit) < 16):
        raise UsageError(error("WFT-SRV-081", "the header `weft-limit` is a number of rows"))
    return Asked(sql, int(limit) if limit else None, _version(at), call.said["weft-purpose"][:500] or None)


def _version(text: str) -> Any:
    if not text.startswith("{"):
        return text or None
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError:
        raise UsageError(
            error("WFT-SRV-081", "the header `weft-at` is a time, a snapshot, or an object of snapshots by address")
        ) from None


def _bound(prepared: Prepared) -> Asked:
    names = names_of(prepared.places)
    if names and prepared.values is None:
        what = f"the query has {len(names)} places, and no values were bound to them"
        raise UsageError(error("WFT-SRV-080", what, fix="bind a row of values first"))
    values = dict(zip(names, prepared.values or (), strict=True))
    return msgspec.structs.replace(prepared.asked, sql=filled(prepared.asked.sql, prepared.places, values))


def _values(reader: Any, count: int) -> tuple[str, ...]:
    """One row of values, as literals."""
    rows: list[Any] = []
    for chunk in reader:
        if chunk.data is None or not chunk.data.num_rows:
            continue
        rows.append(chunk.data)
        if sum(batch.num_rows for batch in rows) > 1:
            what = "one row of values is bound at a time"
            raise UsageError(error("WFT-SRV-080", what, fix="run the query once for each row"))
    given = [as_literal(column[0].as_py()) for column in rows[0].columns] if rows else []
    if len(given) != count:
        raise UsageError(error("WFT-SRV-080", f"the query has {count} places for values, and {len(given)} came"))
    return tuple(given)


def _first(headers: Mapping[str, list[str]], name: str) -> str:
    found = headers.get(name) or [""]
    return str(found[0])


@contextlib.contextmanager
def _as_flight(*, unknown: bool = False) -> Iterator[None]:
    """Tells errors of weft as Flight does: what, why and fix as text, and as JSON beside it."""
    try:
        yield
    except WeftError as e:
        raise _error(e, unknown) from None
    except (flight.FlightError, pa.ArrowException):
        raise
    except Exception as e:  # what failed here is nobody's business outside
        log.exception("a call of Flight has failed")
        told = error("WFT-SRV-011", "the server itself has failed", why=type(e).__name__, fix="ask its operator")
        raise _error(PlatformError(told), False) from e


def _error(e: WeftError, unknown: bool) -> Exception:
    text = "\n".join(str(d) for d in e.diagnostics)
    beside = msgspec.json.encode([d.as_json() for d in e.diagnostics])
    kind: Callable[..., Exception]
    if unknown and isinstance(e, AccessDenied):
        kind = flight.FlightUnauthenticatedError
    elif isinstance(e, AccessDenied):
        kind = flight.FlightUnauthorizedError
    elif isinstance(e, TransientError | Conflict):
        kind = flight.FlightUnavailableError
    elif isinstance(e, PlatformError):
        kind = flight.FlightInternalError
    else:
        kind = flight.FlightServerError  # pa.ArrowInvalid would be told with the lines of code that have raised it
    return kind(text, beside)
