"""What was planned or prepared and waits for whoever asked: kept here, named outside by signed words."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from weft.access.principals import Principal
from weft.access.versions import At
from weft.errors import AccessDenied, TransientError, UsageError, error

_ID = 16
_MAC = 32
_HEAD = struct.Struct(f">{_ID}sd")


class Rules(Struct, frozen=True):
    """How long things wait, and how many.

    Attributes:
        ticket_s: how long a ticket holds.
        prepared_s: how long a prepared statement is kept that nobody uses.
        each: how many tickets, and how many prepared statements, one principal has at once.
        all: how many all have.
    """

    ticket_s: float = 300.0
    prepared_s: float = 3600.0
    each: int = 200
    all: int = 5000


class Asked(Struct, frozen=True):
    """A query, with what stands beside it in the headers of its call."""

    sql: str
    limit: int | None = None
    at: At = None
    purpose: str | None = None


class Planned(Struct, frozen=True):
    """What a ticket stands for: a query, or a command about what there is.

    Attributes:
        schema: of the rows, as it was planned.
    """

    what: Asked | bytes
    schema: Any


class Prepared(Struct):
    """A query with places for values.

    Attributes:
        values: for its places, as literals of SQL; None until some are bound.
    """

    asked: Asked
    places: tuple[tuple[int, int, str], ...]
    values: tuple[str, ...] | None = None


class _Kept(Struct):
    who: str
    until: float
    what: Any


class Statements:
    """Open tickets and prepared statements of everybody. Used from any number of threads."""

    def __init__(self, rules: Rules | None = None, now: Callable[[], float] = time.time) -> None:
        self.rules = rules or Rules()
        self._now = now
        self._key = secrets.token_bytes(32)  # of this process: what it has kept ends with it, and so do its words
        self._lock = threading.Lock()
        self._kept: dict[str, dict[bytes, _Kept]] = {"ticket": {}, "statement": {}}

    def ticket(self, principal: Principal, planned: Planned) -> bytes:
        """A ticket, once, for the same principal, as long as `ticket_s`.

        Raises:
            TransientError: WFT-SRV-078, too many are open.
        """
        return self._keep("ticket", principal, planned, self.rules.ticket_s)

    def prepared(self, principal: Principal, prepared: Prepared) -> bytes:
        """The handle of a prepared statement.

        Raises:
            TransientError: WFT-SRV-078, too many are open.
        """
        return self._keep("statement", principal, prepared, self.rules.prepared_s)

    def redeemed(self, principal: Principal, ticket: bytes) -> Planned:
        """What a ticket stands for; it is used up.

        Raises:
            AccessDenied: WFT-SRV-075, it is none of theirs.
            UsageError: WFT-SRV-076, it is over.
        """
        found = self._found("ticket", principal, ticket, take=True)
        if found is None:
            raise over()
        planned: Planned = found.what
        return planned

    def given_back(self, principal: Principal, ticket: bytes, planned: Planned) -> None:
        """Lets a ticket hold once more that was redeemed for nothing: no row of it has left."""
        name, until = _HEAD.unpack(ticket[:-_MAC])
        with self._lock:
            self._kept["ticket"][name] = _Kept(named(principal), until, planned)

    def statement(self, principal: Principal, handle: bytes) -> Prepared:
        """A prepared statement of theirs.

        Raises:
            AccessDenied: WFT-SRV-075, the handle is none of theirs.
            UsageError: WFT-SRV-077, it was closed, or nobody has used it for too long.
        """
        found = self._found("statement", principal, handle)
        if found is None:
            what = "the prepared statement is not open any more"
            raise UsageError(error("WFT-SRV-077", what, fix="prepare it again"))
        found.until = self._now() + self.rules.prepared_s
        prepared: Prepared = found.what
        return prepared

    def closed(self, principal: Principal, handle: bytes) -> None:
        """Forgets a prepared statement; one that is not there any more is closed already.

        Raises:
            AccessDenied: WFT-SRV-075.
        """
        self._found("statement", principal, handle, take=True)

    def dropped(self, principal: Principal, ticket: bytes) -> bool:
        """Forgets a ticket; False where it was used or is over.

        Raises:
            AccessDenied: WFT-SRV-075.
        """
        return self._found("ticket", principal, ticket, take=True) is not None

    def _keep(self, kind: str, principal: Principal, what: Any, seconds: float) -> bytes:
        who = named(principal)
        until = self._now() + seconds
        with self._lock:
            kept = self._kept[kind]
            if len(kept) >= self.rules.each:
                self._forget_old(kept)
            if len(kept) >= self.rules.all or sum(one.who == who for one in kept.values()) >= self.rules.each:
                raise TransientError(
                    error(
                        "WFT-SRV-078",
                        f"too many {kind}s are open",
                        why=f"one reader has at most {self.rules.each}, all together {self.rules.all}",
                        fix="fetch or close what is open, or wait until it ends by itself",
                    )
                )
            name = secrets.token_bytes(_ID)
            kept[name] = _Kept(who, until, what)
        head = _HEAD.pack(name, until)
        return head + self._mac(kind, who, head)

    def _forget_old(self, kept: dict[bytes, _Kept]) -> None:
        now = self._now()
        for name in [name for name, one in kept.items() if one.until < now]:
            del kept[name]

    def _found(self, kind: str, principal: Principal, word: bytes, *, take: bool = False) -> _Kept | None:
        head, mac = word[:-_MAC], word[-_MAC:]
        if len(head) != _HEAD.size or not hmac.compare_digest(mac, self._mac(kind, named(principal), head)):
            raise AccessDenied(
                error(
                    "WFT-SRV-075",
                    f"this {kind} is not one that `{principal.name}` was given here",
                    why="it is bound to who has asked for it, and to the server as long as it runs",
                    fix="ask again",
                )
            )
        name, _ = _HEAD.unpack(head)
        with self._lock:
            kept = self._kept[kind]
            found = kept.pop(name, None) if take else kept.get(name)
            if found is not None and found.until < self._now():
                kept.pop(name, None)
                found = None
            return found

    def _mac(self, kind: str, who: str, head: bytes) -> bytes:
        return hmac.digest(self._key, b"\0".join((kind.encode(), who.encode(), head)), hashlib.sha256)


def over(why: str = "it holds once, and not for long") -> UsageError:
    """The error of a ticket that holds no more."""
    return UsageError(error("WFT-SRV-076", "the ticket is used up or over", why=why, fix="ask again"))


def named(principal: Principal) -> str:
    """A principal as no other one is named."""
    return f"{principal.kind}:{principal.name}"
