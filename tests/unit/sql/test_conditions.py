"""Filters of the data API: what they mean, and that nothing else than a filter comes through."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import UsageError
from weft.sql.conditions import condition

COLUMNS = {
    "seats": "INTEGER", "model": "VARCHAR", "made": "DATE", "at": "TIMESTAMP WITH TIME ZONE", "price": "DECIMAL(10,2)",
    "weight": "DOUBLE", "flies": "BOOLEAN", "tags": "VARCHAR[]", "a name": "BIGINT", "id": "UUID", "seen": "TIMESTAMP",
}  # fmt: skip
ROWS = """
    from (values
        (1, 'A320', date '2020-01-01', timestamptz '2026-01-01 12:00:00+00', 1.50, 1.5::double, true, ['x'], 10,
         uuid '00000000-0000-0000-0000-000000000001', timestamp '2026-01-01 12:00:00'),
        (2, 'B7''7', date '2021-06-01', timestamptz '2026-02-01 12:00:00+00', 2.50, 'nan'::double, false, null, 20,
         uuid '00000000-0000-0000-0000-000000000002', timestamp '2026-02-01 12:00:00'),
        (3, null, null, null, null, null, null, null, null, null, null)
    ) t(seats, model, made, "at", price, weight, flies, tags, "a name", id, seen)"""


@pytest.fixture(scope="module")
def engine():
    with duckdb.connect() as made:
        made.execute("set TimeZone = 'UTC'")
        yield made


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("seats = 1", [1]),
        ("SEATS <> 1", [2, 3]),
        ("seats != +1e0 and seats <= 2", [2]),
        ("seats in (1, 3)", [1, 3]),
        ("seats not in (1)", [2, 3]),
        ("seats between 2 and 3", [2, 3]),
        ("not seats between 2 and 3", [1]),
        ("model like 'A%'", [1]),
        ("model not like 'A%'", [2]),
        ("model ilike 'a%'", [1]),
        ("model = 'B7''7'", [2]),
        ("model is null", [3]),
        ("tags is not null", [1]),
        ("made >= '2021-01-01'", [2]),
        ("at < '2026-01-01T13:00:00+01:00' or at > '2026-01-31T00:00:00Z'", [2]),
        ("at = '2026-01-01T13:00:00+01:00'", [1]),
        ("seen = '2026-01-01T12:00:00'", [1]),
        ("price > 1.50", [2]),
        ("flies = true", [1]),
        ('"a name" = 20', [2]),
        ("id = '00000000-0000-0000-0000-000000000002'", [2]),
        ("seats = 1 or seats = 2 and model = 'x'", [1]),
        ("(seats = 1 or seats = 2) and not (flies = true)", [2]),
        ("seats = 99999999999999999999999", []),
    ],
)
def test_a_filter_keeps_the_rows_that_it_says(engine, where, found):
    sql = f"select seats {ROWS} where {condition(where, COLUMNS)} order by 1"

    assert [row[0] for row in engine.execute(sql).fetchall()] == found


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("", "WFT-SRV-060"),
        ("seats", "WFT-SRV-060"),
        ("seats = seats", "WFT-SRV-060"),
        ("seats = 1; drop table x", "WFT-SRV-060"),
        ("seats = 1 -- and so on", "WFT-SRV-060"),
        ("seats = 1 /* x */", "WFT-SRV-060"),
        ("seats = (select 1)", "WFT-SRV-060"),
        ("seats = 1 union all select 2", "WFT-SRV-060"),
        ("seats in (select 1)", "WFT-SRV-060"),
        ("seats + 1 = 2", "WFT-SRV-060"),
        ("seats::text = '1'", "WFT-SRV-060"),
        ("model = $$x$$", "WFT-SRV-060"),
        ("model = 'x", "WFT-SRV-060"),
        ("model = E'x'", "WFT-SRV-060"),
        ("seats = 0x10", "WFT-SRV-060"),
        ("seats = 1 and", "WFT-SRV-060"),
        ("(seats = 1", "WFT-SRV-060"),
        ("not " * 60 + "seats = 1", "WFT-SRV-060"),
        (f"seats in ({', '.join(['1'] * 1001)})", "WFT-SRV-060"),
        ("seats = 1" + " " * 8_000, "WFT-SRV-060"),
        ("lower(model) = 'x'", "WFT-SRV-061"),
        ("sats = 1", "WFT-SRV-061"),
        ("exists (select 1)", "WFT-SRV-061"),
        ("seats = '1'", "WFT-SRV-062"),
        ("seats = 1.5", "WFT-SRV-062"),
        ("model = 1", "WFT-SRV-062"),
        ("made = '2026-02-30'", "WFT-SRV-062"),
        ("at = '2026-01-01T12:00:00'", "WFT-SRV-062"),
        ("seen = '2026-01-01T12:00:00Z'", "WFT-SRV-062"),
        ("seats like '1%'", "WFT-SRV-062"),
        ("tags = 'x'", "WFT-SRV-062"),
        ("flies = 1", "WFT-SRV-062"),
        ("id = 'x'", "WFT-SRV-062"),
        ("price = 1e99999999", "WFT-SRV-062"),
    ],
)
def test_what_is_no_filter_is_refused(where, code):
    with pytest.raises(UsageError) as refused:
        condition(where, COLUMNS)

    assert refused.value.diagnostics[0].code == code


def test_a_column_that_is_not_seen_is_not_proposed():
    with pytest.raises(UsageError) as refused:
        condition("secret_code = 'x'", {"seats": "INTEGER", "model": "VARCHAR"})

    assert "secret_code" not in str(refused.value.diagnostics[0].fix)


PARTS = st.sampled_from(
    [
        *[
            "seats",
            "model",
            "made",
            "=",
            "<>",
            "<",
            "(",
            ")",
            ",",
            "and",
            "or",
            "not",
            "in",
            "is",
            "null",
            "like",
            "between",
            "1",
            "-2.5",
            "'x'",
            "'2026-01-01'",
            "true",
        ],
        *[";", "--", "select", "'", '"', "/*", "::", "+", "lower(", "$1"],
        '"a name"',
    ]
)


@given(st.one_of(st.lists(PARTS, max_size=12).map(" ".join), st.text(max_size=40)))
def test_whatever_is_typed_is_refused_or_is_one_condition_over_these_columns(engine, text):
    try:
        made = condition(text, COLUMNS)
    except UsageError:
        return

    engine.execute(f"select seats {ROWS} where {made}").fetchall()
    assert condition(text, COLUMNS) == made


@given(st.text())
def test_a_text_is_only_ever_a_text(engine, text):
    quoted = text.replace("'", "''")
    try:
        made = condition(f"model = '{quoted}'", COLUMNS)
    except UsageError as e:
        assert "\x00" in text or e.diagnostics[0].code == "WFT-SRV-060"
        return

    found = engine.execute(f"select count(*) from (select ? as model) where {made}", [text]).fetchone()
    assert found == (1,)
