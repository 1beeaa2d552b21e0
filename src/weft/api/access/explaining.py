"""What somebody sees of a port and why, as it stands or as if they had been given it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weft.access.permissions import Action, Caller, Role, may, require
from weft.access.principals import Principal, PrincipalKind
from weft.api.access.shown import shown_decision
from weft.model.address import Address
from weft.registry.grants import Grant

if TYPE_CHECKING:
    from weft.wiring import Rooms


def explained(
    rooms: Rooms, caller: Caller, principal: str, address: str, purpose: str | None, *, sovereign: bool
) -> dict[str, Any]:
    """What somebody sees of a port and why: for themselves, and for whoever decides who reads it.

    Raises:
        AccessDenied: WFT-ACC-010, it is somebody else's.
        UsageError: WFT-ACC-001 no such port, WFT-ACC-005 nobody of that name can read.
    """
    port = rooms.published(address).address
    decides = sovereign or may(caller, Action.APPROVE, port.domain) or Role.GOVERNANCE_LEAD in caller.mesh
    if sovereign and principal == rooms.actor:
        who = rooms.principal()
    else:
        who = rooms.principal_named(principal)
        if not decides and (who.kind is not PrincipalKind.USER or who.name != caller.name):
            require(caller, Action.APPROVE, port.domain)
    state, decision = rooms.door.decision(who, port, purpose=purpose)
    return shown_decision(who, state, decision, in_full=decides)


def supposed(
    rooms: Rooms,
    who: Principal,
    port: Address,
    columns: tuple[str, ...] | None,
    roles: tuple[str, ...],
    purpose: str | None,
    *,
    in_full: bool,
) -> dict[str, Any]:
    """What somebody would see of a port if they were given so much of it."""
    given = Grant("", port, who.kind.value, who.name, rooms.now(), None, "", columns, roles, purpose=purpose)
    reads = (port,) if who.kind is PrincipalKind.PRODUCT else ()
    state, decision = rooms.door.decision(who, port, reads, supposed=[given])
    return {**shown_decision(who, state, decision, in_full=in_full), "grants": [], "accounts": []}
