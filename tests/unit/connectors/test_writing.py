"""Batches of rows from a source are files of which DuckDB finds the rows that are in them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from weft.connectors.writing import streamed

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)


class Rows:
    """A source of these rows."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    def streams(self, queries: Sequence[str]) -> list[AbstractContextManager[pa.RecordBatchReader]]:
        @contextmanager
        def stream() -> Iterator[pa.RecordBatchReader]:
            yield self.rows.to_reader()

        return [stream() for _ in queries]


def landed(rows: pa.Table, folder: Path) -> Path:
    streamed(Rows(rows), ["all"], folder, "full", "b1", NOW)  # type: ignore[arg-type]
    return folder / "full-0.parquet"


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("word IS NULL", [2]),
        ("word IS DISTINCT FROM 'a'", [2]),
        ("bytes IS NULL", [2]),
        ("number > 1", [3]),
        ("number <> 1", [3]),
        ("number <= 1", [1]),
        ("number = 'nan'", [3]),
        ("half > 1", [3]),
        ("whole IS NULL", [2]),
        ("day IS DISTINCT FROM '1970-01-06'", [2]),
    ],
)
def test_a_condition_finds_nulls_and_what_is_no_number_in_what_was_landed(condition, found, tmp_path):
    nan = float("nan")
    rows = pa.table(
        {
            "id": [1, 2, 3],
            "word": ["a", None, "a"],
            "bytes": [b"a", None, b"a"],
            "number": [1.0, None, nan],
            "half": pa.array([1.0, None, nan], pa.float32()),
            "whole": [5, None, 5],
            "day": pa.array([5, None, 5], pa.date32()),
        }
    )

    file = landed(rows, tmp_path)

    with duckdb.connect() as made:
        assert made.execute(f"SELECT id FROM '{file}' WHERE {condition}").fetchall() == [(one,) for one in found]


def test_the_bounds_of_what_is_counted_and_dated_still_stand_in_what_was_landed(tmp_path):
    rows = pa.table({"id": [1, 2], "day": pa.array([5, 6], pa.date32()), "at": [NOW, NOW]})

    chunks = pq.read_metadata(landed(rows, tmp_path)).row_group(0)

    assert [chunks.column(number).is_stats_set for number in range(3)] == [True, True, True]
