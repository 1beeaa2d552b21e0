"""How somebody stands to ports: what they may read, what they have asked for, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from weft.api.access.shown import shown_decision
from weft.model.address import Address

if TYPE_CHECKING:
    from weft.access.permissions import Caller
    from weft.api.platform import Platform

Document = dict[str, Any]


def standing(platform: Platform, caller: Caller, address: Address) -> Document:
    """What the caller sees of a port, or would see if it were granted to them.

    Args:
        address: with its major, of a port that the caller may know of.
    """
    who = platform.access.principal_of(caller)
    state, decision = platform.rooms.door.decision(who, address)
    seen = shown_decision(who, state, decision, in_full=False)
    requests = platform.access.requests
    pending = (requests.waiting_for(address, kind, name) for kind, name in sorted(who.consumers))
    foreseen = None if decision.allowed or state.retired else platform.access.would_see(caller, str(address))
    shown = seen if decision.allowed else foreseen
    columns = {c["name"]: {k: c[k] for k in ("shown", "mask", "why")} for c in shown["columns"]} if shown else {}
    return {
        "address": str(address),
        "allowed": decision.allowed,
        "reason": decision.reason,
        "code": seen["code"],
        "filtered": bool(shown and shown["filtered"]),
        "rules": shown["rules"] if shown else [],
        "columns": columns,
        "masked": sum(c["shown"] == "masked" for c in columns.values()),
        "hidden": sum(c["shown"] == "hidden" for c in columns.values()),
        "pending": next((found for found in pending if found is not None), None),
        "retired": state.retired,
    }


def sees_all(found: Document) -> bool:
    """Whether the caller sees all rows and columns of a port as they are, or would with a grant."""
    return not (found["filtered"] or found["masked"] or found["hidden"])


def action(found: Sequence[Document], here: str) -> Document:
    """How it stands in a word, and the one thing that the caller can do about it.

    Args:
        found: how the caller stands to each port.
        here: the page on which they are.
    """
    left = [one for one in found if not one["retired"]]
    pending = [one for one in left if one["pending"] is not None and not one["allowed"]]
    closed = [one for one in left if not one["allowed"] and one["pending"] is None]
    if not left:
        return {"state": "nothing to read", "label": None, "path": None}
    if pending:
        path = f"/access/requests/{pending[0]['pending']}"
        return {"state": "waiting for approval", "label": "See your request", "path": path}
    if len(closed) < len(left):
        state = "you can read it" if not closed else f"you can read {len(left) - len(closed)} of {len(left)} ports"
        return {"state": state, "label": "How to connect", "path": f"{here}?tab=connect"}
    ports = "&".join(f"port={one['address']}" for one in closed)
    return {"state": "no access yet", "label": "Request access", "path": f"/access/request?{ports}"}
