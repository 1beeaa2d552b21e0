"""What is told of violations, waivers and publications that wait for a person. Never a detail, a reason or a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from weft.model.records import Event
from weft.model.violations import domain_of

KINDS: Mapping[str, str] = {
    "policy_violated": "something violates a policy for the first time, or again",
    "policy_overdue": "a violation is not mended by the day on which it is due",
    "policy_escalated": "a violation is overdue for longer than is granted: for those above its owners",
    "waiver_ending": "a waiver ends in a week, or has ended",
    "approval_asked": "a publication waits for somebody to agree",
    "approval_decided": "somebody has agreed to a publication, or not",
    "publication_dropped": "a publication that waited for somebody has ended unpublished",
}
"""Kinds of notices about policies."""

_VIOLATIONS = {
    "violation.opened": ("policy_violated", "violates"),
    "violation.reopened": ("policy_violated", "violates again"),
    "violation.overdue": ("policy_overdue", "still violates"),
    "violation.escalated": ("policy_escalated", "is not mended long after its day, and violates"),
}
ABOVE = ("governance_lead",)
"""Who is told of what the owners have not mended."""
_QUIET = frozenset({"waived", "known"})


class Told(Struct, frozen=True):
    """What is to be told of an event: its kinds, the first of which names it, whom it is about, and words.

    Attributes:
        owners: domains whose contacts are told without having asked.
        people: who is told beside them, where their name is an address of mail.
        roles: whoever holds one, in the mesh or in the domain, is told as well.
    """

    kinds: tuple[str, ...]
    subject: str
    title: str
    text: str
    owners: tuple[str, ...]
    facts: Mapping[str, Any]
    people: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


def told_of(event: Event) -> Told | None:
    """What is told of an event about policies; None of most."""
    if event.kind in _VIOLATIONS:
        return _violation(event)
    if event.kind in ("waiver.ending", "waiver.ended"):
        return _waiver(event)
    if event.kind in ("approval.asked", "approval.approved", "approval.declined"):
        return _approval(event)
    return _dropped(event) if event.kind == "publication.dropped" else None


def _violation(event: Event) -> Told | None:
    body = event.body
    if body["state"] in _QUIET:
        return None
    kind, words = _VIOLATIONS[event.kind]
    subject, domain, due = str(body["subject"]), str(body["domain"]), str(body["due"])[:10]
    kinds = (kind, "policy_overdue") if kind == "policy_escalated" else (kind,)
    itself = subject.startswith("policy:")
    title = f"The policy {body['policy']} cannot be asked" if itself else f"{subject} {words} {body['policy']}"
    text = f"{title}: {body['title']} [{body['severity']}], due on {due}."
    text += f" `weft violations show {body['violation']}` says how to mend it."
    facts = {name: body[name] for name in ("violation", "policy", "severity", "state", "due", "owner")}
    if kind == "policy_escalated":  # its owners were told when it came due
        return Told(kinds, subject, title, text, (), facts, roles=ABOVE)
    return Told(kinds, subject, title, text, (domain,) if domain else (), facts, people=(str(body["owner"]),))


def _waiver(event: Event) -> Told:
    body = event.body
    subject, domain = str(body["subject"]), domain_of(str(body["subject"]))
    over = event.kind == "waiver.ended"
    title = f"The waiver of {body['policy']} for {subject} {'has ended' if over else 'ends soon'}"
    text = f"{title} ({body['waiver']}, given by {body['given_by']})."
    text += " What it let off stands open again." if over else f" It holds until {str(body['ends'])[:16]} UTC."
    owners = (domain,) if domain and not set("*?[") & set(domain) else ()
    return Told(("waiver_ending",), subject, title, text, owners, {"waiver": body["waiver"], "ends": body["ends"]})


def _approval(event: Event) -> Told:
    body = event.body
    product = str(body["product"])
    asked = event.kind == "approval.asked"
    if asked:
        title = f"The publication of {product} waits for {' or '.join(body['roles'])}"
        text = f"{title}: the policy {body['policy']} asks for it. `weft approvals approve {body['approval']}` agrees."
    else:
        title = f"The publication of {product} is {event.kind.partition('.')[2]}"
        text = f"{title} by {event.actor}, as {body['policy']} asks."
    facts = {"approval": body["approval"], "policy": body["policy"]}
    kind = "approval_asked" if asked else "approval_decided"
    roles = tuple(map(str, body["roles"])) if asked else ()
    return Told((kind,), product, title, text, (product.partition(".")[0],), facts, roles=roles)


def _dropped(event: Event) -> Told:
    body, product = event.body, str(event.body["product"])
    codes = ", ".join(body["codes"])
    title = f"A publication of {product} that waited is not published"
    text = f"{title} ({codes}). `weft run {body['run']}` says why; `weft apply` hands it in again."
    facts = {"run": body["run"], "codes": list(body["codes"])}
    return Told(("publication_dropped",), product, title, text, (product.partition(".")[0],), facts)
