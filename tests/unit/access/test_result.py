import datetime as dt
import decimal
import io
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from msgspec import structs

from weft.access.result import Result, ResultColumn, json_value, replacing
from weft.engines.duckdb.engine import DuckDBEngine
from weft.errors import UsageError, error


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


def test_a_file_is_replaced_when_all_of_it_is_written(tmp_path):
    target, link = tmp_path / "rows.csv", tmp_path / "link.csv"
    target.write_text("before")
    target.chmod(0o600)
    link.symlink_to(target)

    result(a=[1]).write(link, "csv")

    assert target.read_text() == '"a"\n1\n'
    assert target.stat().st_mode & 0o777 == 0o600
    assert link.is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.csv", "rows.csv"]


def test_nothing_is_written_when_a_value_cannot_be(tmp_path):
    def failing(table):
        raise UsageError(error("WFT-CLI-001", "no text"))

    one, stream = structs.replace(result(a=[[1]]), texts=failing), io.BytesIO()
    for target in (tmp_path / "rows.csv", stream):
        with pytest.raises(UsageError):
            one.write(target, "csv")

    assert stream.getvalue() == b""
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_fails_half_way_leaves_what_was_there(tmp_path):
    target = tmp_path / "rows.json"
    target.write_text("before")

    with pytest.raises(OSError, match="disk"), replacing(target) as file:
        file.write(b"half")
        raise OSError("disk")

    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_device_is_written_directly():
    result(a=[1]).write(Path("/dev/null"), "csv")

    assert not Path("/dev/null").is_file()
