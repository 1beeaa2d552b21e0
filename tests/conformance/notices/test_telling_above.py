"""Who is told of a violation that nobody mends, and of a publication that waits: first owners, then who is above."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.conformance.notices.stories import ANN, ORDERS, notices, publish
from tests.conformance.test_governance import POLICY
from weft.governance.judging import Judgement, Objection
from weft.governance.policies import Applied
from weft.governance.violations import Asked, fold
from weft.model.approvals import Wanted
from weft.observability.telling import tell
from weft.registry.approvals import ApprovalStore
from weft.registry.outbox import Outbox
from weft.registry.users import UserStore
from weft.registry.violations import ViolationStore

A_DAY = dt.timedelta(days=1)


def scanned(registry, clock, *, grace: dt.timedelta, owner: str = "Sales") -> None:
    judgement = Judgement((Objection("a", "sales.orders", "detail", Applied(POLICY)),), (), 1)
    ViolationStore(registry.database).scanned(
        None,
        lambda known, relief: fold(
            known, judgement, clock(), Asked(frozenset("a")), owner_of=lambda _: owner, relief=relief, grace=grace
        ),
        clock(),
    )


def letters(registry, clock, governance: str = "") -> list[tuple[str, str]]:
    """Who is told what that nobody was told before."""
    before = _posted(registry)
    tell(registry.database, clock, mails=True, governance=governance)
    return sorted((target, kind) for target, kind, _ in _posted(registry) - before)


def _posted(registry) -> set[tuple[str, str, str]]:
    outbox = Outbox(registry.database)
    found = [outbox.get(one.delivery_id) for one in outbox.listed()]
    return {(one.target, notice["kind"], notice["id"]) for one in found if one is not None for notice in one.notices}


@pytest.mark.parametrize("grace", [7, 3])
def test_owners_are_told_first_and_after_the_grace_those_who_lead_each_of_them_once(registry, clock, grace):
    publish(registry, clock)
    users = UserStore(registry.database)
    users.add("gwen@example.com", "x", ["governance_lead"], actor="root", at=clock())
    users.add("gone@example.com", "x", ["governance_lead"], actor="root", at=clock())
    users.disable("gone@example.com", actor="root", at=clock())
    told: dict[int, list[tuple[str, str]]] = {}
    for day in range(45):
        scanned(registry, clock, grace=grace * A_DAY, owner="olga@example.com")
        found = letters(registry, clock, governance="gov@example.com")
        if found:
            told[day] = [one for one in found if one[1] != "published"]
        clock.at += A_DAY

    owners = ["olga@example.com", "sales@example.com"]
    assert told == {
        0: [(who, "policy_violated") for who in owners],
        31: [(who, "policy_overdue") for who in owners],
        31 + grace: [(who, "policy_escalated") for who in ("gov@example.com", "gwen@example.com")],
    }


def test_where_nobody_leads_the_owners_hear_of_it_again(registry, clock):
    publish(registry, clock)
    for _ in range(2):
        scanned(registry, clock, grace=A_DAY)
        clock.at += 31 * A_DAY
    letters(registry, clock)
    scanned(registry, clock, grace=A_DAY)

    assert letters(registry, clock) == [("sales@example.com", "policy_escalated")]


def test_an_approval_is_told_to_whoever_holds_a_role_that_decides(registry, clock):
    publish(registry, clock)
    users = UserStore(registry.database)
    for name, role in (("gwen@example.com", "governance_lead"), ("op@example.com", "operator"), ("lea", "operator")):
        users.add(name, "x", [role], actor="root", at=clock())
    letters(registry, clock)
    wanted = Wanted("a", "sales.orders", "digest", ("governance_lead",), "it is asked")
    ApprovalStore(registry.database).asked([wanted], actor="ann", at=clock())

    assert letters(registry, clock) == [("gwen@example.com", "approval_asked"), ("sales@example.com", "approval_asked")]


def test_owners_who_want_to_hear_nothing_are_not_told_by_their_name_either(registry, clock):
    publish(registry, clock)
    notices(registry, clock).mute(ANN, "sales", str(ORDERS.of_product))
    scanned(registry, clock, grace=A_DAY, owner="olga@example.com")

    assert letters(registry, clock) == []
