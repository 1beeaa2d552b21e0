"""Policies that come with a registered document, from where nobody has looked at their files."""

from __future__ import annotations

from typing import Any

import pytest

from weft.project.policies import CARRIED, wrong_in

SOUND = {
    "id": "a",
    "title": "A",
    "kind": "quality",
    "severity": "low",
    "asks": "It is.",
    "check": "select 1 as subject",
}


def _document(value: Any) -> dict[str, Any]:
    return {"customProperties": [{"property": CARRIED, "value": value}]}


def _carried(**fields: Any) -> dict[str, Any]:
    return {"file": "domains/sales/policies/a.yaml", "document": SOUND | fields, "line": 1, "digest": ""}


def test_what_weft_carries_is_sound() -> None:
    assert wrong_in({}) == []
    assert wrong_in(_document([_carried()])) == []


@pytest.mark.parametrize("value", ["none", {"a": 1}, [1], [_carried(), {"file": 1}]])
def test_what_is_no_policy_is_told(value: Any) -> None:
    assert [d.code for d in wrong_in(_document(value))] == ["WFT-GOV-070"]


@pytest.mark.parametrize("fields", [{"due_days": "soon"}, {"severity": "none"}, {"waivers": {"max_days": "ever"}}])
def test_a_policy_that_violates_the_schema_is_told(fields: dict[str, Any]) -> None:
    assert [d.code for d in wrong_in(_document([_carried(**fields)]))] == ["WFT-PRJ-005"]
