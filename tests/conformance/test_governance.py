"""Violations, waivers and known debt, in an SQLite file and in a PostgreSQL alike."""

from __future__ import annotations

import datetime as dt
import json
from functools import partial

import pytest

from weft.governance.baseline import choose
from weft.governance.judging import Judgement, Objection, Unasked
from weft.governance.policies import Applied, Kind, Layer, Place, Policy, Severity
from weft.governance.violations import Asked, Changes, fold, stands
from weft.model.approvals import Wanted
from weft.model.relief import Waiver
from weft.model.violations import State, violation_id
from weft.registry.approvals import ApprovalStore
from weft.registry.baselines import Accepted, BaselineStore
from weft.registry.codec import time_text
from weft.registry.relieving import Kept, ReliefStore
from weft.registry.sql import SqlRegistry
from weft.registry.violations import Filter, ViolationStore
from weft.registry.waivers import WaiverStore

NOW = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
A_DAY = dt.timedelta(days=1)
POLICY = Policy("a", "A", Kind.QUALITY, Severity.HIGH, "It is good.", "select 1", Place(Layer.PLATFORM))
PLAN = "Jo Miller mends them"


def scan(registry: SqlRegistry, *subjects: str, at: dt.datetime = NOW, within: list[str] | None = None) -> Changes:
    """A scan that finds these subjects."""
    judgement = Judgement(tuple(Objection("a", s, f"detail of {s}", Applied(POLICY)) for s in subjects), (), 1)
    asked = Asked(frozenset("a"), tuple(within) if within is not None else None)
    return ViolationStore(registry.database).scanned(
        within, lambda known, relief: fold(known, judgement, at, asked, relief=relief), at
    )


def states(registry: SqlRegistry) -> dict[str, str]:
    return {v.subject: v.state.value for v in ViolationStore(registry.database).listed(Filter(states=tuple(State)))}


def log(registry: SqlRegistry, prefix: str = "") -> list[str]:
    return [e.kind for e in registry.events() if e.kind.startswith(prefix)]


def test_a_violation_is_kept_with_its_history_and_each_change_is_an_event_without_the_detail(registry):
    for day, subjects in (
        (0, ["sales.orders"]),
        (1, ["sales.orders"]),
        (31, ["sales.orders"]),
        (32, []),
        (33, ["sales.orders"]),
    ):
        scan(registry, *subjects, at=NOW + day * A_DAY)

    one = ViolationStore(registry.database).get(violation_id("a", "sales.orders"))
    assert one is not None
    assert [e.kind for e in one.entries] == ["opened", "overdue", "resolved", "reopened"]
    assert (one.first_seen, one.state) == (NOW + 33 * A_DAY, State.OPEN)
    events = registry.events()
    assert [e.kind for e in events] == [f"violation.{e.kind}" for e in one.entries]
    assert events[0].body["subject"] == "sales.orders"
    assert "detail of" not in json.dumps([dict(e.body) for e in events])
    assert registry.verify_log() == 4


def test_a_scan_of_a_part_reads_and_changes_that_part_alone_and_when_it_was_seen_last_is_kept(registry):
    scan(registry, "sales.orders", "sales.orders.lines@1", "fleet.aircraft")

    scan(registry, "sales.orders", at=NOW + A_DAY, within=["sales.orders"])

    assert states(registry) == {"sales.orders": "open", "sales.orders.lines@1": "resolved", "fleet.aircraft": "open"}
    found = {v.subject: v.last_seen for v in ViolationStore(registry.database).listed(Filter())}
    assert found == {"sales.orders": NOW + A_DAY, "fleet.aircraft": NOW}


def test_what_fails_in_a_scan_leaves_nothing_of_it(registry):
    def broken(known, relief):
        made = fold(
            known, Judgement((Objection("a", "sales.orders", None, Applied(POLICY)),)), NOW, Asked(frozenset("a"))
        )
        return Changes((*made.changes, None), ())

    with pytest.raises(AttributeError):
        ViolationStore(registry.database).scanned(None, broken, NOW)

    assert states(registry) == {}
    assert log(registry) == []


def test_lists_are_read_page_by_page_by_due_date_and_filtered(registry):
    scan(registry, *(f"sales.p{n}" for n in range(5)))
    scan(registry, *(f"sales.p{n}" for n in range(5)), "fleet.aircraft", at=NOW + A_DAY)
    store, found, after = ViolationStore(registry.database), [], ("", "")
    while page := store.listed(Filter(), after=after, limit=2):
        found += page
        after = (time_text(page[-1].due), page[-1].violation_id)

    assert len(found) == 6
    assert found[-1].subject == "fleet.aircraft"
    assert [v.subject for v in store.listed(Filter(domains=("fleet",)))] == ["fleet.aircraft"]
    assert store.listed(Filter(policy="b")) == []
    assert store.listed(Filter(domains=())) == []
    assert store.counts() == {"open": 6}


def give(registry: SqlRegistry, subject: str = "sales", days: int = 20) -> Waiver:
    reason = "asked by Jo Miller"
    waiver = Waiver("w-1", "a", subject, reason, "governance_lead", "ana", NOW, NOW + days * A_DAY)
    ReliefStore(registry.database).give(waiver, lambda v, relief: stands(v, NOW, relief))
    return waiver


def test_a_waiver_lets_what_lies_under_it_off_at_once_and_its_reason_is_in_no_event(registry):
    scan(registry, "sales.orders", "fleet.aircraft")

    give(registry)

    assert states(registry) == {"sales.orders": "waived", "fleet.aircraft": "open"}
    assert log(registry, "waiver") == ["waiver.given"]
    assert "Jo Miller" not in json.dumps([dict(e.body) for e in registry.events()])
    (kept,) = WaiverStore(registry.database).listed(NOW)
    assert (kept.reason, kept.until) == ("asked by Jo Miller", dt.date(2026, 3, 21))


def test_a_waiver_is_said_to_end_a_week_before_and_once_and_ends_by_itself(registry):
    scan(registry, "sales.orders")
    give(registry)
    told = []
    for day in range(10, 24):
        before = len(registry.events())
        scan(registry, "sales.orders", at=NOW + day * A_DAY)
        told += [(day, e.kind) for e in registry.events()[before:]]

    assert told == [(13, "waiver.ending"), (20, "waiver.ended"), (20, "violation.changed")]
    assert states(registry) == {"sales.orders": "open"}
    assert WaiverStore(registry.database).listed(NOW + 21 * A_DAY) == []
    assert len(WaiverStore(registry.database).listed(NOW + 21 * A_DAY, ended=True)) == 1


def test_a_revoked_waiver_lets_nothing_off_any_more_and_is_revoked_once(registry):
    scan(registry, "sales.orders")
    give(registry)
    revoke = partial(ReliefStore(registry.database).revoke, "w-1", lambda v, r: stands(v, NOW, r), actor="ben", at=NOW)

    first, second = revoke(), revoke()

    assert [v.state for v in first or ()] == [State.OPEN]
    assert second is None
    assert log(registry, "waiver") == ["waiver.given", "waiver.revoked"]


def accept(registry: SqlRegistry, at: dt.datetime = NOW, reason: str | None = None) -> Kept | None:
    wanted = Accepted("", "gov", PLAN, at + 90 * A_DAY, reason)
    return ReliefStore(registry.database).accept(
        wanted,
        [("a", "sales"), ("a", "fleet")],
        lambda violations, counted: choose(violations, counted, reset=reason is not None),
        lambda v, relief: stands(v, at, relief),
        actor="ana",
        at=at,
    )


def test_known_debt_shrinks_and_what_comes_back_or_comes_later_is_new(registry):
    scan(registry, "sales.orders", "sales.returns")
    made = accept(registry)
    assert made is not None
    scan(registry, "sales.returns", at=NOW + A_DAY)

    scan(registry, "sales.orders", "sales.returns", "fleet.aircraft", at=NOW + 2 * A_DAY)

    assert len(made.accepted) == 2
    assert states(registry) == {"sales.orders": "open", "sales.returns": "known", "fleet.aircraft": "open"}
    assert accept(registry, at=NOW + 3 * A_DAY) is None, "fleet had none on the day of adoption"
    lines = {line.domain: [n for _, n in line.points] for line in BaselineStore(registry.database).lines()}
    assert lines == {"sales": [2, 1], "fleet": [0]}
    assert log(registry, "baseline") == ["baseline.accepted", "baseline.shrunk"]
    assert PLAN not in json.dumps([dict(e.body) for e in registry.events()])


def test_a_baseline_grows_only_with_a_reason_and_that_is_an_event_of_its_own(registry):
    scan(registry, "sales.orders")
    accept(registry)
    scan(registry, "sales.orders", "sales.returns", at=NOW + A_DAY)

    made = accept(registry, at=NOW + A_DAY, reason="a rule was misread")

    assert made is not None
    assert [v.subject for v in made.accepted] == ["sales.returns"]
    assert set(states(registry).values()) == {"known"}
    assert log(registry, "baseline") == ["baseline.accepted", "baseline.reset"]
    assert [n for _, n in BaselineStore(registry.database).lines("sales")[0].points] == [1, 2]


def test_what_is_let_off_excuses_at_a_gate_until_it_ends(registry):
    scan(registry, "sales.orders", "fleet.aircraft")
    give(registry, "fleet")
    scan(registry, "sales.orders", "fleet.aircraft")
    accept(registry)

    relief = ViolationStore(registry.database).relief(NOW)

    assert relief.excuses("a", "fleet.aircraft.planes@1", NOW)
    assert not relief.excuses("a", "fleet.aircraft.planes@1", NOW + 20 * A_DAY)
    assert relief.excuses("a", "sales.orders", NOW)
    assert not relief.excuses("a", "sales.orders.lines@1", NOW), "known debt is that subject alone"
    assert not relief.excuses("a", "sales.orders", NOW + 90 * A_DAY)


def test_an_approval_is_asked_for_once_for_each_content_and_decided_once(registry):
    store = ApprovalStore(registry.database)
    one, other = (Wanted("a", "sales.orders", digest, ("governance_lead",), "why") for digest in ("x", "y"))

    (first,) = store.asked([one], actor="ben", at=NOW)
    again = store.asked([one, other], actor="ada", at=NOW + A_DAY)
    decided = store.decide(first.approval_id, True, actor="gwen", at=NOW, reason="Jo Miller wants it")
    twice = store.decide(first.approval_id, False, actor="gwen", at=NOW, reason="no")

    assert (again[0].approval_id, again[0].asked_by, again[0].state) == (first.approval_id, "ben", "waiting")
    assert again[1].approval_id != first.approval_id
    assert (decided, twice) == (True, False)
    kept = store.get(first.approval_id)
    assert kept is not None
    assert (kept.state, kept.decided_by, kept.reason, kept.wanted) == ("approved", "gwen", "Jo Miller wants it", one)
    assert [a.wanted.digest for a in store.listed()] == ["y", "x"]
    assert [a.wanted.digest for a in store.listed("waiting")] == ["y"]
    (newest,) = store.listed(limit=1)
    after = (time_text(newest.asked_at), newest.approval_id)
    assert [a.wanted.digest for a in store.listed(after=after)] == ["x"]
    assert log(registry, "approval") == ["approval.asked", "approval.asked", "approval.approved"]
    assert "Jo Miller" not in json.dumps([dict(e.body) for e in registry.events()])


def test_an_approval_of_content_that_was_changed_before_anybody_decided_waits_no_more(registry):
    store = ApprovalStore(registry.database)
    first, second = (Wanted("a", "sales.orders", digest, ("governance_lead",), "why") for digest in ("x", "y"))
    elsewhere = Wanted("a", "sales.returns", "x", ("governance_lead",), "why")
    of_other_policy = Wanted("b", "sales.orders", "x", ("governance_lead",), "why")

    def waiting():
        return [(a.wanted.product, a.wanted.policy, a.wanted.digest) for a in store.listed("waiting")]

    (old, _, _) = store.asked([first, elsewhere, of_other_policy], actor="ben", at=NOW)
    (new,) = store.asked([second], actor="ben", at=NOW + A_DAY)
    others = {("sales.returns", "a", "x"), ("sales.orders", "b", "x")}
    assert set(waiting()) == {("sales.orders", "a", "y"), *others} and len(waiting()) == 3
    assert {a.approval_id: a.superseded_by for a in store.listed()}[old.approval_id] == new.approval_id

    (again,) = store.asked([first], actor="ada", at=NOW + 2 * A_DAY)
    assert (again.approval_id, again.asked_by, again.superseded_by) == (old.approval_id, "ben", None)
    assert waiting()[0] == ("sales.orders", "a", "x") and len(waiting()) == 3
    store.asked([first], actor="ada", at=NOW + 3 * A_DAY)

    assert store.decide(old.approval_id, True, actor="gwen", at=NOW + 4 * A_DAY, reason="it is good")
    assert set(waiting()) == others
    assert log(registry, "approval") == ["approval.asked"] * 5 + ["approval.approved"]


def test_a_scan_that_finds_nothing_new_writes_no_violation_again_and_they_count_as_seen(registry):
    scan(registry, "sales.orders", "fleet.aircraft")
    scan(registry, "sales.orders", "fleet.aircraft", at=NOW + A_DAY)
    before = _kept(registry)

    scan(registry, "sales.orders", "fleet.aircraft", at=NOW + 2 * A_DAY)

    assert _kept(registry) == before
    assert _last_seen(registry) == {"sales.orders": NOW + 2 * A_DAY, "fleet.aircraft": NOW + 2 * A_DAY}


def test_what_nobody_could_be_asked_for_keeps_the_day_on_which_it_was_seen(registry):
    scan(registry, "sales.orders", "fleet.aircraft")
    scan(registry, "sales.orders", "fleet.aircraft", at=NOW + A_DAY)
    part = Judgement((Objection("a", "sales.orders", "detail of sales.orders", Applied(POLICY)),), (), 1)
    failed = Judgement(part.objections, (Unasked(POLICY, "it failed", ("fleet.aircraft",)),), 1)
    for day in (2, 3):
        at = NOW + day * A_DAY
        ViolationStore(registry.database).scanned(
            None, lambda known, relief, at=at: fold(known, failed, at, Asked(frozenset("a")), relief=relief), at
        )
    found = _last_seen(registry)
    scan(registry, "sales.orders", "fleet.aircraft", at=NOW + 4 * A_DAY)

    assert {s: d for s, d in found.items() if not s.startswith("policy:")} == {
        "sales.orders": NOW + 3 * A_DAY,
        "fleet.aircraft": NOW + A_DAY,
    }
    assert set(_last_seen(registry).values()) == {NOW + 4 * A_DAY}


def test_what_a_scan_of_a_part_has_seen_is_no_older_after_one_of_the_whole(registry):
    scan(registry, "sales.orders", "fleet.aircraft")
    scan(registry, "sales.orders", at=NOW + 2 * A_DAY, within=["sales.orders"])
    part = _last_seen(registry)
    scan(registry, "sales.orders", "fleet.aircraft", at=NOW + 3 * A_DAY)

    assert part == {"sales.orders": NOW + 2 * A_DAY, "fleet.aircraft": NOW}
    assert set(_last_seen(registry).values()) == {NOW + 3 * A_DAY}


def _last_seen(registry: SqlRegistry) -> dict[str, dt.datetime]:
    return {v.subject: v.last_seen for v in ViolationStore(registry.database).listed(Filter())}


def _kept(registry: SqlRegistry) -> list[tuple]:
    """The rows as they are written."""
    with registry.database.reading() as statements:
        return statements.rows("SELECT * FROM violations ORDER BY violation_id")
