"""Access: asked for, approved, declined, revoked, reviewed, explained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from weft.access.permissions import Action, Caller, Role, domains_of, may, require
from weft.access.principals import Principal, PrincipalKind, of_caller
from weft.api.access.deciders import Deciders
from weft.api.access.explaining import explained, supposed
from weft.api.access.shown import shown_grant, shown_request
from weft.api.access.wanted import (
    UNUSED,
    absent,
    end_of,
    given_for,
    level_of,
    require_length,
    require_parts,
    review_reason,
    unusable,
)
from weft.errors import AccessDenied, Conflict, error
from weft.model.address import Address, parse_address
from weft.registry.access_requests import (
    DECLINED,
    WAITING,
    WITHDRAWN,
    AccessRequest,
    Given,
    Item,
    RequestStore,
    Wanted,
)
from weft.registry.grant_lists import GrantLists
from weft.registry.grants import Grant, GrantStore
from weft.registry.users import UserStore

if TYPE_CHECKING:
    from weft.registry.database import Database
    from weft.wiring import Rooms

_SHOWN = 200
"""Requests of one list, the newest."""


class Access:
    """The verbs on requests and grants.

    Attributes:
        sovereign: whether whoever calls owns the mesh, as at the keyboard of one's own: then nobody else is asked.
    """

    def __init__(self, rooms: Rooms, database: Database, *, sovereign: bool = False) -> None:
        self._rooms = rooms
        self.requests = RequestStore(database)
        self.grants = GrantStore(database)
        self.grant_lists = GrantLists(database)
        self.deciders = Deciders(rooms, UserStore(database))
        self.sovereign = sovereign

    def principal_of(self, caller: Caller) -> Principal:
        """Whoever asks a server, as a reader of rows, with their teams."""
        return of_caller(caller, self.deciders.teams(caller.name))

    # asking

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
        """Asks for ports; what policy lets be granted at once is granted.

        Args:
            until: the last day on which it is needed.
            columns: None: all.
            reader: who is to read, where it is not who asks: `ada`, `team:crm`, `service:loader`, `domain.product`.

        Raises:
            UsageError: WFT-ACC-001 no such port, WFT-ACC-005 nobody of that name can read, WFT-ACC-039 it cannot be
                asked for like this.
            AccessDenied: WFT-ACC-010, the caller does not publish the product that is to read.
            Conflict: WFT-ACC-038, it is asked for already.
        """
        if not purpose.strip():
            raise unusable(
                "nobody can decide without a purpose", "say what the data is for (`--purpose` on the command line)"
            )
        if not addresses:
            raise unusable("no port is named", "`weft search` finds ports")
        who = self._reader(caller, reader)
        states = {s.address: s for s in (self._rooms.published(str(parse_address(a))) for a in addresses)}
        for state in states.values():
            require_parts(state, columns, roles)
            self.deciders.require_same(state.address, roles)
            self._require_new(state.address, who)
        now = self._rooms.now()
        ends_at = end_of(until, now)
        at_once: dict[Address, Given] = {}
        for address, state in states.items():
            policies = self._rooms.grounds.policies.of(address.domain)
            terms = policies.terms
            require_length(terms, ends_at, now)
            open_to_all = (
                terms.at_once is not None
                and level_of(state, columns, self._rooms.grounds.inherited(address)) <= terms.at_once
            )
            if open_to_all and not roles and not policies.broken:
                at_once[address] = given_for(terms, ends_at, now)
        wanted = Wanted(
            caller.name,
            who.kind.value,
            who.name,
            tuple(states),
            purpose.strip(),
            tuple(dict.fromkeys(columns)) if columns is not None else None,
            tuple(dict.fromkeys(roles)),
            ends_at,
        )
        to = {p: self.deciders.first(p, wanted.roles).told for p in states if p not in at_once}
        return self.shown(self.requests.create(wanted, now, at_once, to), caller)

    def listed(self, caller: Caller, state: str | None = None, *, mine: bool = False) -> list[dict[str, Any]]:
        """Requests that the caller made, reads by or may decide, newest first.

        Args:
            state: those of which some port is in this state.
            mine: those alone that the caller may decide now.
        """
        if mine:
            own = (r for r in self.waiting_for(caller) if state is None or any(i.state == state for i in r.items))
            return [self.shown(request, caller) for request in islice(own, _SHOWN)]
        found = self.requests.listed(state, limit=_SHOWN)
        return [self.shown(request, caller) for request in found if self._sees(caller, request)]

    def one(self, caller: Caller, request_id: str) -> dict[str, Any]:
        """One request.

        Raises:
            UsageError: WFT-ACC-034, there is none, or none that the caller may know of.
        """
        return self.shown(self._request(caller, request_id), caller)

    def foreseen(self, caller: Caller, request_id: str, address: str) -> dict[str, Any]:
        """What whoever is to read would see of a port if its request were approved: for those who decide, and for
        whoever asks for themselves.

        Raises:
            UsageError: WFT-ACC-034 there is no such request, WFT-ACC-001 no such port.
            AccessDenied: WFT-ACC-010, it is somebody else's.
        """
        request = self._request(caller, request_id)
        item = request.item(parse_address(address))
        if item is None:
            raise absent("port in this request", address)
        decides = self._decides(caller, request, item) or Role.GOVERNANCE_LEAD in caller.mesh
        own = request.kind == "user" and request.consumer == caller.name
        if not (decides or own):
            require(caller, Action.APPROVE, item.port.domain)
        prefix = f"{request.kind}:" if request.kind in ("team", "service") else ""
        who = self._rooms.principal_named(f"{prefix}{request.consumer}")
        terms = (request.columns, request.roles, request.purpose)
        return supposed(self._rooms, who, item.port, *terms, in_full=decides or not own)

    def would_see(self, caller: Caller, address: str) -> dict[str, Any]:
        """What the caller would see of a port if all of it were granted to them.

        Raises:
            UsageError: WFT-ACC-001, no such port.
        """
        port = self._rooms.published(address).address
        return supposed(self._rooms, self.principal_of(caller), port, None, (), None, in_full=False)

    # deciding

    def approve(
        self, caller: Caller, request_id: str, ports: Sequence[str] = (), *, until: str | None = None, reason: str = ""
    ) -> dict[str, Any]:
        """Approves a request, for all of its ports that the caller may decide or for some.

        Args:
            until: the last day of the grant, where it is to end before the one that was asked for.

        Raises:
            UsageError: WFT-ACC-034 no such request, WFT-ACC-039 it would hold too long or is over, or a second level
                decides that.
            AccessDenied: WFT-ACC-035, the caller may not decide it.
            Conflict: WFT-ACC-038, it is decided already.
        """
        request = self._request(caller, request_id)
        now = self._rooms.now()
        decided: list[tuple[Item, Given | None, tuple[str, ...]]] = []
        for item in self._to_decide(caller, request, ports):
            terms = self._rooms.grounds.policies.of(item.port.domain).terms
            ends = end_of(until, now) if until is not None else request.ends_at
            require_length(terms, ends, now)
            second = self.deciders.second(request, item)
            last, then = second is None, second.told if second is not None else ()
            if last and ends is not None and ends <= now:
                over = f"it was asked for until {ends - timedelta(days=1):%Y-%m-%d}, which is over"
                raise unusable(over, "decline it, or say until when it is granted (`--until` on the command line)")
            if until is not None and not last:
                raise unusable("the end is for the second level", f"leave it to {', '.join(then)}, who decide next")
            decided.append((item, given_for(terms, ends, now) if last else None, then))
        for item, how, then in decided:
            self.requests.approve(
                request_id, item.port, how, stage=item.stage, actor=caller.name, at=now, reason=reason, to=then
            )
        return self.one(caller, request_id)

    def decline(self, caller: Caller, request_id: str, ports: Sequence[str] = (), *, reason: str) -> dict[str, Any]:
        """Declines a request with a reason, for all of its ports that the caller may decide or for some.

        Raises:
            UsageError: WFT-ACC-039 no reason is given, WFT-ACC-034 there is no such request.
            AccessDenied: WFT-ACC-035, the caller may not decide it.
            Conflict: WFT-ACC-038, it is decided already.
        """
        if not reason.strip():
            raise unusable("declining needs a reason", "say why not: whoever asked reads it")
        request = self._request(caller, request_id)
        now = self._rooms.now()
        for item in self._to_decide(caller, request, ports):
            self.requests.end(request_id, item.port, DECLINED, actor=caller.name, at=now, reason=reason)
        return self.one(caller, request_id)

    def withdraw(self, caller: Caller, request_id: str) -> dict[str, Any]:
        """Takes back what the caller has asked for and nobody has decided yet.

        Raises:
            UsageError: WFT-ACC-034, the caller has made no such request.
        """
        request = self._request(caller, request_id)
        if request.asked_by != caller.name and not self.sovereign:
            raise absent("request", request_id)
        for item in request.items:
            self.requests.end(request_id, item.port, WITHDRAWN, actor=caller.name, at=self._rooms.now(), reason="")
        return self.one(caller, request_id)

    # grants

    def granted(self, caller: Caller, port: str | None = None, reader: str | None = None) -> list[dict[str, Any]]:
        """Grants on ports of the caller's domains, and those by which the caller, or their products, read."""
        found = self.grants.listed(port=parse_address(port) if port else None, consumer=reader)
        return [shown_grant(g, self._rooms.now()) for g in found if self.sees_grant(caller, g)]

    def revoke(self, caller: Caller, grant_id: str, *, reason: str = "") -> None:
        """Ends a grant at once, everywhere; for whoever decides who reads the port.

        Args:
            reason: whoever had it can read it.

        Raises:
            AccessDenied: WFT-ACC-010.
            UsageError: WFT-ACC-034, there is no such grant.
        """
        found = self._grant(caller, grant_id)
        if not (self.sovereign or (found.kind == "user" and found.consumer == caller.name)):
            require(caller, Action.APPROVE, found.port.domain)
        self.grants.end(grant_id, actor=caller.name, at=self._rooms.now(), reason=reason.strip())

    def review(self, caller: Caller) -> list[dict[str, Any]]:
        """Grants that the caller answers for and that somebody has to look at: due for review, or long unused."""
        now = self._rooms.now()
        found = []
        domains = None if self.sovereign else domains_of(caller, Action.APPROVE)
        for grant in self.grant_lists.to_look_at(domains, now, now - UNUSED):
            why = review_reason(grant, now)
            if why is not None:
                found.append({**shown_grant(grant, now), "review": why})
        return sorted(found, key=lambda one: (one["port"], one["consumer"], one["since"]))

    def keep(self, caller: Caller, grant_id: str) -> dict[str, Any]:
        """Notes that a grant is still needed.

        Raises:
            AccessDenied: WFT-ACC-010.
            UsageError: WFT-ACC-034, there is no such grant that holds.
        """
        found = self._grant(caller, grant_id)
        if not self.sovereign:
            require(caller, Action.APPROVE, found.port.domain)
        now = self._rooms.now()
        every = self._rooms.grounds.policies.of(found.port.domain).terms.review_every
        if not self.grants.keep(grant_id, actor=caller.name, at=now, review_at=now + every):
            raise absent("grant that holds", grant_id)
        return shown_grant(self._grant(caller, grant_id), now)

    def explain(self, caller: Caller, principal: str, address: str, purpose: str | None = None) -> dict[str, Any]:
        """What somebody sees of a port and why: for themselves, and for whoever decides who reads it.

        Raises:
            AccessDenied: WFT-ACC-010, it is somebody else's.
            UsageError: WFT-ACC-001 no such port, WFT-ACC-005 nobody of that name can read.
        """
        return explained(self._rooms, caller, principal, address, purpose, sovereign=self.sovereign)

    # what time brings

    def step(self) -> dict[str, int]:
        """Reminds, raises to the next level, ends what is over, and tells whose review is due."""
        done = {"reminded": 0, "raised": 0, "expired": 0, "review": 0}
        now = self._rooms.now()
        for request in self.requests.listed(WAITING, limit=100_000):
            for item in (i for i in request.items if i.state == WAITING):
                terms = self._rooms.grounds.policies.of(item.port.domain).terms
                goes_on = item.raised < 2 and now - item.since >= terms.next_level_after
                after = self.deciders.after(request, item) if goes_on else None
                # to the same people nothing goes on: they are reminded
                if after is not None and after != self.deciders.of(request, item):
                    done["raised"] += self.requests.move_on(item, raised=True, at=now, to=after.told)
                elif now - (item.reminded_at or item.since) >= terms.remind_after:
                    to = self.deciders.of(request, item).told
                    done["reminded"] += self.requests.move_on(item, raised=False, at=now, to=to)
        grace = self._rooms.grounds.policies.of("").terms.review_grace
        for _, what in self.grants.ending(now, grace):
            done["review" if what == "review" else "expired"] += 1
        return done

    # who is meant

    def _reader(self, caller: Caller, reader: str | None) -> Principal:
        if reader is None:
            who = self.principal_of(caller)
            return who if not self.sovereign else self._rooms.principal_named(f"user:{caller.name}")
        who = self._rooms.principal_named(reader)
        if who.kind is PrincipalKind.PRODUCT and not self.sovereign:
            require(caller, Action.PUBLISH, who.domain)
        return who

    def waiting_for(self, caller: Caller, after: str | None = None) -> Iterator[AccessRequest]:
        """Requests that somebody may decide now, newest first, behind one of them; however many wait for others."""
        while found := self.requests.listed(WAITING, after=after):
            for request in found:
                if any(i.state == WAITING and self._decides(caller, request, i) for i in request.items):
                    yield request
            after = found[-1].request_id

    def _decides(self, caller: Caller, request: AccessRequest, item: Item) -> bool:
        return self.sovereign or self.deciders.has(caller, request, item)

    def _to_decide(self, caller: Caller, request: AccessRequest, ports: Sequence[str]) -> list[Item]:
        chosen = [parse_address(p) for p in ports]
        items = [i for i in request.items if not chosen or i.port in chosen or i.port.unpinned in map(str, chosen)]
        waiting = [i for i in items if i.state == WAITING]
        if not waiting:
            told = ", ".join(f"`{i.port}` is {i.state}" for i in items) or f"it does not ask for `{', '.join(ports)}`"
            raise Conflict(error("WFT-ACC-038", f"there is nothing to decide in `{request.request_id}`", why=told))
        found = [i for i in waiting if self._decides(caller, request, i)]
        if not found or (ports and len(found) < len(waiting)):
            missing = next(i for i in waiting if i not in found)
            who = ", ".join(self.deciders.of(request, missing).told)
            raise AccessDenied(
                error(
                    "WFT-ACC-035",
                    f"`{caller.name}` may not decide who reads `{missing.port}`",
                    why=f"that is for {who}; nobody decides for themselves, and nobody at both levels",
                )
            )
        return found

    def _sees(self, caller: Caller, request: AccessRequest) -> bool:
        if self.sovereign or caller.mesh & {Role.OPERATOR, Role.GOVERNANCE_LEAD}:
            return True
        who = self.principal_of(caller)
        if request.asked_by == caller.name or (request.kind, request.consumer) in who.consumers:
            return True
        return any(
            may(caller, Action.APPROVE, i.port.domain)
            or caller.name in (i.decided_by, *i.approvals)
            or self.deciders.of(request, i).has(caller, i.port.domain, who.teams)
            for i in request.items
        )

    def sees_grant(self, caller: Caller, grant: Grant) -> bool:
        """Whether a grant is on a port of the caller's domains, or one by which they or their products read."""
        if self.sovereign or caller.mesh & {Role.OPERATOR, Role.GOVERNANCE_LEAD}:
            return True
        if grant.port.domain in caller.domains:
            return True
        if grant.kind == "product":
            return grant.consumer.partition(".")[0] in caller.domains
        return (grant.kind, grant.consumer) in self.principal_of(caller).consumers

    def _request(self, caller: Caller, request_id: str) -> AccessRequest:
        found = self.requests.get(request_id)
        if found is None or not self._sees(caller, found):
            raise absent("request", request_id)
        return found

    def _grant(self, caller: Caller, grant_id: str) -> Grant:
        found = self.grants.get(grant_id)
        if found is None or not self.sees_grant(caller, found):
            raise absent("grant", grant_id)
        return found

    def _require_new(self, port: Address, who: Principal) -> None:
        waiting = self.requests.waiting_for(port, who.kind.value, who.name)
        if waiting is not None:
            fix = f"`weft access list {waiting}` shows how it stands"
            raise Conflict(error("WFT-ACC-038", f"`{port}` is asked for already, by `{waiting}`", fix=fix))

    def shown(self, request: AccessRequest, caller: Caller) -> dict[str, Any]:
        """A request as somebody sees it who may."""

        return shown_request(
            request,
            lambda item: self.deciders.of(request, item).told if item.state == WAITING else (),
            lambda item: item.state == WAITING and self._decides(caller, request, item),
        )
