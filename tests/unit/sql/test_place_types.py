"""What the places of a prepared query are compared with, as far as that is plain."""

from __future__ import annotations

import duckdb
import pytest

from weft.sql.place_types import compared


def found(condition: str, table: str = "a.b.c x", **more: str) -> dict[str, str]:
    with duckdb.connect() as parser:
        sql = f"{more.get('before', '')} select * from {table} where {condition}"
        (tree,) = parser.execute("select json_serialize_sql(?)", [sql]).fetchone()
    return dict(compared(tree))


@pytest.mark.parametrize(
    ("condition", "places"),
    [
        ("id = ?", {"1": "id"}),
        ("? >= x.Id and name like ?", {"1": "id"}),
        ("day between ? and ? or k not in (?, 3, ?)", {"1": "day", "2": "day", "3": "k", "4": "k"}),
        ("id = $a or other = $b", {"a": "id", "b": "other"}),
        ("id is distinct from ?", {"1": "id"}),
        ("id = $a or other = $a", {}),
        ("id + ? = 3", {}),
        ("id = other + ?", {}),
        ("? = ?", {}),
        ("id = '?'", {}),
        ("id in (select k from a.b.d) and id = ?", {}),
        ("this does not parse ?", {}),
    ],
)
def test_a_place_is_told_with_the_one_column_that_it_is_compared_with(condition, places):
    assert found(condition) == places


def test_nothing_is_said_where_a_name_may_mean_another_thing():
    assert found("id = ?", "(select name as id from a.b.c)") == {}
    assert found("id = ?", "t", before="with t as (select name as id from a.b.c)") == {}
    assert found("id = ?", "a.b.c join a.b.d using (id)") == {"1": "id"}
    assert compared("") == compared("[]") == compared('{"statements": []}') == ()
