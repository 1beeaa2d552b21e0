"""The policies that weft ships: each says what it has to, is tested, and its tests can fail."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from weft.errors import Diagnostic
from weft.governance.book import Book
from weft.governance.judging import parameters_of
from weft.governance.policies import Policy, PolicySet, Severity, When
from weft.governance.policy_files import policies_of
from weft.governance.policy_tests import run_test
from weft.governance.relations import BY_NAME
from weft.project.policies import fresh, read_policies
from weft.project.standard_set import FOLDER

NOW = datetime(2026, 5, 20, tzinfo=UTC)
SCANNED = {name for name, relation in BY_NAME.items() if relation.living} | {"samples_findings"}
"""Relations that are empty while an author plans: a policy that reads one would object to what it cannot see."""


def _shipped() -> tuple[PolicySet, list[Diagnostic]]:
    problems: list[Diagnostic] = []
    documents = read_policies(FOLDER / "policies", fresh(FOLDER), problems)
    return policies_of(documents, {}, {}), problems


POLICIES, PROBLEMS = _shipped()
every_policy = pytest.mark.parametrize("policy", POLICIES.policies.values(), ids=lambda p: p.id)


def _read_by(policy: Policy) -> set[str]:
    """The relations that a check reads, as SQLite tells them."""
    book = Book.in_memory()
    book.ask(policy.check, parameters_of(policy, NOW))  # refused where it touches anything else
    read: set[str] = set()

    def noted(action: int, first: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ and first:
            read.add(first)
        return sqlite3.SQLITE_OK

    book._connection.set_authorizer(noted)
    book._connection.execute(policy.check, parameters_of(policy, NOW))
    book.close()
    return read & set(BY_NAME)


def test_about_forty_files_are_shipped_and_none_has_a_problem() -> None:
    assert 38 <= len(POLICIES.policies) <= 48
    assert not PROBLEMS
    assert not POLICIES.problems


def test_exactly_three_block_and_the_rest_record() -> None:
    blocking = {p.id for p in POLICIES.policies.values() if p.severity is Severity.BLOCK}

    assert blocking == {"owner-is-named", "personal-data-have-a-legal-basis", "public-not-from-confidential"}


@every_policy
def test_a_policy_says_what_why_and_how_to_mend_it_in_few_words(policy: Policy) -> None:
    texts = (policy.title, policy.asks, policy.why, policy.remediation, policy.owner)

    assert Path(policy.place.file).name == f"{policy.id}.yaml"
    assert all(texts)
    assert all(text is not None and len(text) <= 180 for text in texts)
    assert 1 <= policy.due_days <= 180
    assert not policy.title.endswith(".")
    assert not re.search(r"(?<!\w):[a-z]", str(policy.asks)), "a parameter is not filled in there"
    assert str(policy.asks).endswith(".")
    assert policy.regulations or policy.kind != "privacy"


@every_policy
def test_a_policy_is_shown_to_find_and_to_let_go(policy: Policy) -> None:
    results = [run_test(policy, test, NOW) for test in policy.tests]

    assert [r for r in results if not r.passed] == []
    assert any(test.expect for test in policy.tests)
    assert any(not test.expect and any(test.given.values()) for test in policy.tests)


@every_policy
@pytest.mark.parametrize(
    "broken",
    [
        "select * from ({check}) where 0",
        "select product as subject from products union select domain from domains union select port from ports"
        " union select {cells}",
    ],
    ids=["finds nothing", "finds everything"],
)
def test_the_tests_of_a_policy_fail_when_its_check_is_broken(policy: Policy, broken: str) -> None:
    addressed = [n for n, r in BY_NAME.items() if "product" in r.names]
    cells = " union select ".join(f"{c} from {n} where {c} is not null" for n in addressed for c in _address(n))
    mutant = replace(policy, check=broken.format(check=policy.check, cells=cells))

    results = [run_test(mutant, test, NOW) for test in policy.tests]

    assert all(r.refused is None for r in results)
    assert not all(r.passed for r in results)


def _address(relation: str) -> list[str]:
    return [c for c in ("column", "port", "subject", "target", "product") if c in BY_NAME[relation].names][:1]


@every_policy
def test_a_policy_reads_relations_and_asks_at_plan_only_what_is_known_there(policy: Policy) -> None:
    read = _read_by(policy)

    assert read
    assert not read & SCANNED or policy.when == (When.SCAN,)


@every_policy
def test_what_a_lower_layer_may_set_holds_the_value_that_is_set(policy: Policy) -> None:
    for name, bounds in policy.overridable.items():
        assert bounds.hold(policy.parameters[name])


@every_policy
def test_nothing_is_found_in_an_empty_mesh(policy: Policy) -> None:
    book = Book.in_memory()

    assert book.ask(policy.check, parameters_of(policy, NOW)) == []
    book.close()
