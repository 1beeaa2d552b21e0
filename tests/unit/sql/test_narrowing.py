"""What a query can use of a table, said from its parse tree."""

from __future__ import annotations

import duckdb
import pytest

from weft.sql.narrowing import EVERYTHING, Narrow, narrowed


def of(sql: str) -> Narrow:
    with duckdb.connect() as connection:
        found = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    assert found is not None
    return narrowed(str(found[0]))


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("select a, t.b from x.y.t where c > 1 order by d", ("a", "b", "c", "d", "t")),
        ("select count(*) from x.y.t", ()),
        ("select A from x.y.t", ("a",)),
        ("select * from x.y.t", None),
        ("from x.y.t", None),
        ("select t from x.y.t", None),
        ("select o from x.y.t as o", None),
        ("select count(o) from x.y.t as o", None),
        ("select columns('a') from x.y.t", None),
        ("select a from x.y.t natural join x.y.u", None),
        ("select z from x.y.t as t(z)", None),
        ("select #1 from x.y.t", None),
        ("summarize x.y.t", None),
        ("describe x.y.t", None),
        ("pivot x.y.t on a using count(*)", None),
        ("unpivot x.y.t on a, b", None),
        ("select (o).a from x.y.t as o", None),
        ("select o.a.b from x.y.t as o", ("a", "b", "o")),
        ("select a from x.y.t group by all order by all", None),
        ("select list_transform([1], lambda q: q + a) from x.y.t", ("a", "q")),
        ("select a from x.y.t as o where exists (select 1 from x.y.u where u.b = o.c)", ("a", "b", "c", "o", "u")),
        ("no sql at all", None),
    ],
)
def test_a_column_counts_as_used_where_a_name_may_mean_it(sql, columns):
    assert of(sql).columns == columns


@pytest.mark.parametrize(
    "sql",
    [
        "select a from x.y.t where a > 1 union all select a from x.y.t",
        "select a, (select max(a) from x.y.t) from x.y.t where a = 1",
        "select a from x.y.t where a in (select b from x.y.u)",
        "select t.a from x.y.t join x.y.u using (a) where t.a = 1",
        "with t as (select 1 as a) select a from t where a = 1",
        "select a from (select a from x.y.t) where a = 1",
        "select a from x.y.t using sample 10 rows where a = 1",
    ],
)
def test_conditions_and_ends_are_those_of_a_query_over_one_table(sql):
    found = of(sql)

    assert (found.conditions, found.once, found.rows) == ((), False, None)


@pytest.mark.parametrize(
    ("sql", "once", "order", "rows"),
    [
        ("select a from x.y.t limit 5 offset 2", True, (), 7),
        (
            "select a, a::varchar as s from x.y.t order by b desc nulls first, a limit 3",
            True,
            (("b", True, True), ("a", False, False)),
            3,
        ),
        ("select -a as a from x.y.t order by a limit 3", False, (), None),
        ("select * from x.y.t order by a limit 3", True, (("a", False, False),), 3),
        ("select * replace (max(a) over () as a) from x.y.t limit 3", False, (), None),
        ("select * replace (-a as a) from x.y.t order by a limit 3", False, (), None),
        ("select * rename (b as a) from x.y.t order by a limit 3", False, (), None),
        ("select columns(*)::varchar from x.y.t order by a limit 3", False, (), None),
        ("select a from x.y.t order by a + 1 limit 3", False, (), None),
        ("select max(a) from x.y.t limit 3", False, (), None),
        ("select distinct a from x.y.t limit 3", False, (), None),
        ("select a from x.y.t group by a limit 3", False, (), None),
        ("select a from x.y.t limit 10%", False, (), None),
        ("select unnest([a, a]) from x.y.t limit 3", False, (), None),
        ("select a from x.y.t qualify row_number() over () = 1 limit 3", False, (), None),
    ],
)
def test_an_end_counts_where_each_row_of_the_table_is_one_of_the_answer(sql, once, order, rows):
    found = of(sql)

    assert (found.once, found.order, found.rows) == (once, order, rows)


def test_what_is_no_tree_says_nothing():
    assert narrowed("{}") == EVERYTHING == narrowed("[1") == narrowed('{"statements": [{"node": {"type": 3}}]}')
