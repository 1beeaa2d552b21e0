"""Bounds as Iceberg's readers decode them; none where in doubt."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyiceberg.conversions import from_bytes
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    StringType,
    TimestampType,
    TimestamptzType,
)

from weft.engines.duckdb.engine import DuckDBEngine
from weft.engines.duckdb.session import DuckDBSession
from weft.storage.bounds import bound

EPOCH = dt.datetime(1970, 1, 1)
MICROSECOND = dt.timedelta(microseconds=1)


@given(st.integers(-(2**31), 2**31 - 1))
def test_integers_are_read_again(value: int) -> None:
    for kind, reader in (("int", IntegerType()), ("long", LongType())):
        found = bound(str(value), kind)
        assert found is not None
        assert from_bytes(reader, found) == value


@given(st.integers(-(2**63), 2**63 - 1))
def test_longs_are_read_again(value: int) -> None:
    found = bound(str(value), "long")

    assert found is not None
    assert from_bytes(LongType(), found) == value


@given(st.floats(allow_nan=False))
def test_doubles_are_read_again(value: float) -> None:
    found = bound(repr(value), "double")

    assert found is not None
    assert from_bytes(DoubleType(), found) == value


@given(st.floats(allow_nan=False, width=32))
def test_floats_are_read_again(value: float) -> None:
    found = bound(repr(value), "float")

    assert found is not None
    assert from_bytes(FloatType(), found) == value


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=20))
def test_short_texts_are_read_again_and_long_ones_have_no_bound(value: str) -> None:
    found = bound(value, "string")

    if len(value.encode()) <= 16:
        assert found is not None
        assert from_bytes(StringType(), found) == value
    else:
        assert found is None


@given(st.dates())
def test_dates_are_read_again(value: dt.date) -> None:
    found = bound(value.isoformat(), "date")

    assert found is not None
    assert from_bytes(DateType(), found) == (value - EPOCH.date()).days


@given(st.datetimes())
def test_timestamps_are_read_again(value: dt.datetime) -> None:
    expected = (value - EPOCH) // MICROSECOND

    plain, zoned = bound(str(value), "timestamp"), bound(f"{value}+00", "timestamptz")

    assert plain is not None and zoned is not None
    assert from_bytes(TimestampType(), plain) == expected
    assert from_bytes(TimestamptzType(), zoned) == expected


@settings(max_examples=150)
@given(st.integers(-(10**38) + 1, 10**38 - 1), st.integers(0, 38))
def test_decimals_are_read_again(unscaled: int, scale: int) -> None:
    value = decimal.Decimal(unscaled).scaleb(-scale, decimal.Context(prec=60))

    found = bound(f"{value:f}", f"decimal(38, {scale})")

    assert found is not None
    assert from_bytes(DecimalType(38, scale), found) == value
    assert len(found) == max(1, ((unscaled if unscaled >= 0 else ~unscaled).bit_length() // 8) + 1), "the fewest bytes"


@pytest.mark.parametrize(("text", "value"), [("1", True), ("true", True), ("0", False), ("false", False)])
def test_booleans_are_read_again(text: str, value: bool) -> None:
    found = bound(text, "boolean")

    assert found is not None
    assert from_bytes(BooleanType(), found) is value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2147483648", "int"),
        ("9223372036854775808", "long"),
        ("x", "int"),
        ("", "long"),
        ("nan", "double"),
        ("maybe", "boolean"),
        ("1.005", "decimal(9, 2)"),
        ("infinity", "date"),
        ("5881580-07-10", "date"),
        ("infinity", "timestamp"),
        ("0044-03-15 (BC)", "date"),
        ("\\x00", "binary"),
        ("10:00:00", "time"),
        ("b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "uuid"),
    ],
)
def test_there_is_no_bound_where_in_doubt(text: str, kind: str) -> None:
    assert bound(text, kind) is None


@given(st.text(max_size=20), st.sampled_from(["int", "long", "float", "double", "date", "timestamp", "decimal(9, 2)"]))
def test_odd_text_gives_a_bound_or_none_and_never_fails(text: str, kind: str) -> None:
    found = bound(text, kind)

    assert found is None or isinstance(found, bytes)


def test_nested_types_have_no_bound() -> None:
    assert bound("[1]", {"type": "list", "element-id": 1, "element": "int", "element-required": False}) is None


@pytest.fixture(scope="module")
def session() -> Iterator[DuckDBSession]:
    with DuckDBEngine(threads=1).session() as opened:
        yield opened


@pytest.mark.parametrize(
    ("sql", "kind", "reader", "low", "high"),
    [
        ("(values (-5::integer), (7))", "int", IntegerType(), -5, 7),
        ("(values (-5::tinyint), (7::tinyint))", "int", IntegerType(), -5, 7),
        ("(values (-1.5::double), (2.25::double))", "double", DoubleType(), -1.5, 2.25),
        ("(values (0.1::float), (0.3::float))", "float", FloatType(), 0.10000000149011612, 0.30000001192092896),
        ("(values (false), (true))", "boolean", BooleanType(), False, True),
        ("(values (date '1969-12-31'), (date '2026-01-02'))", "date", DateType(), -1, 20455),
        (
            "(values (timestamp '1969-12-31 23:59:59.999999'), (timestamp '1970-01-01 00:00:01'))",
            "timestamp",
            TimestampType(),
            -1,
            1_000_000,
        ),
        (
            "(values (timestamptz '1970-01-01 01:00:00+01'), (timestamptz '1970-01-01 00:00:01+00'))",
            "timestamptz",
            TimestamptzType(),
            0,
            1_000_000,
        ),
        (
            "(values (-1.25::decimal(9, 2)), (3.5::decimal(9, 2)))",
            "decimal(9, 2)",
            DecimalType(9, 2),
            decimal.Decimal("-1.25"),
            decimal.Decimal("3.50"),
        ),
        (
            "(values (-1.25::decimal(38, 2)), (3.5::decimal(38, 2)))",
            "decimal(38, 2)",
            DecimalType(38, 2),
            decimal.Decimal("-1.25"),
            decimal.Decimal("3.50"),
        ),
        ("(values ('a'), ('zé'))", "string", StringType(), "a", "zé"),
    ],
)
def test_the_text_that_the_writer_gives_is_the_bound_of_the_rows(
    session: DuckDBSession, tmp_path: Any, sql: str, kind: str, reader: Any, low: Any, high: Any
) -> None:
    from weft.model.column import Column

    (file,) = session.copy_out(
        f"select x from {sql} t(x)",
        folder=str(tmp_path),
        root=str(tmp_path),
        field_ids="{x: 1}",
        columns=[Column("x", "any", 1)],
    )

    found = file.statistics[1]
    assert found.minimum is not None and found.maximum is not None
    lower, upper = bound(found.minimum, kind), bound(found.maximum, kind)
    if lower is not None:
        assert from_bytes(reader, lower) <= low
    if upper is not None:
        assert from_bytes(reader, upper) >= high
    if not kind.startswith("decimal(38") and found.exact:
        assert lower is not None and upper is not None
        assert (from_bytes(reader, lower), from_bytes(reader, upper)) == (low, high)
