"""Which functions mask what they are given."""

from __future__ import annotations

import duckdb
import pytest

from weft.model.lineage import EdgeKind
from weft.sql.lineage import column_lineage
from weft.sql.masking import COUNTS, HASHES

SCHEMAS = {"t": ("a", "b", "l")}


def masking(sql: str) -> dict[tuple[str, str, str], bool]:
    return {(e.source, e.target, e.kind.value): e.masking for e in column_lineage(sql, SCHEMAS)}


@pytest.mark.parametrize("function", sorted(HASHES | COUNTS))
def test_a_digest_or_a_count_masks_and_duckdb_has_the_function(function: str) -> None:
    names = duckdb.sql("select distinct function_name from duckdb_functions()").fetchall()

    given = "l" if function.startswith("list_") else "a"
    assert (function,) in names
    arguments = f"{given}, {given}" if function == "regr_count" else given
    assert masking(f"select {function}({arguments}) as x from t") == {(given, "x", "direct"): True}


@pytest.mark.parametrize(
    "part", ["left(a, 2)", "a[1:2]", "regexp_replace(a, 'x', 'y')", "upper(a)", "min(a)", "sum(a)"]
)
def test_a_part_of_a_value_or_an_aggregate_of_values_can_be_read(part: str) -> None:
    assert masking(f"select {part} as x from t") == {("a", "x", "direct"): False}


def test_what_is_masked_stays_masked_through_queries_and_as_a_key() -> None:
    found = masking("with w as (select md5(a) as m, b from t) select upper(m) as x from w where m > 'q' order by b")

    assert found == {("a", "x", "direct"): True, ("a", "x", "indirect"): True, ("b", "x", "indirect"): False}


def test_a_value_that_is_also_shown_as_it_is_has_both_edges() -> None:
    found = column_lineage("select md5(a) || a as x from t", SCHEMAS)

    assert {(e.kind, e.masking) for e in found} == {(EdgeKind.DIRECT, True), (EdgeKind.DIRECT, False)}


def test_what_decides_which_digest_it_is_is_not_masked_by_it() -> None:
    assert masking("select md5(case when b > 1 then a end) as x from t") == {
        ("a", "x", "direct"): True,
        ("b", "x", "indirect"): False,
    }
