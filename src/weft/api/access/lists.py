"""Grants page by page, and how a request came to stand as it does."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from weft.access.approving import roles_of
from weft.access.permissions import Action, Caller, Role, domains_of
from weft.api.access.shown import shown_grant
from weft.api.cursors import cursor_of, place_of
from weft.model.address import Address, parse_address
from weft.registry.access_requests import APPROVED, DECLINED, WAITING, WITHDRAWN, AccessRequest, Item

if TYPE_CHECKING:
    from weft.api.access.verbs import Access
    from weft.wiring import Rooms

Document = dict[str, Any]
_BESIDE = 8
_OWN = 200
_REQUESTS = 100
_WORDS = {APPROVED: "approved", DECLINED: "declined", WITHDRAWN: "withdrawn"}


class AccessLists:
    """What pages of access show, of as much as one caller may see."""

    def __init__(self, rooms: Rooms, access: Access) -> None:
        self._rooms = rooms
        self._access = access
        self._grants = access.grant_lists

    def own(self, caller: Caller) -> list[Document]:
        """The newest grants by which the caller reads, themselves or by a team; ended ones last."""
        now = self._rooms.now()
        found = self._grants.of(self._access.principal_of(caller).consumers, _OWN)
        return sorted((shown_grant(g, now) for g in found), key=lambda g: not g["holds"])

    def requests(self, caller: Caller) -> list[Document]:
        """The newest requests that the caller has made or reads by, those that wait first."""
        consumers = self._access.principal_of(caller).consumers
        names = {caller.name, *(name for _, name in consumers)}
        found = [
            self._access.shown(request, caller)
            for request in self._access.requests.listed(of=names, limit=_REQUESTS)
            if request.asked_by == caller.name or (request.kind, request.consumer) in consumers
        ]
        return sorted(found, key=lambda one: all(port["state"] != WAITING for port in one["ports"]))

    def to_decide(self, caller: Caller, limit: int = 50, cursor: str | None = None) -> Document:
        """A page of the requests that the caller may decide now, newest first, however many wait for others.

        Raises:
            UsageError: WFT-SRV-006, the cursor belongs to another list.
        """
        of = f"to decide {caller.name}"
        place = place_of(of, cursor, str)
        found = list(islice(self._access.waiting_for(caller, place[0] if place else None), limit + 1))
        return {
            "items": [self._access.shown(request, caller) for request in found[:limit]],
            "next": cursor_of(of, [found[limit - 1].request_id]) if len(found) > limit else None,
        }

    def terms(self, address: Address) -> Document:
        """How a port is asked for: by which roles, who decides, for how long at most, and up to which level nobody is.

        Raises:
            UsageError: WFT-ACC-001, there is no such port.
        """
        terms = self._rooms.grounds.policies.of(address.domain).terms
        return {
            "roles": list(roles_of(self._rooms.published(str(address)).contract)),
            "decides": list(self._access.deciders.named(address)),
            "longest_days": terms.longest.days if terms.longest is not None else None,
            "at_once": str(terms.at_once) if terms.at_once is not None else None,
        }

    def readers(self, caller: Caller, port: str | None = None, limit: int = 50, cursor: str | None = None) -> Document:
        """A page of who may read the ports on which the caller decides, by port.

        Args:
            port: of this one alone, with or without its major.

        Raises:
            UsageError: WFT-ACC-001 there is no such port, WFT-SRV-006 the cursor belongs to another list.
        """
        now = self._rooms.now()
        of = f"readers {port} {caller.name}"
        place = place_of(of, cursor, str, str)
        after = (place[0], place[1]) if place else ("", "")
        one = str(self._rooms.published(port).address) if port is not None else None
        whole = bool(caller.mesh & {Role.OPERATOR, Role.GOVERNANCE_LEAD})
        domains = None if whole else domains_of(caller, Action.APPROVE)
        found = self._grants.on(domains, now, after=after, limit=limit + 1, port=one)
        last = found[limit - 1] if len(found) > limit else None
        return {
            "items": [shown_grant(g, now) for g in found[:limit]],
            "next": cursor_of(of, [str(last.port), last.grant_id]) if last is not None else None,
        }

    def beside(self, caller: Caller, request_id: str) -> list[Document]:
        """What whoever is to read by a request may read beside it, as far as those who decide may see.

        Raises:
            UsageError: WFT-ACC-034, there is none, or none that the caller may know of.
        """
        shown = self._access.one(caller, request_id)
        request = self._access.requests.get(request_id)
        assert request is not None, "it was shown"
        if not any(port["can_decide"] for port in shown["ports"]):
            return []
        now, ports = self._rooms.now(), [item.port for item in request.items]
        found = self._grants.beside((request.kind, request.consumer), ports, now, _BESIDE)
        return [shown_grant(g, now) for g in found if self._access.sees_grant(caller, g)]

    def history(self, caller: Caller, request_id: str) -> list[Document]:
        """What happened to a request, the oldest first.

        Raises:
            UsageError: WFT-ACC-034, there is none, or none that the caller may know of.
        """
        self._access.one(caller, request_id)
        request = self._access.requests.get(request_id)
        assert request is not None, "it was shown"
        steps = [step for item in request.items for step in self._steps(request, item)]
        asked = _step(request.at.isoformat(), "asked", request.asked_by, None, request.purpose)
        return [asked, *sorted(steps, key=lambda step: step["at"] or "")]

    def _steps(self, request: AccessRequest, item: Item) -> Iterator[Document]:
        port, since = str(item.port), item.since.isoformat()
        if item.stage == 2:
            yield _step(since, "approved at the first level", item.approvals[0] if item.approvals else None, port)
        if item.raised:
            yield _step(since, "given to the next level, since nobody had decided", None, port)
        if item.reminded_at is not None:
            yield _step(item.reminded_at.isoformat(), "reminded those who decide", None, port)
        if item.state in _WORDS and item.decided_at is not None:
            yield _step(item.decided_at.isoformat(), _WORDS[item.state], item.decided_by, port, item.reason)
        grant = self._access.grants.get(item.grant_id) if item.grant_id is not None else None
        if grant is None:
            return
        if grant.reviewed_at is not None:
            yield _step(grant.reviewed_at.isoformat(), "kept after a review", None, port)
        if not grant.holds(self._rooms.now()) and grant.ends_at is not None:
            yield _step(grant.ends_at.isoformat(), "ended", grant.ended_by, port, grant.ended_reason)

    def readable(self, caller: Caller, address: str) -> Document | None:
        """Where the caller's own asking for a port stands: the grant that holds, or the request that waits."""
        who = self._access.principal_of(caller)
        port, now = parse_address(address), self._rooms.now()
        held = [g for g in self._access.grants.of(port, who.consumers) if g.holds(now)]
        if held:
            return {"state": "granted", "grant": shown_grant(held[-1], now)}
        waiting = self._access.requests.waiting_for(port, who.kind.value, who.name)
        return {"state": "waiting", "request_id": waiting} if waiting is not None else None


def _step(at: str, what: str, who: str | None, port: str | None, text: str | None = None) -> Document:
    return {"at": at, "what": what, "who": who, "port": port, "text": text}
