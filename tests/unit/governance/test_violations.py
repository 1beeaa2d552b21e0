"""Violations from one scan to the next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from weft.governance.judging import Judgement, Objection, Unasked
from weft.governance.policies import Applied, Kind, Layer, Place, Policy, PolicySet, Severity, When
from weft.governance.violations import Asked, Changes, What, asked_of, fold
from weft.model.relief import Debt, Relief, Waiver
from weft.model.violations import State, Violation

NOW = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
A_DAY = dt.timedelta(days=1)
ALL = Asked(frozenset("ab"), withdrawn=True)


def policy(name: str = "a", severity: Severity = Severity.MEDIUM, due_days: int = 30) -> Policy:
    place = Place(Layer.PLATFORM, file=f"{name}.yaml")
    return Policy(name, name.upper(), Kind.QUALITY, severity, "It is good.", "select 1", place, due_days=due_days)


def found(*subjects: str, of: Policy | None = None, unasked: Iterable[Unasked] = ()) -> Judgement:
    applied = Applied(of or policy())
    return Judgement(tuple(Objection(applied.policy.id, s, "bad", applied) for s in subjects), tuple(unasked), 1)


def after(changes: Changes, known: Iterable[Violation] = ()) -> list[Violation]:
    """What is known after a scan."""
    kept = {v.violation_id: v for v in known}
    kept |= {v.violation_id: v for v in changes.seen}
    kept |= {c.violation.violation_id: c.violation for c in changes.changes}
    return list(kept.values())


def opened(*subjects: str, at: dt.datetime = NOW, of: Policy | None = None) -> list[Violation]:
    return after(fold((), found(*subjects, of=of), at, ALL))


def what(changes: Changes) -> list[tuple[str, str]]:
    return [(c.what.value, c.violation.subject) for c in changes.changes]


def test_what_is_found_for_the_first_time_opens_and_is_due_after_the_days_of_the_policy() -> None:
    made = fold((), found("sales.orders.lines@1.vat"), NOW, ALL, owner_of=lambda s: f"team of {s.split('.')[0]}")

    (change,) = made.changes
    one = change.violation
    assert (change.what, one.state, one.due) == (What.OPENED, State.OPEN, NOW + 30 * A_DAY)
    assert (one.product, one.domain, one.owner) == ("sales.orders", "sales", "team of sales")


def test_what_is_found_again_is_only_seen_and_keeps_since_when() -> None:
    known = opened("sales.orders")

    made = fold(known, found("sales.orders"), NOW + A_DAY, ALL)

    assert made.changes == ()
    (seen,) = made.seen
    assert (seen.first_seen, seen.last_seen, seen.due) == (NOW, NOW + A_DAY, NOW + 30 * A_DAY)


def test_a_tightened_form_moves_the_due_date_and_the_severity_and_says_so() -> None:
    known = opened("sales.orders")

    made = fold(known, found("sales.orders", of=policy(severity=Severity.BLOCK, due_days=7)), NOW + A_DAY, ALL)

    (change,) = made.changes
    assert (change.what, change.violation.severity, change.violation.due) == (What.CHANGED, "block", NOW + 7 * A_DAY)
    assert change.text == "due on 2026-03-08; severity medium became block"


def test_it_is_overdue_once_and_those_above_its_owners_are_told_once_after_the_grace() -> None:
    known, told = opened("sales.orders"), []
    for day in range(28, 50):
        made = fold(known, found("sales.orders"), NOW + day * A_DAY, ALL)
        told += [(day, c.what.value) for c in made.changes]
        known = after(made, known)

    assert told == [(31, "overdue"), (38, "escalated")]
    assert known[0].state is State.OVERDUE


def test_it_closes_when_a_scan_no_longer_finds_it_and_opens_anew_when_it_comes_back() -> None:
    closed = fold(opened("sales.orders"), found(), NOW + A_DAY, ALL)
    back = fold(after(closed), found("sales.orders"), NOW + 40 * A_DAY, ALL)

    assert what(closed) == [("resolved", "sales.orders")]
    assert closed.changes[0].violation.resolved_at == NOW + A_DAY
    assert what(back) == [("reopened", "sales.orders")]
    one = back.changes[0].violation
    assert (one.first_seen, one.due, one.resolved_at) == (NOW + 40 * A_DAY, NOW + 70 * A_DAY, None)


def test_what_lies_outside_the_scan_stays_open() -> None:
    known = opened("sales.orders", "sales.orders_old", "fleet.aircraft")

    made = fold(known, found(), NOW + A_DAY, Asked(frozenset("a"), ("sales.orders",)))

    assert what(made) == [("resolved", "sales.orders")]


def test_a_policy_that_cannot_be_asked_closes_nothing_and_is_a_violation_itself_until_it_can() -> None:
    known = opened("sales.orders", "fleet.aircraft")

    broken = fold(known, found(unasked=[Unasked(policy(), "no such column: x")]), NOW + A_DAY, ALL)
    mended = fold(after(broken, known), found("sales.orders", "fleet.aircraft"), NOW + 2 * A_DAY, ALL)

    assert what(broken) == [("opened", "policy:a")]
    assert broken.changes[0].violation.detail == "cannot be asked: no such column: x"
    assert what(mended) == [("resolved", "policy:a")]


def test_a_policy_that_fails_for_one_product_closes_what_it_was_asked_for_elsewhere() -> None:
    known = opened("sales.orders", "fleet.aircraft")

    made = fold(known, found(unasked=[Unasked(policy(), "it is too large", ("sales.orders",))]), NOW + A_DAY, ALL)

    assert what(made) == [("resolved", "fleet.aircraft"), ("opened", "policy:a")]


def test_what_a_withdrawn_policy_objected_to_is_over_but_not_while_a_file_is_broken_or_within_a_part() -> None:
    known, others = opened("sales.orders"), frozenset("b")

    assert what(fold(known, found(), NOW, Asked(others, withdrawn=True))) == [("resolved", "sales.orders")]
    assert what(fold(known, found(), NOW, Asked(others, withdrawn=False))) == []
    assert asked_of(PolicySet({"b": policy("b")}), ["sales"]).withdrawn is False
    assert asked_of(PolicySet({"b": policy("b")}), None).withdrawn is True
    assert asked_of(PolicySet({"b": replace(policy("b"), when=(When.PLAN,))}), None).policies == frozenset()


def test_what_a_retired_product_violates_is_over_even_where_its_policy_cannot_be_asked() -> None:
    known = opened("sales.orders.lines@1", "fleet.aircraft")
    asked = Asked(frozenset("a"), retired=frozenset({"sales.orders"}))

    made = fold(known, found(unasked=[Unasked(policy(), "no")]), NOW, asked)

    assert ("resolved", "sales.orders.lines@1") in what(made)
    assert ("resolved", "fleet.aircraft") not in what(made)


def test_a_waiver_and_known_debt_let_it_off_until_they_end_and_then_it_is_overdue_at_once() -> None:
    known = opened("sales.orders", "fleet.aircraft", of=policy(due_days=3))
    waiver = Waiver("w-1", "a", "sales", "r", "governance_lead", "ana", NOW, NOW + 10 * A_DAY)
    relief = Relief((waiver,), (Debt("a", "fleet.aircraft", "fleet", NOW + 20 * A_DAY),))
    states = []
    for day in (5, 11, 21):
        judgement = found("sales.orders", "fleet.aircraft", of=policy(due_days=3))
        made = fold(known, judgement, NOW + day * A_DAY, ALL, relief=relief)
        known = after(made, known)
        states.append({v.subject: v.state.value for v in known})

    assert states == [
        {"fleet.aircraft": "known", "sales.orders": "waived"},
        {"fleet.aircraft": "known", "sales.orders": "overdue"},
        {"fleet.aircraft": "overdue", "sales.orders": "overdue"},
    ]


_SUBJECTS = ["sales.orders", "sales.orders.lines@1", "sales", "fleet.aircraft", "fleet.aircraft.planes@1.seats"]


@given(
    st.lists(
        st.tuples(
            st.sets(st.sampled_from(_SUBJECTS)),
            st.sampled_from([None, ("sales",), ("fleet.aircraft",)]),
            st.sampled_from(["asked", "unasked", "failed for sales.orders", "not asked"]),
            st.integers(0, 40),
        ),
        max_size=8,
    )
)
def test_whatever_is_scanned_a_violation_closes_only_where_it_was_asked_for_and_is_always_open_where_it_was_found(
    scans: list[tuple[set[str], tuple[str, ...] | None, str, int]],
) -> None:
    known: list[Violation] = []
    now = NOW
    for subjects, within, how, days in scans:
        now += days * A_DAY
        asked = Asked(frozenset() if how == "not asked" else frozenset("a"), within)
        seen = {s for s in subjects if asked.takes_in(s)} if how in ("asked", "failed for sales.orders") else set()
        seen -= {"sales.orders", "sales.orders.lines@1"} if how != "asked" else set()
        failed = {"unasked": (), "failed for sales.orders": ("sales.orders",)}
        unasked = [Unasked(policy(), "no", failed[how])] if how in failed else []
        before = {v.subject: v for v in known}

        made = fold(known, found(*seen, unasked=unasked), now, asked)
        known = after(made, known)

        state = {v.subject: v.state for v in known}
        assert all(state[s] in (State.OPEN, State.OVERDUE) for s in seen)
        assert len(state) == len(known)
        for change in made.changes:
            subject = change.violation.subject
            if change.what is What.RESOLVED and not subject.startswith("policy:"):
                assert asked.takes_in(subject)
                assert subject not in seen
                assert how == "asked" or (how.startswith("failed") and not subject.startswith("sales.orders"))
            if change.what in (What.OPENED, What.REOPENED):
                assert subject not in before or before[subject].state is State.RESOLVED
        again = fold(known, found(*seen, unasked=unasked), now, asked)
        assert {c.what for c in again.changes} <= {What.ESCALATED}, "the same scan again finds nothing new"
