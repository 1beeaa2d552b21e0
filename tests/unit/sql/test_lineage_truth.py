"""Column lineage against what DuckDB does: names of columns, and which outputs change with which inputs."""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.unit.sql.lineage_oracle import SCHEMAS, STATEMENTS, Oracle
from weft.model.lineage import EVERY, ColumnEdge, EdgeKind, Transformation
from weft.sql.lineage import column_lineage, outputs_of

_OPEN = re.compile(
    r"^select ((?!from)[^()])*unnest\([sl]\)(?! \+)|recursive :=|max_depth|unnest\(string_split|^select s\.\*.*from n"
)
UNTYPED = [s for s in STATEMENTS if _OPEN.search(s)]
"""Of these it takes the type of a column to say how many columns they give."""


@cache
def oracle() -> Oracle:
    return Oracle()


@cache
def edges(sql: str) -> tuple[ColumnEdge, ...]:
    return column_lineage(sql, SCHEMAS, oracle().described(sql))


@pytest.mark.parametrize("sql", [s for s in STATEMENTS if s not in UNTYPED])
def test_output_columns_are_named_and_ordered_as_duckdb_does(sql: str) -> None:
    found = outputs_of(sql, SCHEMAS)

    named = oracle().described(sql)
    assert len(found) == len(named)
    # without alias an expression is called what DuckDB writes for it: then it has to be told
    pairs = list(zip(found, named, strict=True))
    assert [ours for ours, theirs in pairs if theirs.isidentifier()] == [t for _, t in pairs if t.isidentifier()]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_edges_start_at_columns_that_are_there_and_end_at_duckdbs(sql: str) -> None:
    found = edges(sql)

    named = oracle().described(sql)
    assert all(e.source in SCHEMAS[e.source_table] for e in found)
    assert list(dict.fromkeys(e.target for e in found)) == [
        name for name in dict.fromkeys(named) if name in {e.target for e in found}
    ]
    assert Transformation.UNRESOLVED not in {e.transformation for e in found}


@pytest.mark.parametrize("seed", range(2))
def test_an_output_changes_only_with_columns_that_have_an_edge_to_it(seed: int) -> None:
    named = {sql: oracle().described(sql) for sql in STATEMENTS}

    lost = {
        f"{sql}: {table}.{column} -> {named[sql][at]}"
        for sql, table, column, at in oracle().changed(STATEMENTS, seed)
        if not any((e.source_table, e.source, e.target) == (table, column, named[sql][at]) for e in edges(sql))
    }

    assert lost == set()


@pytest.mark.parametrize("sql", [s for s in STATEMENTS if s not in UNTYPED])
def test_names_told_by_duckdb_change_no_edge(sql: str) -> None:
    alone = [(e.source_table, e.source, e.kind, e.transformation) for e in column_lineage(sql, SCHEMAS)]

    assert set(alone) == {(e.source_table, e.source, e.kind, e.transformation) for e in edges(sql)}


@pytest.mark.parametrize("sql", UNTYPED)
def test_columns_of_unknown_number_are_every_column(sql: str) -> None:
    assert EVERY in {e.target for e in column_lineage(sql, SCHEMAS)}


def test_a_name_that_only_duckdb_knows_is_taken_from_it() -> None:
    found = column_lineage("select now(), a + 1, t.b from t where a > 1", SCHEMAS, ["now()", "(a + 1)", "b"])

    assert {(e.source, e.target) for e in found if e.kind is EdgeKind.DIRECT} == {("a", "(a + 1)"), ("b", "b")}
    assert {e.target for e in found if e.kind is EdgeKind.INDIRECT} == {"now()", "(a + 1)", "b"}


@pytest.mark.parametrize(
    ("sql", "outputs"),
    [
        ("select a, b from t", ["a"]),
        ("select a, b from t", ["b", "a"]),
        ("this is no query", ["x", "y"]),
        ("select a from t union all select c, d from u", ["a"]),
    ],
)
def test_a_reading_that_duckdb_contradicts_is_unresolved(sql: str, outputs: list[str]) -> None:
    found = column_lineage(sql, SCHEMAS, outputs)

    assert {e.target for e in found} == set(outputs)
    assert {(e.source_table, e.source) for e in found} == {(t, c) for t, columns in SCHEMAS.items() for c in columns}
    assert {e.transformation for e in found} == {Transformation.UNRESOLVED}


@pytest.mark.parametrize(
    ("sql", "sources"),
    [
        ("select rowid as r from t", {("t", c) for c in SCHEMAS["t"]}),
        ("select t.nothing as r from t join u using (id)", {("t", c) for c in SCHEMAS["t"]}),
        ("select x as r from unknown", {("unknown", EVERY)}),
        ("select r from (select columns(c -> length(c) = 1) from t)", {("t", c) for c in SCHEMAS["t"]}),
    ],
)
def test_a_name_that_cannot_be_resolved_may_be_any_column_in_reach(sql: str, sources: set[tuple[str, str]]) -> None:
    found = [e for e in column_lineage(sql, SCHEMAS) if e.transformation is Transformation.UNRESOLVED]

    assert {(e.source_table, e.source) for e in found} == sources
    assert {e.target for e in found} == {"r"}


def test_a_name_that_an_unknown_table_may_hide_keeps_its_edge_to_the_query_around() -> None:
    sql = "select q.c as k, (select max(x) from unknown where unknown.y = q.id) as r from u q"

    found = {(e.source_table, e.source, e.transformation) for e in column_lineage(sql, SCHEMAS) if e.target == "r"}

    assert ("u", "id", Transformation.UNRESOLVED) in found
    assert ("unknown", EVERY, Transformation.UNRESOLVED) in found
