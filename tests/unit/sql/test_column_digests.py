"""Digests of columns: equal where nothing that a column depends on has changed, and never where its values have."""

from __future__ import annotations

import duckdb
import pytest

from weft.sql.column_digests import column_digests
from weft.sql.digest_scopes import Digested, hashed

TABLES = {"t": ("a", "b", "c", "l"), "u": ("a", "d")}
DATA = """
    CREATE TABLE t AS SELECT i AS a, i % 4 AS b, (i * 7) % 11 AS c, [i, i + 1, 5] AS l FROM range(20) r(i);
    CREATE TABLE u AS SELECT i * 2 AS a, i % 3 AS d FROM range(12) r(i);
"""


def outputs(sql: str) -> list[str]:
    with duckdb.connect() as connection:
        connection.execute(DATA)
        return [row[0] for row in connection.execute(f"DESCRIBE {sql}").fetchall()]


def digested(sql: str, tables: dict[str, tuple[str, ...]] | None = None) -> Digested:
    known = {
        name: Digested(tuple((c, hashed(name, c)) for c in columns), hashed(name))
        for name, columns in (tables or TABLES).items()
    }
    return column_digests(sql, hashed(sql), known, outputs(sql))


def moved(before: str, after: str) -> set[str]:
    """Columns whose digest differs; `*` where that of the rows does."""
    one, other = digested(before), digested(after)
    now = dict(other.columns)
    found = {name for name, digest in one.columns if now.get(name, digest) != digest}
    return found | ({"*"} if one.rows != other.rows else set())


SAME = [
    ("select a, b+1 as x from t where c > 1", "-- why\nSELECT a,\n  (b + 1) AS x /* what */ FROM T WHERE (c > 1)"),
    ("select t.a from t", "select z.a from t as z"),
    ("with q as (select a, b from t) select a from q", "with p as (select a, b from t) select a from p"),
    ("select a, b from t", "select s.a, s.b from (select * from t) as s"),
    ("select * from t", "select a, b, c, l from t"),
    (
        "with q as (select a, b + c as s from t) select a from q",
        "with q as (select a, b - c as s from t) select a from q",
    ),
    ("select a, sum(b) as n from t group by 1", "select a, sum(b) as n from t group by a"),
    ("select a::int as a from t", "select cast(a as int) as a from t"),
    ("select a as k from t order by k", "select a as k from t order by 1"),
]


@pytest.mark.parametrize(("before", "after"), SAME)
def test_what_changes_no_value_moves_no_digest(before: str, after: str) -> None:
    one, other = digested(before), digested(after)

    assert [d for _, d in one.columns] == [d for _, d in other.columns]
    if "from (" not in after and "as s from t" not in before:
        assert one.rows == other.rows


EXACTLY = [
    ("select a, b + 1 as x, c from t", "select a, b + 2 as x, c from t", {"x"}),
    ("select a, b from t where c > 1", "select a, b from t where c > 2", {"*"}),
    ("select a, b from t", "select a, b from t limit 3", {"*"}),
    (
        "with q as (select a, b + c as s, c from t) select a, s * 2 as d, c from q",
        "with q as (select a, b - c as s, c from t) select a, s * 2 as d, c from q",
        {"d"},
    ),
    (
        "with q as (select a, b + c as s, c from t) select a, c from q where s > 3",
        "with q as (select a, b - c as s, c from t) select a, c from q where s > 3",
        {"*"},
    ),
    ("select t.*, d from t join u using (a)", "select t.*, d + 1 as d from t join u using (a)", {"d"}),
    ("select t.b, d from t join u using (a)", "select t.b, d from t left join u using (a)", {"*"}),
    (
        "select b, sum(c) as s, max(a) as m from t group by b",
        "select b, min(c) as s, max(a) as m from t group by b",
        {"s"},
    ),
    ("select b, sum(c) as s from t group by all", "select b + 1 as b, sum(c) as s from t group by all", {"b", "*"}),
    (
        "select a, row_number() over w as r, b from t window w as (order by c)",
        "select a, row_number() over w as r, b from t window w as (order by c desc)",
        {"r"},
    ),
    ("select * replace (b + 1 as b) from t", "select * replace (b + 2 as b) from t", {"b"}),
    (
        "select a, list_transform(l, lambda x: x + 1) as l from t",
        "select a, list_transform(l, lambda x: x + 2) as l from t",
        {"l"},
    ),
    (
        "select a, (select max(d) from u where u.a = t.a) as m from t",
        "select a, (select min(d) + 1 from u where u.a = t.a) as m from t",
        {"m"},
    ),
    ("select a, b from t union all select a, d from u", "select a, b from t union all select a, d + 1 from u", {"b"}),
    ("select a, b from t union select a, d from u", "select a, b from t union select a, d + 1 from u", {"b", "*"}),
    ("select a, b as x, x + 1 as y, c from t", "select a, b + 1 as x, x + 1 as y, c from t", {"x", "y"}),
    (
        "select a, count(*) filter (where c > 2) as n from t group by a",
        "select a, count(*) filter (where c > 3) as n from t group by a",
        {"n"},
    ),
]


@pytest.mark.parametrize(("before", "after", "columns"), EXACTLY)
def test_exactly_the_columns_that_a_change_decides_move(before: str, after: str, columns: set[str]) -> None:
    assert moved(before, after) == columns


SOUND = [
    *((before, after) for before, after, _ in EXACTLY),
    (
        "select a, c from t where exists (select 1 from u where u.a = t.a and d > 0)",
        "select a, c from t where exists (select 1 from u where u.a = t.a and d > 1)",
    ),
    ("select distinct b from t", "select b from t"),
    ("select distinct on (b) b, a from t order by b, a", "select distinct on (b) b, a from t order by b, a desc"),
    ("select a, unnest(l) as x from t", "select a, unnest(list_append(l, 9)) as x from t"),
    ("select t.a, x.e from t, unnest(t.l) as x(e)", "select t.a, x.e from t, unnest(t.l[1:2]) as x(e)"),
    (
        "with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select n from r",
        "with recursive r as (select 1 as n union all select n + 1 from r where n < 6) select n from r",
    ),
    ("select * from (values (1, 2), (3, 4)) as v(x, y)", "select * from (values (1, 2), (3, 5)) as v(x, y)"),
    ("pivot t on b in (0, 1) using sum(c) group by a", "pivot t on b in (0, 1) using max(c + 1) group by a"),
    ("select columns('a|b') from t", "select columns('a|b') + 1 from t"),
    ("select a, b from t order by c limit 5", "select a, b from t order by c desc limit 5"),
    (
        "select a, b from t qualify row_number() over (partition by b order by a) = 1",
        "select a, b from t qualify row_number() over (partition by b order by a desc) = 1",
    ),
    (
        "select b, count(*) as n from t group by b having count(*) > 4",
        "select b, count(*) as n from t group by b having n < 5",
    ),
    ("select sum(c) as s from t", "select sum(c) as s, max(a) as m from t"),
    ("select a from t semi join u using (a)", "select a from t anti join u using (a)"),
    ("select a from t where a in (select d from u)", "select a from t where a in (select d + 1 from u)"),
    ("select b from t except select d from u", "select b from t except select d + 1 from u"),
    ("select i from range(3) as r(i)", "select i from range(4) as r(i)"),
    ("select a, x from t, lateral (select t.b + 1 as x)", "select a, x from t, lateral (select t.b + 2 as x)"),
    ("from t select a", "from t select a where a > 3"),
    ("select #1 as p from (select a, b from t)", "select #2 as p from (select a, b from t)"),
    ("select t from t", "select t from (select a, b + 1 as b, c, l from t) as t"),
    ("select {'k': b, 'm': c}.k as k from t", "select {'k': c, 'm': b}.k as k from t"),
    ("select case when b > 1 then c end as x, a from t", "select case when b > 2 then c end as x, a from t"),
    ("select a, b from t asof join u using (a)", "select a, b from t join u using (a)"),
]


@pytest.mark.parametrize(("before", "after"), SOUND)
def test_a_column_whose_digest_stays_has_the_same_values(before: str, after: str) -> None:
    named = moved(before, after)

    with duckdb.connect() as connection:
        connection.execute(DATA)
        one = connection.execute(before)
        names, rows = [d[0] for d in one.description], one.fetchall()
        other = connection.execute(after)
        later, changed = [d[0] for d in other.description], other.fetchall()
    differing = {
        name
        for i, name in enumerate(names)
        if name in later
        and sorted(map(repr, (r[i] for r in rows))) != sorted(map(repr, (r[later.index(name)] for r in changed)))
    }
    assert rows != changed, "the pair shows something"
    assert "*" in named or differing <= named


def test_another_table_behind_the_same_name_moves_what_is_read_of_it() -> None:
    sql = "select t.b, d from t join u using (a)"
    tables = {"t": Digested((("a", "1"), ("b", "2")), "t"), "u": Digested((("a", "3"), ("d", "4")), "u")}
    changed = {**tables, "u": Digested((("a", "3"), ("d", "5")), "u")}

    before, after = (column_digests(sql, "x", held, ["b", "d"]) for held in (tables, changed))

    assert (before.rows, before.find("b")) == (after.rows, after.find("b"))
    assert before.find("d") != after.find("d")


@pytest.mark.parametrize(
    "sql", ["this is no SQL", "describe t", "select nothing from nowhere", "pivot t on b using sum(c)"]
)
def test_what_cannot_be_taken_apart_has_one_digest_of_everything(sql: str) -> None:
    tables = {"t": Digested((("a", "1"),), "rows")}

    found = column_digests(sql, "digest", tables, ["x", "y"])
    other = column_digests(sql, "another", tables, ["x", "y"])

    assert {d for _, d in found.columns} == {found.rows}
    assert found.rows != other.rows
