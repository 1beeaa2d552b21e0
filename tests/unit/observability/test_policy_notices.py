"""What is told of violations, waivers and approvals: to whom, and never a detail or a reason."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from weft.model.records import Event
from weft.observability.notices import KINDS, UNASKED, notices_of

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
VIOLATION = {
    "violation": "v-1",
    "policy": "owner-is-named",
    "title": "An owner is named",
    "subject": "sales.orders.lines@1",
    "domain": "sales",
    "owner": "team",
    "severity": "high",
    "state": "open",
    "due": "2026-03-31T00:00:00+00:00",
}
WAIVER = {
    "waiver": "w-1",
    "policy": "owner-is-named",
    "subject": "sales.orders",
    "ends": "2026-03-08",
    "given_by": "ana",
}
APPROVAL = {"approval": "p-1", "policy": "a", "product": "sales.orders", "digest": "d", "roles": ["governance_lead"]}


def told(kind: str, body: dict[str, Any]) -> list[tuple[tuple[str, ...], tuple[str, ...], str]]:
    event = Event(7, NOW, kind, "weft", "x:1", body, "", "")
    return [(n.kinds, n.owners, n.subject) for n in notices_of(event, None)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "body", "kinds", "subject"),
    [
        ("violation.opened", VIOLATION, ("policy_violated",), "sales.orders.lines@1"),
        ("violation.reopened", VIOLATION, ("policy_violated",), "sales.orders.lines@1"),
        ("violation.overdue", VIOLATION, ("policy_overdue",), "sales.orders.lines@1"),
        ("waiver.ending", WAIVER, ("waiver_ending",), "sales.orders"),
        ("waiver.ended", WAIVER, ("waiver_ending",), "sales.orders"),
        ("approval.asked", APPROVAL, ("approval_asked",), "sales.orders"),
        ("approval.declined", APPROVAL, ("approval_decided",), "sales.orders"),
    ],
)
def test_the_owners_of_the_domain_are_told_without_having_asked(kind, body, kinds, subject):
    assert told(kind, body) == [(kinds, ("sales",), subject)]
    assert set(kinds) <= set(KINDS) & UNASKED


def test_what_is_long_overdue_is_told_to_those_who_lead_and_an_approval_to_those_who_decide():
    event = Event(7, NOW, "violation.escalated", "weft", "x:1", VIOLATION, "", "")
    asked = Event(8, NOW, "approval.asked", "weft", "x:1", APPROVAL | {"roles": ["steward"]}, "", "")

    (above,) = notices_of(event, None)  # type: ignore[arg-type]
    (decide,) = notices_of(asked, None)  # type: ignore[arg-type]

    assert (above.kinds, above.owners, above.people) == (("policy_escalated", "policy_overdue"), (), ())
    assert above.roles == ("governance_lead",)
    assert (decide.owners, decide.roles) == (("sales",), ("steward",))


def test_nothing_is_told_of_what_is_let_off_or_mended_and_nobody_but_who_asked_of_what_is_no_domains():
    assert told("violation.opened", VIOLATION | {"state": "waived"}) == []
    assert told("violation.opened", VIOLATION | {"state": "known"}) == []
    assert told("violation.resolved", VIOLATION) == []
    assert told("waiver.given", WAIVER) == []
    assert told("violation.opened", VIOLATION | {"subject": "policy:a", "domain": ""}) == [
        (("policy_violated",), (), "policy:a")
    ]
    assert told("waiver.ended", WAIVER | {"subject": "s*.orders"}) == [(("waiver_ending",), (), "s*.orders")]


def test_the_id_of_a_notice_is_that_of_its_event_and_kind_and_the_text_says_what_to_do():
    event = Event(7, NOW, "violation.overdue", "weft", "violation:v-1", VIOLATION, "", "")

    (notice,) = notices_of(event, None)  # type: ignore[arg-type]

    assert notice.notice_id == "n-7-policy_overdue"
    assert notice.text == (
        "sales.orders.lines@1 still violates owner-is-named: An owner is named [high], due on 2026-03-31. "
        "`weft violations show v-1` says how to mend it."
    )
