"""Who may let what off a policy, and for how long."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta

from weft.errors import Diagnostic, error
from weft.governance.policies import Policy
from weft.model.roles import role_key

_MARKS = frozenset("*?[")
_SHORT = {"governance": "governance_lead", "owner": "domain_owner"}


def role_of(word: str) -> str:
    """A role that a policy names, as members and users have it.

    >>> role_of("governance"), role_of("Product Owner")
    ('governance_lead', 'product_owner')
    """
    key = role_key(word)
    return _SHORT.get(key, key)


def held_role(wanted: Iterable[str], held: Collection[str]) -> str | None:
    """The first of the roles that a policy names which somebody has; None where they have none."""
    return next((role for role in map(role_of, wanted) if role in held), None)


def domain_of_pattern(subject: str) -> str | None:
    """The domain in which all lies that a pattern names; None where it reaches further."""
    first = subject.partition(".")[0]
    return None if ":" in first or _MARKS & set(first) else first


def end_of(until: date) -> datetime:
    """When a last day is over, in UTC; the last day of the calendar ends a day early.

    >>> end_of(date(2026, 12, 31)).isoformat(), end_of(date.max).isoformat()
    ('2027-01-01T00:00:00+00:00', '9999-12-31T00:00:00+00:00')
    """
    return datetime.combine(min(until, date.max - timedelta(days=1)) + timedelta(days=1), time(), UTC)


def refusals(
    policy: Policy, subject: str, until: date | None, reason: str, held: Collection[str], now: datetime
) -> list[Diagnostic]:
    """Why a waiver cannot be given; empty where it can.

    Args:
        until: the last day on which it holds.
        held: roles that the asking person has in the domain of the subject, and in the mesh.
    """
    terms, place = policy.waivers, f"policy `{policy.id}` ({policy.place.file})"
    if not terms.allowed:
        what = f"`{policy.id}` lets nobody off"
        fix = policy.remediation or "mend what violates it"
        return [error("WFT-GOV-052", what, why=f"{place}: `waivers.allowed` is false", fix=fix)]
    found = []
    if held_role(terms.roles, held) is None:
        who = " or ".join(map(role_of, terms.roles))
        what = f"a waiver of `{policy.id}` for `{subject}` is not yours to give"
        found.append(error("WFT-GOV-051", what, why=f"{place} leaves it to {who}", fix=f"ask somebody who is {who}"))
    last = now.date() + timedelta(days=terms.max_days)
    if until is None or until < now.date():
        what = "a waiver needs a day on which it ends" if until is None else f"{until} is over already"
        found.append(error("WFT-GOV-050", what, why="no waiver holds for ever", fix=f"give one up to {last}"))
    elif until > last:
        what = f"until {until} is longer than `{policy.id}` lets anybody off"
        why = f"{place}: {terms.max_days} days at most"
        found.append(error("WFT-GOV-053", what, why=why, fix=f"give a day up to {last}"))
    if not reason.strip():
        found.append(error("WFT-GOV-059", "a waiver needs a reason", fix="say why it is given"))
    if not subject.strip() or (not policy.place.covers(subject) and not _MARKS & set(subject)):
        what = f"`{subject}` is no address that `{policy.id}` is about"
        found.append(error("WFT-GOV-059", what, why=f"{place} holds for {policy.place}", fix="name a subject of it"))
    return found
