"""The exported models compile, and take exactly the rows that keep the contract."""

from __future__ import annotations

import datetime as dt
import json
import sys
import types
from decimal import Decimal
from typing import Any

import pydantic
import pytest
from hypothesis import given, settings

from tests.unit.contracts.exchange.support import TEXTS, any_table, exported, fields
from weft.model.shape import Field, Table

ALL = (
    *(
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "UTINYINT",
        "UBIGINT",
        "HUGEINT",
        "FLOAT",
        "DOUBLE",
        "DECIMAL",
    ),
    *(
        "VARCHAR",
        "ENUM",
        "BLOB",
        "DATE",
        "TIME",
        "TIMETZ",
        "TIMESTAMP",
        "TIMESTAMPTZ",
        "INTERVAL",
        "UUID",
        "JSON",
        "BIT",
    ),
)


def models(source: str) -> types.ModuleType:
    """The module of exported source."""
    module = types.ModuleType("exported_models")
    sys.modules[module.__name__] = module  # pydantic looks annotations up there
    exec(compile(source, "models.py", "exec"), module.__dict__)
    return module


@settings(max_examples=25, deadline=None)
@given(any_table(fields(ALL, nested=("STRUCT", "LIST", "ARRAY", "MAP")), names=TEXTS))
def test_whatever_the_names_and_texts_the_source_compiles_and_takes_rows_by_the_names_of_columns(table: Table) -> None:
    written = exported("pydantic", table)

    module = models(written.text)

    classes = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, pydantic.BaseModel)]
    row = next(c for c in reversed(classes) if c is not pydantic.BaseModel and c.__module__ == module.__name__)
    schema = row.model_json_schema(by_alias=True)
    assert list(schema["properties"]) == [f.name for f in table.fields]
    assert sorted(schema.get("required", [])) == sorted(f.name for f in table.fields if f.required)
    assert [f.description for f in row.model_fields.values()] == [f.description for f in table.fields]


GOOD: dict[str, Any] = {
    "id": 1,
    "code": "xAy",
    "kind": "new",
    "price": "12.50",
    "at": "2026-01-01T00:00:00Z",
    "local": "2026-01-01T00:00:00",
    "from": "2020-05-01",
    "lines": [{"sku": "a", "tags": {"x": 1}}],
    "pair": [1, 2],
}
ORDERS = Table(
    "customer orders",
    (
        Field("id", "SMALLINT", required=True, key_position=1),
        Field("code", "VARCHAR", required=True, options={"pattern": "[A-Z]", "maxLength": 3}),
        Field("kind", "VARCHAR", values=("new", "paid"), default="new"),
        Field("price", "DECIMAL", (6, 2), options={"exclusiveMinimum": 0}),
        Field("at", "TIMESTAMPTZ", required=True),
        Field("local", "TIMESTAMP"),
        Field("from", "DATE", options={"minimum": "2020-01-01"}),
        Field(
            "lines",
            "LIST",
            items=Field(
                "items",
                "STRUCT",
                required=True,
                fields=(
                    Field("sku", "VARCHAR", required=True),
                    Field("tags", "MAP", key=Field("key", "VARCHAR", required=True), items=Field("value", "UTINYINT")),
                ),
            ),
            options={"maxItems": 2},
        ),
        Field("pair", "ARRAY", (2,), items=Field("items", "INTEGER")),
    ),
    description='it\'s """quoted""" \\n',
)


def test_a_row_that_keeps_the_contract_is_taken_and_has_python_types() -> None:
    written = exported("pydantic", ORDERS)
    model = models(written.text).CustomerOrders

    row = model.model_validate(GOOD)

    assert written.notes == ()
    assert model.__doc__ == ORDERS.description
    assert model.PRIMARY_KEY == ("id",)
    assert (row.price, row.at.tzinfo, row.from_) == (Decimal("12.50"), dt.UTC, dt.date(2020, 5, 1))
    assert model.model_validate({"id": 1, "code": "A", "at": GOOD["at"]}).kind == "new"


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": 40_000},
        {"id": None},
        {"code": "abc"},
        {"code": "ABCD"},
        {"kind": "old"},
        {"price": "1.234"},
        {"price": "0"},
        {"at": "2026-01-01T00:00:00"},
        {"local": "2026-01-01T00:00:00Z"},
        {"from": "2019-12-31"},
        {"lines": [{"tags": {}}]},
        {"lines": [None]},
        {"lines": [{"sku": "a", "tags": {"x": 256}}]},
        {"pair": [1]},
        {"other": 1},
    ],
    ids=json.dumps,
)
def test_a_row_that_breaks_it_is_refused(wrong: dict[str, Any]) -> None:
    model = models(exported("pydantic", ORDERS).text).CustomerOrders

    with pytest.raises(pydantic.ValidationError):
        model.model_validate({**GOOD, **wrong})


def test_what_pydantic_cannot_say_is_told() -> None:
    table = Table(
        "t", (Field("a", "DOUBLE", values=(1.5,), unique=True), Field("b", "VARCHAR", options={"pattern": "("}))
    )

    assert exported("pydantic", table).notes == (
        "`a`: pydantic cannot say unique",
        "`a`: pydantic cannot list values that are numbers with decimals",
        "`b`: Python does not understand its pattern",
    )
