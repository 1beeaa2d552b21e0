"""Governance: how policies are kept, what violates them, who is let off, and who reads what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from weft.access.permissions import Action, Caller, domains_of, may
from weft.api.catalog import Filters
from weft.api.governance.policies import serves
from weft.errors import Diagnostic

if TYPE_CHECKING:
    from weft.api.platform import Platform

Document = dict[str, Any]
DOMAINS = 25
"""How many domains a map has, the worst ones first."""
_FEW = 6
_SELECT = 200


def overview(platform: Platform, caller: Caller, begin: int = 0, wrong: Sequence[Diagnostic] = ()) -> Document:
    """How policies are kept now, as far as the caller answers for it, and what waits for them.

    Args:
        begin: how many of the worst domains are passed over.
    """
    found = _standing(platform, caller)
    lines = found["domains"][begin : begin + DOMAINS] if found is not None else []
    shown = [line["name"] for line in lines]
    return {
        "answers": may(caller, Action.READ_EVENTS),
        "compliance": None if found is None else found | {"cells": {name: found["cells"][name] for name in shown}},
        "shown": shown,
        "lines": lines,
        "begin": begin,
        "before": max(0, begin - DOMAINS) if begin else None,
        "after": begin + DOMAINS if found is not None and len(found["domains"]) > begin + DOMAINS else None,
        "scans": scannable(caller) is not None,
        "due": platform.governance.violations(caller, states=("open", "overdue"), mine=True, limit=_FEW)["items"],
        "approvals": platform.approvals.listed(caller, state="waiting", limit=_FEW)["items"],
        "diagnostics": told(wrong),
    }


def scannable(caller: Caller) -> list[str] | None:
    """What the caller may have scanned: an empty list for the whole mesh, else domains; None: nothing."""
    if may(caller, Action.GOVERN):
        return []
    return sorted(domains_of(caller, Action.DECIDE_POLICY) or ()) or None


def violations(
    platform: Platform,
    caller: Caller,
    domain: str | None,
    policy: str | None,
    states: Sequence[str],
    *,
    mine: bool,
    limit: int,
    cursor: str | None,
) -> Document:
    """A page of violations, with what they can be narrowed to.

    Raises:
        UsageError: see `Governance.violations`.
    """
    found = platform.governance.violations(
        caller, domain=domain, policy=policy, states=states, mine=mine, limit=limit, cursor=cursor
    )
    return {
        **found,
        "domain": domain,
        "policy": policy,
        "states": list(states),
        "mine": mine,
        "domains": _domains(platform, caller),
        "policies": [{"id": p["id"], "title": p["title"]} for p in platform.governance.policies(caller)["policies"]],
    }


def violation(platform: Platform, caller: Caller, violation_id: str, wrong: Sequence[Diagnostic] = ()) -> Document:
    """A violation with its history, and whether the caller may let it off.

    Raises:
        UsageError: WFT-GOV-054, there is none.
    """
    found = platform.governance.violation(caller, violation_id)
    return {
        **found,
        "waiving": platform.governance.may_waive(caller, found["policy"], found["subject"]),
        "revocable": found["waiver"] is not None and _revocable(platform, caller, found["waiver"]),
        "diagnostics": told(wrong),
    }


def waivers(platform: Platform, caller: Caller, policy: str | None, *, ended: bool, cursor: str | None) -> Document:
    """A page of waivers, each with whether the caller may revoke it.

    Raises:
        UsageError: WFT-SRV-006, the cursor belongs to another list.
    """
    found = platform.governance.waivers(caller, policy=policy, ended=ended, limit=50, cursor=cursor)
    items = [{**one, "revocable": _revocable(platform, caller, one)} for one in found["items"]]
    return {**found, "items": items, "policy": policy, "ended": ended}


def approval(platform: Platform, caller: Caller, approval_id: str, wrong: Sequence[Diagnostic] = ()) -> Document:
    """An approval, with what its policy asks, and whether it is the caller's to decide.

    Raises:
        UsageError: WFT-GOV-054, there is none.
    """
    found = platform.approvals.one(caller, approval_id)
    policies = {p["id"]: p for p in platform.governance.policies(caller)["policies"]}
    policy = policies.get(found["policy"], {})
    return {
        **found,
        "title": policy.get("title"),
        "asks": policy.get("asks"),
        "can_decide": platform.approvals.may_decide(caller, approval_id),
        "own": found["asked_by"] == caller.name,
        "diagnostics": told(wrong),
    }


def debt(
    platform: Platform, caller: Caller, domain: str | None, cursor: str | None, wrong: Sequence[Diagnostic] = ()
) -> Document:
    """Known debt over time, in all and by domain and policy, and what of it is left.

    Raises:
        UsageError: WFT-SRV-006, the cursor belongs to another list.
    """
    lines = platform.governance.debt(domain)["lines"]
    now = platform.rooms.now().isoformat()
    for line in lines:
        line["points"].append({"at": now, "number": line["points"][-1]["number"]})
    by_domain: dict[str, list[list[Document]]] = defaultdict(list)
    by_policy: dict[str, list[list[Document]]] = defaultdict(list)
    for line in lines:
        by_domain[line["domain"]].append(line["points"])
        by_policy[line["policy"]].append(line["points"])
    return {
        "domain": domain,
        "domains": _domains(platform, caller),
        "total": _together([line["points"] for line in lines]),
        "by_domain": _largest(by_domain),
        "by_policy": _largest(by_policy),
        "left": platform.governance.debts(caller, limit=50, cursor=cursor),
        "accepts": may(caller, Action.GOVERN),
        "diagnostics": told(wrong),
    }


def policies(platform: Platform, caller: Caller, kind: str | None, regulation: str | None) -> Document:
    """Every policy that holds somewhere, the worst kept first, of a kind or for a regulation."""
    found = platform.governance.policies(caller)["policies"]
    known, standing = platform.governance.known().policies, _standing(platform, caller)
    lines = {line["name"]: line for line in standing["policies"]} if standing is not None else {}
    chosen = [
        {**policy, "line": lines.get(policy["id"])}
        for policy in found
        if (kind is None or policy["kind"] == kind) and (regulation is None or serves(known[policy["id"]], regulation))
    ]
    regulations = sorted({named.partition(":")[0] for policy in found for named in policy["regulations"]})
    return {
        "policies": sorted(chosen, key=_score),
        "kind": kind,
        "regulation": regulation,
        "kinds": sorted({policy["kind"] for policy in found}),
        "regulations": regulations,
    }


def policy(platform: Platform, caller: Caller, name: str, *, run: bool) -> Document:
    """A policy with its tests and how it is kept.

    Args:
        run: whether its tests are run.

    Raises:
        UsageError: WFT-GOV-007, there is none.
    """
    found = platform.governance.policy(caller, name)
    standing = _standing(platform, caller)
    cells = standing["cells"] if standing is not None else {}
    domains = [{**line[name], "domain": domain} for domain, line in cells.items() if name in line]
    return {
        **found,
        "run": platform.governance.tested(caller, name) if run else None,
        "domains": sorted(domains, key=lambda one: (2.0 if one["score"] is None else one["score"], one["domain"])),
        "violations": platform.governance.violations(caller, policy=name, limit=_FEW),
    }


def classification(platform: Platform, caller: Caller, domain: str | None, cursor: str | None) -> Document:
    """Columns that should have another level, and why.

    Raises:
        UsageError: WFT-SRV-006, the cursor belongs to another list.
    """
    found = platform.suggested_levels.listed(caller, domain=domain, cursor=cursor)
    return {**found, "domain": domain, "domains": _domains(platform, caller)}


def audit(
    platform: Platform, caller: Caller, where: str | None, principal: str | None, *, own: bool, cursor: str | None
) -> Document:
    """A page of reads: the caller's own, or those of the domains in which they may see who reads.

    Raises:
        UsageError: WFT-ACC-001 there is no such port or domain, WFT-SRV-006 the cursor belongs to another list.
        AccessDenied: WFT-ACC-010, it is data of a domain in which the caller may not see it.
    """
    others = may(caller, Action.READ_AUDIT) and not own
    if others:
        found = platform.audit.reads(caller, where=where, principal=principal, cursor=cursor)
    else:
        found = platform.audit.own(caller, cursor=cursor)
    return {
        **found,
        "where": where,
        "principal": principal,
        "own": not others,
        "searches": may(caller, Action.READ_AUDIT),
        "verifies": may(caller, Action.READ_EVENTS),
    }


def told(wrong: Sequence[Diagnostic]) -> list[Document]:
    """Diagnostics as pages show them."""
    return [{"why": None, "fix": None, **d.as_json()} for d in wrong]


def _standing(platform: Platform, caller: Caller) -> Document | None:
    if not may(caller, Action.READ_EVENTS):
        return None
    return platform.compliance.shown(domains_of(caller, Action.READ_EVENTS))


def _revocable(platform: Platform, caller: Caller, waiver: Document) -> bool:
    if waiver["state"] != "in force":
        return False
    return platform.governance.may_revoke(caller, waiver["policy"], waiver["subject"], waiver["role"])


def _domains(platform: Platform, caller: Caller) -> list[str]:
    """Domains that a list can be narrowed to."""
    found = platform.catalog.listed(caller, "domain", Filters(), _SELECT, None)["items"]
    return [msgspec.json.decode(one)["address"] for one in found]


def _score(document: Document) -> tuple[float, str]:
    line = document["line"]
    return (2.0 if line is None or line["score"] is None else line["score"], document["id"])


def _largest(groups: Mapping[str, list[list[Document]]]) -> list[Document]:
    """The lines of some groups, those with most debt first."""
    together = ((name, _together(lines)) for name, lines in groups.items())
    found: list[Document] = [
        {"name": name, "points": points} for name, points in together if any(p["number"] for p in points)
    ]
    return sorted(found, key=lambda one: (-one["points"][-1]["number"], one["name"]))[:DOMAINS]


def _together(lines: Sequence[Sequence[Document]]) -> list[Document]:
    """Counts over time put together: at each time the newest of each line."""
    steps = sorted((point["at"], number, point["number"]) for number, line in enumerate(lines) for point in line)
    now: dict[int, int] = {}
    found: dict[str, int] = {}
    total = 0
    for at, line, number in steps:
        total += number - now.get(line, 0)
        now[line], found[at] = number, total
    return [{"at": at, "number": number} for at, number in found.items()]
