"""Access where a server decides: the verbs of `Access`, asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from weft.access.permissions import Caller, Role

if TYPE_CHECKING:
    from weft.api.access.verbs import Access
    from weft.registry.remote import Server

_ROOT = "/api/v1/access"


class AccessElsewhere:
    """Requests and grants of a server's mesh; who asks is known by their token."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def ask(
        self,
        caller: Caller,
        addresses: Sequence[str],
        purpose: str,
        *,
        until: str | None = None,
        columns: Sequence[str] | None = None,
        roles: Sequence[str] = (),
        reader: str | None = None,
    ) -> dict[str, Any]:
        """Asks for ports; see `Access.ask`."""
        wanted = {
            "ports": list(addresses),
            "purpose": purpose,
            "until": until,
            "columns": list(columns) if columns is not None else None,
            "roles": list(roles),
            "reader": reader,
        }
        return self._sent("POST", "/requests", wanted)

    def listed(self, caller: Caller, state: str | None = None, *, mine: bool = False) -> list[dict[str, Any]]:
        """Requests; see `Access.listed`."""
        params = {"state": state, "mine": "true" if mine else None}
        return list(self._server.get(f"{_ROOT}/requests", dict[str, Any], params)["requests"])

    def one(self, caller: Caller, request_id: str) -> dict[str, Any]:
        """One request."""
        return dict(self._server.get(f"{_ROOT}/requests/{_part(request_id)}", dict[str, Any]))

    def approve(
        self, caller: Caller, request_id: str, ports: Sequence[str] = (), *, until: str | None = None, reason: str = ""
    ) -> dict[str, Any]:
        """Approves a request; see `Access.approve`."""
        said = {"ports": list(ports), "until": until, "reason": reason}
        return self._sent("POST", f"/requests/{_part(request_id)}/approve", said)

    def decline(self, caller: Caller, request_id: str, ports: Sequence[str] = (), *, reason: str) -> dict[str, Any]:
        """Declines a request; see `Access.decline`."""
        said = {"ports": list(ports), "reason": reason}
        return self._sent("POST", f"/requests/{_part(request_id)}/decline", said)

    def withdraw(self, caller: Caller, request_id: str) -> dict[str, Any]:
        """Takes a request back."""
        return self._sent("DELETE", f"/requests/{_part(request_id)}", {})

    def granted(self, caller: Caller, port: str | None = None, reader: str | None = None) -> list[dict[str, Any]]:
        """Grants; see `Access.granted`."""
        return list(self._server.get(f"{_ROOT}/grants", list[dict[str, Any]], {"port": port, "consumer": reader}))

    def revoke(self, caller: Caller, grant_id: str, *, reason: str = "") -> None:
        """Ends a grant at once."""
        self._server.send("DELETE", f"{_ROOT}/grants/{_part(grant_id)}", {"reason": reason})

    def review(self, caller: Caller) -> list[dict[str, Any]]:
        """Grants that somebody has to look at."""
        return list(self._server.get(f"{_ROOT}/review", dict[str, Any])["grants"])

    def keep(self, caller: Caller, grant_id: str) -> dict[str, Any]:
        """Notes that a grant is still needed."""
        return self._sent("POST", f"/grants/{_part(grant_id)}/keep", {})

    def explain(self, caller: Caller, principal: str, address: str, purpose: str | None = None) -> dict[str, Any]:
        """What somebody sees of a port and why."""
        params = {"principal": principal, "address": address, "purpose": purpose}
        return dict(self._server.get(f"{_ROOT}/explain", dict[str, Any], params))

    def _sent(self, method: str, path: str, value: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self._server.send(method, f"{_ROOT}{path}", value, dict[str, Any], again=False)
        return found


@contextmanager
def access_at_hand() -> Iterator[tuple[Access | AccessElsewhere, Caller]]:
    """Access to the mesh of this folder: of its own registry, or of the server that has it; and who calls.

    At the keyboard of one's own mesh what time has brought is done first.
    """
    from weft.api.platform import open_platform

    with closing(open_platform()) as platform:
        rooms = platform.rooms
        if rooms.on_a_server:
            yield AccessElsewhere(rooms.remote.server), Caller(rooms.actor, "user")
            return
        from weft.api.access.verbs import Access

        access = Access(rooms, platform.database, sovereign=True)
        access.step()
        yield access, keyboard(rooms.actor)


def keyboard(actor: str) -> Caller:
    """Whoever owns the folder of a mesh of their own."""
    return Caller(actor, "user", mesh=frozenset({Role.OPERATOR, Role.GOVERNANCE_LEAD}))


def _part(name: str) -> str:
    return quote(name, safe="")
