"""Column lineage of queries as people write them, against what was written by hand and against what DuckDB does."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.unit.sql.lineage_corpus import CORPUS, FAMILIES, Query, edges, moved, oracle, schemas, tables
from tests.unit.sql.sqlglot_lineage import sources
from weft.model.lineage import ColumnEdge, EdgeKind, Transformation

BY_HAND = [q for q in CORPUS if q.expected is not None]
REASONS = yaml.safe_load((Path(__file__).parent / "corpus" / "sqlglot.yaml").read_text(encoding="utf-8"))
EXPLAINED = {column: name for name, reason in REASONS.items() for column in reason["columns"].split()}


def told(found: frozenset[ColumnEdge]) -> list[str]:
    return sorted(f"{e.target} <- {e.source_table}.{e.source} {e.transformation}{' masked' * e.masking}" for e in found)


def test_the_corpus_is_large_enough_to_say_something() -> None:
    columns = [(q.name, c) for q in BY_HAND for c in oracle(q.family).described(q.sql)]

    assert len(CORPUS) >= 120
    assert len(columns) >= 200
    assert {e.transformation for q in BY_HAND for e in q.expected or ()} == set(Transformation) - {
        Transformation.UNRESOLVED
    }


@pytest.mark.parametrize("query", BY_HAND, ids=lambda q: q.name)
def test_columns_are_made_from_what_was_written_by_hand(query: Query) -> None:
    assert query.expected is not None
    assert told(edges(query)) == told(query.expected)


@pytest.mark.parametrize("query", CORPUS, ids=lambda q: q.name)
def test_every_part_of_a_query_is_resolved(query: Query) -> None:
    named = oracle(query.family).described(query.sql)

    assert Transformation.UNRESOLVED not in {e.transformation for e in edges(query)}
    assert {e.target for e in edges(query)} <= set(named)
    assert {(e.source_table, e.source) for e in edges(query)} <= {
        (table, column) for table, columns in schemas(query.family).items() for column in columns
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_an_output_changes_only_with_columns_that_have_an_edge_to_it(family: str) -> None:
    found = [(q.name, e) for q in CORPUS if q.family == family for e in edges(q)]
    have = {(name, e.source_table, e.source, e.target) for name, e in found}
    direct = {(name, e.source_table, e.source, e.target) for name, e in found if e.kind is EdgeKind.DIRECT}

    seen = moved(tuple(q for q in CORPUS if q.family == family), 2)

    assert seen - have == set()
    assert len(direct & seen) > 0.8 * len(direct)  # else the tables would hide what a column does


def test_where_sqlglots_own_lineage_says_something_else_it_is_known_why() -> None:
    different = {}
    for query in CORPUS:
        for column in oracle(query.family).described(query.sql):
            theirs = sources(column, query.sql, tables(query.family).columns)
            ours = {(e.source_table, e.source) for e in edges(query) if (e.target, e.kind) == (column, EdgeKind.DIRECT)}
            if theirs != ours:
                different[f"{query.name}.{column}"] = (theirs, ours)

    assert set(different) == set(EXPLAINED)
    assert {name for name, (theirs, _) in different.items() if theirs is None} == {
        name for name, reason in EXPLAINED.items() if reason == "silent"
    }


@pytest.mark.parametrize("name", EXPLAINED)
def test_the_reason_why_sqlglot_says_something_else_holds_in_duckdb(name: str) -> None:
    query = next(q for q in CORPUS if q.name == name.partition(".")[0])
    column = name.partition(".")[2]
    theirs = sources(column, query.sql, tables(query.family).columns) or frozenset()
    ours = {(e.source_table, e.source) for e in edges(query) if (e.target, e.kind) == (column, EdgeKind.DIRECT)}
    deciding = {
        (e.source_table, e.source, e.transformation.value)
        for e in edges(query)
        if (e.target, e.kind) == (column, EdgeKind.INDIRECT)
    }
    kinds = REASONS[EXPLAINED[name]]["kinds"]
    unproven = ours - theirs if kinds else ours ^ theirs

    changes = {(t, source) for _, t, source, target in moved((query,), 12) if target == column} if unproven else set()

    # what sqlglot has more: with us an edge of a kind that the reason names, or nothing that ever changes the column
    for table, source in theirs - ours:
        named = any((table, source, kind) in deciding for kind in kinds)
        assert named if kinds else (table, source) not in changes
    # what we have more: DuckDB shows that it goes into the column
    assert ours - theirs <= changes
