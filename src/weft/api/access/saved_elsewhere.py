"""Saved queries where a server keeps them, and those at hand wherever they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from weft.access.permissions import Caller
from weft.api.access.saved_queries import Asked, url_of

if TYPE_CHECKING:
    from weft.api.access.saved_queries import SavedQueries
    from weft.api.client.distant import DistantResult
    from weft.wiring import Rooms

_ROOT = "/api/v1/queries"


class SavedElsewhere:
    """Saved queries of a server; who asks is known by their token."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._server = rooms.remote.server

    @cached_property
    def name(self) -> str:
        """The name under which the server knows whoever asks."""
        return str(self._server.get("/api/v1/session", dict[str, Any])["name"])

    def listed(
        self, caller: Caller, owner: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> dict[str, Any]:
        """A page of saved queries; see `SavedQueries.listed`."""
        params = {"owner": owner, "limit": limit, "cursor": cursor}
        return dict(self._server.get(_ROOT, dict[str, Any], params))

    def one(self, caller: Caller, owner: str, name: str) -> dict[str, Any]:
        """A saved query."""
        return dict(self._server.get(url_of(owner, name), dict[str, Any]))

    def save(
        self, caller: Caller, owner: str, name: str, sql: str, *, title: str = "", purpose: str | None = None
    ) -> dict[str, Any]:
        """Keeps a query under a name; see `SavedQueries.save`."""
        value = {"sql": sql, "title": title, "purpose": purpose}
        return dict(self._server.send("PUT", url_of(owner, name), value, dict[str, Any]))

    def drop(self, caller: Caller, owner: str, name: str) -> None:
        """Forgets a query."""
        self._server.send("DELETE", url_of(owner, name), {}, again=False)

    def rows(self, owner: str, name: str, asked: Asked, principal: str | None = None) -> DistantResult:
        """The rows that the server answers to whoever asks.

        Raises:
            AccessDenied: WFT-ACC-005, on the mesh of a server nobody looks as somebody else.
        """
        from weft.api.client.distant import answered

        self._rooms.principal(principal)
        at = asked.at if isinstance(asked.at, dict) else {}
        params = [
            *([("limit", str(asked.limit))] if asked.limit is not None else []),
            *([("at", str(asked.at))] if asked.at is not None and not at else []),
            *(("at", f"{address}={snapshot}") for address, snapshot in at.items()),
            *([("purpose", asked.purpose)] if asked.purpose is not None else []),
        ]
        path = f"{url_of(owner, name)}/rows{f'?{urlencode(params)}' if params else ''}"
        return answered(self._server, path, None, lambda table: self._rooms.engine.texts(table))


@contextmanager
def saved_at_hand(server: str | None = None) -> Iterator[tuple[SavedQueries | SavedElsewhere, Caller]]:
    """Saved queries at hand, and who calls.

    They are those of a server that is named, else of the mesh of this folder: of its own registry, or of the server
    that has it.

    Raises:
        UsageError: WFT-ACC-024, the text is no address of a server.
    """
    from weft.api.access.elsewhere import keyboard
    from weft.api.client.distant import settings_of
    from weft.api.platform import open_platform
    from weft.wiring import Rooms

    if server is not None:
        with closing(Rooms(settings_of(server))) as there:
            of_server = SavedElsewhere(there)
            yield of_server, Caller(of_server.name, "user")
        return
    with closing(open_platform()) as platform:
        rooms = platform.rooms
        if rooms.on_a_server:
            saved = SavedElsewhere(rooms)
            yield saved, Caller(saved.name, "user")
            return
        from weft.api.access.saved_queries import SavedQueries

        yield SavedQueries(platform, sovereign=True), keyboard(rooms.actor)
