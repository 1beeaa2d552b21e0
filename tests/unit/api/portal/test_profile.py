"""Figures of columns: put together from those of files, and told to whoever may know them."""

from __future__ import annotations

from typing import Any

from weft.api.portal.profile import profile
from weft.model.column import Column
from weft.model.publication import ColumnStatistics, DataFile, Manifest

COLUMNS = (
    Column("id", "BIGINT", 1, "id"),
    Column("name", "VARCHAR", 2, "name"),
    Column("paid", "BOOLEAN", 3, "paid"),
    Column("sum", "DECIMAL(9,2)", 4, "sum"),
)


def file(rows: int, **statistics: ColumnStatistics) -> DataFile:
    numbers = {c.name: c.field_id for c in COLUMNS}
    return DataFile("f.parquet", rows, 100, {numbers[n]: s for n, s in statistics.items()})


TWO = Manifest(
    COLUMNS,
    (
        file(
            10,
            id=ColumnStatistics(0, "9", "10", 60),
            name=ColumnStatistics(1, "ada", "ben", 30),
            paid=ColumnStatistics(0, "0", "0", 10),
            sum=ColumnStatistics(10, None, None, 0),
        ),
        file(
            5,
            id=ColumnStatistics(0, "11", "100", 60),
            name=ColumnStatistics(2, "zoe", "zoe…", 30, exact=False),
            paid=ColumnStatistics(0, "0", "1", 10),
            sum=ColumnStatistics(0, "-1.50", "9.25", 0),
        ),
    ),
)
RULES = [
    {"rule": "unique", "result": "passed", "column": "id"},
    {"rule": "unique", "result": "failed", "column": "sum"},
]


def standing(**changed: Any) -> dict[str, Any]:
    columns = {c.name: {"shown": "clear", "mask": None, "why": []} for c in COLUMNS}
    for name in changed.pop("masked", ()):
        columns[name]["shown"] = "masked"
    for name in changed.pop("hidden", ()):
        columns[name]["shown"] = "hidden"
    return {"allowed": True, "filtered": False, "columns": columns, **changed}


def figures(**changed: Any) -> dict[str, dict[str, Any]]:
    return {c["name"]: c for c in profile(TWO, standing(**changed), RULES)["columns"]}


def test_numbers_of_several_files_are_compared_as_numbers_and_nulls_are_added():
    found = figures()

    assert (found["id"]["minimum"], found["id"]["maximum"], found["id"]["distinct"]) == ("9", "100", 15)
    assert (found["name"]["minimum"], found["name"]["nulls"], found["name"]["exact"]) == ("ada", 3, False)
    assert (found["paid"]["minimum"], found["paid"]["maximum"]) == ("false", "true")
    assert (found["sum"]["minimum"], found["sum"]["maximum"], found["sum"]["distinct"]) == ("-1.50", "9.25", None)
    assert found["id"]["size_share"] == 0.6


def test_of_a_masked_column_no_value_is_told_and_of_a_hidden_one_nothing():
    found = figures(masked=["name"], hidden=["id"])

    assert (found["name"]["nulls"], found["name"]["minimum"], found["name"]["maximum"]) == (3, None, None)
    assert [found["id"][k] for k in ("nulls", "minimum", "maximum", "size_bytes", "distinct")] == [None] * 5
    assert found["sum"]["maximum"] == "9.25"


def test_who_sees_no_row_or_only_some_is_told_no_figure_of_a_column():
    for whose in ({"allowed": False}, {"filtered": True}):
        for line in figures(**whose).values():
            assert [line[k] for k in ("nulls", "minimum", "maximum", "size_bytes", "distinct")] == [None] * 5


def test_a_file_that_says_nothing_leaves_open_what_is_least_and_how_many_are_null():
    silent = Manifest(COLUMNS, (*TWO.files, DataFile("g.parquet", 3, 10)))

    found = {c["name"]: c for c in profile(silent, standing(), RULES)["columns"]}

    assert all(line["minimum"] is None and line["nulls"] is None for line in found.values())
