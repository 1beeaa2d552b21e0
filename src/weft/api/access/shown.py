"""Requests, grants and decisions as they are shown: without salts, and filters only to those who decide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from weft.access.decision import Decision
from weft.access.layers import Reason
from weft.access.principals import Principal
from weft.model.publication import PortState
from weft.registry.access_requests import AccessRequest, Item
from weft.registry.grants import Grant


def shown_request(
    request: AccessRequest, waits_for: Callable[[Item], tuple[str, ...]], decides: Callable[[Item], bool]
) -> dict[str, Any]:
    """A request with how each of its ports stands."""
    return {
        "request_id": request.request_id,
        "asked_by": request.asked_by,
        "kind": request.kind,
        "reader": request.consumer,
        "purpose": request.purpose,
        "columns": list(request.columns) if request.columns is not None else None,
        "roles": list(request.roles),
        "until": _time(request.ends_at),
        "at": request.at.isoformat(),
        "ports": [
            {
                "address": str(item.port),
                "state": item.state,
                "stage": item.stage,
                "waits_for": list(waits_for(item)),
                "can_decide": decides(item),
                "approvals": list(item.approvals),
                "decided_by": item.decided_by,
                "decided_at": _time(item.decided_at),
                "reason": item.reason,
                "grant_id": item.grant_id,
            }
            for item in request.items
        ],
    }


def shown_grant(grant: Grant, now: datetime) -> dict[str, Any]:
    """A grant."""
    return {
        "grant_id": grant.grant_id,
        "address": str(grant.port),
        "port": {
            "domain": grant.port.domain,
            "product": grant.port.product,
            "port": grant.port.port,
            "major": grant.port.major,
        },
        "kind": grant.kind,
        "consumer": grant.consumer,
        "since": grant.since.isoformat(),
        "ends_at": _time(grant.ends_at),
        "holds": grant.holds(now),
        "basis": grant.basis,
        "columns": list(grant.columns) if grant.columns is not None else None,
        "roles": list(grant.roles),
        "given_by": grant.given_by,
        "request_id": grant.request_id,
        "purpose": grant.purpose,
        "reason": grant.reason,
        "review_at": _time(grant.review_at),
        "reviewed_at": _time(grant.reviewed_at),
        "used_at": _time(grant.used_at),
        "ended_by": grant.ended_by,
        "ended_reason": grant.ended_reason,
    }


def shown_decision(who: Principal, port: PortState, decision: Decision, *, in_full: bool) -> dict[str, Any]:
    """What somebody sees of a port, and why.

    Args:
        in_full: with the text of the filter, for whoever decides who reads.
    """
    rows = [r for r in decision.reasons if not r.about and r.effect != "grant"]
    return {
        "principal": who.name,
        "kind": who.kind.value,
        "address": str(port.address),
        "allowed": decision.allowed,
        "reason": decision.reason,
        "code": None if decision.allowed else decision.code,
        "columns": [_column(c.name, c.type, decision) for c in port.columns],
        "filtered": decision.row_filter is not None,
        "filter": decision.row_filter if in_full else None,
        "rules": [_reason(r) for r in rows],
        "grants": list(decision.grants),
        "accounts": [r.sentence for r in decision.reasons if r.effect == "grant"] or [decision.reason],
        "version": decision.version,
    }


def _column(name: str, type_name: str, decision: Decision) -> dict[str, Any]:
    mask = decision.masks.get(name)
    shown = "hidden" if name not in decision.columns else "masked" if mask is not None else "clear"
    reasons = [r for r in decision.reasons if r.about == name or r.about.startswith(f"{name}.")]
    return {
        "name": name,
        "type": type_name,
        "shown": shown,
        "mask": mask.as_json() if mask is not None else None,
        "why": [_reason(r) for r in reasons],
    }


def _reason(reason: Reason) -> dict[str, str]:
    return {
        "about": reason.about,
        "effect": reason.effect,
        "rule": reason.rule,
        "file": reason.file,
        "sentence": reason.sentence,
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
