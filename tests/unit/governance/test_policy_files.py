"""Files of policies: what they say, and what a lower layer may not."""

from __future__ import annotations

from typing import Any

from weft.governance.policies import PolicySet, Severity, When
from weft.governance.policy_files import policies_of
from weft.model.document import Document, stand_in

CHECK = "select port as subject from ports where rows > :most"


def policy(file: str = "governance/policies/a.yaml", **fields: Any) -> Document:
    data = {
        "id": "a",
        "title": "A",
        "kind": "quality",
        "severity": "medium",
        "asks": "It is small.",
        "check": CHECK,
        "parameters": {"most": 90},
        "overridable": {"most": {"min": 30, "max": 180}},
        "due_days": 30,
    } | fields
    return Document(file, {k: v for k, v in data.items() if v is not None}, {("check",): (7, 1), ("severity",): (3, 1)})


def below(**fields: Any) -> Document:
    return Document("domains/sales/policies/a.yaml", {"tightens": "a"} | fields, {("severity",): (2, 1)})


def loaded(*platform: Document, domain: tuple[Document, ...] = ()) -> PolicySet:
    return policies_of(platform, {"sales": domain}, {})


def codes(found: PolicySet) -> list[str]:
    return [d.code for d in found.problems]


def test_a_policy_has_what_its_file_says_and_holds_everywhere_at_all_times() -> None:
    found = loaded(policy(regulations=["gdpr:art-30"], scope={"classification": ["confidential"]}))

    (one,) = found.of("sales.orders")
    assert one.policy.severity is Severity.MEDIUM
    assert one.policy.scope.classification == (2,)
    assert one.policy.when == tuple(When)
    assert (one.policy.place.file, one.policy.place.line) == ("governance/policies/a.yaml", 7)
    assert not found.problems


def test_a_domain_tightens_severity_due_date_and_parameter_for_itself_alone() -> None:
    found = loaded(policy(), domain=(below(severity="block", due_days=7, parameters={"most": 40}),))

    (ours,), (theirs,) = list(found.of("sales.orders")), list(found.of("fleet.aircraft"))

    assert not found.problems
    assert (ours.policy.severity, ours.policy.due_days, dict(ours.policy.parameters)) == ("block", 7, {"most": 40})
    assert (theirs.policy.severity, theirs.policy.due_days, dict(theirs.policy.parameters)) == (
        "medium",
        30,
        {"most": 90},
    )
    assert [t.place.of for t in ours.by] == ["sales"]


def test_a_product_keeps_what_its_domain_has_tightened() -> None:
    product = Document("p.yaml", {"tightens": "a", "due_days": 3})
    found = policies_of((policy(),), {"sales": (below(severity="high"),)}, {"sales.orders": (product,)})

    (one,) = found.of("sales.orders.lines@1")

    assert (one.policy.severity, one.policy.due_days) == ("high", 3)


def test_a_milder_severity_is_refused_with_both_places_and_the_policy_holds_as_it_was() -> None:
    found = loaded(policy(), domain=(below(severity="low"),))

    (problem,) = found.problems
    assert problem.code == "WFT-GOV-005"
    assert problem.where is not None
    assert (problem.where.file, problem.where.line) == ("domains/sales/policies/a.yaml", 2)
    assert "governance/policies/a.yaml:7" in (problem.why or "")
    assert [p.policy.severity for p in found.of("sales.orders")] == ["medium"]


def test_what_loosens_in_any_other_way_is_refused() -> None:
    assert codes(loaded(policy(), domain=(below(due_days=60),))) == ["WFT-GOV-005"]
    assert codes(loaded(policy(), domain=(below(enabled=False),))) == ["WFT-GOV-005"]
    assert codes(loaded(policy(), domain=(below(parameters={"most": 400}),))) == ["WFT-GOV-005"]
    assert codes(loaded(policy(), domain=(below(parameters={"most": True}),))) == ["WFT-GOV-005"]
    assert codes(loaded(policy(overridable={}), domain=(below(parameters={"most": 40}),))) == ["WFT-GOV-005"]


def test_a_policy_that_is_not_there_cannot_be_tightened_and_the_nearest_is_named() -> None:
    found = loaded(policy(id="owner-is-named"), domain=(below(tightens="owner-is-name"),))

    (problem,) = found.problems
    assert problem.code == "WFT-GOV-004"
    assert "owner-is-named" in (problem.fix or "")


def test_two_policies_with_one_id_are_a_problem_and_the_first_one_holds() -> None:
    found = loaded(policy(), domain=(policy("domains/sales/policies/b.yaml", severity="low"),))

    assert codes(found) == ["WFT-GOV-001"]
    assert "governance/policies/a.yaml:7" in (found.problems[0].why or "")
    assert [p.policy.severity for p in found.of("sales.orders")] == ["medium"]


def test_a_parameter_that_the_sql_reads_and_nobody_sets_is_a_problem_but_not_a_colon_in_a_text() -> None:
    assert codes(loaded(policy(parameters={"mots": 9}, overridable={}))) == ["WFT-GOV-002"]
    fine = "select port as subject, 'a :text' as detail from ports -- :comment\n where published_at < :now"
    assert codes(loaded(policy(check=fine, parameters=None, overridable=None))) == []


def test_rows_of_a_test_that_belong_to_no_relation_are_a_problem() -> None:
    tests = [{"name": "t", "given": {"column": [{}], "ports": [{"prot": "x"}]}, "expect": []}]

    assert codes(loaded(policy(tests=tests))) == ["WFT-GOV-003", "WFT-GOV-003"]


def test_a_domains_own_policy_holds_in_that_domain_alone() -> None:
    found = loaded(domain=(policy("domains/sales/policies/own.yaml"),))

    assert [p.policy.id for p in found.of("sales.orders")] == ["a"]
    assert list(found.of("fleet.aircraft")) == []


def test_a_policy_of_another_domain_is_not_taken_from_it_by_its_name() -> None:
    check = "select product as subject from products"
    theirs = policy("domains/fleet/policies/a.yaml", check=check, parameters=None, overridable=None)
    found = policies_of((), {"fleet": (theirs,), "sales": (policy("domains/sales/policies/a.yaml"),)}, {})

    assert codes(found) == ["WFT-GOV-001"]
    assert [a.policy.check for a in found.of("fleet.aircraft")] == [check]
    assert [a.policy.check for a in found.of("sales.orders")] == [CHECK]
    assert {(a.policy.id, a.policy.place.of) for a in found.applied()} == {("a", "fleet"), ("a", "sales")}


def test_a_product_does_not_set_a_parameter_that_its_domain_has_set() -> None:
    low = Document("domains/sales/orders/policies/a.yaml", {"tightens": "a", "parameters": {"most": 180}}, {})
    found = policies_of((policy(),), {"sales": (below(parameters={"most": 40}),)}, {"sales.orders": (low,)})

    (ours,) = found.of("sales.orders")
    assert codes(found) == ["WFT-GOV-005"]
    assert "has set to 40" in found.problems[0].what
    assert dict(ours.policy.parameters) == {"most": 40}


def test_a_policy_that_its_own_file_switches_off_holds_all_the_same() -> None:
    found = loaded(policy(enabled=False))

    assert codes(found) == ["WFT-GOV-005"]
    assert [a.policy.id for a in found.of("sales.orders")] == ["a"]


def test_for_a_file_that_says_too_little_or_cannot_be_read_a_policy_stands_that_nobody_can_ask() -> None:
    unread = stand_in("governance/policies/b.yaml", "b", "governance/policies/b.yaml:3: YAML does not parse")

    found = loaded(policy(), policy("governance/policies/c.yaml", id=None, check=None), unread)

    assert {id_: one.broken is not None for id_, one in found.policies.items()} == {"a": False, "b": True, "c": True}
    assert not found.policies["b"].waivers.allowed
    assert not found.whole
    assert loaded(policy()).whole


def test_a_file_that_cannot_be_read_takes_no_id_from_a_policy() -> None:
    found = loaded(stand_in("governance/policies/0.yaml", "a", "it does not parse"), policy())

    assert found.policies["a"].broken is None
    assert not found.problems
