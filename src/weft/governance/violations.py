"""Violations followed from one scan to the next: what opens, changes, comes due, closes and comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from weft.governance.judging import Judgement
from weft.governance.policies import PolicySet, Severity, When
from weft.model.relief import Relief
from weft.model.violations import State, Violation, domain_of, product_of

GRACE = timedelta(days=7)
"""How long a violation may be overdue before those are told who stand above its owners."""
PREFIX = "policy:"
"""Begins the subject of a violation that a policy is itself, since it cannot be asked."""


class What(StrEnum):
    """What happened to a violation."""

    OPENED = "opened"
    REOPENED = "reopened"
    CHANGED = "changed"
    OVERDUE = "overdue"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


class Change(Struct, frozen=True):
    """A change of note: becomes a line of the history, and an event.

    Attributes:
        violation: as it stands afterwards.
    """

    what: What
    violation: Violation
    text: str


class Changes(Struct, frozen=True):
    """What a scan changes.

    Attributes:
        seen: violations that are as they were, and were seen again.
    """

    changes: tuple[Change, ...] = ()
    seen: tuple[Violation, ...] = ()


class Asked(Struct, frozen=True):
    """What a scan has asked: whatever lies outside closes nothing.

    Attributes:
        policies: ids of those that were asked, whatever came of it.
        within: domains and products; None: the whole mesh.
        withdrawn: whether a policy that is not among them is not there any more; false where some file is broken.
        retired: products that nobody reads any more: what they violate is over.
    """

    policies: frozenset[str]
    within: tuple[str, ...] | None = None
    withdrawn: bool = False
    retired: frozenset[str] = frozenset()

    def takes_in(self, subject: str) -> bool:
        """Whether an address lies in what was asked."""
        return self.within is None or any(subject == p or subject.startswith(f"{p}.") for p in self.within)


def asked_of(policies: PolicySet, within: Iterable[str] | None, retired: Iterable[str] = ()) -> Asked:
    """What a scan of a set of policies asks."""
    scanned = frozenset(p.id for p in policies.policies.values() if When.SCAN in p.when)
    places = tuple(sorted(set(within))) if within is not None else None
    return Asked(scanned, places, policies.whole and places is None, frozenset(retired))


def fold(
    known: Iterable[Violation],
    judgement: Judgement,
    now: datetime,
    asked: Asked,
    *,
    owner_of: Callable[[str], str] = lambda _: "",
    relief: Relief = Relief(),  # noqa: B008 - it is frozen
    grace: timedelta = GRACE,
) -> Changes:
    """What a judgement makes of the violations that are known.

    A violation closes only by a scan that asked for it and no longer finds it: what a policy could not be asked for,
    and what lies outside the scan, stays. What a retired product violates is over, and so is what a policy objects
    to that is withdrawn.

    Args:
        known: those that the scan may touch, resolved ones among them.
        owner_of: the team that answers for an address.
    """
    before = {(v.policy, v.subject): v for v in known}
    found = _found(judgement, now, owner_of)
    changes: list[Change] = []
    seen: list[Violation] = []
    for key in sorted({*before, *found}):
        old, new = before.get(key), found.get(key)
        if new is not None:
            after = stands(new if old is None else _again(old, new), now, relief, grace)
            what = _what(old, after)
            if what is None:
                seen.append(after)
            else:
                changes.append(Change(what, after, _text(what, old, after)))
        elif old is not None and old.state is not State.RESOLVED:
            over = _over(old, judgement, asked)
            if over is not None:
                closed = replace(old, state=State.RESOLVED, resolved_at=now, waiver_id=None, escalated=0)
                changes.append(Change(What.RESOLVED, closed, over))
            else:
                after = stands(old, now, relief, grace)
                what = _what(old, after)
                if what is not None:
                    changes.append(Change(what, after, _text(what, old, after)))
    return Changes(tuple(changes), tuple(seen))


def _found(judgement: Judgement, now: datetime, owner_of: Callable[[str], str]) -> Mapping[tuple[str, str], Violation]:
    """What violates now, by policy and subject; of one that is found twice the graver form counts."""
    found: dict[tuple[str, str], Violation] = {}
    for one in judgement.objections:
        policy = one.applied.policy
        due = now + timedelta(days=policy.due_days)
        new = Violation(
            policy.id, one.subject, product_of(one.subject), domain_of(one.subject), owner_of(one.subject),
            policy.severity.value, policy.title, State.OPEN, now, now, due, one.detail,
        )  # fmt: skip
        other = found.get((new.policy, new.subject))
        if other is None or _rank(new) < _rank(other):
            found[new.policy, new.subject] = new
    for missing in judgement.unasked:
        policy, subject = missing.policy, f"{PREFIX}{missing.policy.id}"
        within = f" for {', '.join(missing.within)}" if missing.within else ""
        found[policy.id, subject] = Violation(
            policy.id, subject, product_of(policy.place.of), domain_of(policy.place.of), policy.owner or "",
            policy.severity.value, policy.title, State.OPEN, now, now, now + timedelta(days=policy.due_days),
            f"cannot be asked{within}: {missing.why}",
        )  # fmt: skip
    return found


def _rank(violation: Violation) -> tuple[int, str]:
    return Severity(violation.severity).rank, violation.detail or ""


def _again(old: Violation, new: Violation) -> Violation:
    """A violation that was known, as it is seen now: since when stays, unless it had been mended."""
    if old.state is State.RESOLVED:
        return new
    due = old.first_seen + (new.due - new.first_seen)
    return replace(new, state=old.state, first_seen=old.first_seen, due=due, escalated=old.escalated)


def stands(violation: Violation, now: datetime, relief: Relief, grace: timedelta = GRACE) -> Violation:
    """A violation with the state that it has at a time, and how far up it has to be told."""
    waiver = relief.waiver_of(violation.policy, violation.subject, now)
    waiver_id = waiver.waiver_id if waiver is not None else None
    if waiver is not None:
        state = State.WAIVED
    elif relief.debt_of(violation.policy, violation.subject, now) is not None:
        state = State.KNOWN
    else:
        state = State.OVERDUE if now > violation.due else State.OPEN
    level = 0
    if state is State.OVERDUE:
        level = 2 if now > violation.due + grace and violation.escalated > 0 else max(1, violation.escalated)
    if (violation.state, violation.waiver_id, violation.escalated) == (state, waiver_id, level):
        return violation
    return replace(violation, state=state, waiver_id=waiver_id, escalated=level)


def _what(old: Violation | None, after: Violation) -> What | None:
    if old is None:
        return What.OPENED
    if old.state is State.RESOLVED:
        return What.REOPENED
    if after.state is State.OVERDUE and old.state is not State.OVERDUE:
        return What.OVERDUE
    if after.escalated > old.escalated:
        return What.ESCALATED
    return None if _as_it_was(old, after) else What.CHANGED


def _as_it_was(old: Violation, after: Violation) -> bool:
    """Whether lists show the same of a violation as before."""
    return (
        old.state is after.state
        and old.severity == after.severity
        and old.due == after.due
        and old.owner == after.owner
        and old.domain == after.domain
        and old.detail == after.detail
        and old.title == after.title
        and old.waiver_id == after.waiver_id
    )


def _text(what: What, old: Violation | None, after: Violation) -> str:
    match what:
        case What.OPENED | What.REOPENED:
            return f"{after.detail or after.title}; {_standing(after)}"
        case What.OVERDUE:
            return f"was due on {after.due:%Y-%m-%d}"
        case What.ESCALATED:
            return f"is overdue since {after.due:%Y-%m-%d}: those above its owners are told"
    assert old is not None, "only what was known changes"
    told = [_standing(after)] if (old.state, old.due) != (after.state, after.due) else []
    told += [f"severity {old.severity} became {after.severity}"] if old.severity != after.severity else []
    told += [f"`{after.owner or 'nobody'}` answers for it"] if old.owner != after.owner else []
    told += [after.detail or after.title] if old.detail != after.detail else []
    return "; ".join(told) or "the policy says it in other words"


def _standing(violation: Violation) -> str:
    match violation.state:
        case State.WAIVED:
            return f"waived by {violation.waiver_id}"
        case State.KNOWN:
            return "known debt"
    return f"due on {violation.due:%Y-%m-%d}"


def _over(old: Violation, judgement: Judgement, asked: Asked) -> str | None:
    """Why a violation that was not found is over; None where that says nothing."""
    if old.product is not None and old.product in asked.retired:
        return f"`{old.product}` is retired"
    if old.policy not in asked.policies:
        return "the policy is withdrawn" if asked.withdrawn else None
    if old.subject.startswith(PREFIX):
        return "the policy can be asked again" if asked.within is None else None
    if not asked.takes_in(old.subject):
        return None
    for one in judgement.unasked:
        if one.policy.id == old.policy and (not one.within or old.product is None or old.product in one.within):
            return None
    return "a scan no longer finds it"
