"""Rows on the command line: the forms in which an answer is written."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from weft.access.result import Result, ResultColumn
from weft.cli.rows import format_and_limit, write_result


@pytest.fixture
def answer() -> Result:
    table = pa.table({"name": ["Ada", None], "at": pa.array([1, 2], pa.date32())})
    return Result((ResultColumn("name", "VARCHAR"), ResultColumn("at", "DATE")), table, False, {}, lambda t: t)


def test_rows_go_out_as_one_object_of_json_for_each_line(answer, tmp_path, capsys):
    expected = [{"name": "Ada", "at": "1970-01-02"}, {"name": None, "at": "1970-01-03"}]

    write_result(answer, "ndjson", None)
    write_result(answer, "ndjson", tmp_path / "rows.ndjson")

    shown = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in shown] == expected
    assert (tmp_path / "rows.ndjson").read_text().splitlines() == shown


def test_the_ending_of_a_file_names_its_form_and_a_table_alone_is_cut(tmp_path):
    endings = ("json", "ndjson", "csv", "arrow", "parquet")

    found = [format_and_limit(None, None, tmp_path / f"rows.{ending}") for ending in endings]

    assert found == [(ending, None) for ending in endings]
    assert format_and_limit(None, None, None) == ("table", 100)
