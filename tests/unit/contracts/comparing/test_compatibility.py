"""What a new version of a contract breaks, adds, or merely says in other words."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contracts.support import a_contract, col, custom
from weft.contracts.comparing.compatibility import Comparison, changes
from weft.model.odcs import Contract


def compare(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Comparison:
    return changes(a_contract(*old), a_contract(*new))


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ([col("a")], [col("a"), col("b")], "compatible"),
        ([col("a"), col("b")], [col("a")], "breaking"),
        ([col("a", id="1")], [col("b", id="1")], "breaking"),
        ([col("a", id="1"), col("b", id="2")], [col("b", id="1"), col("a", id="2")], "breaking"),
        ([col("a")], [col("a", id="1")], "patch"),
        ([col("a", "integer")], [col("a", "string")], "breaking"),
        ([col("a", "integer", physicalType="int")], [col("a", "integer", physicalType="INTEGER")], "none"),
        ([col("a", "integer", physicalType="int")], [col("a", "integer", physicalType="bigint")], "compatible"),
        ([col("a", "integer", physicalType="bigint")], [col("a", "integer", physicalType="int")], "breaking"),
        ([col("a", "integer")], [col("a", "integer", physicalType="int")], "compatible"),
        ([col("a", "integer", physicalType="int")], [col("a", "integer")], "breaking"),
        ([col("a", "timestamp")], [col("a", "timestamp", options={"timezone": True})], "breaking"),
        ([col("a", required=True)], [col("a", required=False)], "breaking"),
        ([col("a")], [col("a", required=True)], "compatible"),
        ([col("a")], [col("a", required=False, unique=False, primaryKeyPosition=-1)], "none"),
        ([col("a", primaryKey=True)], [col("a")], "breaking"),
        ([col("a", unique=True)], [col("a")], "breaking"),
        ([col("a", description="x")], [col("a", description="y")], "patch"),
        ([col("a"), col("b")], [col("b"), col("a")], "compatible"),
        ([col("a", "integer", options={"maximum": 5})], [col("a", "integer", options={"maximum": 6})], "breaking"),
        ([col("a", "integer", options={"maximum": 5})], [col("a", "integer", options={"maximum": 4})], "compatible"),
        (
            [col("a", "integer", options={"minimum": 0})],
            [col("a", "integer", options={"exclusiveMinimum": 0})],
            "compatible",
        ),
        (
            [col("a", "integer", options={"exclusiveMinimum": 0})],
            [col("a", "integer", options={"minimum": 0})],
            "breaking",
        ),
        ([col("a", "string", options={"pattern": "a"})], [col("a", "string", options={"pattern": "b"})], "breaking"),
        (
            [col("a", "string", enum=[{"value": 1}])],
            [col("a", "string", enum=[{"value": 1}, {"value": 2}])],
            "breaking",
        ),
        (
            [col("a", "string", enum=[{"value": 1}, {"value": 2}])],
            [col("a", "string", enum=[{"value": 2}])],
            "compatible",
        ),
        ([col("a")], [col("a", quality=[{"metric": "nullValues", "mustBe": 0}])], "compatible"),
        ([col("a", quality=[{"metric": "nullValues", "mustBe": 0}])], [col("a")], "breaking"),
        (
            [col("a", quality=[{"metric": "nullValues", "mustBeLessThan": 5}])],
            [col("a", quality=[{"id": "n", "type": "library", "metric": "nullValues", "mustBe": 4}])],
            "compatible",
        ),
        (
            [col("a", quality=[{"metric": "nullValues", "mustBe": 0}])],
            [col("a", quality=[{"metric": "nullValues", "mustBe": 0, "severity": "warning"}])],
            "breaking",
        ),
        (
            [col("a", quality=[{"metric": "nullValues", "mustBe": 0, "unit": "rows"}])],
            [col("a", quality=[{"type": "library", "metric": "nullValues", "mustBe": 0, "severity": "error"}])],
            "none",
        ),
        (
            [col("a", relationships=[{"to": "o.id"}])],
            [col("a", relationships=[{"to": "o.id", "customProperties": custom(maxOrphans=1)}])],
            "breaking",
        ),
        (
            [col("s", "object", properties=[col("a"), col("b")])],
            [col("s", "object", properties=[col("a")])],
            "breaking",
        ),
        ([col("a", classification="internal")], [col("a", classification="restricted")], "compatible"),
    ],
)
def test_each_kind_of_change_has_its_verdict(
    old: list[dict[str, Any]], new: list[dict[str, Any]], verdict: str
) -> None:
    found = compare(old, new)

    assert found.verdict == verdict, found.changes
    assert (found.changes == ()) == (verdict == "none")


def test_the_least_version_that_may_carry_a_change() -> None:
    one, two = a_contract(col("a"), version="1.2.3"), a_contract(col("a"), col("b"), version="1.2.3")

    assert str(changes(one, two).required_version) == "1.3.0"
    assert str(changes(two, one).required_version) == "2.0.0"
    assert str(changes(one, a_contract(col("a", description="x"))).required_version) == "1.2.3"
    assert str(changes(a_contract(col("a"), version="0.4.0"), a_contract()).required_version) == "0.5.0"


def test_a_rename_is_told_as_one_with_the_column_that_breaks() -> None:
    found = compare([col("tail", "string", id="t"), col("b")], [col("tail_number", "string", id="t"), col("b")])

    assert [(c.kind, c.from_, c.to) for c in found.changes] == [("renamed", "tail", "tail_number")]
    assert found.broken_columns == ("tail",)
    assert found.as_json()["changes"][0]["from"] == "tail"


def test_service_levels_and_settings_are_promises() -> None:
    def with_(value: int, **extra: Any) -> Contract:
        level = {"property": "freshness", "value": value, "unit": "d", "element": "t.a"}
        return a_contract(col("a", "date"), slaProperties=[level], **extra)

    assert changes(with_(2), with_(1)).verdict == "compatible"
    assert changes(with_(1), with_(2)).verdict == "breaking"
    assert changes(with_(1), with_(1, customProperties=custom(extraColumns="allow"))).verdict == "breaking"
    assert changes(with_(1), with_(1, customProperties=custom(extraColumns="forbid"))).verdict == "none"
    assert changes(with_(1), with_(1, description={"purpose": "x"})).verdict == "patch"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (None, "2030-06-30", "is set: 2030-06-30"),
        ("2030-12-31", "2030-06-30", "is brought forward to 2030-06-30, was 2030-12-31"),
        ("2030-06-30", "2030-12-31", "is put off to 2030-12-31, was 2030-06-30"),
        ("2030-06-30", None, "is taken away, was 2030-06-30"),
    ],
)
def test_an_end_of_life_that_moves_is_told_and_needs_no_new_version(
    old: str | None, new: str | None, words: str
) -> None:
    def by_level(day: str | None) -> Contract:
        return a_contract(col("a"), slaProperties=[{"property": "endOfLife", "value": day}] if day else [])

    def of_our_own(day: str | None) -> Contract:
        return a_contract(col("a"), customProperties=custom(endOfLife=day) if day else [])

    for with_, name in ((by_level, "endOfLife"), (of_our_own, "weft.endOfLife")):
        found = changes(with_(old), with_(new))

        assert [(c.path, c.kind, c.verdict, c.reason) for c in found.changes] == [
            (name, "date", "patch", f"`{name}` {words}")
        ]
        assert (found.verdict, found.required_version) == ("patch", with_(old).version)


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "minimum": st.integers(0, 2),
        "exclusiveMinimum": st.integers(0, 2),
        "maximum": st.integers(3, 5),
        "multipleOf": st.sampled_from([1, 2, 4]),
    },
)
QUALITY = st.lists(
    st.fixed_dictionaries(
        {"metric": st.sampled_from(["nullValues", "duplicateValues"])},
        optional={"severity": st.sampled_from(["error", "warning"]), "id": st.sampled_from(["p", "q"])},
    ).flatmap(
        lambda rule: st.tuples(
            st.sampled_from(["mustBe", "mustBeLessThan", "mustBeLessOrEqualTo", "mustBeGreaterThan", "mustNotBe"]),
            st.integers(0, 2),
        ).map(lambda bound: {**rule, bound[0]: bound[1]})
    ),
    max_size=2,
)
COLUMN = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "c"])},
    optional={
        "id": st.sampled_from(["1", "2"]),
        "logicalType": st.sampled_from(["integer", "number"]),
        "physicalType": st.sampled_from(["int", "bigint", "double"]),
        "required": st.booleans(),
        "unique": st.booleans(),
        "primaryKey": st.booleans(),
        "logicalTypeOptions": OPTIONS,
        "quality": QUALITY,
        "description": st.sampled_from(["x", "y"]),
        "enum": st.lists(st.sampled_from([{"value": 1}, {"value": 2}, {"value": 3}]), min_size=1, max_size=2),
    },
)
COLUMNS = st.lists(COLUMN, max_size=3, unique_by=(lambda c: c["name"], lambda c: c.get("id", c["name"])))


@st.composite
def three_versions(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    """Three versions, each a small step from the one before: independent ones would hardly ever be compatible."""
    found = [draw(COLUMNS)]
    for _ in range(2):
        columns = copy.deepcopy(found[-1])
        for _ in range(draw(st.integers(0, 2))):
            fresh = draw(COLUMN)
            index = next((i for i, c in enumerate(columns) if c["name"] == fresh["name"]), None)
            if index is None:
                columns.append(fresh)
                continue
            field = draw(st.sampled_from(sorted(fresh)))
            columns[index] = {**columns[index], field: fresh[field]}
        ids = [c["id"] for c in columns if "id" in c]
        found.append(columns if len(ids) == len(set(ids)) else found[-1])
    return found


@settings(max_examples=400, deadline=None)
@given(three_versions())
def test_what_two_steps_do_not_break_their_sum_does_not_break(versions: list[list[dict[str, Any]]]) -> None:
    first, second, third = (a_contract(*v) for v in versions)

    steps = [changes(first, second).verdict, changes(second, third).verdict]

    if "breaking" not in steps:
        assert changes(first, third).verdict != "breaking"
    assert changes(first, first).verdict == "none"
