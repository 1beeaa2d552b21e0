"""Row filters: attributes become literals, and nothing but one condition on a row passes."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.access.row_filters import Unusable, attributes_of, bound, query

EVE = {"name": "O'Hara", "kind": "user", "teams": ("crm", "it's"), "region": ["north"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id > 5", "id > 5"),
        ("owner = user.name", "owner = 'O''Hara'"),
        ('owner = "user"."name"', "owner = 'O''Hara'"),
        ("owner = USER . Name", "owner = 'O''Hara'"),
        ("region IN user.region", "region IN CAST(['north'] AS VARCHAR[])"),
        ("list_contains(user.teams, team)", "list_contains(CAST(['crm', 'it''s'] AS VARCHAR[]), team)"),
        ("x IN user.nothing", "x IN CAST([] AS VARCHAR[])"),
        ("t.user.name = 'x'", "t.user.name = 'x'"),
        ("user = 'x'", "user = 'x'"),
        ("note = 'user.name -- ; select'", "note = 'user.name -- ; select'"),
        ('"a ; b" = 1', '"a ; b" = 1'),
        ("id IS DISTINCT FROM 5", "id IS DISTINCT FROM 5"),
        ("a[1] = 1 AND (b)", "a[1] = 1 AND (b)"),
    ],
)
def test_attributes_of_the_reader_become_literals_and_nothing_else_changes(text, expected):
    assert bound(text, EVE) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "true) OR (true",
        "(true",
        "a[1",
        "id IN (SELECT 1)",
        "id IN (  FROM t)",
        "exists(select 1)",
        "id IN (VALUES (1))",
        "id IN (TABLE t)",
        "id IN (WITH x AS (SELECT 1) SELECT 1)",
        "true -- id = 1",
        "true /* id */",
        "true; drop table x",
        "id = $1",
        "id = ?",
        "note = $$x$$",
        "note = E'\\'",
        "note = 'open",
        'note = "open',
        "user.",
        "user.'x'",
        "id = 1 \\ 2",
    ],
)
def test_what_is_no_condition_on_one_row_is_refused(text):
    with pytest.raises(Unusable):
        bound(text, EVE)


def test_the_attributes_that_it_asks_for_are_told_once():
    assert attributes_of("a IN user.region OR b IN user.Region AND c = user.name") == ("region", "name")


def test_a_query_of_a_filter_keeps_the_filter_apart():
    assert query("id > 1") == 'SELECT 1 FROM "port" WHERE (id > 1\n)'


@given(st.text(max_size=30), st.lists(st.text(max_size=8), max_size=3))
def test_whatever_an_attribute_holds_it_stays_a_literal(name, regions):
    reader = {"name": name.replace("\0", ""), "region": [r.replace("\0", "") for r in regions]}
    with duckdb.connect() as db:
        found = db.execute(f"SELECT {bound('user.name', reader)}, {bound('user.region', reader)}").fetchone()

    assert found == (reader["name"], reader["region"])


@given(st.text(alphabet="'\"()[];-/*$ aselctfromu.n\n", max_size=25))
def test_what_passes_stays_inside_its_parentheses(text):
    """A filter that passes may not parse; if it does, it is one expression and ends before what follows it."""
    try:
        condition = bound(text, EVE)
    except Unusable:
        return
    with duckdb.connect() as db:
        tree = db.execute("SELECT json_serialize_sql(?)", [f"SELECT 1 FROM p WHERE ({condition}\n) AND 42 = 42"])
        found = tree.fetchone()[0]
    assert '"error":true' in found or ("42" in found and found.count('"SELECT_NODE"') == 1)
