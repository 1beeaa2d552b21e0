"""Footers of Parquet files that a reader's session keeps, as long as they are small."""

from __future__ import annotations

import duckdb
import pytest
from pyarrow import parquet

from weft.engines.duckdb.engine import DuckDBEngine
from weft.engines.parquet_footers import footer_bytes

NAME = ("a", "b", "c")


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "rows.parquet"
    duckdb.execute(f"copy (select i as id, i * 2 as v from range(10000) t(i)) to '{made}' (row_group_size 2048)")
    return str(made)


def keeps(tmp_path, paths):
    with_limits = {"temp_folder": str(tmp_path / "spill"), "temp_bytes": 10**8}
    session = DuckDBEngine("200MB", 1).governed({NAME: f"read_parquet({paths!r})"}, paths, **with_limits)
    sql = "select sum(v) as s, current_setting('parquet_metadata_cache') as kept from a.b.c where id = 77"
    try:
        stream = session.stream(sql, 1000)
        (row,) = next(session.batches(stream, sql)).to_pylist()
        assert row["s"] == 154 * len(paths)
        return row["kept"]
    finally:
        session.close()


def test_the_length_of_footers_is_what_their_reader_says(file, tmp_path):
    (tmp_path / "rows.csv").write_text("id,v\n1,2\n")
    (tmp_path / "empty").touch()
    length = parquet.read_metadata(file).serialized_size

    assert footer_bytes([file, file], 10**6) == 2 * length
    assert footer_bytes([str(tmp_path / name) for name in ("rows.csv", "empty", "missing")], 10**6) == 0
    assert footer_bytes([file] * 10, length) == 2 * length, "it counts no further than it has to"


def test_small_footers_are_kept_for_the_next_query_and_large_ones_are_not(file, tmp_path, monkeypatch):
    assert keeps(tmp_path, [file, file]) is True

    monkeypatch.setattr("weft.engines.duckdb.engine._FOOTERS", 100)
    assert keeps(tmp_path, [file, file]) is False
