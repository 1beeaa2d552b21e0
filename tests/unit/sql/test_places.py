"""The place in a SQL text that gives an output column."""

from __future__ import annotations

import pytest

from tests.unit.sql.lineage_corpus import CORPUS, Query, oracle, schemas
from tests.unit.sql.lineage_oracle import SCHEMAS, STATEMENTS
from tests.unit.sql.test_lineage_truth import oracle as small
from weft.sql.places import places

TABLES = {"t": ("a", "b", "c"), "u": ("id", "x")}


@pytest.mark.parametrize(
    ("sql", "outputs"),
    [
        ("select «a», «b + 1 as n» from t", "a n"),
        ("select distinct «a», «case when b > 1 then c end as k» from t", "a k"),
        ("select distinct on (a, b) «c», «(a)» from t", "c a"),
        ("select «cast(a as varchar) as s», «f(1, a) as g», «{'p': a, 'q': b} as r» from t", "s g r"),
        ("select «'ü, ö' as text», «a» from t", "text a"),
        ("select «1 as one», «'x' as two» from t", "one two"),
        ("select «a is distinct from b as d», «c» from t", "d c"),
        ("select «(select max(x) from u where u.id = t.a) as m», «b» from t", "m b"),
        ("select «(select max(x) from u)», «extract(year from b) as y» from t", "max(x) y"),
        ("select «*» from t", "a b c"),
        ("select «t.*», «1 as one» from t", "a b c one"),
        ("select «* exclude (b)», «b || 'x' as b» from t", "a c b"),
        ("with w as (select «a as k», «b + 1 as n» from t) select * from w", "k n"),
        ("with w as (select a as k, b + 1 as n from t) select «n», «k» from w", "n k"),
        ("select * from (select «a», «sum(b) as s» from t group by a)", "a s"),
        ("with q as (select * from (select «a as z» from t)) select q.*, «2 as two» from q", "z two"),
        ("select «a as k», «b» from t union all select x, id from u", "k b"),
        ("(select «a as k» from t limit 1) union (select x from u)", "k"),
        ("from t select «a», «max(b) as m» group by a", "a m"),
        ("with recursive r as (select «a as n» from t union all select n + 1 from r where n < 3) select * from r", "n"),
        ("select\n  «a», -- the, first\n  /* more, */ «b as n»\nfrom t where b in (1, 2)", "a n"),
    ],
)
def test_a_column_stands_where_the_item_that_makes_it_begins(sql: str, outputs: str) -> None:
    expected = [at - sql[:at].count("«") - sql[:at].count("»") for at, c in enumerate(sql) if c == "«"]
    plain = sql.replace("«", "").replace("»", "")

    found = places(plain, TABLES, outputs.split())

    assert None not in found
    assert list(dict.fromkeys(found)) == expected


@pytest.mark.parametrize("sql", ["summarize t", "select from", "select 1 as x, 2 as y"])
def test_where_nothing_stands_there_is_no_place(sql: str) -> None:
    assert places(sql, TABLES, ["a", "b", "c"]) == (None, None, None)


@pytest.mark.parametrize("query", CORPUS, ids=lambda q: q.name)
def test_a_place_is_where_an_item_of_a_select_begins(query: Query) -> None:
    found = places(query.sql, schemas(query.family), oracle(query.family).described(query.sql))

    before = [query.sql[:at].rstrip().lower() for at in found if at is not None]
    assert all(text.endswith(("select", ",", "distinct", ")")) for text in before)
    assert None not in found or "pivot" in query.sql or "values" in query.sql or "columns" in query.sql


def test_most_columns_of_many_statements_have_a_place() -> None:
    told = [place for sql in STATEMENTS for place in places(sql, SCHEMAS, small().described(sql))]

    assert sum(place is not None for place in told) > 0.9 * len(told)
