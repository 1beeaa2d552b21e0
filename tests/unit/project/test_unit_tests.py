"""Unit tests in YAML: what they mean, and what is wrong with them with its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.meshes import TestMesh, source_rows, two_products
from tests.unit.runs.published import ORDERS

FILE = f"{ORDERS}/tests/totals.yaml"


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[TestMesh]:
    made = two_products(tmp_path / "mesh")
    source_rows(made, 1, rows=20)
    yield made


def checked(mesh: TestMesh, text: str) -> list[tuple[str, str, str, str | None]]:
    mesh.write(FILE, text)
    with weft.open(mesh.root) as opened:
        return [(d.code, str(d.where), d.what, d.fix) for d in opened.check().diagnostics]


GOOD = """model: totals
tests:
  - name: amounts of a day are added
    given:
      orders:
        rows:
          - {day: 1, amount: 2}
          - {day: 1, amount: 3}
    expect:
      rows:
        - {day: 1, amount: 5}
"""


def test_a_good_file_has_no_problem(mesh):
    assert checked(mesh, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "model: totals",
            "model: total",
            ("WFT-TST-001", f"{FILE}:1:1", "`sales.orders` has no model `total`", "did you mean `totals`?"),
        ),
        (
            "orders:\n",
            "order:\n",
            (
                "WFT-TST-002",
                f"{FILE}:5:7",
                "`order` is nothing that model `totals` is made from",
                "did you mean `orders`?",
            ),
        ),
        (
            "{day: 1, amount: 3}",
            "{day: 1, amont: 3}",
            ("WFT-TST-003", f"{FILE}:8:13", "`orders` has no column `amont`", "did you mean `amount`?"),
        ),
        (
            "{day: 1, amount: 5}",
            "{dey: 1}",
            ("WFT-TST-003", f"{FILE}:11:11", "`totals` has no column `dey`", "did you mean `day`?"),
        ),
        (
            "      orders:\n",
            "      this: {rows: []}\n      orders:\n",
            (
                "WFT-TST-007",
                f"{FILE}:5:7",
                "`this` is not for a model that is built whole, as `totals` is",
                "leave `this` away: the rows that were there before do not matter",
            ),
        ),
        (
            "      rows:\n        - {day: 1, amount: 5}\n",
            "      file: nothing.csv\n",
            ("WFT-TST-005", f"{FILE}:10:7", "the file `nothing.csv` is missing", "did you mean `nothing.cvs`?"),
        ),
        (
            "      rows:\n        - {day: 1, amount: 5}\n",
            "      file: ../../../../../../outside.csv\n",
            (
                "WFT-TST-005",
                f"{FILE}:10:7",
                "`../../../../../../outside.csv` lies outside the mesh",
                "put it beside the test",
            ),
        ),
        (
            "      rows:\n        - {day: 1, amount: 5}\n",
            "      {}\n",
            (
                "WFT-TST-006",
                f"{FILE}:9:5",
                "the test expects nothing",
                "add `rows:`, `csv:`, `file:` or `columns:`",
            ),
        ),
        (
            "      rows:\n        - {day: 1, amount: 5}\n",
            "      rows: []\n      csv: day\n",
            ("WFT-TST-006", f"{FILE}:9:5", "rows are given twice", "keep one of `rows:`, `csv:`, `file:`"),
        ),
        (
            "      rows:\n        - {day: 1, amount: 5}\n",
            "      columns: [day]\n      query: select 1\n",
            ("WFT-TST-006", f"{FILE}:9:5", "a `query` without the rows that it gives", "add `rows:`"),
        ),
        (
            "      rows:\n        - {day: 1, amount: 5}\n",
            "      csv: |\n        day, amount\n        1\n",
            ("WFT-TST-005", f"{FILE}:10:7", "row 1 of the CSV has another number of cells than its header", None),
        ),
        (
            "      rows:\n        - {day: 1, amount: 5}\n",
            "      csv: |\n        day, day\n        1, 2\n",
            ("WFT-TST-005", f"{FILE}:10:7", "the header of the CSV names a column twice", None),
        ),
    ],
)
def test_what_is_wrong_is_told_by_check_with_its_place(mesh, old, new, problem):
    mesh.write(f"{ORDERS}/tests/nothing.cvs", "")
    assert old in GOOD

    assert checked(mesh, GOOD.replace(old, new, 1)) == [problem]


def test_two_tests_of_one_name_are_told(mesh):
    again = GOOD.partition("tests:\n")[2]

    (problem,) = checked(mesh, GOOD + again)

    assert problem[:3] == ("WFT-TST-008", f"{FILE}:12:5", "two tests are named `amounts of a day are added`")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("model: [totals\n", ("WFT-PRJ-002", f"{FILE}:2:1")),
        ("tests: []\n", ("WFT-PRJ-007", f"{FILE}:1:1")),
        ("model: totals\ntests: 3\n", ("WFT-PRJ-005", f"{FILE}:2:1")),
        (GOOD.replace("          - {day: 1, amount: 2}", "          - 5"), ("WFT-PRJ-005", f"{FILE}:7:13")),
        (GOOD.replace("expect:", "expects:"), ("WFT-PRJ-007", f"{FILE}:3:5")),
    ],
)
def test_a_file_that_is_no_file_of_tests_is_told_with_its_line(mesh, text, problem):
    found = [p[:2] for p in checked(mesh, text) if p[0] != "WFT-PRJ-006"]

    assert problem in found


def test_a_broken_test_stops_no_apply(mesh):
    mesh.write(FILE, "model: total\ntests: []\n")

    with weft.open(mesh.root) as opened:
        assert opened.apply().exit_code == 0
