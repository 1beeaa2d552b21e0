"""The verbs on violations, waivers and known debt, over both ways to them: the registry's database, and a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from weft.access.permissions import Caller, Role
from weft.api.client.documents import API, document, paged, part

if TYPE_CHECKING:
    from weft.api.platform import Platform
    from weft.registry.remote import Server

Document = dict[str, Any]


class GovernanceVerbs(Protocol):
    """What violates policies, and who is let off."""

    def violations(
        self,
        *,
        domain: str | None = None,
        policy: str | None = None,
        states: Sequence[str] = (),
        mine: bool = False,
        limit: int = 200,
    ) -> Document:
        """Violations, what is due first first."""
        ...

    def violation(self, violation_id: str) -> Document:
        """A violation with its history.

        Raises:
            UsageError: WFT-GOV-054, there is none.
        """
        ...

    def waivers(self, *, policy: str | None = None, ended: bool = False, limit: int = 200) -> Document:
        """Waivers, newest first."""
        ...

    def waive(self, policy: str, subject: str, *, reason: str, until: str | None) -> Document:
        """Lets a subject off a policy until a day.

        Raises:
            UsageError: WFT-GOV-007, 050, 052, 053 or 059.
            AccessDenied: WFT-GOV-051, the policy leaves it to other roles.
        """
        ...

    def revoke(self, waiver_id: str) -> Document:
        """Ends a waiver before its time.

        Raises:
            UsageError: WFT-GOV-054, there is none.
            Conflict: WFT-GOV-055, it is over.
        """
        ...

    def accept(self, *, domain: str | None, owner: str, plan: str, until: str, reset: str | None = None) -> Document:
        """Accepts what violates now as known debt.

        Raises:
            Conflict: WFT-GOV-056, there is nothing to accept.
        """
        ...

    def debt(self, domain: str | None = None) -> Document:
        """The known debt of each policy and domain, over time."""
        ...

    def approvals(self, *, state: str | None = None, limit: int = 200) -> Document:
        """Publications that a policy wants somebody to agree to, newest first."""
        ...

    def approval(self, approval_id: str) -> Document:
        """An approval.

        Raises:
            UsageError: WFT-GOV-054, there is none.
        """
        ...

    def decide(self, approval_id: str, *, approved: bool, reason: str) -> Document:
        """Says yes or no to a publication.

        Raises:
            UsageError: WFT-GOV-054 there is none, 059 there is no reason.
            AccessDenied: WFT-GOV-051, the policy leaves it to other roles.
            Conflict: WFT-GOV-058, it is decided already.
        """
        ...


def everyone(actor: str) -> Caller:
    """Whoever is at the keyboard of a mesh on their own machine: the folder is theirs, and every role in it."""
    return Caller(actor, "user", mesh=frozenset(Role))


class DatabaseGovernance:
    """Implements `GovernanceVerbs` on the registry's database."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._caller = everyone(platform.rooms.actor)

    def violations(
        self,
        *,
        domain: str | None = None,
        policy: str | None = None,
        states: Sequence[str] = (),
        mine: bool = False,
        limit: int = 200,
    ) -> Document:
        """Violations, what is due first first."""
        return self._platform.governance.violations(
            self._caller, domain=domain, policy=policy, states=states, mine=mine, limit=limit
        )

    def violation(self, violation_id: str) -> Document:
        """A violation with its history."""
        return self._platform.governance.violation(self._caller, violation_id)

    def waivers(self, *, policy: str | None = None, ended: bool = False, limit: int = 200) -> Document:
        """Waivers, newest first."""
        return self._platform.governance.waivers(self._caller, policy=policy, ended=ended, limit=limit)

    def waive(self, policy: str, subject: str, *, reason: str, until: str | None) -> Document:
        """Lets a subject off a policy until a day."""
        return self._platform.governance.waive(self._caller, policy, subject, reason=reason, until=until)

    def revoke(self, waiver_id: str) -> Document:
        """Ends a waiver before its time."""
        return self._platform.governance.revoke(self._caller, waiver_id)

    def accept(self, *, domain: str | None, owner: str, plan: str, until: str, reset: str | None = None) -> Document:
        """Accepts what violates now as known debt: a scan says first what that is."""
        from weft.api.governance.policies import Policies

        Policies(self._platform.rooms).scanned()
        return self._platform.governance.accept(
            self._caller, domain=domain, owner=owner, plan=plan, until=until, reset=reset
        )

    def debt(self, domain: str | None = None) -> Document:
        """The known debt of each policy and domain, over time."""
        return self._platform.governance.debt(domain)

    def approvals(self, *, state: str | None = None, limit: int = 200) -> Document:
        """Publications that a policy wants somebody to agree to, newest first."""
        return self._platform.approvals.listed(self._caller, state=state, limit=limit)

    def approval(self, approval_id: str) -> Document:
        """An approval."""
        return self._platform.approvals.one(self._caller, approval_id)

    def decide(self, approval_id: str, *, approved: bool, reason: str) -> Document:
        """Says yes or no to a publication."""
        return self._platform.approvals.decide(self._caller, approval_id, approved=approved, reason=reason, alone=True)


class ServerGovernance:
    """Implements `GovernanceVerbs` by a server's routes."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def violations(
        self,
        *,
        domain: str | None = None,
        policy: str | None = None,
        states: Sequence[str] = (),
        mine: bool = False,
        limit: int = 200,
    ) -> Document:
        """Violations, what is due first first."""
        return paged(
            self._server, "violations", {"domain": domain, "policy": policy, "state": list(states), "mine": mine}, limit
        )

    def violation(self, violation_id: str) -> Document:
        """A violation with its history."""
        return document(self._server.get(f"{API}/violations/{part(violation_id)}", dict[str, Any]))

    def waivers(self, *, policy: str | None = None, ended: bool = False, limit: int = 200) -> Document:
        """Waivers, newest first."""
        return paged(self._server, "waivers", {"policy": policy, "ended": ended}, limit)

    def waive(self, policy: str, subject: str, *, reason: str, until: str | None) -> Document:
        """Lets a subject off a policy until a day; not again where the answer was lost, for that would be another."""
        asked = {"policy": policy, "subject": subject, "reason": reason, "until": until}
        return document(self._server.send("POST", f"{API}/waivers", asked, dict[str, Any], again=False))

    def revoke(self, waiver_id: str) -> Document:
        """Ends a waiver before its time."""
        path = f"{API}/waivers/{part(waiver_id)}"
        return document(self._server.send("DELETE", path, None, dict[str, Any], again=False))

    def accept(self, *, domain: str | None, owner: str, plan: str, until: str, reset: str | None = None) -> Document:
        """Accepts what the server's scans have found as known debt."""
        asked = {"domain": domain, "owner": owner, "plan": plan, "until": until, "reset": reset}
        path = f"{API}/governance/baseline"
        return document(self._server.send("POST", path, asked, dict[str, Any], again=False))

    def debt(self, domain: str | None = None) -> Document:
        """The known debt of each policy and domain, over time."""
        return document(self._server.get(f"{API}/governance/baseline", dict[str, Any], {"domain": domain}))

    def approvals(self, *, state: str | None = None, limit: int = 200) -> Document:
        """Publications that a policy wants somebody to agree to, newest first."""
        return paged(self._server, "approvals", {"state": state}, limit)

    def approval(self, approval_id: str) -> Document:
        """An approval."""
        return document(self._server.get(f"{API}/approvals/{part(approval_id)}", dict[str, Any]))

    def decide(self, approval_id: str, *, approved: bool, reason: str) -> Document:
        """Says yes or no to a publication."""
        path = f"{API}/approvals/{part(approval_id)}/{'approve' if approved else 'decline'}"
        return document(self._server.send("POST", path, {"reason": reason}, dict[str, Any], again=False))
