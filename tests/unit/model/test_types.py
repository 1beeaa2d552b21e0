"""What a contract says of a type against what DuckDB has."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from tests.unit.contracts.support import a_contract, col, custom
from weft.model.odcs import Property
from weft.model.types import duck_type, fits, logical_type, misfit, normalise, widens


def prop(logical: str | None = None, **fields: Any) -> Property:
    return a_contract(col("c", logical, **fields)).table.properties[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int", "INTEGER"),
        ("character varying(20)", "VARCHAR"),
        ("numeric(10, 2)", "DECIMAL(10,2)"),
        ("decimal", "DECIMAL(18,3)"),
        ("timestamp with time zone", "TIMESTAMPTZ"),
        ("TIMESTAMP_NTZ", "TIMESTAMP"),
        ("double precision", "DOUBLE"),
        ("float(53)", "DOUBLE"),
        ("int[3][]", "INTEGER[3][]"),
        ("array<struct<a:int,b:map<string,bigint>>>", "STRUCT(a INTEGER, b MAP(VARCHAR, BIGINT))[]"),
        ('STRUCT("order" INT, "A ""b" TEXT)', 'STRUCT("order" INTEGER, "A ""b" VARCHAR)'),
        ("ENUM('a', 'it''s')", "ENUM('a', 'it''s')"),
        ("not a type)", "NOT A TYPE)"),
    ],
)
def test_names_of_types_have_one_spelling(text: str, expected: str) -> None:
    assert normalise(text) == expected
    assert normalise(normalise(text)) == expected


def test_every_normalised_type_is_one_that_duckdb_takes() -> None:
    texts = ["int", "char(3)", "number(10,2)", "timestamp_tz", "array<int>", 'struct<"select": text, b: list<date>>']

    for text in texts:
        made = duckdb.sql(f"SELECT NULL::{normalise(text)} AS c").types[0]
        assert normalise(str(made)) == normalise(text)


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        (prop("string"), "VARCHAR"),
        (prop("integer"), "BIGINT"),
        (prop("integer", options={"format": "i16"}), "SMALLINT"),
        (prop("number", physicalType="decimal(8,3)"), "DECIMAL(8,3)"),
        (
            prop("number", physicalType="decimal", customProperties=[{"property": "precision", "value": "9"}]),
            "DECIMAL(9,0)",
        ),
        (prop("timestamp"), "TIMESTAMP"),
        (prop("timestamp", options={"timezone": True}), "TIMESTAMPTZ"),
        (prop("timestamp", physicalType="timestamp", options={"timezone": True}), "TIMESTAMPTZ"),
        (prop("timestamp", physicalType="timestamp_tz"), "TIMESTAMPTZ"),
        (prop("timestamp", customProperties=custom(timezone="America/New_York")), "TIMESTAMP"),
        (prop("object", properties=[col("a", "integer"), col("b", "date")]), "STRUCT(a BIGINT, b DATE)"),
        (prop("array", items={"logicalType": "number"}), "DOUBLE[]"),
        (prop(physicalType="bytes"), "BLOB"),
        (prop(), None),
    ],
)
def test_a_column_is_read_as_the_type_that_its_contract_says(described: Property, expected: str | None) -> None:
    assert duck_type(described) == expected


@pytest.mark.parametrize(
    ("described", "actual", "fitting"),
    [
        (prop("integer"), "HUGEINT", True),
        (prop("integer"), "DECIMAL(10,0)", True),
        (prop("integer"), "DOUBLE", False),
        (prop("integer", physicalType="bigint"), "INTEGER", False),
        (prop("integer", options={"format": "i32"}), "BIGINT", False),
        (prop("integer", options={"format": "i32"}), "USMALLINT", True),
        (prop("number"), "INTEGER", True),
        (prop("number", physicalType="number(10,2)"), "DECIMAL(10,2)", True),
        (prop("number", physicalType="number(10,2)"), "DECIMAL(12,2)", False),
        (prop("string", physicalType="varchar(10)"), "VARCHAR", True),
        (prop("string"), "INTEGER", False),
        (prop("date"), "VARCHAR", False),
        (prop("timestamp"), "TIMESTAMP WITH TIME ZONE", False),
        (prop("timestamp", options={"timezone": True}), "TIMESTAMP WITH TIME ZONE", True),
        (prop("timestamp", physicalType="timestamp_ntz"), "TIMESTAMP_NS", True),
        (prop("object", properties=[col("a", "integer")]), "STRUCT(a INTEGER, more VARCHAR)", True),
        (prop("object", properties=[col("a", "integer")]), "STRUCT(b INTEGER)", False),
        (prop("array", physicalType="array", items={"logicalType": "date"}), "DATE[]", True),
        (prop("array", items={"logicalType": "date"}), "VARCHAR[]", False),
        (prop("string", physicalType="some_domain_type"), "VARCHAR", True),
        (prop(), "GEOMETRY", True),
    ],
)
def test_an_actual_type_keeps_or_breaks_what_the_contract_says(described: Property, actual: str, fitting: bool) -> None:
    assert fits(described, actual) is fitting


def test_a_misfit_names_the_nested_field() -> None:
    described = prop("object", properties=[col("a", "object", properties=[col("b", "integer")])])

    assert misfit(described, "STRUCT(a STRUCT(b DATE))") == "field `c.a`: field `c.a.b`: DATE is no integer"


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("INTEGER", "BIGINT", True),
        ("USMALLINT", "INTEGER", True),
        ("BIGINT", "INTEGER", False),
        ("BIGINT", "HUGEINT", False),
        ("FLOAT", "DOUBLE", True),
        ("DECIMAL(10,2)", "DECIMAL(12,2)", True),
        ("DECIMAL(10,2)", "DECIMAL(12,3)", False),
        ("STRUCT(a INTEGER)[]", "STRUCT(a BIGINT)[]", True),
        ("STRUCT(a INTEGER)", "STRUCT(b BIGINT)", False),
        ("INTEGER", "INTEGER", False),
        ("DATE", "TIMESTAMP", False),
    ],
)
def test_only_what_iceberg_promotes_is_a_widening(old: str, new: str, allowed: bool) -> None:
    assert widens(old, new) is allowed


@pytest.mark.parametrize(
    ("actual", "expected"),
    [("TIMESTAMPTZ", "timestamp"), ("DATE", "date"), ("MAP(VARCHAR, INTEGER)", "object"), ("UUID", "string")],
)
def test_each_type_has_a_logical_one(actual: str, expected: str) -> None:
    assert logical_type(actual) == expected
