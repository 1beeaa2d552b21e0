"""What is told of requests and grants: to whom, and never what for or why."""

from __future__ import annotations

import datetime as dt

import pytest

from weft.model.records import Event
from weft.observability.notices import notices_of

AT = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
PORT = "sales.orders.orders@1"


def told(kind: str, actor: str = "eve", **body):
    return notices_of(Event(7, AT, kind, actor, PORT, body, "", ""), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "notice", "owners"),
    [
        ("access.asked", "access_asked", ("sales",)),
        ("access.reminded", "access_asked", ("sales",)),
        ("access.raised", "access_asked", ("sales",)),
        ("access.approved_first", "access_asked", ("sales",)),
        ("access.review", "access_asked", ("sales",)),
        ("access.decided", "access_decided", ()),
        ("access.ended", "access_decided", ()),
        ("access.expired", "access_decided", ()),
    ],
)
def test_owners_are_told_of_what_waits_for_them_and_subscribers_of_decisions(kind, notice, owners):
    (found,) = told(kind, user="eve", request="a-1", purpose={"text": "t-1", "hash": "h"}, to=["olga"])

    assert (found.kinds, found.owners, found.subject) == ((notice,), owners, PORT)
    assert "user eve" in found.text
    assert "a-1" in found.text
    assert "t-1" not in str(found.as_json())


def test_the_domain_of_a_product_is_told_what_was_decided_for_it():
    (found,) = told("access.decided", product="finance.totals", decision="declined")

    assert (found.owners, found.facts) == (("finance",), {"decision": "declined"})


def test_of_a_grant_that_is_given_nothing_is_told_beside_the_decision():
    assert told("access.granted", user="eve") == []


@pytest.mark.parametrize("kind", ["access.asked", "access.reminded", "access.raised", "access.approved_first"])
def test_those_who_are_named_to_decide_are_told_and_the_lead_where_it_is_for_them(kind):
    (named,) = told(kind, user="eve", to=["bert@example.com", "domain owner", "team:crm"])
    (lead,) = told(kind, user="eve", to=["domain owner", "governance lead"])
    (nobody,) = told(kind, user="eve", to=[])

    assert {"bert@example.com", "team:crm"} <= set(named.people)
    assert (named.roles, lead.roles, nobody.people, nobody.roles) == ((), ("governance_lead",), (), ())
    assert "domain owner, governance lead" in lead.title
    assert not nobody.title.endswith((" waits for", " on to", ":"))


def test_who_asked_and_who_reads_are_told_what_became_of_it_but_not_of_what_they_did_themselves():
    (decided,) = told("access.decided", "olga", user="eve", asked_by="fred", decision="declined")
    (for_team,) = told("access.decided", "olga", team="crm", asked_by="fred", decision="approved")
    (at_once,) = told("access.decided", "weft", user="eve", asked_by="fred", decision="approved")
    (by_oneself,) = told("access.decided", "weft", user="eve", asked_by="eve", decision="approved")
    (given_back,) = told("access.ended", "eve", user="eve", asked_by="eve")
    (over,) = told("access.expired", "weft", user="eve", asked_by="eve")

    found = [one.people for one in (decided, for_team, at_once, by_oneself, given_back, over)]
    assert found == [("fred", "eve"), ("fred",), ("eve",), (), (), ("eve",)]
