"""Sources of columns, written by hand before they were computed; and what sqlglot's own slower `lineage` says."""

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.lineage import lineage

from weft.model.lineage import EdgeKind, Transformation
from weft.sql.lineage import column_lineage

SCHEMAS = {"f": ["a", "b", "c", "d"], "g": ["a", "x", "y"], "h": ["k", "v"]}

DIRECT = {
    "select a, b + c as s from f": {"a": "f.a", "s": "f.b f.c"},
    "select * from g": {"a": "g.a", "x": "g.x", "y": "g.y"},
    "select * exclude (d) from f": {"a": "f.a", "b": "f.b", "c": "f.c"},
    "select * replace (x + 1 as x) from g": {"a": "g.a", "x": "g.x", "y": "g.y"},
    "select sum(x) as t from g group by a": {"t": "g.x"},
    "select a from f union all select x from g": {"a": "f.a g.x"},
    "select q.z from (select b as z from f) q": {"z": "f.b"},
    "with w as (select a, max(b) as m from f group by a) select a, m from w": {"a": "f.a", "m": "f.b"},
    "with w as (select a from f), v as (select a as q from w) select q from v": {"q": "f.a"},
    "select (select max(x) from g where g.a = f.a) as z from f": {"z": "g.x"},
    "select case when a > 1 then b else c end as q from f": {"q": "f.b f.c"},
    "select coalesce(f.b, g.x) as q from f join g using (a)": {"q": "f.b g.x"},
    "select f.a, g.y from f left join g on f.a = g.a": {"a": "f.a", "y": "g.y"},
    "select row_number() over (partition by b order by c) as rn, a from f": {"a": "f.a"},
    "select sum(b) over (order by c) as run from f": {"run": "f.b"},
    "select count(*) filter (where a > 1) as n, max(d) as m from f": {"m": "f.d"},
    "select u.e from f, unnest(f.b) as u(e)": {"e": "f.b"},
    "from f select a, d": {"a": "f.a", "d": "f.d"},
    "select list_transform(b, z -> z + c) as l from f": {"l": "f.b f.c"},
    "select struct_pack(p := a).p as q from f": {"q": "f.a"},
    "select a::varchar || '-' || upper(b) as t from f": {"t": "f.a f.b"},
    "select distinct a, b from f": {"a": "f.a", "b": "f.b"},
    "select k, v from h where exists (select 1 from g where g.a = h.k)": {"k": "h.k", "v": "h.v"},
    "select a, b from f intersect select a, x from g": {"a": "f.a", "b": "f.b"},
    "with recursive r as (select a from f union all select r.a from r join g on g.a = r.a) select a from r": {
        "a": "f.a"
    },
    "select l.z from f, lateral (select f.b + g.x as z from g) l": {"z": "f.b g.x"},
    "select first(v order by k) as v from h": {"v": "h.v"},
    "select t.a, t.b from (select f.a, g.x as b from f cross join g) t": {"a": "f.a", "b": "g.x"},
    "select date_trunc('month', d) as m, avg(b) as v from f group by all": {"m": "f.d", "v": "f.b"},
    "select max_by(v, k) as best from h": {"best": "h.k h.v"},
    "select q.e, q.n from f, unnest(f.b) with ordinality as q(e, n)": {"e": "f.b"},
    "select map {a: b, 'x': c}[d] as m from f": {"m": "f.a f.b f.c f.d"},
}

INDIRECT = {
    "select a from f where b > 1": {"f.b filter"},
    "select f.a from f join g on f.b = g.x": {"f.b join", "g.x join"},
    "select f.b from f join g using (a)": {"f.a join", "g.a join"},
    "select sum(b) as s from f group by a having max(c) > 1": {"f.a group_by", "f.c filter"},
    "select a from f order by d": {"f.d sort"},
    "select sum(b) over (partition by c order by d) as r from f": {"f.c window", "f.d window"},
    "select case when a > 1 then b end as q from f": {"f.a conditional"},
    "select count(*) filter (where a > 1) as n from f": {"f.a filter"},
    "select a from f qualify row_number() over (partition by b order by c) = 1": {"f.b filter", "f.c filter"},
    "select a from f where exists (select 1 from g where g.x = f.c)": {"g.x filter", "f.c filter"},
    "select a from f where b in (select k from h where v > 1)": {"f.b filter", "h.k filter", "h.v filter"},
    "with w as (select a from f where b > 1) select a from w": {"f.b filter"},
}


def direct(sql):
    found = {}
    for edge in column_lineage(sql, SCHEMAS):
        if edge.kind is EdgeKind.DIRECT:
            found.setdefault(edge.target, set()).add(f"{edge.source_table}.{edge.source}")
    return found


@pytest.mark.parametrize("sql", DIRECT)
def test_values_flow_from_the_columns_that_were_written_by_hand(sql):
    assert direct(sql) == {column: set(sources.split()) for column, sources in DIRECT[sql].items()}


@pytest.mark.parametrize("sql", INDIRECT)
def test_conditions_keys_and_orders_decide_every_output_column(sql):
    edges = [e for e in column_lineage(sql, SCHEMAS) if e.kind is EdgeKind.INDIRECT]
    targets = {e.target for e in column_lineage(sql, SCHEMAS)}

    assert {f"{e.source_table}.{e.source} {e.transformation}" for e in edges} == INDIRECT[sql]
    assert {e.target for e in edges} == targets


@pytest.mark.parametrize(
    ("sql", "how"),
    [
        ("select a as x from f", Transformation.IDENTITY),
        ("select a + 1 as x from f", Transformation.TRANSFORMATION),
        ("select sum(a) as x from f", Transformation.AGGREGATION),
        ("with w as (select sum(a) as s from f) select s as x from w", Transformation.AGGREGATION),
        ("with w as (select a as s from f) select s as x from w", Transformation.IDENTITY),
    ],
)
def test_an_edge_says_how_a_column_is_made(sql, how):
    assert [e.transformation for e in column_lineage(sql, SCHEMAS)] == [how]


@pytest.mark.parametrize(
    "sql", ["summarize f", "select from where", "select nothing from f", "select a from f natural join z"]
)
def test_what_cannot_be_resolved_says_so_and_is_never_missing(sql):
    edges = column_lineage(sql, SCHEMAS)

    assert edges
    assert {e.transformation for e in edges} == {Transformation.UNRESOLVED}


@pytest.mark.parametrize(
    "sql", [q for q in DIRECT if "recursive" not in q and "lateral" not in q and "unnest" not in q]
)
def test_no_source_that_sqlglots_own_lineage_finds_is_missing(sql):
    """sqlglot counts conditions and window keys of a projection among its sources: ours may call them indirect."""
    edges = column_lineage(sql, SCHEMAS)
    schema = {table: dict.fromkeys(columns, "INT") for table, columns in SCHEMAS.items()}
    for column in {e.target for e in edges}:
        try:
            node = lineage(column, sql, schema=schema, dialect="duckdb")
        except sqlglot.errors.SqlglotError:
            continue  # it does not answer for every query
        theirs = {
            f"{n.expression.name}.{n.name.rpartition('.')[2]}"
            for n in node.walk()
            if isinstance(n.expression, exp.Table) and not n.downstream
        }
        ours = {f"{e.source_table}.{e.source}" for e in edges if e.target == column}
        assert theirs <= ours


@pytest.mark.parametrize("sql", ["select v from h join nobody using (k)", "select v from nobody join h using (k)"])
def test_a_key_that_is_shared_with_a_table_that_nobody_knows_decides_the_rows(sql):
    edges = column_lineage(sql, SCHEMAS, ("v",))

    decides = {(e.source_table, e.source, e.transformation) for e in edges if e.kind is EdgeKind.INDIRECT}
    assert decides == {("h", "k", Transformation.JOIN), ("nobody", "*", Transformation.UNRESOLVED)}
