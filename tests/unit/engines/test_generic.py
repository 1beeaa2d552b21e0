"""Errors of a reader's query: words of ours, and nothing but what stands in the reader's own text."""

from __future__ import annotations

import pytest

from weft.engines.duckdb.engine import DuckDBEngine
from weft.errors import Conflict, UserCodeError

SECRET = "zz_hidden"


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    engine = DuckDBEngine("300MB", 1)
    rows = f"SELECT range AS i, '{SECRET}' AS {SECRET} FROM range(9)"
    item = f"(SELECT i AS id, 'n' || i AS name FROM ({rows}) WHERE i >= 0)"
    made = engine.governed(
        {("shop", "crm", "people"): item}, (), temp_folder=str(tmp_path_factory.mktemp("temp")), temp_bytes=10**8
    )
    yield made
    made.close()


def told(session, sql):
    with pytest.raises(UserCodeError) as raised:
        for _ in session.batches(session.stream(sql, 100), sql):
            pass
    return raised.value.diagnostics[0]


@pytest.mark.parametrize(
    ("sql", "what", "place", "fix"),
    [
        ("select nam from shop.crm.people", "there is no column `nam`", (1, 8), "did you mean `name`?"),
        (f"select\n {SECRET} from shop.crm.people", f"there is no column `{SECRET}`", (2, 2), None),
        ("-- é\nselect x.id from shop.crm.people", "there is no table `x.id` in FROM", (2, 8), None),
        ("select sum(name) from shop.crm.people", "no form of `sum` takes values of these types", (1, 8), None),
        ("select id, count(*) from shop.crm.people", "`id` is neither grouped nor aggregated", (1, 8), None),
        (
            "select id from shop.crm.people a, shop.crm.people b",
            "`id` could be a column of several tables", (1, 8), None,
        ),
    ],
)  # fmt: skip
def test_a_name_that_does_not_fit_is_told_with_its_place_in_the_readers_text(session, sql, what, place, fix):
    found = told(session, sql)

    assert (found.code, found.what, (found.where.line, found.where.column), found.fix) == (
        "WFT-SQL-010", what, place, fix,
    )  # fmt: skip


@pytest.mark.parametrize(
    "sql",
    [
        "select name::integer from shop.crm.people",
        "select 1 // (id - id) from shop.crm.people",
        "select strptime(name, '%Y') from shop.crm.people",
        "select (id * 9223372036854775807)::tinyint from shop.crm.people",
        "select (select name from shop.crm.people)",
    ],
)
def test_a_value_that_does_not_fit_is_told_without_it(session, sql):
    found = told(session, sql)

    assert (found.code, found.what, found.where) == ("WFT-ACC-043", "a value made the query fail", None)


def test_a_session_goes_on_after_an_answer_that_was_not_taken_to_its_end(session):
    batches = session.batches(session.stream("select range from range(1000000)", 100), "")
    next(batches)
    batches.close()

    assert [b.num_rows for b in session.batches(session.stream("select 1 as one", 100), "")] == [1]


def test_a_data_file_that_is_gone_is_told_without_its_path(tmp_path):
    gone = tmp_path / "zz_gone.parquet"

    with pytest.raises(Conflict) as raised:
        DuckDBEngine("300MB", 1).governed(
            {("shop", "crm", "people"): f"read_parquet(['{gone}'])"},
            [str(gone)],
            temp_folder=str(tmp_path),
            temp_bytes=10**8,
        )

    assert raised.value.diagnostics[0].code == "WFT-STO-004"
    assert "zz_gone" not in str(raised.value)
