"""Saved queries: kept by their owner under a name, run by whoever may read their ports, by their own rights."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec import Struct

from weft.access.permissions import Action, Caller, may
from weft.access.principals import Principal
from weft.access.query_places import placed
from weft.access.reading.asking import Question, Streamed
from weft.access.versions import At
from weft.api.access.workspaces import PREFIX
from weft.api.cursors import cursor_of, place_of
from weft.errors import AccessDenied, UsageError, error
from weft.model.address import parse_address
from weft.registry import codec
from weft.registry.saved_queries import SavedQuery, SavedQueryStore

if TYPE_CHECKING:
    from weft.access.result import Result
    from weft.api.platform import Platform
    from weft.wiring import Rooms

NAME = r"[a-z][a-z0-9_-]{0,62}"
"""What a saved query may be called."""

MOST = 1000
"""Queries that one owner may keep."""


class Asked(Struct, frozen=True):
    """How the rows of a saved query are asked for.

    Attributes:
        purpose: of whoever reads; without it that of the query.
    """

    limit: int | None = None
    at: At = None
    purpose: str | None = None


class SavedQueries:
    """The verbs on saved queries.

    Attributes:
        sovereign: whether whoever calls owns the mesh, as at the keyboard of one's own.
    """

    def __init__(self, platform: Platform, *, sovereign: bool = False) -> None:
        self._platform = platform
        self._rooms: Rooms = platform.rooms
        self._store = SavedQueryStore(platform.database)
        self.sovereign = sovereign

    def listed(
        self, caller: Caller, owner: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> dict[str, Any]:
        """A page of saved queries, by owner and name. Texts are shown to whoever may read the ports.

        Raises:
            UsageError: WFT-SRV-006, the cursor belongs to another list.
        """
        of = f"queries {owner}"
        place = place_of(of, cursor, str, str)
        after = (str(place[0]), str(place[1])) if place else ("", "")
        found = self._store.listed(owner, after, limit + 1)
        last = cursor_of(of, [found[limit - 1].owner, found[limit - 1].name]) if len(found) > limit else None
        who = self._principal(caller)
        return {"items": [self._shown(one, caller, who) for one in found[:limit]], "next": last}

    def one(self, caller: Caller, owner: str, name: str) -> dict[str, Any]:
        """A saved query.

        Raises:
            UsageError: WFT-ACC-052, there is none of this name.
        """
        return self._shown(self._found(owner, name), caller, self._principal(caller))

    def save(
        self, caller: Caller, owner: str, name: str, sql: str, *, title: str = "", purpose: str | None = None
    ) -> dict[str, Any]:
        """Keeps a query under a name, in the place of one of that name; its addresses go on meaning what they mean now.

        Raises:
            UsageError: WFT-SQL-001 to 007 the text is refused, WFT-ACC-001 no such port, WFT-ACC-053 it cannot be kept.
            AccessDenied: WFT-ACC-054, it would be somebody else's.
        """
        self._require_own(caller, owner)
        if not re.fullmatch(NAME, name):
            fix = "use small letters, digits, `_` and `-`, a letter first"
            raise _unusable(f"`{name[:80]}` is no name of a query", fix)
        if any("\0" in text for text in (sql, title, purpose or "")):  # PostgreSQL keeps no text with it
            raise _unusable("the text holds the character NUL", "leave it out")
        now = self._rooms.now()
        ports = self._ports(self._principal(caller), sql)
        query = SavedQuery(owner, name, title.strip(), sql, ports, (purpose or "").strip() or None, now, now)
        try:
            kept = self._store.put(query, MOST)
        except OverflowError:
            fix = "drop some: `weft queries NAME --drop`"
            raise _unusable(f"`{owner}` keeps {MOST:,} queries already", fix) from None
        return self._shown(kept, caller, self._principal(caller))

    def drop(self, caller: Caller, owner: str, name: str) -> None:
        """Forgets a query of the caller; an operator may forget anybody's.

        Raises:
            UsageError: WFT-ACC-052, there is none of this name.
            AccessDenied: WFT-ACC-054, it is somebody else's.
        """
        self._found(owner, name)
        if not may(caller, Action.OPERATE):
            self._require_own(caller, owner)
        if not self._store.drop(owner, name, actor=caller.name, at=self._rooms.now()):
            raise _absent(owner, name)

    def stream(
        self,
        caller: Caller,
        owner: str,
        name: str,
        asked: Asked,
        question: Question,
        gone: Callable[[], bool] = lambda: False,
    ) -> Streamed:
        """Begins to answer a saved query, for whoever asks and by their rights alone.

        Args:
            question: the form of the answer; its text is that of the query.
            gone: whether nobody waits for the answer any more.

        Raises:
            UsageError: WFT-ACC-052 there is none of this name, and what queries raise.
            AccessDenied: WFT-ACC-002 no grant, and others.
            TransientError: WFT-ACC-041, too many queries run.
            UserCodeError: the query fails.
        """
        found = self._found(owner, name)
        querying = self._platform.querying
        door = querying.door(caller).waited_for(gone).pinned(dict(found.ports))
        wanted = Question(
            found.sql, question.form, asked.limit, asked.at, question.encoding, asked.purpose or found.purpose
        )
        return querying.streamed(caller, door, wanted)

    def rows(self, owner: str, name: str, asked: Asked, principal: str | None = None) -> Result:
        """The rows of a saved query, at the keyboard of one's own mesh; see `Mesh.query`."""
        found = self._found(owner, name)
        door = self._rooms.door.pinned(dict(found.ports))
        purpose = asked.purpose or found.purpose
        return door.query(self._rooms.principal(principal), found.sql, limit=asked.limit, at=asked.at, purpose=purpose)

    def _ports(self, who: Principal, sql: str) -> tuple[tuple[str, str], ...]:
        """The ports that a text reads, each as it is named there and with its major."""
        names = self._rooms.readers.references(who, sql, placed)
        own = ".".join(PREFIX)
        for name in names:
            if name.startswith(f"{own}."):
                what = f"a saved query is for others too, and `{name}` is yours alone"
                raise _unusable(what, "read the ports that the table was made from")
        return tuple((name, str(self._rooms.published(name).address)) for name in names)

    def _shown(self, query: SavedQuery, caller: Caller, who: Principal) -> dict[str, Any]:
        runs = self._runs(query, who)
        texts = runs or query.owner == caller.name
        return {
            "owner": query.owner,
            "name": query.name,
            "title": query.title,
            "url": url_of(query.owner, query.name),
            "sql": query.sql if texts else None,
            "purpose": query.purpose if texts else None,
            "ports": [{"named": named, "port": port} for named, port in query.ports],
            "runs": runs,
            "made_at": codec.time_text(query.made_at),
            "changed_at": codec.time_text(query.changed_at),
        }

    def _runs(self, query: SavedQuery, who: Principal) -> bool:
        """Whether somebody may read all ports of a query, as far as it can be said without a purpose."""
        for port in dict.fromkeys(port for _, port in query.ports):
            address = parse_address(port)
            if self._rooms.production.port(address) is None:
                return False
            if not self._rooms.counter.decision(who, address)[1].allowed:
                return False
        return True

    def _found(self, owner: str, name: str) -> SavedQuery:
        found = self._store.get(owner, name)
        if found is None:
            raise _absent(owner, name)
        return found

    def _require_own(self, caller: Caller, owner: str) -> None:
        if owner != caller.name:
            what = f"`{caller.name}` may not change the saved queries of `{owner[:80]}`"
            raise AccessDenied(error("WFT-ACC-054", what, fix="save it under your own name"))

    def _principal(self, caller: Caller) -> Principal:
        return self._rooms.principal() if self.sovereign else self._platform.access.principal_of(caller)


def url_of(owner: str, name: str) -> str:
    """Where a saved query is found on its server."""
    return f"/api/v1/queries/{quote(owner, safe='@:')}/{quote(name, safe='')}"


def parted(address: str, owner: str) -> tuple[str, str]:
    """Owner and name of `OWNER/NAME`, or of a `NAME` of one's own.

    >>> parted("ana/late", "ben"), parted("late", "ben")
    (('ana', 'late'), ('ben', 'late'))
    """
    before, slash, name = address.rpartition("/")
    return (before if slash else owner), name


def _absent(owner: str, name: str) -> UsageError:
    what = f"there is no saved query `{owner[:80]}/{name[:80]}`"
    return UsageError(error("WFT-ACC-052", what, fix="`weft queries` lists them"))


def _unusable(what: str, fix: str) -> UsageError:
    return UsageError(error("WFT-ACC-053", what, fix=fix))
