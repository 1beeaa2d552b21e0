"""What is let off: waivers, which end, and debt that was known when a policy was adopted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from msgspec import Struct


class Waiver(Struct, frozen=True):
    """That some subjects need not follow a policy until a time.

    Attributes:
        subject: an address, which stands for all that lies under it, or a glob over addresses.
        reason: None where it was erased.
        role: by which the one who gave it may.
        warned_at: when it was said that it ends soon.
        ended_at: when it was said that it has ended, or when it was revoked.
        ended_by: who has revoked it.
    """

    waiver_id: str
    policy: str
    subject: str
    reason: str | None
    role: str
    given_by: str
    given_at: datetime
    ends_at: datetime
    warned_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.ended_at is None and now < self.ends_at

    @property
    def until(self) -> date:
        """The last day on which it holds, in UTC."""
        return (self.ends_at - timedelta(microseconds=1)).date()

    def covers(self, subject: str) -> bool:
        """Whether an address lies under it."""
        return covers(self.subject, subject)

    def as_json(self, now: datetime) -> dict[str, Any]:
        """The waiver as lists show it."""
        ended = "revoked" if self.ended_by else "ended"
        return {
            "waiver_id": self.waiver_id,
            "policy": self.policy,
            "subject": self.subject,
            "reason": self.reason,
            "role": self.role,
            "given_by": self.given_by,
            "given_at": self.given_at.isoformat(),
            "until": self.until.isoformat(),
            "ends_at": self.ends_at.isoformat(),
            "state": "in force" if self.holds(now) else ended,
            "ended_by": self.ended_by,
        }


def covers(pattern: str, subject: str) -> bool:
    """Whether an address is what a pattern names, or lies under it.

    >>> covers("sales.orders", "sales.orders.lines@1.amount"), covers("sales.orders", "sales.orders_old")
    (True, False)
    >>> covers("sales.*.lines@1", "sales.orders.lines@1.amount"), covers("sales.orders.lines", "sales.orders.lines@2")
    (True, True)
    """
    if any(mark in pattern for mark in "*?["):
        return fnmatchcase(subject, pattern) or fnmatchcase(subject, f"{pattern}.*")
    return subject == pattern or subject.startswith((f"{pattern}.", f"{pattern}@"))


class Debt(Struct, frozen=True):
    """A violation that was there when its policy was adopted, and is accepted until a time."""

    policy: str
    subject: str
    domain: str
    until: datetime


class Relief(Struct, frozen=True, dict=True):
    """All that is let off.

    Attributes:
        debts: those that are not mended yet.
    """

    waivers: tuple[Waiver, ...] = ()
    debts: tuple[Debt, ...] = ()

    @cached_property
    def _waivers(self) -> Mapping[str, list[Waiver]]:
        return _by_policy(self.waivers)

    @cached_property
    def _debts(self) -> Mapping[tuple[str, str], Debt]:
        return {(debt.policy, debt.subject): debt for debt in self.debts}

    def waiver_of(self, policy: str, subject: str, now: datetime) -> Waiver | None:
        """The waiver in force for a subject that ends last."""
        given = self._waivers.get(policy)
        if given is None:  # as for nearly all of tens of thousands
            return None
        found = [w for w in given if w.holds(now) and w.covers(subject)]
        return max(found, key=lambda w: (w.ends_at, w.waiver_id), default=None)

    def debt_of(self, policy: str, subject: str, now: datetime) -> Debt | None:
        """The known debt that a subject is, while it is accepted."""
        found = self._debts.get((policy, subject))
        return found if found is not None and now < found.until else None

    def excuses(self, policy: str, subject: str, now: datetime) -> bool:
        """Whether that a subject violates a policy stands against nothing."""
        return self.debt_of(policy, subject, now) is not None or self.waiver_of(policy, subject, now) is not None


def _by_policy(waivers: Iterable[Waiver]) -> dict[str, list[Waiver]]:
    found: dict[str, list[Waiver]] = {}
    for one in waivers:
        found.setdefault(one.policy, []).append(one)
    return found
