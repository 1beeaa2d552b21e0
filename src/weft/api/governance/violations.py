"""What violates policies, who is let off, and what was known when a policy was adopted."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from weft.access.permissions import Action, Caller, may, require
from weft.api.cursors import cursor_of, place_of
from weft.api.drafts import Drafts
from weft.errors import AccessDenied, Conflict, Diagnostic, UsageError, did_you_mean, error
from weft.governance.baseline import choose
from weft.governance.policies import Policy, PolicySet, When
from weft.governance.violations import GRACE, stands
from weft.governance.waivers import domain_of_pattern, end_of, held_role, refusals, role_of
from weft.model.relief import Relief, Waiver, covers
from weft.model.violations import State, Violation
from weft.registry import codec
from weft.registry.baselines import Accepted, BaselineStore
from weft.registry.relieving import ReliefStore
from weft.registry.violations import Filter, ViolationStore
from weft.registry.waivers import WaiverStore

if TYPE_CHECKING:
    from weft.registry.base import RegistryReader
    from weft.registry.database import Database

Document = dict[str, Any]


class Governance:
    """The verbs on violations, waivers and known debt."""

    def __init__(
        self,
        database: Database,
        reader: RegistryReader,
        now: Callable[[], datetime],
        policies: Callable[[], PolicySet],
        grace: timedelta = GRACE,
    ) -> None:
        self._violations = ViolationStore(database)
        self._waivers = WaiverStore(database)
        self._relief = ReliefStore(database)
        self._baselines = BaselineStore(database)
        self._reader = reader
        self._now = now
        self._policies = policies
        self._grace = grace

    def violations(
        self,
        caller: Caller,
        *,
        domain: str | None = None,
        product: str | None = None,
        policy: str | None = None,
        states: Sequence[str] = (),
        mine: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Document:
        """A page of violations, what is due first first; those of drafts of others are left out.

        Args:
            states: `open`, `overdue` …; empty: all but resolved ones.
            mine: those of the domains in which the caller is somebody.

        Raises:
            UsageError: WFT-SRV-006 the cursor belongs to another list, WFT-CLI-001 there is no such state, WFT-GOV-007
                nobody has ever heard of the policy.
        """
        chosen = tuple(map(_state, states))
        wanted = Filter(_domains(caller, domain, mine), policy, states=chosen, product=product)
        of = f"violations {domain} {policy} {','.join(states)} {mine} {caller.name if mine else ''}"
        of += f" {product}" if product is not None else ""
        place = place_of(of, cursor, str, str)
        found = self._violations.listed(wanted, after=(place[0], place[1]) if place else ("", ""), limit=limit + 1)
        ever = Filter(policy=policy, states=tuple(State))
        if policy is not None and not found and not self._violations.listed(ever, limit=1):
            self._policy(policy)  # one that is withdrawn has its violations still
        last = found[limit - 1] if len(found) > limit else None
        drafts = Drafts(self._reader, caller)
        return {
            "items": [one.as_json() for one in found[:limit] if not drafts.hide(one.subject)],
            "next": cursor_of(of, [codec.time_text(last.due), last.violation_id]) if last is not None else None,
        }

    def violation(self, caller: Caller, violation_id: str) -> Document:
        """A violation with its history, its policy and the waiver that lets it off.

        Raises:
            UsageError: WFT-GOV-054, there is none.
        """
        found = self._violations.get(violation_id)
        if found is None or Drafts(self._reader, caller).hide(found.subject):
            raise UsageError(
                error("WFT-GOV-054", f"there is no violation `{violation_id}`", fix="`weft violations` lists them")
            )
        waiver = self._waivers.get(found.waiver_id) if found.waiver_id is not None else None
        policy = self._policies().policies.get(found.policy)
        return found.as_json() | {
            "asks": policy.asks if policy is not None else None,
            "why": policy.why if policy is not None else None,
            "remediation": policy.remediation if policy is not None else None,
            "waiver": waiver.as_json(self._now()) if waiver is not None else None,
            "history": [
                {"at": e.at.isoformat(), "kind": e.kind, "actor": e.actor, "text": e.text} for e in found.entries
            ],
        }

    def waivers(
        self,
        caller: Caller,
        *,
        policy: str | None = None,
        ended: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Document:
        """A page of waivers, newest first; those of drafts of others are left out.

        Raises:
            UsageError: WFT-SRV-006, the cursor belongs to another list.
        """
        of, now = f"waivers {policy} {ended}", self._now()
        place = place_of(of, cursor, str, str)
        after = (place[0], place[1]) if place else None
        found = self._waivers.listed(now, policy=policy, ended=ended, after=after, limit=limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        drafts = Drafts(self._reader, caller)
        return {
            "items": [one.as_json(now) for one in found[:limit] if not drafts.hide(one.subject)],
            "next": cursor_of(of, [codec.time_text(last.given_at), last.waiver_id]) if last is not None else None,
        }

    def waive(
        self, caller: Caller, policy: str, subject: str, *, reason: str, until: str | None, meant: str | None = None
    ) -> Document:
        """Lets a subject, or all that a glob names, off a policy until a day, which is the last one.

        Args:
            meant: what it has to let off at least, where somebody looks at that.

        Raises:
            UsageError: WFT-GOV-007 there is no such policy, 050 no end or one in the past, 052 the policy lets nobody
                off, 053 for too long, 059 without a reason or for no address of the policy.
            AccessDenied: WFT-GOV-051, the policy leaves it to other roles.
        """
        require(caller, Action.DECIDE_POLICY)
        one, now, subject = self._policy(policy), self._now(), subject.strip()
        domain = domain_of_pattern(subject)
        held = self._held(caller, domain)
        _raise([*refusals(one, subject, _day(until), reason, held, now), *_beside(subject, meant)])
        role = held_role(one.waivers.roles, held)
        day = _day(until)
        assert role is not None and day is not None, "what was not refused has both"
        waiver = Waiver(
            f"w-{secrets.token_hex(6)}", one.id, subject, reason.strip(), role, caller.name, now, end_of(day)
        )
        self._relief.give(waiver, self._stands(now))
        return waiver.as_json(now)

    def revoke(self, caller: Caller, waiver_id: str) -> Document:
        """Ends a waiver before its time.

        Raises:
            UsageError: WFT-GOV-054, there is none.
            AccessDenied: WFT-GOV-051, the policy leaves it to other roles.
            Conflict: WFT-GOV-055, it is over.
        """
        require(caller, Action.DECIDE_POLICY)
        found, now = self._waivers.get(waiver_id), self._now()
        if found is None:
            raise UsageError(
                error("WFT-GOV-054", f"there is no waiver `{waiver_id}`", fix="`weft waiver list` has them")
            )
        roles = self._revokers(found.policy, found.role)
        if held_role(roles, self._held(caller, domain_of_pattern(found.subject))) is None:
            what = f"the waiver `{waiver_id}` is not yours to revoke"
            raise AccessDenied(error("WFT-GOV-051", what, why=f"it is for {' or '.join(roles)}", fix="ask one of them"))
        if self._relief.revoke(waiver_id, self._stands(now), actor=caller.name, at=now) is None:
            raise Conflict(error("WFT-GOV-055", f"the waiver `{waiver_id}` is over already"))
        again = self._waivers.get(waiver_id)
        assert again is not None, "no waiver is forgotten"
        return again.as_json(now)

    def may_revoke(self, caller: Caller, policy: str, subject: str, role: str) -> bool:
        """Whether a waiver of a policy, which somebody of a role has given, is the caller's to revoke."""
        domain = domain_of_pattern(subject)
        held = self._held(caller, domain)
        return may(caller, Action.DECIDE_POLICY) and held_role(self._revokers(policy, role), held) is not None

    def may_waive(self, caller: Caller, policy: str, subject: str) -> Document:
        """Whether the caller may let a subject off a policy, until when at most, and whose it is if not."""
        one, now = self._policies().policies.get(policy), self._now()
        if one is None:
            return {"may": False, "last": None, "roles": [], "why": f"there is no policy `{policy}` any more"}
        held = self._held(caller, domain_of_pattern(subject)) if may(caller, Action.DECIDE_POLICY) else frozenset()
        wrong = refusals(one, subject, now.date(), "as an example", held, now)
        return {
            "may": not wrong,
            "last": (now + timedelta(days=one.waivers.max_days)).date().isoformat(),
            "roles": list(map(role_of, one.waivers.roles)),
            "why": wrong[0].why if wrong else None,
        }

    def accept(
        self,
        caller: Caller,
        *,
        domain: str | None,
        owner: str,
        plan: str,
        until: str,
        reset: str | None = None,
    ) -> Document:
        """Accepts what violates now as known debt until a day; with `reset`, a reason, also where debt was accepted.

        Raises:
            UsageError: WFT-GOV-050 the day is none or over, 059 there is no owner or no plan.
            Conflict: WFT-GOV-056, nothing violates for the first time.
            AccessDenied: WFT-ACC-010, it is for governance.
        """
        require(caller, Action.GOVERN)
        now, day = self._now(), _day(until)
        if day is None or day < now.date():
            raise UsageError(error("WFT-GOV-050", f"`{until}` is over already", fix="name a day that is to come"))
        blank = [what for what, text in (("owner", owner), ("plan", plan)) if not text.strip()]
        if blank or (reset is not None and not reset.strip()):
            what = f"known debt needs {' and '.join(blank or ['a reason where it grows'])}"
            raise UsageError(error("WFT-GOV-059", what, fix="say who mends it, and how"))
        pairs = [(p.id, domain or "") for p in self._policies().policies.values() if When.SCAN in p.when]
        wanted = Accepted(domain or "", owner.strip(), plan.strip(), end_of(day), reset.strip() if reset else None)
        kept = self._relief.accept(
            wanted,
            pairs,
            lambda violations, ratchets: choose(violations, ratchets, reset=reset is not None),
            self._stands(now),
            actor=caller.name,
            at=now,
        )
        if kept is None:
            raise Conflict(
                error(
                    "WFT-GOV-056",
                    "there is nothing to accept as known debt",
                    why="nothing is open, or what is open came after the baseline: debt may only shrink",
                    fix="mend it, ask for a waiver, or have governance accept it with `--reset REASON`",
                )
            )
        return {
            "baseline_id": kept.baseline_id,
            "accepted": [one.as_json() for one in kept.accepted],
            "left": [one.as_json() for one in kept.left],
        }

    def debt(self, domain: str | None = None) -> Document:
        """The known debt of each policy and domain, over time."""
        return {
            "lines": [
                {
                    "policy": line.policy,
                    "domain": line.domain,
                    "points": [{"at": at.isoformat(), "number": number} for at, number in line.points],
                }
                for line in self._baselines.lines(domain)
            ]
        }

    def debts(self, caller: Caller, *, limit: int = 100, cursor: str | None = None) -> Document:
        """A page of the known debt that is not mended, by policy and subject; that of drafts of others is left out.

        Raises:
            UsageError: WFT-SRV-006, the cursor belongs to another list.
        """
        place = place_of("debts", cursor, str, str)
        found = self._baselines.page((place[0], place[1]) if place else ("", ""), limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        drafts = Drafts(self._reader, caller)
        return {
            "items": [
                {"policy": d.policy, "subject": d.subject, "domain": d.domain, "until": d.until.isoformat()}
                for d in found[:limit]
                if not drafts.hide(d.subject)
            ],
            "next": cursor_of("debts", [last.policy, last.subject]) if last is not None else None,
        }

    def relief(self) -> Relief:
        """What is let off now."""
        return self._violations.relief(self._now())

    def known(self) -> PolicySet:
        """The policies that hold, for whoever scans."""
        return self._policies()

    def policies(self, caller: Caller) -> Document:
        """Every policy that holds somewhere; those of products that are drafts of others are left out."""
        from weft.api.governance.policies import document

        drafts = Drafts(self._reader, caller)
        found = [p for _, p in sorted(self._policies().policies.items()) if not drafts.hide(p.place.of)]
        return {"policies": [document(p) for p in found]}

    def policy(self, caller: Caller, name: str) -> Document:
        """A policy with its tests, and with what domains and products make stricter in it.

        Raises:
            UsageError: WFT-GOV-007, there is none, or it is that of a draft of others.
        """
        from weft.api.governance.policies import document

        found = self._seen_policy(caller, name)
        drafts = Drafts(self._reader, caller)
        tighter = [t for t in self._policies().tightenings if t.policy == name and not drafts.hide(t.place.of)]
        return document(found) | {
            "tests": [
                {
                    "name": test.name,
                    "line": test.line,
                    "given": {relation: list(map(dict, rows)) for relation, rows in test.given.items()},
                    "expect": list(test.expect),
                    "parameters": dict(test.parameters),
                }
                for test in found.tests
            ],
            "tightened": [
                {
                    "place": str(t.place),
                    "severity": t.severity.value if t.severity is not None else None,
                    "due_days": t.due_days,
                    "parameters": dict(t.parameters),
                }
                for t in tighter
            ],
        }

    def tested(self, caller: Caller, name: str) -> Document:
        """What comes of the tests of a policy, each on made-up rows of its own.

        Raises:
            UsageError: WFT-GOV-007, there is none, or it is that of a draft of others.
        """
        from weft.governance.policy_tests import run_test

        found = self._seen_policy(caller, name)
        results = [run_test(found, test, self._now()) for test in found.tests]
        return {
            "passed": all(one.passed for one in results),
            "tests": [
                {
                    "name": one.test,
                    "passed": one.passed,
                    "missing": list(one.missing),
                    "unexpected": list(one.unexpected),
                    "refused": one.refused,
                }
                for one in results
            ],
        }

    def _seen_policy(self, caller: Caller, name: str) -> Policy:
        found = self._policy(name)
        if Drafts(self._reader, caller).hide(found.place.of):
            raise UsageError(
                error("WFT-GOV-007", f"there is no policy `{name}`", fix="`weft policy list` has them all")
            )
        return found

    def _policy(self, name: str) -> Policy:
        policies = self._policies()
        found = policies.policies.get(name)
        if found is None:
            fix = did_you_mean(name, sorted(policies.policies), otherwise="`weft policy list` has them all")
            raise UsageError(error("WFT-GOV-007", f"there is no policy `{name}`", fix=fix))
        return found

    def _revokers(self, policy: str, role: str) -> tuple[str, ...]:
        """The roles that may revoke a waiver: those that may give one, and the one by which it was given."""
        found = self._policies().policies.get(policy)
        return (role,) if found is None else (*found.waivers.roles, role)

    @staticmethod
    def _held(caller: Caller, domain: str | None) -> frozenset[str]:
        own = caller.domains.get(domain, frozenset()) if domain is not None else frozenset()
        return frozenset(role.value for role in caller.mesh | own)

    def _stands(self, now: datetime) -> Callable[[Violation, Relief], Violation]:
        return lambda violation, relief: stands(violation, now, relief, self._grace)


def _domains(caller: Caller, domain: str | None, mine: bool) -> tuple[str, ...] | None:
    """The domains that are asked for; None: all. Whoever is something in the whole mesh has all of them."""
    own = None if not mine or caller.mesh else tuple(sorted(caller.domains))
    if domain is None:
        return own
    return (domain,) if own is None or domain in own else ()


def _state(word: str) -> State:
    try:
        return State(word)
    except ValueError:
        fix = did_you_mean(word, list(State), otherwise=f"one of {', '.join(State)}")
        raise UsageError(error("WFT-CLI-001", f"there is no state `{word}` of violations", fix=fix)) from None


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        what = f"`{text}` is no day"
        raise UsageError(error("WFT-GOV-050", what, fix="write it as 2026-12-31")) from None


def _beside(subject: str, meant: str | None) -> list[Diagnostic]:
    """Why a waiver would be for something else than what is looked at; empty where it is for that."""
    if meant is None or not subject or covers(subject, meant):
        return []
    what = f"`{subject}` is no address under which `{meant}` lies"
    return [error("WFT-GOV-059", what, fix="name that, or what it lies under")]


def _raise(problems: Sequence[Diagnostic]) -> None:
    if any(one.code == "WFT-GOV-051" for one in problems):
        raise AccessDenied(*problems)
    if problems:
        raise UsageError(*problems)
