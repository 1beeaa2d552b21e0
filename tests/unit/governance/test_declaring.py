"""What a contract declares of its columns, and which declarations of an anonymisation count."""

from __future__ import annotations

from typing import Any

import pytest

from weft.governance.declaring import anonymisation_problems, columns_of, declared_of_port
from weft.governance.propagation import Declared
from weft.model.classification import Classification
from weft.model.document import Document
from weft.model.odcs import Contract, contract

WHOLE = {"method": "tokens", "reason": "the vault keeps the key", "approvedBy": "ada"}


def promised(*properties: dict[str, Any]) -> Contract:
    data = {"id": "x", "version": "1.0.0", "schema": [{"name": "t", "properties": list(properties)}]}
    return contract(Document("t.odcs.yaml", data))


def anonymised(value: object) -> dict[str, Any]:
    return {"customProperties": [{"property": "weft.anonymised", "value": value}]}


def test_a_column_without_a_level_counts_as_internal_and_says_that_it_names_none() -> None:
    (column,) = columns_of("a.b.t@1", promised({"name": "Odd Name", "tags": ["x"]}))

    assert (column.node, column.level, column.counted) == ('a.b.t@1."Odd Name"', None, Classification.INTERNAL)
    assert column.tags == ("x",)


def test_a_nested_column_has_the_highest_level_and_all_tags_of_its_parts() -> None:
    person = {
        "name": "person",
        "classification": "public",
        "tags": ["a"],
        "properties": [{"name": "email", "classification": "restricted", "tags": ["pii.email"]}],
    }

    assert declared_of_port("a.b.t@1", promised(person)) == {
        "a.b.t@1.person": Declared(Classification.RESTRICTED, ("a", "pii.email"))
    }


def test_a_level_that_nobody_knows_is_taken_for_restricted() -> None:
    (column,) = columns_of("a.b.t@1", promised({"name": "c", "classification": "secret"}))

    assert column.counted is Classification.RESTRICTED


def test_an_anonymisation_counts_when_somebody_answers_for_it() -> None:
    declared = declared_of_port("a.b.t@1", promised({"name": "c", **anonymised(WHOLE)}))

    assert declared["a.b.t@1.c"].anonymised == "tokens, as its contract declares: the vault keeps the key"


@pytest.mark.parametrize(
    ("value", "lacking"),
    [
        ({**WHOLE, "reason": " "}, "`reason`"),
        ({"method": "tokens"}, "`reason` and `approvedBy`"),
        (True, "`method` and `reason` and `approvedBy`"),
    ],
)
def test_one_that_lacks_something_does_not_count_and_is_told(value: object, lacking: str) -> None:
    given = promised({"name": "c", **anonymised(value)})

    assert declared_of_port("a.b.t@1", given)["a.b.t@1.c"].anonymised is None
    (problem,) = anonymisation_problems(given)
    assert (problem.code, problem.what) == ("WFT-GOV-032", f"`weft.anonymised` of `c` lacks {lacking}")


def test_one_at_a_part_of_a_column_does_not_count_and_is_told() -> None:
    given = promised({"name": "c", "properties": [{"name": "d", **anonymised(WHOLE)}]})

    assert declared_of_port("a.b.t@1", given)["a.b.t@1.c"].anonymised is None
    (problem,) = anonymisation_problems(given)
    assert problem.what == "`weft.anonymised` stands at `c.d`, which is a part of a column"
