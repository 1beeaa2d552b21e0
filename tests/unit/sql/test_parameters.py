"""Values in the places of a query."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import UsageError
from weft.sql.parameters import as_literal, filled, names_of, places

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.binary(max_size=20),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.decimals(-(10**10), 10**10, places=3),
)


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_every_value_comes_back_as_it_was_bound(values):
    sql = f"select {', '.join('?' for _ in values)}"
    found = places(sql)
    literals = dict(zip(names_of(found), map(as_literal, values), strict=True))

    assert duckdb.sql(filled(sql, found, literals)).fetchall() == [tuple(values)]


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("select '?', \"?\", $$?$$, $a$ ? $a$ -- ?\n, /* ? */ ?", ("1",)),
        ("select $2, $1, $2", ("1", "2")),
        ("select $b, $a", ("b", "a")),
        ("select 1", ()),
        ("select 'it''s ?', ?", ("1",)),
    ],
)
def test_places_are_found_where_the_engine_finds_them(sql, names):
    assert names_of(places(sql)) == names
    assert {str(n) for n in duckdb.extract_statements(sql)[0].named_parameters} == set(names)


@pytest.mark.parametrize(
    "sql", [r"select E'\'?', ?", "select /* /* */ ? */ 1", "select ?, $1", "select ?1", "select 'open, ?"]
)
def test_a_text_that_can_be_read_in_two_ways_takes_no_values(sql):
    with pytest.raises(UsageError, match="WFT-SRV-080"):
        places(sql)


@pytest.mark.parametrize("value", [[1], {"a": 1}, "a\0b", Decimal("nan"), dt.time(1, tzinfo=dt.UTC), Decimal("1e40")])
def test_a_value_without_a_literal_is_refused(value):
    with pytest.raises(UsageError, match="WFT-SRV-080"):
        as_literal(value)
