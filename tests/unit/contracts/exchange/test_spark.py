"""Spark's schema has every type and nullability that Spark knows; the rest is told."""

from __future__ import annotations

import json

import pytest

from tests.unit.contracts.exchange.support import exported
from weft.errors import UsageError
from weft.model.shape import Field, Table


def test_a_schema_is_what_spark_reads() -> None:
    table = Table(
        "t",
        (
            Field("id", "BIGINT", required=True, description="number"),
            Field("price", "DECIMAL", (10, 2)),
            Field("at", "TIMESTAMPTZ"),
            Field("local", "TIMESTAMP"),
            Field("tags", "LIST", items=Field("items", "VARCHAR", required=True)),
            Field(
                "by_day",
                "MAP",
                key=Field("key", "DATE", required=True),
                items=Field("value", "STRUCT", fields=(Field("n", "INTEGER", required=True),)),
            ),
        ),
    )

    written = exported("spark", table)

    def entry(name: str, kind: object, nullable: bool = True, **metadata: str) -> dict[str, object]:
        return {"name": name, "type": kind, "nullable": nullable, "metadata": metadata}

    inner = {"type": "struct", "fields": [entry("n", "integer", False)]}
    assert written.notes == ()
    assert json.loads(written.text) == {
        "type": "struct",
        "fields": [
            entry("id", "long", False, comment="number"),
            entry("price", "decimal(10,2)"),
            entry("at", "timestamp"),
            entry("local", "timestamp_ntz"),
            entry("tags", {"type": "array", "elementType": "string", "containsNull": False}),
            entry("by_day", {"type": "map", "keyType": "date", "valueType": inner, "valueContainsNull": True}),
        ],
    }


def test_what_spark_cannot_say_is_told_by_column() -> None:
    table = Table(
        "t",
        (
            Field("n", "UBIGINT", required=True, key_position=1),
            Field("s", "VARCHAR", options={"pattern": "^a"}, values=("a",), default="a", unique=True),
            Field("when", "TIME"),
        ),
    )

    assert exported("spark", table).notes == (
        "`t`: a StructType cannot say the primary key (n)",
        "`n`: Spark has no UBIGINT: written as decimal(20,0)",
        "`s`: a StructType cannot say unique, default",
        "`s`: a StructType cannot say values, pattern",
        "`when`: Spark has no TIME: written as string",
    )


def test_a_contract_of_several_tables_is_no_struct_type() -> None:
    one = Table("a", (Field("x", "INTEGER"),))

    with pytest.raises(UsageError) as refused:
        exported("spark", one, Table("b", one.fields))

    assert refused.value.diagnostics[0].code == "WFT-IMP-006"
