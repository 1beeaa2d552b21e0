"""Every type of DuckDB in every format of a result, against the text that DuckDB itself writes."""

from __future__ import annotations

import csv
import io
import json
import math
import re

import duckdb
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from weft.access.json_columns import json_rows
from weft.access.result import Result, ResultColumn, json_value
from weft.engines.duckdb.engine import DuckDBEngine

CARRIED = """
true
(-128)::tinyint | (-32768)::smallint | 1::integer | 9223372036854775807::bigint | 1::hugeint
170141183460469231731687303715884105727::hugeint | (-170141183460469231731687303715884105727)::hugeint - 1
255::utinyint | 65535::usmallint | 4294967295::uinteger | 18446744073709551615::ubigint
3.4::float | 16777216.0::float | 1e-7::float | 3.4028235e38::float | 'nan'::float | '-inf'::float | -0.0::float
0.1::double | 1e15::double | 1e16::double | 1e300::double | 'nan'::double | 'inf'::double | -0.0::double
1.5::decimal(4,1) | 99999999999999999999999999999999999.999::decimal(38,3)
(-0.001)::decimal(38,38) | 0::decimal(18,8) | 0.5::decimal(4,4)
'it''s "x", y' | '' | 'null' | e'two\\nlines' | 'é∅'
'\\x00\\xFFa'::blob | ''::blob
'00000000-0000-0000-0000-0000000000ff'::uuid | 'b c'::enum('a', 'b c') | '{"x": 1}'::json
date '2024-02-29' | make_date(2000000, 1, 1) | date 'infinity' | date '-infinity' | date '0044-03-15 (BC)'
date '0001-01-01' | date '9999-12-31'
time '12:34:56.789' | '24:00:00'::time | '23:59:59.123456789'::time_ns | '24:00:00'::time_ns | '01:02:03'::time_ns
timestamp '2024-01-01 12:00:00' | timestamp '2024-01-01 12:00:00.123456' | timestamp '0044-03-15 (BC) 00:00:00'
timestamp '290000-01-01' | timestamp 'infinity' | timestamp '-infinity' | timestamp '0001-01-01'
timestamp '9999-12-31 23:59:59.999999'
'2024-01-01 12:00:00'::timestamp_s | '290000-01-01'::timestamp_s | 'infinity'::timestamp_s | ['-infinity'::timestamp_s]
'2024-01-01 12:00:00.5'::timestamp_ms | '290000-01-01'::timestamp_ms | '-infinity'::timestamp_ms
'2024-01-01 12:00:00.123456789'::timestamp_ns | '2024-01-01'::timestamp_ns | 'infinity'::timestamp_ns
'-infinity'::timestamp_ns | '1950-01-01 00:00:00.123456'::timestamp_ns
timestamptz '2024-01-01 12:00:00+02' | timestamptz '290000-01-01' | timestamptz 'infinity'
timestamptz '0044-03-15 (BC) 00:00:00+00' | '2024-01-01 12:00:00.123456789+02'::timestamptz_ns
[1, null, 3] | []::integer[] | [[1], [], null] | ['a''b', 'c,d', null, ''] | [1, 2]::integer[2] | [0.1::float]
[null, [1, 2]]::integer[2][] | [date '2024-01-01', date 'infinity', null] | ['24:00:00'::time]
{'a': 3.4::float, 'b': null, 'c': date '2024-01-01'} | {'A b': {'t': timestamp 'infinity'}} | {'j': '{"x":1}'::json}
map {'a': 1, 'b': null} | map {[1]: 'x'} | map {date '2024-01-01': date 'infinity'} | map {}::map(varchar, integer)
{'m': map {'k': [1::hugeint]}} | [99999999999999999999999999999999999999::hugeint, null]
[100000000000000000000000000000000000000::hugeint] | ['b c'::enum('a', 'b c')]
['x'::blob] | {'u': '00000000-0000-0000-0000-0000000000ff'::uuid}
null | [null]
"""
AS_TEXT = """
'101'::bit | ''::bit
'1'::bignum | '123456789012345678901234567890123456789012345678901234567890'::bignum | '-5'::bignum
1::uhugeint | 340282366920938463463374607431768211455::uhugeint
'12:00:00+02'::timetz | '24:00:00-15:59:59'::timetz
interval 1 day | interval '1 year 2 months -3 days 04:05:06.789'
union_value(a := 1) | 'x'::union(a integer, b varchar)
1::variant | [1, 'x'::variant] | {'a': 1}::variant
'POINT (1 2)'::geometry | get_type(1) | (1, 'a') | row(1, [2])
[interval 1 day] | {'i': interval 1 day, 'n': 1} | map {'k': '101'::bit} | ['12:00:00+02'::timetz]::timetz[1]
[{'u': union_value(a := 1)}] | map {1::uhugeint: '1'::bignum}
"""


def split(text: str) -> list[str]:
    return [part for line in text.strip().splitlines() for part in re.split(r" \| ", line)]


@pytest.fixture(scope="module")
def engine():
    made = DuckDBEngine(threads=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def asked(engine):
    def ask(sql: str, limit: int | None = None) -> tuple[Result, list[tuple[str | None, ...]]]:
        with engine.session() as session:
            columns = session.columns(sql)
            table, truncated = session.arrow(sql, limit)
            names = ", ".join(f"({c.name})::varchar" for c in columns)
            texts = session.rows(f"select {names} from ({sql})")
        return Result(tuple(ResultColumn(c.name, c.type) for c in columns), table, truncated, {}, engine.texts), texts

    return ask


def cell(expression: str) -> str:
    """A column with the value between nulls."""
    return f"select x from (values (1, null), (2, {expression}), (3, null), (4, {expression})) as t(n, x) order by n"


@pytest.mark.parametrize("expression", split(CARRIED) + split(AS_TEXT))
def test_every_format_says_what_duckdb_says(asked, reader, expression: str) -> None:
    result, texts = asked(cell(expression))

    expected = [row[0] for row in texts]
    assert [row[0] for row in result.text_rows()] == expected

    written = io.BytesIO()
    result.write(written, "csv")
    found = [row[0] if row else "" for row in csv.reader(io.StringIO(written.getvalue().decode(), newline=""))]
    assert found[0] == "x"
    assert len(found) - 1 == len(expected)
    numeric = result.columns[0].type.startswith(("FLOAT", "DOUBLE", "DECIMAL")) and "[" not in result.columns[0].type
    for text, other in zip(found[1:], expected, strict=True):
        assert same_number(text, other) if numeric and other else text == (other or "")

    for format, read in (("parquet", parquet.read_table), ("arrow", lambda f: pa.ipc.open_stream(f).read_all())):
        written = io.BytesIO()
        result.write(written, format)
        back = read(io.BytesIO(written.getvalue()))
        reader.register("back", back)
        assert [v for (v,) in reader.sql("select x::varchar from back").fetchall()] == expected, format
        if expression in split(AS_TEXT):
            assert back.schema.field("x").type == pa.string()

    rows = result.rows()
    assert [row[0] is None for row in rows] == [t is None for t in expected]
    assert repr([list(row) for row in json_rows(result)]) == repr([[json_value(v) for v in row] for row in rows])
    document = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert len(document["rows"]) == len(expected)

    frames = [result.pandas()["x"], result.polars()["x"]]
    assert [len(values) for values in frames] == [len(expected)] * 2
    if result.columns[0].type == "HUGEINT" or pa.types.is_string(result.table.schema.types[0]):
        for values in frames:
            assert [str(v) for v, t in zip(values, expected, strict=True) if t is not None] == [
                t for t in expected if t is not None
            ]


def same_number(text: str, other: str) -> bool:
    return float(text) == float(other) or (math.isnan(float(text)) and math.isnan(float(other)))


@pytest.mark.parametrize(
    "expression",
    [
        "timestamp '1969-12-31 23:59:59'", "timestamp '0001-01-01'", "timestamp '9999-12-31 23:59:59'",
        "timestamptz '1969-12-31 23:59:59+00'", "timestamptz '0999-03-01 00:00:01+00'", "date '0044-03-15'",
        "'9999-12-31 23:59:59'::timestamp_s", "'2024-01-01 12:00:00'::timestamp_ms", "9007199254740992::bigint",
        "(-9007199254740993)::bigint", "9007199254740993::ubigint", "1e22::double", "-0.0::double",
    ],
)  # fmt: skip
def test_columns_are_written_as_json_has_their_values_one_by_one(asked, expression: str) -> None:
    result, _ = asked(cell(expression))

    assert repr([list(row) for row in json_rows(result)]) == repr([[json_value(v) for v in r] for r in result.rows()])


@pytest.fixture(scope="module")
def reader():
    with duckdb.connect(":memory:", config={"threads": "2"}) as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


@pytest.mark.parametrize("expression", ["'101'::bit", "date 'infinity'", "[interval 1 day]", "1::uhugeint"])
def test_duckdbs_name_of_a_type_is_kept_when_its_values_are_text(asked, expression: str) -> None:
    result, _ = asked(f"select {expression} as x")

    told = {"'101'::bit": "BIT", "date 'infinity'": "DATE", "[interval 1 day]": "INTERVAL[]", "1::uhugeint": "UHUGEINT"}
    assert result.columns[0].type == told[expression]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("3.4::float", 3.4),
        ("[3.4::float]", [3.4]),
        ("'nan'::float", None),
        ("'inf'::double", None),
        ("1::hugeint", 1),
        ("[9007199254740993::hugeint, 1]", ["9007199254740993", 1]),
        ("170141183460469231731687303715884105727::hugeint", "170141183460469231731687303715884105727"),
        ("1::uhugeint", 1),
        ("340282366920938463463374607431768211455::uhugeint", "340282366920938463463374607431768211455"),
        ("12::bignum", 12),
        ("repeat('9', 5000)::bignum", "9" * 5000),
        ("1.50::decimal(38,2)", "1.50"),
        ("0::decimal(18,8)", "0.00000000"),
        ("'101'::bit", "101"),
        ("'12:00:00+02'::timetz", "12:00:00+02"),
        ("'24:00:00'::time", "24:00:00"),
        ("time '12:00:00'", "12:00:00"),
        ("interval 1 day", "1 day"),
        ("date 'infinity'", "infinity"),
        ("date '2024-01-01'", "2024-01-01"),
        ("timestamp '0044-03-15 (BC) 00:00:00'", "0044-03-15 (BC) 00:00:00"),
        ("timestamp '2024-01-01 12:00:00'", "2024-01-01T12:00:00"),
        ("timestamptz '2024-01-01 12:00:00+02'", "2024-01-01T10:00:00+00:00"),
        ("'2024-01-01 12:00:00.123456789'::timestamp_ns", "2024-01-01T12:00:00.123456789"),
        ("'2024-01-01 12:00:00.123456789'::timestamptz_ns", "2024-01-01T12:00:00.123456789+00:00"),
        ("'2024-01-01 12:00:00.123'::timestamp_ns", "2024-01-01T12:00:00.123000"),
        ("'\\x00\\xFF'::blob", "AP8="),
        ("map {'a': 1, 'b': null}", {"a": 1, "b": None}),
        ("map {1: 'x'}", {"1": "x"}),
        ("map {[1]: 'x'}", [[[1], "x"]]),
        ("{'a': date 'infinity', 'b': [null, date '2024-01-01']}", {"a": "infinity", "b": [None, "2024-01-01"]}),
        ("1::variant", "1"),
        ("'POINT(1 2)'::geometry", "POINT (1 2)"),
    ],
)
def test_values_in_json_are_those_of_their_type(asked, expression: str, expected: object) -> None:
    result, _ = asked(cell(expression))

    assert [row[0] for row in result.as_json()["rows"]] == [None, expected, None, expected]


def test_data_frames_keep_nanoseconds_and_get_text_for_what_they_cannot_hold(asked) -> None:
    result, _ = asked(
        "select '2024-01-01 12:00:00.123456789'::timestamp_ns as ns, timestamp 'infinity' as never, "
        "'24:00:00'::time as t, [date 'infinity'] as d, 'infinity'::timestamp_ns as i"
    )

    for row in (result.pandas().to_dict("records")[0], result.polars().to_dicts()[0]):
        assert [row[name] for name in ("never", "t", "d", "i")] == ["infinity", "24:00:00", "[infinity]", "infinity"]
    assert result.pandas()["ns"][0].isoformat() == "2024-01-01T12:00:00.123456789"
    assert str(result.polars()["ns"].dtype).startswith("Datetime")


def test_a_limit_and_an_order_hold_for_columns_that_are_given_as_text(asked) -> None:
    result, _ = asked("select to_days(n::integer) as i, n from range(300_000) as t(n) order by n desc", 200_000)

    assert result.truncated
    assert result.table.column("n").to_pylist() == list(range(299_999, 99_999, -1))
    assert result.table.column("i")[0].as_py() == "299999 days"


def test_nested_rows_survive_slices_and_nulls_that_hide_values(engine) -> None:
    inner = pa.array([[1], [2, 3], None, [4]], pa.list_(pa.int64()))
    maps = pa.array([[("a", 1)], [("b", 2)], None, [("c", 3)]], pa.map_(pa.string(), pa.int64()))
    fixed = pa.array([[1, 2], None, [3, 4], [5, 6]], pa.list_(pa.int64(), 2))
    table = pa.table({"l": inner, "m": maps, "f": fixed}).slice(1)
    columns = tuple(ResultColumn(n, "") for n in table.column_names)

    assert Result(columns, table, False, {}, engine.texts).rows() == [
        ([2, 3], {"b": 2}, None),
        (None, None, [3, 4]),
        ([4], {"c": 3}, [5, 6]),
    ]
