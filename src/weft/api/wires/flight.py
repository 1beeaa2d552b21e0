"""What Flight SQL asks of the platform: who calls, what there is for them, and rows through the door."""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from weft.access.permissions import Action, Caller, require
from weft.access.principals import Principal
from weft.access.reading.asking import Question, Streamed
from weft.access.reading.wire import Form
from weft.api.access.querying import GrantedDoor
from weft.errors import AccessDenied, UserCodeError, error

if TYPE_CHECKING:
    from weft.access.opened import Opened
    from weft.access.versions import At
    from weft.access.witness import Over, Witness
    from weft.api.platform import Platform

WIRE = "flight"
_LOOKING = 2
"""Answers on their way that ask the registry at once."""

T = TypeVar("T")


class Table(Struct, frozen=True):
    """A port that somebody may read, as a database shows it.

    Attributes:
        name: of the port, with its major where it is not the default one.
    """

    catalog: str
    schema: str
    name: str


class FlightPlatform:
    """The platform behind one Flight server. Used from any number of threads."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._looking = ThreadPoolExecutor(_LOOKING, "looking")

    @cached_property
    def _witness(self) -> Witness | None:
        return self.platform.rooms.witness(WIRE)

    def run(self, work: Callable[..., T], *given: object) -> T:
        """What a piece of work gives, done in one of the platform's own threads.

        A call comes in a thread that ends with it, and every thread that asks the registry has a connection.
        """
        return self.platform.querying.asking.submit(work, *given).result()

    def looked(self, work: Callable[..., T], *given: object) -> T:
        """As `run`, for what an answer on its way asks the registry: threads of `run` may wait for this one."""
        try:
            looking = self._looking.submit(work, *given)
        except RuntimeError:  # the process ends, and its threads have
            return work(*given)
        return looking.result()

    @property
    def taking(self) -> Executor:
        """Threads in which answers are closed that nobody has ended."""
        return self.platform.querying.taking

    def caller(self, authorization: str) -> Caller:
        """Whoever a call's header stands for: a bearer token, or a name with a token as its password.

        Raises:
            AccessDenied: WFT-SRV-082 it stands for nobody, WFT-ACC-017, WFT-ACC-028, WFT-ACC-029.
            PlatformError: WFT-ACC-015, the keys of the company's provider cannot be had.
        """
        kind, _, rest = authorization.partition(" ")
        user, secret = None, rest.strip()
        if kind.lower() == "basic":
            user, secret = _parts(secret)
        known = kind.lower() in ("basic", "bearer") and secret
        found = self.platform.identity.of_bearer(secret) if known else None
        if found is None or (user is not None and user != found.name):
            raise AccessDenied(
                error(
                    "WFT-SRV-082",
                    "nobody is known by these credentials" if authorization else "this call has no credentials",
                    why="a token has expired, was revoked, or is not that of the name that came with it",
                    fix="give a token of weft as bearer token, or your name and the token as its password; "
                    "`weft token create` makes one",
                )
            )
        return found

    def principal(self, caller: Caller) -> Principal:
        """A caller as a reader of rows."""
        return self.platform.access.principal_of(caller)

    def ask(
        self,
        caller: Caller,
        sql: str,
        *,
        limit: int | None,
        at: At,
        purpose: str | None,
        described: bool = False,
        client: Client | None = None,
    ) -> Streamed:
        """Begins to answer a query, as batches of Arrow.

        Args:
            described: only its columns, without a row.
            client: who waits for it; it ends when they have gone.

        Raises:
            WeftError: as `Querying.ask`; WFT-ACC-010, the caller's token is not for rows.
        """
        require(caller, Action.QUERY)
        door = FlightDoor(self, caller, self._witness, client)
        return door.stream(door.reader, Question(sql, Form.ARROW, limit, at, "", purpose, described))

    def places(self, caller: Caller, sql: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        """The addresses that a text with places for values names, and the columns that its places are compared with.

        Raises:
            WeftError: as `Readers.places`; WFT-ACC-010, the caller's token is not for rows.
        """
        require(caller, Action.QUERY)
        return self.platform.rooms.readers.places(self.principal(caller), sql)

    def tables(self, caller: Caller, names: Mapping[str, str | None]) -> Iterator[Table]:
        """The ports that a caller may read now, by their names; no other port is there for them.

        Args:
            names: `catalog` as it is, `schema` and `table` as patterns of LIKE; None: all.

        Raises:
            AccessDenied: WFT-ACC-010, the caller's token is not for what there is.
        """
        require(caller, Action.READ_METADATA)
        door = FlightDoor(self, caller, self._witness)
        matching = {part: like(names.get(part)) for part in ("schema", "table")}
        for address, state in sorted(self.platform.rooms.production.ports().items()):
            shown = address.port if state.default else f"{address.port}@{address.major}"
            if names.get("catalog") not in (None, address.domain) or state.retired:
                continue
            if not (matching["schema"].fullmatch(address.product) and matching["table"].fullmatch(shown)):
                continue
            if door.opens(address):
                yield Table(address.domain, address.product, shown)


class Client:
    """Whoever waits for the answer to a call, as long as the call lasts."""

    def __init__(self, cancelled: Callable[[], bool]) -> None:
        """`cancelled` says whether they have gone; it is not asked any more when the call is over."""
        self._cancelled: Callable[[], bool] | None = cancelled
        self._lock = threading.Lock()

    def gone(self) -> bool:
        """Whether nobody waits any more; from any thread."""
        with self._lock:
            return self._cancelled is not None and self._cancelled()

    def forget(self) -> None:
        """The call is over, or about to be."""
        with self._lock:
            self._cancelled = None


class FlightDoor(GrantedDoor):
    """The door of those who come by Flight: what it opens is written down under that name.

    Batches are taken in the thread of a call, which ends with it; what the registry is asked meanwhile is asked in
    threads that stay.
    """

    def __init__(
        self, flying: FlightPlatform, caller: Caller, witness: Witness | None, client: Client | None = None
    ) -> None:
        super().__init__(flying.platform, caller)
        self._flying = flying
        self._witness = witness
        self._client = client
        self._gone = client.gone if client is not None else None  # also while a database works

    def still(self, principal: Principal, opened: Opened) -> bool:
        """Whether what was opened would be opened again in the same way.

        Raises:
            UserCodeError: WFT-ENG-003, nobody waits for the answer any more.
        """
        require_there(self._client)
        return self._flying.looked(super().still, principal, opened)

    def witnessed(self, principal: Principal, opened: Opened, sql: str) -> Over:
        """As `Door.witnessed`."""
        over = super().witnessed(principal, opened, sql)
        return partial(self._flying.looked, over)


def require_there(client: Client | None) -> None:
    """Ends what nobody waits for.

    Raises:
        UserCodeError: WFT-ENG-003.
    """
    if client is not None and client.gone():
        raise UserCodeError(error("WFT-ENG-003", "the query was stopped: nobody waits for its answer"))


def like(pattern: str | None) -> re.Pattern[str]:
    """A pattern of LIKE; None is one that all names match.

    >>> bool(like("on_t%").fullmatch("on_time")), bool(like("a_c").fullmatch("abcd"))
    (True, False)
    """
    signs = {"%": ".*", "_": "."}
    return re.compile("".join(signs.get(c, re.escape(c)) for c in ("%" if pattern is None else pattern)), re.DOTALL)


def password_of(text: str) -> str:
    """The password of basic credentials."""
    return _parts(text)[1]


def _parts(text: str) -> tuple[str, str]:
    """Name and password of basic credentials; no password where they are damaged."""
    padded = text.rstrip("=")
    padded += "=" * (-len(padded) % 4)  # Arrow's client in Go leaves the padding out
    try:
        user, _, secret = base64.b64decode(padded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, secret
