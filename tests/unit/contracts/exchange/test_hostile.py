"""Whatever a source holds, the answer is a contract or a diagnostic, and it comes soon."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.contracts.exchange.exchange import contract_of, document_from
from weft.contracts.exchange.kinds import DIALECTS, EXPORTS, KINDS, module_of
from weft.errors import SourceError, UsageError, WeftError
from weft.model.document import Document
from weft.model.odcs import contract

N = int(os.environ.get("FUZZ", 40))

WORDS = st.sampled_from(
    [
        *(
            "type",
            "properties",
            "items",
            "$ref",
            "required",
            "enum",
            "record",
            "fields",
            "name",
            "array",
            "map",
            "values",
        ),
        *(
            "object",
            "string",
            "int",
            "null",
            "#",
            "#/properties/a",
            "a",
            "x-weft-type",
            "logicalType",
            "decimal",
            "size",
        ),
        *(
            "precision",
            "scale",
            "fixed",
            "symbols",
            "default",
            "anyOf",
            "allOf",
            "metadata",
            "nodes",
            "columns",
            "tests",
        ),
        *("STRUCT(", "DECIMAL(5,9)", "MAP(INTEGER, VARCHAR)", "x-weft-key", "minimum", "const", "additionalProperties"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 99) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=12,
)
RECORDS = st.builds(
    lambda fields, rest: {**rest, "type": "record", "name": "r", "fields": fields},
    st.lists(
        st.builds(
            lambda n, t, r: {**r, "name": n, "type": t}, WORDS, VALUES, st.dictionaries(WORDS, VALUES, max_size=2)
        )
    ),
    st.dictionaries(WORDS, VALUES, max_size=3),
)
OBJECTS = st.builds(
    lambda p, r: {**r, "type": "object", "properties": p},
    st.dictionaries(WORDS, VALUES, max_size=4),
    st.dictionaries(WORDS, VALUES, max_size=3),
)
TOKENS = st.sampled_from(
    [
        *(
            "CREATE TABLE t (",
            ")",
            "(",
            ",",
            "a INT",
            "b STRUCT(x INT)",
            "PRIMARY KEY",
            "CHECK",
            "a > 1",
            "IN",
            "DEFAULT",
        ),
        *(
            "FOREIGN KEY (a) REFERENCES t (a)",
            "UNIQUE",
            "ALTER TABLE t ADD",
            "CONSTRAINT c",
            "COMMENT ON COLUMN t.a IS 'x'",
        ),
        *(
            "ARRAY<INT>",
            "MAP<STRING, INT>",
            "DECIMAL(99, 98)",
            "OPTIONS(description='x')",
            ";",
            "'",
            "NOT NULL",
            "AS SELECT 1",
        ),
    ]
)


def _taken(kind: str, source: Any, **options: str) -> None:
    """Imports what can be imported, and exports that as every other kind."""
    with suppress(WeftError):
        read = module_of(KINDS[kind]).imported(source, "t", **options)
        made = contract_of(read, name="t", contract_id="c")
        described = contract(Document("c", json.loads(json.dumps(made.document))))
        for other in EXPORTS:
            with suppress(UsageError):
                document_from(described, KINDS[other])


@settings(max_examples=N, deadline=None)
@given(VALUES | RECORDS)
def test_avro_of_any_shape(data: Any) -> None:
    _taken("avro", json.dumps(data))


@settings(max_examples=N, deadline=None)
@given(VALUES | OBJECTS)
def test_json_schema_of_any_shape(data: Any) -> None:
    _taken("jsonschema", json.dumps(data))


@settings(max_examples=N, deadline=None)
@given(VALUES)
def test_a_manifest_of_any_shape(data: Any) -> None:
    metadata = {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}
    model = {
        "resource_type": "model",
        "name": "m",
        "columns": {"a": {"data_type": data, "constraints": data}, "b": data},
    }
    _taken("dbt", json.dumps({"metadata": metadata, "nodes": {"m": model, "t": data}}))


@settings(max_examples=N, deadline=None)
@given(st.lists(TOKENS, max_size=8).map(" ".join), st.sampled_from(DIALECTS))
def test_sql_of_any_shape(text: str, dialect: str) -> None:
    _taken("sql", f"CREATE TABLE t (a INT, {text}", dialect=dialect)


@settings(max_examples=N, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda b: b"ARROW1\0\0" + b + b"ARROW1"))
def test_arrow_of_any_bytes(content: bytes) -> None:
    _taken("arrow", content)


@settings(max_examples=N, deadline=None)
@given(st.dictionaries(st.sampled_from(["avro", "arrow", "default"]), VALUES))
def test_a_contract_with_custom_properties_of_any_shape_is_exported(custom: dict[str, Any]) -> None:
    listed = [{"property": k, "value": v} for k, v in custom.items()]
    columns = [
        {"name": "a", "logicalType": "integer", "customProperties": listed},
        {"name": "b", "physicalType": "DECIMAL(5,2)", "customProperties": listed},
        {
            "name": "c",
            "logicalType": "array",
            "items": {"logicalType": "string", "customProperties": listed},
            "customProperties": listed,
        },
    ]
    table = {"name": "t", "properties": columns, "customProperties": listed}
    described = contract(Document("c", {"id": "c", "version": "1.0.0", "schema": [table]}))

    for kind in EXPORTS:
        with suppress(UsageError):
            assert document_from(described, KINDS[kind]).text


def test_few_definitions_that_stand_for_very_many_fields_are_refused() -> None:
    def doubled(n: int) -> dict[str, Any]:
        inner = {"$ref": f"#/$defs/d{n + 1}"} if n < 60 else {"type": "string"}
        return {"type": "object", "properties": {"a": inner, "b": inner}}

    schema = {**doubled(0), "$defs": {f"d{n}": doubled(n) for n in range(1, 61)}}
    avro: Any = "string"
    for n in range(20):
        avro = {
            "type": "record",
            "name": f"r{n}",
            "fields": [{"name": "a", "type": avro}, {"name": "b", "type": f"r{n - 1}" if n else "int"}],
        }

    for kind, data in (("jsonschema", schema), ("avro", avro)):
        with pytest.raises(SourceError) as refused:
            contract_of(module_of(KINDS[kind]).imported(json.dumps(data), "t"), name="t", contract_id="c")
        assert "more than 20000 fields" in (refused.value.diagnostics[0].why or "")
