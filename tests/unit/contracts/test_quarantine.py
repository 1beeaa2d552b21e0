"""Which rows may go to quarantine: exactly those that a check counts, of rules that no row may break."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contracts.support import Database, a_contract, check_all, col, custom
from weft.contracts.quarantine import allowance, quarantine_problems
from weft.contracts.row_conditions import marked_rows, tells_rows
from weft.contracts.rules import promises
from weft.contracts.subject import subject_of
from weft.model.checks import Outcome

DATABASE = Database()
NUMBERS = st.none() | st.integers(-3, 6)
TEXTS = st.none() | st.text("aäb'\n", max_size=4)
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, TEXTS), max_size=12)

EVERY_KIND = a_contract(
    col("x", "integer", primaryKey=True, options={"minimum": 0, "exclusiveMaximum": 5}),
    col("y", "integer", primaryKey=True, unique=True, enum=[{"value": v} for v in (1, 2, 3, 4)]),
    col(
        "s",
        "string",
        required=True,
        options={"maxLength": 3, "pattern": "^a|b$"},
        quality=[
            {"id": "missing", "metric": "missingValues", "arguments": {"missingValues": [None, ""]}, "mustBe": 0},
            {"id": "few", "metric": "duplicateValues", "mustBeLessThan": 1},
            {"id": "some", "metric": "nullValues", "mustBeLessThan": 3},
        ],
    ),
    table={
        "relationships": [
            {"id": "fk", "from": "t.x", "to": "t.y"},
            {"id": "lax", "from": "t.y", "to": "t.x", "customProperties": custom(maxOrphans=5)},
            {"id": "other", "from": ["t.x", "t.y"], "to": ["o.a", "o.b"]},
        ],
        "quality": [{"id": "many", "metric": "rowCount", "mustBeGreaterThan": 0}],
    },
)
TELLING = {
    "x.range", "y.unique", "y.valid_values", "s.required", "s.length", "s.pattern", "missing", "few", "primary_key",
    "fk", "other",
}  # fmt: skip


def a_quarantine(rules: Any, share: Any, *properties: dict[str, Any]):
    """A contract of one column that lets rows go."""
    value = {"rules": rules, "maxShare": share}
    return a_contract(col("x", "integer", required=True), *properties, customProperties=custom(quarantine=value))


@settings(max_examples=150, deadline=None)
@given(ROWS)
def test_rows_are_marked_as_often_as_the_check_counts_them_and_the_rest_passes(rows: list[tuple[Any, ...]]) -> None:
    DATABASE.execute("CREATE OR REPLACE TABLE t (x INTEGER, y INTEGER, s VARCHAR)")
    DATABASE.execute("CREATE OR REPLACE TABLE o AS FROM (VALUES (1, 1), (2, NULL), (3, 4)) AS v(a, b)")
    if rows:
        DATABASE.connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    telling = [p for p in promises(EVERY_KIND) if p.id in TELLING]
    counts = check_all(EVERY_KIND, None, DATABASE, others={"o": "o"})

    marked, flags = marked_rows(
        EVERY_KIND, subject_of(EVERY_KIND, EVERY_KIND.table, "t", DATABASE, text=False), telling, {"o": "o"}
    )

    (found,) = DATABASE.rows(f"SELECT {', '.join(f'count_if({f})' for f in flags)}, count(*) FROM {marked}")
    marks = {p.id: n or 0 for p, n in zip(telling, found, strict=False)}
    assert marks == {i: counts[i].failed_rows for i in TELLING}
    assert found[-1] == len(rows)
    # a key of its own table may lose its partner with the rows that go: the rest is judged again by whoever parts it
    local = [f for p, f in zip(telling, flags, strict=True) if p.id != "fk"]
    DATABASE.execute(f"CREATE OR REPLACE TABLE t AS SELECT x, y, s FROM {marked} WHERE NOT ({' OR '.join(local)})")
    rest = check_all(EVERY_KIND, None, DATABASE, others={"o": "o"})
    assert {i: rest[i].result for i in TELLING - {"fk"}} == dict.fromkeys(TELLING - {"fk"}, Outcome.PASSED)


def test_only_rules_that_no_row_may_break_tell_which_rows_go():
    found = {p.id for p in promises(EVERY_KIND) if tells_rows(p)}

    assert found - {"x.type", "y.type", "s.type"} == TELLING


@pytest.mark.parametrize(
    ("stated", "share"),
    [("2%", "0.02"), ("0.5 %", "0.005"), (0.1, "0.1"), (1, "1"), (0, "0"), ("0.25", "0.25"), ("100%", "1")],
)
def test_a_share_is_a_number_or_a_percentage(stated, share):
    allowed = allowance(a_quarantine(["*"], stated))

    assert allowed is not None
    assert allowed.max_share == Decimal(share)
    assert quarantine_problems(a_quarantine(["*"], stated)) == ()


@pytest.mark.parametrize("stated", ["101%", -0.1, 1.5, "some", None, True, "nan", "inf", [1], "1e400"])
def test_what_is_no_share_is_told_and_lets_nothing_go(stated):
    described = a_quarantine(["*"], stated)

    assert allowance(described) is None
    [problem] = quarantine_problems(described)
    assert (problem.code, "maxShare" in problem.what) == ("WFT-CON-006", True)


@pytest.mark.parametrize(
    ("column", "rule", "words"),
    [
        (col("y", "integer"), "y.required", "there is no rule `y.required`"),
        (col("y", "integer"), "y.column_exists", "does not tell which rows"),
        (
            col("y", "integer", quality=[{"id": "q", "metric": "nullValues", "mustBeLessThan": 2}]),
            "q",
            "or tolerates some",
        ),
        (
            col("y", "integer", quality=[{"id": "q", "metric": "nullValues", "unit": "percent", "mustBeLessThan": 1}]),
            "q",
            "or tolerates some",
        ),
        (
            col("y", "integer", quality=[{"id": "q", "metric": "nullValues", "mustBe": 0, "severity": "warning"}]),
            "q",
            "severity is warning",
        ),
        (col("y", "integer", quality=[{"id": "q", "type": "text", "description": "be good"}]), "q", "does not tell"),
        (col("_Reason", "string"), "*", "a column `_reason` of its own"),
    ],
)
def test_a_rule_whose_rows_cannot_go_is_told(column, rule, words):
    [problem] = quarantine_problems(a_quarantine([rule], "5%", column))

    assert problem.code == "WFT-CON-006"
    assert words in f"{problem.what} {problem.why}"


def test_a_contract_that_says_nothing_lets_nothing_go():
    assert allowance(EVERY_KIND) is None
    assert quarantine_problems(EVERY_KIND) == ()


def test_a_star_means_every_rule_that_blocks_and_tells_rows():
    warns = {"id": "q", "metric": "nullValues", "mustBe": 0, "severity": "warning"}
    allowed = allowance(a_quarantine(["*"], "5%", col("y", "integer", unique=True, quality=[warns])))

    assert allowed is not None
    assert allowed.rules == {"x.required", "x.type", "y.type", "y.unique"}


@pytest.mark.parametrize(
    ("select", "covered"),
    [
        ("SELECT NULL::INTEGER AS x FROM range(3)", True),
        ("SELECT 1 AS x", False),
        ("SELECT 'a' AS x", False),
        ("SELECT 1 AS z", False),
    ],
)
def test_only_bad_rows_are_covered_and_not_a_table_that_does_not_fit(select, covered):
    described = a_quarantine(["*"], "5%")
    allowed = allowance(described)
    assert allowed is not None

    assert allowed.covers(check_all(described, select).values()) is covered
