"""`weft test`: given rows, expected rows, in any order, and differences that can be read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

import weft
from tests.meshes import TestMesh, source_rows, two_products
from tests.unit.runs.published import ORDERS
from weft.cli.render.unit_tests import junit, report_text
from weft.errors import UsageError, Where
from weft.model.address import ProductAddress
from weft.model.unit_test import Difference, Expected, Outcome, Rows, TestReport, TestResult, UnitTest
from weft.runs.differences import same
from weft.runs.testing import bound_columns, run_tests

MODELS = f"{ORDERS}/models"


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[TestMesh]:
    made = two_products(tmp_path / "mesh")
    source_rows(made, 1, rows=20)
    yield made


def report_of(mesh: TestMesh, *select: str) -> TestReport:
    with weft.open(mesh.root) as opened:
        return opened.test(select)


def one(mesh: TestMesh, given: str, expect: str, model: str = "totals"):
    """The result of a single test."""
    text = f"model: {model}\ntests:\n  - name: it\n    given: {given}\n    expect: {expect}\n"
    mesh.write(f"{ORDERS}/tests/{model}.yaml", text)
    report = report_of(mesh)
    assert report.diagnostics == ()
    (result,) = report.results
    return result


def shown(result) -> list[tuple]:
    return [(d.kind, dict(d.cells), dict(d.instead)) for d in result.differences]


ORDERS_GIVEN = "{orders: {rows: [{day: 1, amount: 2}, {day: 1, amount: 3}, {day: 2, amount: 5}]}}"


def test_rows_are_compared_in_any_order_and_only_in_the_columns_that_are_named(mesh):
    assert one(mesh, ORDERS_GIVEN, "{rows: [{day: 2, amount: 5}, {day: 1, amount: 5}]}").outcome is Outcome.PASSED
    assert one(mesh, ORDERS_GIVEN, "{rows: [{amount: 5}, {amount: 5}]}").outcome is Outcome.PASSED
    assert one(mesh, ORDERS_GIVEN, "{rows: [{amount: 5}]}").outcome is Outcome.FAILED
    assert one(mesh, ORDERS_GIVEN, "{rows: [{amount: 5}, {amount: 5}, {amount: 5}]}").outcome is Outcome.FAILED


def test_a_column_that_is_not_given_is_null_and_so_is_one_that_is_expected_to_be(mesh):
    result = one(mesh, "{orders: {rows: [{day: 1}]}}", "{rows: [{day: 1, amount: null, batch: null}]}")

    assert result.outcome is Outcome.PASSED


def test_models_in_between_are_computed_and_an_input_that_is_not_given_has_no_rows(mesh):
    given = "{raw: {rows: [{id: 1, batch: 1, amount: 7, day: 3}]}}"

    assert one(mesh, given, "{rows: [{day: 3, amount: 7}]}").outcome is Outcome.PASSED
    assert one(mesh, "{}", "{rows: []}").outcome is Outcome.PASSED
    assert one(mesh, given, "{rows: []}").outcome is Outcome.FAILED


def test_a_given_model_stands_in_for_the_computed_one(mesh):
    given = "{raw: {rows: [{id: 1, batch: 1, amount: 7, day: 3}]}, orders: {rows: [{day: 9, amount: 1}]}}"

    assert one(mesh, given, "{rows: [{day: 9, amount: 1}]}").outcome is Outcome.PASSED


def test_differences_tell_missing_unexpected_and_changed_rows(mesh):
    expect = "{rows: [{day: 1, amount: 6}, {day: 2, amount: 5}, {day: 7, amount: 9}]}"
    given = "{orders: {rows: [{day: 1, amount: 5}, {day: 2, amount: 5}, {day: 8, amount: 1}, {day: 6, amount: 2}]}}"

    result = one(mesh, given, expect)

    assert shown(result) == [
        ("changed", {"day": "1", "amount": "5"}, {"amount": "6"}),
        ("missing", {"day": "7", "amount": "9"}, {}),
        ("unexpected", {"day": "6", "amount": "2"}, {}),
        ("unexpected", {"day": "8", "amount": "1"}, {}),
    ]
    assert report_text(TestReport((result,))).splitlines()[:8] == [
        "FAILED  sales.orders.totals: it",
        f"  --> {ORDERS}/tests/totals.yaml:3:5",
        "     day  amount",
        "  ~  1    6 → 5",
        "  -  7    9",
        "  +  6    2",
        "  +  8    1",
        "  - missing  + unexpected  ~ expected → found",
    ]


@pytest.mark.parametrize(
    ("wanted", "found", "told"),
    [
        ("", None, "'' → ∅"),
        ("a ", "a", "'a ' → a"),
        ("∅", None, "'∅' → ∅"),
        ("a\u200b", "a", "a\\u200b → a"),
        ("\x01", "\x02", "\\x01 → \\x02"),
    ],
)
def test_a_difference_that_has_no_glyph_is_seen(wanted, found, told):
    where = Where("tests/totals.yaml", 1)
    test = UnitTest("it", ProductAddress("sales", "orders"), "totals", where, {}, Expected(where))
    result = TestResult(test, Outcome.FAILED, (Difference("changed", {"id": "1", "note": found}, {"note": wanted}),))

    lines = report_text(TestReport((result,))).splitlines()

    assert lines[3] == f"  ~  1   {told}"


def test_a_row_that_is_there_too_often_is_told_as_often(mesh):
    given = "{orders: {rows: [{day: 1, amount: 5}, {day: 2, amount: 5}, {day: 3, amount: 5}]}}"

    assert shown(one(mesh, given, "{rows: [{amount: 5}]}")) == [("unexpected", {"amount": "5"}, {})] * 2


def test_many_differences_are_counted(mesh):
    rows = ", ".join(f"{{day: {i}}}" for i in range(30))

    result = one(mesh, f"{{orders: {{rows: [{rows}]}}}}", "{rows: []}")

    assert (len(result.differences), result.more) == (20, 10)
    assert "… and 10 more differences" in report_text(TestReport((result,)))


def test_rows_may_be_csv_or_a_file_of_csv_json_or_parquet(mesh):
    folder = mesh.path(f"{ORDERS}/tests")
    folder.mkdir()
    (folder / "rows.csv").write_text("day,amount\n1,5\n2,\n")
    (folder / "rows.json").write_text('[{"day": 1, "amount": 5}, {"day": 2}]')
    (folder / "rows.ndjson").write_text('{"day": 1, "amount": 5}\n{"day": 2}\n')
    pq.write_table(pa.table({"day": [1, 2], "amount": [5, None]}), folder / "rows.parquet")
    given = '{orders: {csv: "day, amount\\n1, 2\\n1, 3\\n2,\\n"}}'

    for name in ("rows.csv", "rows.json", "rows.ndjson", "rows.parquet"):
        assert one(mesh, given, f"{{file: {name}}}").outcome is Outcome.PASSED, name
        assert one(
            mesh, f"{{orders: {{file: {name}}}}}", "{rows: [{day: 1, amount: 5}, {day: 2, amount: null}]}"
        ).outcome
    pq.write_table(pa.table({"day": [1, 2], "amount": [5, 6]}), folder / "rows.parquet")
    assert one(mesh, given, "{file: rows.parquet}").outcome is Outcome.FAILED


def types_model(mesh: TestMesh) -> None:
    mesh.write(
        f"{MODELS}/typed.sql",
        "select day, amount::decimal(10,2) / 4 as dec, (amount / 3)::double as dbl, date '2024-02-29' as d, "
        "timestamptz '2024-02-29 12:00:00+00' as tz, ['a', null] as l, {'x': amount, 'y': [1.5::float]} as s, "
        "map {'k': amount} as m, 'x'::blob as b, uuid '00000000-0000-0000-0000-000000000001' as u, "
        "'{\"a\": 1}'::json as j from orders",
    )
    mesh.edit(f"{MODELS}/totals.sql", "from orders", "from orders where (select count(*) from typed) >= 0")


def test_values_of_every_kind_are_compared_in_the_columns_type(mesh):
    types_model(mesh)
    expect = (
        "{rows: [{dec: 0.5, dbl: 0.66666666667, d: 2024-02-29, tz: '2024-02-29 13:00:00+01', l: [a, null], "
        "s: {x: 2, y: [1.5]}, m: {k: 2}, b: x, u: 00000000-0000-0000-0000-000000000001, j: {a: 1}}]}"
    )

    result = one(mesh, "{orders: {rows: [{day: 1, amount: 2}]}}", expect, "typed")

    assert (result.outcome, shown(result), result.diagnostics) == (Outcome.PASSED, [], ())
    for old, new in (
        ("0.5", "0.51"),
        ("0.66666666667", "0.6667"),
        ("x: 2", "x: 3"),
        ("{k: 2}", "{k: 3}"),
        ("+01", "+02"),
    ):
        changed = expect.replace(old, new)
        assert one(mesh, "{orders: {rows: [{day: 1, amount: 2}]}}", changed, "typed").outcome is Outcome.FAILED, old


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (0.1 + 0.2, 0.3, True),
        (1.0, 1.000001, False),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        ({"a": [1.0 + 1e-12]}, {"a": [1.0]}, True),
        ({"a": 1.0}, {"b": 1.0}, False),
        ((1.0, "a"), (1.0, "b"), False),
        (0.0, 1e-13, True),
        (None, 0.0, False),
    ],
)
def test_floating_point_numbers_are_the_same_up_to_a_part_in_ten_to_the_ninth(left, right, equal):
    assert same(left, right) is equal


def test_columns_can_be_expected_with_or_without_types(mesh):
    names = one(mesh, "{}", "{columns: [amount, day, batch]}")
    types = one(mesh, "{}", "{columns: {day: int, batch: INTEGER, amount: INTEGER}}")
    wrong = one(mesh, "{}", "{columns: {day: text, amount: integer, extra: integer}}")

    assert (names.outcome, types.outcome) == (Outcome.PASSED, Outcome.PASSED)
    assert shown(wrong) == [
        ("column", {"day": "INTEGER"}, {"day": "VARCHAR"}),
        ("column", {"extra": None}, {"extra": "INTEGER"}),
        ("column", {"batch": "INTEGER"}, {"batch": None}),
    ]
    assert report_text(TestReport((wrong,))).splitlines()[2:5] == [
        "  ~ column day is INTEGER, expected VARCHAR",
        "  - column extra is missing",
        "  + column batch (INTEGER) is not expected",
    ]


def test_a_query_over_the_model_may_be_expected_to_give_rows(mesh):
    expect = "{query: select count(*) as n from totals, rows: [{n: 2}]}"

    assert one(mesh, ORDERS_GIVEN, expect).outcome is Outcome.PASSED
    assert one(mesh, ORDERS_GIVEN, expect.replace("n: 2", "n: 3")).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("select * from read_csv('/etc/passwd')", "the query of test `it`"),
        ("select * from raw", "the query of test `it`: it names `raw`"),
        ("select nothing from totals", "the query: "),
        ("copy totals to 'x'", "the query of test `it`"),
    ],
)
def test_a_query_passes_the_same_allow_list_as_a_model(mesh, query, what):
    result = one(mesh, ORDERS_GIVEN, f'{{query: "{query}", rows: [{{n: 2}}]}}')

    assert result.outcome is Outcome.ERROR
    assert {d.code for d in result.diagnostics} == {"WFT-TST-009"}
    assert result.diagnostics[0].what.startswith(what)


def test_csv_without_rows_whose_header_names_no_column_makes_no_test_pass(mesh):
    given = one(mesh, '{orders: {csv: "orders.csv"}}', "{rows: []}")
    expected = one(mesh, "{orders: {csv: 'day,amount'}}", "{csv: totals.csv}")

    told = [(r.outcome, r.diagnostics[0].code, r.diagnostics[0].what) for r in (given, expected)]
    assert told == [
        (Outcome.ERROR, "WFT-TST-003", "`orders` has no column `orders.csv`"),
        (Outcome.ERROR, "WFT-TST-003", "`totals` has no column `totals.csv`"),
    ]
    assert one(mesh, "{orders: {csv: 'day,amount'}}", "{csv: 'day,amount'}").outcome is Outcome.PASSED


def test_a_value_that_is_not_of_its_columns_type_is_told_with_its_line(mesh):
    given = one(mesh, "{orders: {rows: [{day: 1},\n      {day: soon}]}}", "{rows: []}")
    expected = one(mesh, ORDERS_GIVEN, "{rows: [{day: 1.5.2}]}")

    for result, line, what in (
        (given, 5, "`soon` is no INTEGER, as `orders.day` is"),
        (expected, 5, "`1.5.2` is no INTEGER, as `totals.day` is"),
    ):
        assert result.outcome is Outcome.ERROR
        (problem,) = result.diagnostics
        assert (problem.code, problem.where.line, problem.what) == ("WFT-TST-004", line, what)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("DECIMAL(10,2)", "1.001"),
        ("BIGINT", "1.5"),
        ("DATE", "2026-01-01 12:00:00"),
        ("STRUCT(n INTEGER)", "{n: 1.5}"),
        ("MAP(VARCHAR, DECIMAL(4,1))", "{a: 1.25}"),
        ("INTEGER[]", "[1, 1.5]"),
    ],
)
def test_a_value_that_its_column_would_round_is_told_and_makes_no_test_pass(mesh, type_, value):
    mesh.write(f"{MODELS}/wide.sql", f"select CAST(NULL AS {type_}) as it, day from orders")

    result = one(mesh, "{orders: {rows: [{day: 1}]}}", f"{{rows: [{{it: {value}, day: 1}}]}}", model="wide")

    assert result.outcome is Outcome.ERROR
    (told,) = result.diagnostics
    assert told.code == "WFT-TST-004"
    assert f"becomes another value as {type_}" in told.what
    assert told.where is not None and told.where.line


@pytest.mark.parametrize(
    ("type_", "value"),
    [("DECIMAL(10,2)", "1.10000"), ("BIGINT", "'7.0'"), ("DATE", "2026-01-01 00:00:00"), ("DOUBLE", "1.123456789")],
)
def test_a_value_that_is_written_longer_than_its_column_shows_it_is_the_same_value(mesh, type_, value):
    sql = f"select CAST('{value.strip(chr(39))}' AS {type_}) as it, day from orders"
    mesh.write(f"{MODELS}/wide.sql", sql)

    result = one(mesh, "{orders: {rows: [{day: 1}]}}", f"{{rows: [{{it: {value}, day: 1}}]}}", model="wide")

    assert result.outcome is Outcome.PASSED, result


def test_a_model_that_fails_on_given_rows_is_an_error_with_its_place(mesh):
    mesh.edit(f"{MODELS}/totals.sql", "select day,", "select (day || 'x')::integer as day,")
    mesh.edit(f"{MODELS}/totals.sql", "group by day", "group by all")

    result = one(mesh, ORDERS_GIVEN, "{rows: []}")

    assert result.outcome is Outcome.ERROR
    assert result.diagnostics[0].where.file == f"{MODELS}/totals.sql"


def test_tests_that_follow_one_another_do_not_see_each_others_rows(mesh):
    tests = "".join(
        f"  - name: t{i}\n    given: {{orders: {{rows: [{{day: {i}, amount: {i}}}]}}}}\n"
        f"    expect: {{rows: [{{day: {i}, amount: {i}}}]}}\n"
        for i in range(5)
    )
    empty = "  - name: empty\n    expect: {rows: []}\n"
    mesh.write(f"{ORDERS}/tests/totals.yaml", f"model: totals\ntests:\n{empty}{tests}{empty.replace('empty', 'again')}")

    report = report_of(mesh)

    assert (len(report.results), report.count(Outcome.PASSED), report.exit_code) == (7, 7, 0)


def test_python_models_are_tested_alike_and_run_anew_for_each_test(mesh):
    mesh.path(f"{MODELS}/totals.sql").unlink()
    mesh.write(
        f"{MODELS}/totals.py",
        "import polars as pl\n\ndef totals(kept: pl.DataFrame):\n"
        "    return kept.group_by('day').agg(pl.col('batch').max(), pl.col('amount').sum())\n",
    )
    mesh.write(f"{MODELS}/kept.py", "def kept(orders):\n    return orders\n")
    mesh.write(
        f"{ORDERS}/tests/totals.yaml",
        "model: totals\ntests:\n"
        f"  - name: added\n    given: {ORDERS_GIVEN}\n"
        "    expect: {rows: [{day: 1, amount: 5}, {day: 2, amount: 5}]}\n"
        "  - name: other\n    given: {orders: {rows: [{day: 4, amount: 1}]}}\n"
        "    expect: {rows: [{day: 4, amount: 2}]}\n",
    )

    report = report_of(mesh)

    assert [r.outcome for r in report.results] == [Outcome.PASSED, Outcome.FAILED]
    assert shown(report.results[1]) == [("changed", {"day": "4", "amount": "1"}, {"amount": "2"})]


def test_tests_are_chosen_by_model_product_domain_or_by_ports(mesh):
    expect = "  - name: it\n    expect: {rows: []}\n"
    for path, model in ((ORDERS, "totals"), (ORDERS, "orders"), ("domains/report/daily", "big")):
        mesh.write(f"{path}/tests/{model}.yaml", f"model: {model}\ntests:\n{expect}")

    def names(*select: str) -> list[str]:
        return [r.test.model for r in report_of(mesh, *select).results]

    assert names() == ["big", "orders", "totals"]
    assert names("sales.orders.totals") == ["totals"]
    assert names("sales") == ["orders", "totals"]
    assert names("sales.orders.orders@1") == ["orders"]
    assert names("+report.daily") == ["big", "orders", "totals"]
    assert names("report", "sales.orders.orders") == ["big", "orders"]
    assert names("changed") == ["big", "orders", "totals"]
    with pytest.raises(UsageError, match="WFT-PLN-008"):
        names("sales.order")


def test_a_broken_file_ends_with_two_and_the_others_are_run(mesh):
    mesh.write(f"{ORDERS}/tests/totals.yaml", "model: totals\ntests:\n  - name: it\n    expect: {rows: []}\n")
    mesh.write(f"{ORDERS}/tests/other.yaml", "model: nothing\ntests:\n  - name: it\n    expect: {rows: []}\n")

    done = mesh.weft("test")

    assert done.returncode == 2
    assert f"--> {ORDERS}/tests/other.yaml:1:1" in done.stderr
    assert done.stdout.startswith("1 passed")


def test_the_command_ends_with_one_when_a_test_fails_and_prints_json_or_junit(mesh):
    mesh.write(
        f"{ORDERS}/tests/totals.yaml",
        f"model: totals\ntests:\n  - name: a < b\n    given: {ORDERS_GIVEN}\n    expect: {{rows: []}}\n"
        "  - name: fine\n    expect: {rows: []}\n",
    )

    document = mesh.json("test", expect=1)
    written = mesh.weft("test", "--format", "junit", "--out", "tests.xml")

    assert (document["passed"], document["failed"], document["errors"]) == (1, 1, 0)
    assert document["tests"][0]["differences"][0] == {
        "kind": "unexpected",
        "cells": {"day": "1", "batch": None, "amount": "5"},
        "instead": {},
    }
    assert written.returncode == 1
    suite = ElementTree.parse(mesh.path("tests.xml")).getroot()
    assert dict(suite.attrib) == {"name": "weft test", "tests": "2", "failures": "1", "errors": "0", "skipped": "0"}
    first, second = suite
    assert (first.get("classname"), first.get("name")) == ("sales.orders.totals", "a < b")
    assert (first[0].tag, len(second)) == ("failure", 0)


def test_junit_tells_a_test_that_could_not_be_run_as_an_error(mesh):
    result = one(mesh, "{orders: {rows: [{day: soon}]}}", "{rows: []}")

    suite = ElementTree.fromstring(junit(TestReport((result,))))

    assert (suite.get("errors"), suite[0][0].tag) == ("1", "error")
    assert suite[0][0].get("message") == "`soon` is no INTEGER, as `orders.day` is"


def test_rows_that_were_there_before_a_whole_build_are_refused_and_never_overlooked(mesh):
    report = one(mesh, "{}", "{rows: []}")
    with weft.open(mesh.root) as opened:
        loaded = opened._rooms.repository()
        before = replace(report.test, given={"this": Rows(report.test.where)})

        (result,) = run_tests([before], loaded.mesh, bound_columns(loaded.desired), opened._rooms.context(loaded))

    assert (result.outcome, [d.code for d in result.diagnostics]) == (Outcome.ERROR, ["WFT-TST-007"])
