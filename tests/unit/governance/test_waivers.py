"""Who may let what off, and for how long."""

from __future__ import annotations

import datetime as dt

import pytest

from weft.governance.baseline import choose, sparkline
from weft.governance.policies import Kind, Layer, Place, Policy, Severity, WaiverTerms
from weft.governance.waivers import domain_of_pattern, refusals
from weft.model.relief import covers
from weft.model.violations import State, Violation

NOW = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
LEAD = {"governance_lead"}


def policy(terms: WaiverTerms = WaiverTerms(), of: str = "") -> Policy:  # noqa: B008 - it is frozen
    place = Place(Layer.DOMAIN if of else Layer.PLATFORM, of, "governance/policies/a.yaml")
    return Policy("a", "A", Kind.QUALITY, Severity.HIGH, "It is good.", "select 1", place, waivers=terms)


def codes(*, terms=WaiverTerms(), subject="sales.orders", until="2026-06-01", reason="r", held=LEAD, of=""):  # noqa: B008
    day = dt.date.fromisoformat(until) if until else None
    return [d.code for d in refusals(policy(terms, of), subject, day, reason, held, NOW)]


def test_governance_gives_a_waiver_up_to_the_last_day_that_the_policy_allows() -> None:
    assert codes() == []
    assert codes(until="2026-08-28") == []
    assert codes(until="2026-08-29") == ["WFT-GOV-053"]
    assert codes(until="2026-03-01") == []


def test_none_is_given_without_an_end_or_with_one_that_is_over() -> None:
    assert codes(until=None) == ["WFT-GOV-050"]
    assert codes(until="2026-02-28") == ["WFT-GOV-050"]


def test_none_is_given_by_whoever_lacks_the_role_that_the_policy_names() -> None:
    assert codes(held={"steward"}) == ["WFT-GOV-051"]
    assert codes(held=set()) == ["WFT-GOV-051"]
    assert codes(terms=WaiverTerms(roles=("governance", "Steward")), held={"steward"}) == []


def test_a_policy_that_lets_nobody_off_says_only_that() -> None:
    assert codes(terms=WaiverTerms(allowed=False), until=None, held=set()) == ["WFT-GOV-052"]


def test_none_is_given_without_a_reason_or_for_what_the_policy_does_not_hold_for() -> None:
    assert codes(reason=" ") == ["WFT-GOV-059"]
    assert codes(subject="fleet.aircraft", of="sales") == ["WFT-GOV-059"]
    assert codes(subject="sales.orders", of="sales") == []


@pytest.mark.parametrize(
    ("pattern", "subject", "whether"),
    [
        ("sales", "sales.orders.lines@1", True),
        ("sales.orders.lines", "sales.orders.lines@1.vat", True),
        ("sales.orders.lines@1", "sales.orders.lines@10", False),
        ("sales.orders", "sales.orders2", False),
        ("sales.*.lines@1.*", "sales.orders.lines@1.vat", True),
        ("sales.*", "salesforce.orders", False),
    ],
)
def test_a_pattern_covers_what_it_names_and_what_lies_under_it(pattern, subject, whether) -> None:
    assert covers(pattern, subject) is whether


def test_a_glob_lies_in_a_domain_only_where_it_names_one() -> None:
    assert [domain_of_pattern(p) for p in ("sales.*", "s*.orders", "*", "policy:a")] == ["sales", None, None, None]


def violation(subject: str, name: str = "a") -> Violation:
    return Violation(name, subject, None, subject.partition(".")[0], "", "low", "A", State.OPEN, NOW, NOW, NOW)


def test_a_baseline_takes_what_violates_on_the_day_of_adoption_and_nothing_that_comes_later() -> None:
    known, new, broken = violation("sales.orders"), violation("fleet.aircraft"), violation("policy:a")

    assert choose([known, new, broken], ()) == ([known, new], [broken])
    assert choose([known, new], {("a", "sales")}) == ([new], [known])
    assert choose([known, new], {("a", "")}) == ([], [known, new]), "of the whole mesh"
    assert choose([known, new], {("a", "sales"), ("a", "fleet")}, reset=True) == ([known, new], [])


def test_a_line_over_time_shows_the_last_counts_against_the_largest() -> None:
    assert sparkline([9, 8, 4, 1, 0], width=4) == "█▄▁ "
    assert sparkline([0, 0]) == "  "
