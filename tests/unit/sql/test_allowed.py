"""What SQL may use is a positive list: everything else that the engine has is refused, today's and tomorrow's."""

from __future__ import annotations

import duckdb
import pytest

from weft.sql.allowed import INSTEAD, NOT_IN_QUERIES, names
from weft.sql.allowlist import callable_names, walk
from weft.sql.tree import EXPRESSIONS, QUERIES, TABLES

LISTS = ("scalar_functions", "aggregate_functions", "window_functions", "table_functions")

UNBOUNDED = ("repeat", "lpad", "rpad", "printf", "format")
"""Functions that make a text as long as one likes from a number."""


CONNECTION = duckdb.connect()


def tree_of(sql: str) -> str:
    return CONNECTION.execute("select json_serialize_sql($1)", [sql]).fetchone()[0]


def walked(sql: str, *, others: bool = True):
    return walk(sql, tree_of(sql), qualified=True, others=others)


def refused(sql: str, *, others: bool = True) -> list[str]:
    return [p.code for p in walked(sql, others=others).problems if p.severity == "error"]


def of_duckdb() -> dict[str, set[str]]:
    """Names of DuckDB's functions by their kind."""
    rows = CONNECTION.execute("select function_type, lower(function_name) from duckdb_functions()").fetchall()
    found: dict[str, set[str]] = {}
    for kind, name in rows:
        found.setdefault(kind, set()).add(name)
    return found


@pytest.mark.parametrize("kind", ["scalar", "aggregate"])
def test_every_function_of_the_engine_that_is_not_listed_is_refused(kind):
    unlisted = {n for n in of_duckdb()[kind] if n.isidentifier()} - callable_names("scalar_functions")
    unlisted -= {"try", "row", "struct_pack"}  # the parser makes something else of these

    let_through = [n for n in sorted(unlisted) if "WFT-SQL-005" not in refused(f'select "{n}"(1)')]

    assert unlisted
    assert let_through == []


def test_every_table_function_that_is_not_listed_is_refused():
    unlisted = of_duckdb()["table"] | of_duckdb().get("pragma", set())
    unlisted = {n for n in unlisted if n.isidentifier()} - names("table_functions")

    assert [n for n in sorted(unlisted) if "WFT-SQL-006" not in refused(f'select * from "{n}"(1)')] == []
    assert {"read_parquet", "glob", "query", "duckdb_views"} <= unlisted


def test_a_function_that_no_engine_has_yet_is_refused():
    assert refused("select read_minds(1)") == ["WFT-SQL-005"]
    assert refused("select * from read_minds(1)") == ["WFT-SQL-006"]
    assert refused("select sum(1) over (), read_minds(1) over ()") == ["WFT-SQL-005"]


def test_a_kind_of_node_or_a_field_that_no_engine_has_yet_is_refused():
    tree = tree_of("select 1 as a from range(2)")

    for known, unknown in (('"class":"CONSTANT"', '"class":"ORACLE"'), ('"where_clause":null', '"where_next":null')):
        assert known in tree
        problems = walk("select 1", tree.replace(known, unknown), qualified=True).problems
        assert {p.code for p in problems} == {"WFT-SQL-004"}


def test_nothing_that_reads_files_or_settings_or_runs_text_stands_in_a_list():
    listed = set().union(*(names(kind) for kind in LISTS))
    forbidden = (
        "read_",
        "parquet_",
        "duckdb_",
        "pragma_",
        "pg_",
        "query",
        "glob",
        "getenv",
        "current_setting",
        "stats",
    )

    assert [n for n in listed if n.startswith(forbidden)] == []


@pytest.mark.parametrize("name", UNBOUNDED)
def test_what_makes_texts_without_bounds_is_refused_with_what_to_write_instead(name):
    found = walked(f"select {name}('x', 1000000000)")

    assert [p.code for p in found.problems] == ["WFT-SQL-005"]
    assert found.problems[0].fix == INSTEAD[name]


@pytest.mark.parametrize("name", NOT_IN_QUERIES)
def test_what_models_may_use_and_queries_not_says_what_to_write_instead(name):
    found = walked(f"select {name}(1, 2)")

    assert [(p.code, p.fix) for p in found.problems] == [("WFT-SQL-014", NOT_IN_QUERIES[name])]
    assert "WFT-SQL-014" not in refused(f"select {name}(1, 2)", others=False)


def test_a_sample_is_refused_in_queries_of_others_alone():
    sql = "select * from a.b.c using sample 10 rows (reservoir, 42)"

    assert refused(sql) == ["WFT-SQL-014"]
    assert refused(sql, others=False) == []


def test_the_page_of_what_sql_may_use_has_every_name():
    from scripts.make_reference import PAGES

    page = PAGES["sql.md"]()
    every = set().union(*(names(kind) for kind in (*LISTS, "types")), QUERIES, TABLES)

    assert [n for n in every if f"`{n}`" not in page and f"`` {n} ``" not in page] == []
    assert EXPRESSIONS


@pytest.mark.parametrize(
    "name", ["main.duckdb_views", "pg_catalog.pg_views", "information_schema.views", "recurring.t"]
)
@pytest.mark.parametrize("others", [True, False])
def test_a_cte_is_no_table_of_a_schema_whose_name_is_spelled_alike(name, others):
    assert refused(f'with "{name}" as (select 1) select * from {name}', others=others) == ["WFT-SQL-003"]
    assert refused(f'with "{name}" as (select 1) select * from "{name}"', others=others) == []


def test_a_recursive_cte_with_keys_reads_what_recurs_of_itself_alone():
    sql = "with recursive t(a) using key (a) as (select 1 union select a from recurring.{}) select * from t"

    assert refused(sql.format("t")) == []
    assert refused(sql.format("u")) == ["WFT-SQL-003"]


@pytest.mark.parametrize("function", ["list_aggregate", "list_aggr", "array_aggregate", "array_aggr", "aggregate"])
def test_an_aggregate_named_by_a_text_has_to_be_a_listed_one_written_out(function):
    assert refused(f"select {function}([1, 2], 'SUM')") == []
    assert refused(f"select [1, 2].{function}('max')") == []
    for name in ("'stats'", "'su' || 'm'", "null", "lower('sum')", "'reservoir_quantile'", "7"):
        assert refused(f"select {function}([1, 2], {name})") == ["WFT-SQL-005"]
    assert refused(f"select {function}([1, 2], 'reservoir_quantile')", others=False) == []


@pytest.mark.parametrize(
    ("sql", "fix"),
    [
        ("select top 10 a from t", "`limit 10`"),
        ("select * from {{ ref('x') }}", "no templates"),
        ("{% if x %} select 1 {% endif %}", "no templates"),
        ("select a from t where (a > 1", "parenthesis"),
        ("select a from t where a > -- unfinished\n;", "nothing follows"),
        ("select a from d.p.t@1", "in quotes"),
    ],
)
def test_a_text_that_does_not_parse_is_told_how_to_mend_it_where_its_place_tells(sql, fix):
    (problem,) = walked(sql).problems

    assert problem.code == "WFT-SQL-001"
    assert problem.fix is not None and fix in problem.fix


def test_a_text_that_does_not_parse_in_the_middle_is_given_no_advice_that_might_be_wrong():
    (problem,) = walked("select a,, b from t").problems

    assert problem.code == "WFT-SQL-001"
    assert problem.fix is None
