"""Violations as values: what violates a policy, since when, and how it stands."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct


class State(StrEnum):
    """How a violation stands."""

    OPEN = "open"
    OVERDUE = "overdue"
    WAIVED = "waived"
    KNOWN = "known"
    RESOLVED = "resolved"


class Entry(Struct, frozen=True):
    """One line of the history of a violation."""

    at: datetime
    kind: str
    actor: str
    text: str


class Violation(Struct, frozen=True):
    """That a subject violates a policy. There is one for each policy and subject, which opens again if it must.

    Attributes:
        subject: an address; `policy:ID` where the policy itself cannot be asked.
        product: of the subject; None where it is no product's.
        domain: of the subject; empty where it is the platform's.
        owner: the team that answers for it.
        title: of the policy, when it was seen last.
        first_seen: since when, this time.
        due: until when it has to be mended.
        waiver_id: the waiver by which it stands against nothing.
        escalated: 0 nobody was told that it is overdue, 1 its owners were, 2 those above them were.
    """

    policy: str
    subject: str
    product: str | None
    domain: str
    owner: str
    severity: str
    title: str
    state: State
    first_seen: datetime
    last_seen: datetime
    due: datetime
    detail: str | None = None
    resolved_at: datetime | None = None
    waiver_id: str | None = None
    escalated: int = 0
    entries: tuple[Entry, ...] = ()

    @property
    def violation_id(self) -> str:
        """The same for one policy and subject, whenever it is seen."""
        return violation_id(self.policy, self.subject)

    def as_json(self) -> dict[str, Any]:
        """The violation as lists and pages show it."""
        return {
            "violation_id": self.violation_id,
            "policy": self.policy,
            "subject": self.subject,
            "product": self.product,
            "domain": self.domain or None,
            "owner": self.owner or None,
            "severity": self.severity,
            "title": self.title,
            "state": self.state.value,
            "first_seen": self.first_seen.isoformat(),
            "last_seen": self.last_seen.isoformat(),
            "due": self.due.isoformat(),
            "detail": self.detail,
            "resolved_at": self.resolved_at.isoformat() if self.resolved_at else None,
            "waiver": self.waiver_id,
        }


def violation_id(policy: str, subject: str) -> str:
    """The id of a violation.

    >>> violation_id("owner-is-named", "sales.orders")
    'v-5b8b8ea25a9661d4'
    """
    return "v-" + hashlib.sha256(f"{policy}\n{subject}".encode()).hexdigest()[:16]


def product_of(subject: str) -> str | None:
    """The product of an address; None where it is no product's.

    >>> product_of("sales.orders.lines@1.amount"), product_of("sales"), product_of("policy:a.b")
    ('sales.orders', None, None)
    """
    if ":" in subject:
        return None
    parts = subject.split(".", 2)
    return ".".join(parts[:2]).partition("@")[0] if len(parts) > 1 else None


def domain_of(subject: str) -> str:
    """The domain of an address; empty where it is none's.

    >>> domain_of("sales.orders"), domain_of("policy:a")
    ('sales', '')
    """
    return "" if ":" in subject else subject.partition(".")[0]
