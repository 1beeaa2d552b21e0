"""Queries that are asked for together are told as they are one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from weft.engines.duckdb.engine import DuckDBEngine
from weft.engines.duckdb.session import DuckDBSession
from weft.engines.duckdb.together import AT_ONCE
from weft.errors import UserCodeError
from weft.model.column import Column

Queries = Sequence[tuple[str, str]]

TYPES = (
    "null::tinyint, 1::ubigint, 1::hugeint, 1.5::decimal(10, 2), 1e3::float, 1e3, true, 'x', 'x'::blob, '1'::bit",
    "date '2020-01-01', time '10:00', timestamp '2020-01-01', '2020-01-01'::timestamptz, '10:00+01'::timetz, uuid()",
    "'2020-01-01'::timestamp_s, '2020-01-01'::timestamp_ms, '2020-01-01'::timestamp_ns, interval 1 day",
    "null, [], [null], [[1]], [1, 2]::integer[2], {'a b': 1, 'select': {'x': null}}, map {'k': [1]}, map {}",
    "'a'::enum('a', 'it''s', 'b c'), union_value(u := 1), {'a': 1}::json",
)

CHAIN: Queries = (
    ("plain", "select a, b from given"),
    ("Cased", 'select a as "A b", b as "ünï", a + 1 as "x""y" from plain'),
    ("unnamed", "select a + 1, count(*), max(b) from plain group by all"),
    ("own", "with plain as (select 1::smallint as z) select * from plain"),
    ("ends", "select * from plain -- a comment at the end"),
    ("begins", "-- a comment\n/* and another */\nselect * from own, ends"),
    ("first", "from plain select *"),
    ("starred", "select * exclude (a), columns('a') + 1 as c from plain"),
    ("nulls", "select null as n, [] as l, {'n': null} as s from plain"),
    ("of_nulls", "select coalesce(n, 1) as n, l || [1.5] as l, s from nulls union all select 'x', [2], {'n': 'y'}"),
    ("self", "select self.a, plain.b from plain self join plain using (a)"),
    ("recursive", "with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select * from r"),
    ("numbered", "select a as a_one, b as b_2 from plain"),
)


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(threads=1)
    yield made
    made.close()


@pytest.fixture
def session(engine: DuckDBEngine) -> Iterator[DuckDBSession]:
    with engine.session() as opened:
        opened.empty_table("given", [Column("a", "INTEGER"), Column("b", "VARCHAR")])
        yield opened


def one_at_a_time(session: DuckDBSession, queries: Queries) -> dict[str, tuple[Column, ...]]:
    found = {}
    for name, sql in queries:
        found[name] = session.columns(sql)
        session.empty_table(name, found[name])
    return found


def test_a_chain_of_queries_has_the_columns_that_each_has_alone(session: DuckDBSession) -> None:
    together = session.columns_of_all(CHAIN)

    assert together is not None
    assert together == one_at_a_time(session, CHAIN)
    assert [c.name for c in together["Cased"]] == ["A b", "ünï", 'x"y']


@pytest.mark.parametrize("types", TYPES)
def test_every_type_is_told_as_it_is_alone_and_as_the_query_behind_it_sees_it(
    session: DuckDBSession, types: str
) -> None:
    queries = (("one", f"select * from (values ({types})) v"), ("two", "select * from one"), ("three", "from two"))

    together = session.columns_of_all(queries)

    assert together == one_at_a_time(session, queries)


def test_a_chain_longer_than_one_question_is_told_whole(session: DuckDBSession) -> None:
    count = 2 * AT_ONCE + 3
    queries = [("m0", "select a, b, 1::bigint as n from given")]
    queries += [
        (f"m{i}", f"select a, b, m.n + 1 as n from m{i - 1} m join m{i // 2} o using (a, b)") for i in range(1, count)
    ]

    together = session.columns_of_all(queries)

    assert together is not None
    assert list(together) == [f"m{i}" for i in range(count)]
    assert together == one_at_a_time(session, queries)


@pytest.mark.parametrize(
    "wrong",
    [
        "select nothing from given",
        "select * from nowhere",
        "select",
        "select a) from given; drop table given; (select 1",
        "select a, a from given",
        "select a, b as A from given",
        "select g.a, h.a from given g, given h",
        "select a, b as a_1, a from given",
    ],
)
def test_one_query_that_is_wrong_leaves_all_to_be_asked_alone(session: DuckDBSession, wrong: str) -> None:
    queries = (("plain", "select a from given"), ("bad", wrong))

    assert session.columns_of_all(queries) is None
    with pytest.raises(UserCodeError):
        one_at_a_time(session, queries)
    assert session.rows("select count(*) from given") == [(0,)]


def test_a_type_without_a_name_is_left_to_be_asked_alone(session: DuckDBSession) -> None:
    queries = (("one", "select row(1, 'x') as r"),)

    assert session.columns_of_all(queries) is None
    assert one_at_a_time(session, queries)["one"] == (Column("r", "TUPLE(INTEGER, VARCHAR)"),)


def test_a_column_that_is_named_like_a_row_is_no_row(session: DuckDBSession) -> None:
    queries = (
        ("one", 'select 1 as "weft row 0", 2 as b'),
        ("two", 'select "weft row 0" as c, 3 as "weft row 1" from one'),
    )

    together = session.columns_of_all(queries)

    assert together is None or together == one_at_a_time(session, queries)


def test_texts_that_are_parsed_together_give_the_trees_that_each_gives_alone(session: DuckDBSession) -> None:
    texts = ["select 1", "selec", "", "select 'é' as é; select 2", "pivot t on a", "select a from t where b > 1"] * 3

    assert session.parse_all(texts) == [session.parse(text) for text in texts]
    assert session.parse_all([]) == []


def test_a_text_with_a_second_statement_is_no_query_where_weft_puts_its_own_words_around_it(
    session: DuckDBSession,
) -> None:
    for name, make in (("a_view", session.view), ("a_table", session.table)):
        for wrong in ("select 1; drop table given", "", "-- nothing"):
            with pytest.raises(UserCodeError):
                make(name, wrong)
        make(name, "select ';' as a;")
        assert session.rows(f"from {name}") == [(";",)]
    assert session.rows("select count(*) from given") == [(0,)]
