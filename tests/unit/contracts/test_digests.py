"""Which change of a contract moves which digest."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.contracts.support import a_contract, col, custom
from weft.contracts.digests import physical_digest, rules_digest, texts_digest

BASE = col("a", "integer", id="1", physicalType="int")


@pytest.mark.parametrize(
    ("prop", "fields", "moved"),
    [
        (BASE | {"physicalType": "INTEGER"}, {}, "rt"),
        (BASE | {"physicalType": "bigint"}, {}, "prt"),
        (BASE | {"required": True}, {}, "prt"),
        (BASE | {"name": "b"}, {}, "prt"),
        (BASE | {"id": "2"}, {}, "prt"),
        (BASE | {"logicalTypeOptions": {"maximum": 1}}, {}, "rt"),
        (BASE | {"quality": [{"metric": "nullValues", "mustBe": 0, "severity": "warning"}]}, {}, "rt"),
        (BASE | {"description": "x", "tags": ["y"]}, {}, "t"),
        (BASE, {"slaProperties": [{"property": "freshness", "value": 1, "unit": "d", "element": "a"}]}, "rt"),
        (BASE, {"customProperties": custom(referenceTime="2014-01-01")}, "rt"),
        (BASE, {"customProperties": custom(endOfLife="2030-01-31", successor="a.b.c@2")}, "t"),
        (BASE, {"slaProperties": [{"property": "endOfLife", "value": "2030-01-31"}]}, "t"),
        (BASE, {"customProperties": [{"property": "other", "value": 1}]}, "t"),
        (BASE, {"team": {"name": "x"}}, "t"),
        (BASE, {"version": "1.0.1"}, "t"),
    ],
)
def test_a_change_moves_the_digests_that_depend_on_it(prop: dict[str, Any], fields: dict[str, Any], moved: str) -> None:
    old, new = a_contract(BASE), a_contract(prop, **fields)

    found = "".join(
        letter
        for letter, before, after in (
            ("p", physical_digest(old), physical_digest(new)),
            ("r", rules_digest(old), rules_digest(new)),
            ("t", texts_digest(old.document), texts_digest(new.document)),
        )
        if before != after
    )
    assert found == moved


def test_the_order_of_keys_moves_nothing() -> None:
    one, two = a_contract(BASE), a_contract(dict(reversed(BASE.items())))

    assert rules_digest(one) == rules_digest(two)
    assert texts_digest(one.document) == texts_digest(two.document)
    assert len(physical_digest(one)) == 64
