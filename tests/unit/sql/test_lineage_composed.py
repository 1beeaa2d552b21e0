"""Column lineage of queries put together at random, against what DuckDB does."""

from __future__ import annotations

import duckdb
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from tests.unit.sql.lineage_oracle import SCHEMAS
from tests.unit.sql.query_grammar import BASES, queries
from tests.unit.sql.test_lineage_truth import oracle
from weft.model.lineage import EVERY, Transformation
from weft.sql.lineage import column_lineage

drawn = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def described(sql: str) -> list[str]:
    try:
        return oracle().described(sql)
    except duckdb.BinderException:
        assume(False)
        raise


@drawn
@given(queries(), st.integers(0, 10_000))
def test_no_column_that_changes_an_output_is_without_an_edge(sql: str, seed: int) -> None:
    named = described(sql)

    edges = column_lineage(sql, SCHEMAS, named)

    lost = {
        f"{table}.{column} -> {named[at]}"
        for _, table, column, at in oracle().changed([sql], seed)
        if not any((e.source_table, e.source, e.target) == (table, column, named[at]) for e in edges)
    }
    assert lost == set(), sql
    assert Transformation.UNRESOLVED not in {e.transformation for e in edges}, sql


@drawn
@given(queries(), st.sampled_from(sorted(BASES)), st.integers(0, 10_000))
def test_what_comes_from_a_table_that_nobody_knows_has_an_edge_that_says_so(sql: str, table: str, seed: int) -> None:
    named = described(sql)
    known = {name: columns for name, columns in SCHEMAS.items() if name != table}

    edges = column_lineage(sql, known, named)

    lost = {
        f"{source}.{column} -> {named[at]}"
        for _, source, column, at in oracle().changed([sql], seed)
        if not any(e.source_table == source and e.source in (column, EVERY) and e.target == named[at] for e in edges)
    }
    event(f"unresolved: {any(e.transformation is Transformation.UNRESOLVED for e in edges)}")
    assert lost == set(), sql
    assert all(e.source_table != table or e.transformation is Transformation.UNRESOLVED for e in edges), sql
