"""A contract drafted from rows is true of them, tells nothing personal, and keeps what a person wrote."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.unit.contracts.support import NOW, Database, a_contract, col
from weft.contracts.draft import draft
from weft.contracts.profile import profile
from weft.contracts.verification import verify
from weft.model.document import Document
from weft.model.odcs import contract

PEOPLE = """
    SELECT range AS crew_id, 'p' || range || '@example.com' AS email, 'Ann' AS first_name, range % 3 AS base,
        CASE range % 2 WHEN 0 THEN 'A' ELSE 'B' END AS grade, range * 1.5 AS hours, NULL::DATE AS "left on",
        {'a': range, 'b': [range]} AS nested, TIMESTAMPTZ '2020-01-01 00:00:00+00' AS seen
    FROM range(100)
"""


def drafted(select: str, existing: Any = None) -> dict[str, Any]:
    database = Database()
    database.execute(f"CREATE TABLE t AS {select}")
    return draft(profile(database, "t"), existing, name="t")


def properties(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {p["name"]: p for p in document["schema"][0]["properties"]}


def test_a_draft_is_a_valid_contract_that_its_rows_keep() -> None:
    database = Database()
    database.execute(f"CREATE TABLE t AS {PEOPLE}")

    document = draft(profile(database, "t"), None, name="t")

    found = importlib.util.find_spec("open_data_contract_standard")
    assert found is not None and found.origin is not None
    schema = json.loads(next(Path(found.origin).parent.rglob("*schema*.json")).read_text())
    assert jsonschema_rs.validator_for(schema).is_valid(json.loads(json.dumps(document)))
    results = verify(contract(Document("t.odcs.yaml", document)), "t", database, others={}, now=NOW, admit=lambda _: ())
    assert not [r for r in results if r.blocks]


def test_keys_enumerations_and_ranges_are_proposals_that_are_marked() -> None:
    found = properties(drafted(PEOPLE))

    assert found["crew_id"]["primaryKey"] is True
    assert found["grade"]["quality"][0]["arguments"] == {"validValues": ["A", "B"]}
    assert found["base"]["logicalTypeOptions"] == {"minimum": 0, "maximum": 2}
    assert found["grade"]["customProperties"] == [{"property": "weft.proposed", "value": "required, quality"}]
    assert "required" not in found["left on"]
    assert found["left on"]["id"] == "left_on"
    assert found["seen"]["logicalTypeOptions"]["timezone"] is True


def test_nothing_is_told_of_columns_that_look_personal_or_are_classified() -> None:
    existing = a_contract(col("grade", "string", classification="confidential"))

    document = drafted(PEOPLE, existing)

    assert not {"Ann", "@example.com"} & set(json.dumps(document).split('"'))
    assert "quality" not in properties(document)["first_name"]
    assert "quality" not in properties(document)["grade"]
    assert not any("classification" in p for n, p in properties(document).items() if n != "grade")


def test_what_a_person_wrote_stays() -> None:
    written = col("base", "integer", physicalType="int", description="where", quality=[{"type": "text"}])
    existing = a_contract(written, col("gone", "date"), status="active", team={"name": "x"})

    document = drafted("SELECT range % 3 AS base, 1 AS extra FROM range(100)", existing)

    assert properties(document)["base"] == {"id": "base", **written}
    assert list(properties(document)) == ["base", "gone", "extra"]
    assert (document["status"], document["team"], document["id"]) == ("active", {"name": "x"}, "c")


def test_a_composite_key_is_found() -> None:
    select = "SELECT a.range AS a, b.range AS b, 1 AS c FROM range(9) a, range(7) b"

    found = properties(drafted(select))

    assert [(n, p.get("primaryKeyPosition")) for n, p in found.items()] == [("a", 1), ("b", 2), ("c", None)]


def test_no_rows_give_a_shape_without_rules() -> None:
    found = properties(drafted("SELECT 1 AS a, 'x' AS b LIMIT 0"))

    assert found == {
        "a": {"id": "a", "name": "a", "logicalType": "integer", "physicalType": "INTEGER"},
        "b": {"id": "b", "name": "b", "logicalType": "string", "physicalType": "VARCHAR"},
    }


@pytest.mark.parametrize(
    "value",
    ["'x'::BLOB", "INTERVAL 1 DAY", "'101'::BIT", "[1, 2]", "{'a': 'b'}", "MAP {'a': 1}", "DATE '2020-01-01'", "1.5"],
)
def test_values_that_a_contract_cannot_write_are_not_listed(value: str) -> None:
    (found,) = properties(drafted(f"SELECT {value} AS c FROM range(100)")).values()

    assert "quality" not in found


@pytest.mark.parametrize("value", ["repeat('x', 300)", "'a' || chr(10) || 'b'", "chr(0)"])
def test_texts_that_no_person_would_list_are_not_listed(value: str) -> None:
    (found,) = properties(drafted(f"SELECT {value} AS c FROM range(100)")).values()

    assert "quality" not in found


@pytest.mark.parametrize(
    ("value", "bounds"),
    [
        ("(3000000000000::BIGINT * 1000000 + 1)::DECIMAL(38,0)", None),
        ("300000000001", {"minimum": 0, "maximum": 400000000000}),
        ("0.3::DECIMAL(3,2)", {"minimum": 0, "maximum": 0.3}),
        ("-0.0123::DOUBLE", {"minimum": -0.02, "maximum": 0}),
        ("1e-20::DOUBLE", None),
        ("1e300::DOUBLE", None),
        ("'nan'::DOUBLE", None),
    ],
)
def test_a_range_holds_what_was_seen_and_is_drafted_where_it_says_something(value: str, bounds: Any) -> None:
    found = properties(drafted(f"SELECT {value} AS c, range AS id FROM range(30)"))["c"]

    if bounds and found["logicalType"] == "integer":
        bounds = {"minimum": 300000000001, "maximum": 300000000001}
    assert found.get("logicalTypeOptions") == bounds
