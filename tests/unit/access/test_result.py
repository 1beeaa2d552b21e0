import datetime as dt
import decimal
import io
import sys

import pyarrow as pa
import pytest

from weft.access.result import Result, ResultColumn, json_value
from weft.engines.duckdb.engine import DuckDBEngine
from weft.errors import UsageError


def result(**columns):
    table = pa.table(columns)
    return Result(
        tuple(ResultColumn(n, str(t)) for n, t in zip(table.schema.names, table.schema.types, strict=True)),
        table,
        False,
        {},
        DuckDBEngine(threads=1).texts,
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**53, 2**53),
        (2**53 + 1, str(2**53 + 1)),
        (decimal.Decimal("1.50"), "1.50"),
        (float("nan"), None),
        (float("inf"), None),
        (dt.datetime(2013, 1, 1, 10, tzinfo=dt.UTC), "2013-01-01T10:00:00+00:00"),
        (dt.datetime(2013, 1, 1, 10), "2013-01-01T10:00:00"),
        (dt.date(2013, 1, 1), "2013-01-01"),
        (b"\x00\xff", "AP8="),
        ([1, {"a": decimal.Decimal(1)}], [1, {"a": "1"}]),
        (True, True),
        (None, None),
    ],
)
def test_values_in_json_lose_nothing(value, expected):
    assert json_value(value) == expected


def test_a_result_is_written_as_csv_arrow_and_parquet():
    one = result(a=[1, None], b=["x", "y"], c=[[1], [2]])
    csv, arrow, parquet = io.BytesIO(), io.BytesIO(), io.BytesIO()

    one.write(csv, "csv")
    one.write(arrow, "arrow")
    one.write(parquet, "parquet")

    assert csv.getvalue().splitlines()[1] == b'1,"x","[1]"'
    assert pa.ipc.open_stream(arrow.getvalue()).read_all().equals(one.table)
    assert parquet.getvalue()[:4] == b"PAR1"


def test_an_unknown_format_is_refused():
    with pytest.raises(UsageError):
        result(a=[1]).write(io.BytesIO(), "xml")


def test_a_package_that_is_missing_is_named_with_its_pip_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)

    with pytest.raises(UsageError) as caught:
        result(a=[1]).polars()

    assert caught.value.diagnostics[0].fix == "pip install polars"
