"""Models of a dbt manifest become contracts, and contracts the YAML of models."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.unit.contracts.exchange.support import exported
from weft.contracts.exchange.dbt import imported
from weft.errors import SourceError, UsageError
from weft.model.shape import Field, Reference, Table

SCHEMA = "https://schemas.getdbt.com/dbt/manifest/v12.json"


def node(name: str, columns: dict[str, Any], **fields: Any) -> dict[str, Any]:
    found = {
        "resource_type": "model",
        "name": name,
        "alias": name,
        "unique_id": f"model.shop.{name}",
        "description": "",
    }
    listed = {n: {"name": n, "description": "", "data_type": None, "constraints": [], **c} for n, c in columns.items()}
    return {**found, "columns": listed, "constraints": [], **fields}


def test(
    name: str, column: str | None, model: str = "orders", config: dict[str, Any] | None = None, **kwargs: Any
) -> dict[str, Any]:
    return {
        "resource_type": "test",
        "name": f"{name}_{model}_{column}",
        "attached_node": f"model.shop.{model}",
        "column_name": column,
        "config": config or {"severity": "ERROR", "where": None},
        "test_metadata": {
            "name": name,
            "kwargs": {"column_name": column, "model": "{{ get_where_subquery(ref('orders')) }}", **kwargs},
        },
    }


test.__test__ = False  # type: ignore[attr-defined]


def manifest(*nodes: dict[str, Any], adapter: str = "postgres") -> str:
    metadata = {"dbt_schema_version": SCHEMA, "adapter_type": adapter}
    return json.dumps({"metadata": metadata, "nodes": {n.get("unique_id", n["name"]): n for n in nodes}})


ORDERS = node(
    "orders",
    {
        "id": {"data_type": "bigint", "constraints": [{"type": "not_null"}]},
        "line": {"data_type": "smallint", "description": "which one"},
        "customer": {"data_type": "integer"},
        "kind": {"data_type": "varchar(9)"},
        "price": {"data_type": "numeric(12,2)", "constraints": [{"type": "check", "expression": "price >= 0"}]},
        "at": {"data_type": "timestamp with time zone"},
        "code": {},
    },
    description="what was ordered",
    constraints=[
        {"type": "primary_key", "columns": ["id", "line"]},
        {"type": "unique", "columns": ["customer", "code"]},
    ],
)


def test_a_model_with_its_constraints_and_tests_is_a_table() -> None:
    tests = (
        test("not_null", "kind"),
        test("accepted_values", "kind", values=["new", "paid"]),
        test("unique", "code"),
        test("relationships", "customer", to="ref('customers')", field="id"),
        test("not_null", "at", config={"severity": "warn"}),
        test("expression_is_true", "price", expression="> 1"),
        test("not_null", "id", model="others"),
    )

    found = imported(manifest(ORDERS, *tests, node("others", {"id": {}})), "manifest", "orders")

    assert found.tables == (
        Table(
            "orders",
            (
                Field("id", "BIGINT", required=True, key_position=1),
                Field("line", "SMALLINT", required=True, key_position=2, description="which one"),
                Field("customer", "INTEGER"),
                Field("kind", "VARCHAR", required=True, values=("new", "paid"), options={"maxLength": 9}),
                Field("price", "DECIMAL", (12, 2), options={"minimum": 0}),
                Field("at", "TIMESTAMPTZ"),
                Field("code", "VARCHAR", unique=True),
            ),
            "what was ordered",
            unique_sets=(("customer", "code"),),
            references=(Reference(("customer",), "customers", ("id",)),),
        ),
    )
    assert found.notes == (
        "`code`: the model states no data_type: a text is taken",
        "`at`: the test not_null only warns or looks at some rows: left out",
        "`price`: the test expression_is_true: left out",
    )


def test_types_are_read_as_the_adapter_of_the_project_means_them() -> None:
    columns = {
        "a": {"data_type": "ARRAY<STRUCT<x INT64>>"},
        "b": {"data_type": "TIMESTAMP"},
        "c": {"data_type": "nonsense of mine"},
    }

    found = imported(manifest(node("m", columns), adapter="bigquery"), "manifest")

    a, b, c = found.tables[0].fields
    assert a.items is not None and a.items.fields == (Field("x", "BIGINT"),)
    assert (b.type, c.type) == ("TIMESTAMPTZ", "VARCHAR")
    assert [n.split(":")[0] for n in found.notes] == ["`c`"]


TABLE = Table(
    "orders",
    (
        Field("id", "BIGINT", required=True, key_position=1, description="no: it's 1"),
        Field("kind", "VARCHAR", values=("yes", "no"), options={"minLength": 2}),
        Field("size", "INTEGER", values=(1, 2), unique=True),
        Field("customer", "INTEGER", required=True),
        Field("price", "DECIMAL", (12, 2), options={"minimum": 0}, default=1),
    ),
    "what was ordered",
    unique_sets=(("kind", "size"),),
    references=(Reference(("customer",), "customers", ("id",)),),
)


def test_the_yaml_states_types_constraints_and_tests_of_every_column() -> None:
    written = exported("dbt", TABLE, dialect="postgres")

    (model,) = yaml.safe_load(written.text)["models"]  # YAML 1.1, as dbt reads it
    columns = {c["name"]: c for c in model["columns"]}
    assert model["config"] == {"contract": {"enforced": True}}
    assert model["constraints"] == [{"type": "unique", "columns": ["kind", "size"]}]
    assert columns["id"] == {
        "name": "id",
        "data_type": "BIGINT",
        "description": "no: it's 1",
        "constraints": [{"type": "not_null"}, {"type": "primary_key"}],
        "data_tests": ["not_null", "unique"],
    }
    assert columns["kind"]["data_tests"] == [{"accepted_values": {"values": ["yes", "no"]}}]
    assert columns["kind"]["constraints"] == [{"type": "check", "expression": 'length("kind") >= 2'}]
    assert columns["size"]["data_tests"] == ["unique", {"accepted_values": {"values": [1, 2], "quote": False}}]
    assert columns["customer"]["data_tests"][1] == {"relationships": {"to": "ref('customers')", "field": "id"}}
    assert columns["price"]["data_type"] == "NUMERIC(12, 2)"
    assert written.notes == ("`price`: dbt cannot say default",)


def test_what_is_written_says_the_same_when_dbt_has_parsed_it() -> None:
    (model,) = yaml.safe_load(exported("dbt", TABLE, dialect="postgres").text)["models"]
    tests = []
    for column in model["columns"]:
        for given in column.get("data_tests", []):
            name, kwargs = (given, {}) if isinstance(given, str) else next(iter(given.items()))
            tests.append(test(name, column["name"], **kwargs))
    parsed = node("orders", {c["name"]: c for c in model["columns"]})
    parsed |= {"description": model["description"], "constraints": model["constraints"]}

    (back,) = imported(manifest(parsed, *tests), "manifest").tables

    from msgspec.structs import replace

    from weft.model.shape import UNSET

    assert back == replace(TABLE, fields=(*TABLE.fields[:4], replace(TABLE.fields[4], default=UNSET)))


def test_which_model_is_meant_has_to_be_said_and_to_be_there() -> None:
    text = manifest(node("orders", {"a": {}}), node("customers", {"a": {}}))

    with pytest.raises(UsageError) as unsaid:
        imported(text, "manifest")
    with pytest.raises(SourceError) as missing:
        imported(text, "manifest", "order")

    assert (unsaid.value.diagnostics[0].code, unsaid.value.diagnostics[0].why) == (
        "WFT-IMP-002",
        "there are: customers, orders",
    )
    assert (missing.value.diagnostics[0].code, missing.value.diagnostics[0].fix) == (
        "WFT-IMP-004",
        "did you mean `orders`?",
    )


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        json.dumps({"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json"}, "nodes": {}}),
        json.dumps({"metadata": {"dbt_schema_version": SCHEMA}, "nodes": {"m": node("m", {}) | {"columns": ["a"]}}}),
        json.dumps({"metadata": {"dbt_schema_version": SCHEMA}, "nodes": {"m": node("m", {"a": {"constraints": 5}})}}),
    ],
)
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(SourceError) as refused:
        imported(text, "manifest")

    assert refused.value.diagnostics[0].code == "WFT-IMP-003"
