"""JSON Schemas become contracts and contracts JSON Schemas; validators agree with the contract."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contracts.exchange.support import NAMES, any_table, exported, fields, imported, tables
from weft.contracts.exchange.jsonschema import imported as read
from weft.errors import SourceError
from weft.model.shape import Field, Table

ALL = (
    *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT"),
    *("DOUBLE", "DECIMAL", "VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "HUGEINT"),
    *("TIMESTAMP_NS", "TIMESTAMPTZ", "INTERVAL", "UUID", "JSON", "ENUM", "TIMETZ"),
)


def _properties() -> st.SearchStrategy[dict[str, Any]]:
    texts = st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={
            "description": st.sampled_from(["a", "ä b"]),
            "title": st.just("T"),
            "minLength": st.integers(0, 3),
            "maxLength": st.integers(3, 9),
            "pattern": st.just("^[a-z]+$"),
            "format": st.sampled_from(["email", "uri"]),
            "default": st.just("x"),
        },
    )
    numbers = st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={"minimum": st.integers(-5, 0), "exclusiveMaximum": st.integers(1, 9), "multipleOf": st.just(2)},
    )
    whole = st.sampled_from(
        [
            {"type": "boolean", "default": True},
            {"type": "string", "format": "date"},
            {"type": "string", "format": "date-time"},
            {"type": "string", "enum": ["a", "b c"]},
            {"type": "integer", "enum": [1, 2]},
            {"type": "string", "contentEncoding": "base64"},
        ]
    )
    plain = st.one_of(texts, numbers, whole)

    def deeper(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
        lists = st.fixed_dictionaries(
            {"type": st.just("array"), "items": inner},
            optional={"minItems": st.just(1), "maxItems": st.just(4), "uniqueItems": st.just(True)},
        )
        maps = inner.map(lambda s: {"type": "object", "additionalProperties": s})
        return st.one_of(lists, maps, st.dictionaries(NAMES, inner, min_size=1, max_size=3).map(_object))

    return st.recursive(plain, deeper, max_leaves=5)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


@settings(max_examples=40, deadline=None)
@given(any_table(fields(ALL, nested=("STRUCT", "LIST", "ARRAY", "MAP"))))
def test_what_is_written_says_the_same_when_it_is_read(table: Table) -> None:
    written = exported("jsonschema", table)

    (back,) = tables(imported("jsonschema", written.text))

    assert back == table
    assert exported("jsonschema", back).value == written.value


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, _properties(), min_size=1, max_size=4))
def test_a_schema_of_another_tool_comes_back_unchanged(properties: dict[str, Any]) -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "orders",
        "description": "what was ordered",
        **_object(properties),
    }

    back = exported("jsonschema", *tables(imported("jsonschema", json.dumps(schema))))

    assert json.loads(back.text) == schema


def test_a_validator_takes_rows_that_keep_the_contract_and_no_others() -> None:
    table = Table(
        "t",
        (
            Field("id", "INTEGER", required=True, key_position=1, options={"minimum": 1}),
            Field("kind", "VARCHAR", values=("a", "b")),
            Field("code", "VARCHAR", required=True, options={"pattern": "^[A-Z]{3}$", "maxLength": 3}),
            Field("tags", "LIST", items=Field("items", "VARCHAR", required=True), options={"maxItems": 2}),
        ),
    )
    valid = jsonschema_rs.validator_for(exported("jsonschema", table).value).is_valid

    assert valid({"id": 1, "kind": None, "code": "ABC", "tags": ["x"]})
    assert valid({"id": 1, "code": "ABC"})
    for wrong in (
        {"id": 0},
        {"id": 2**31},
        {"kind": "c"},
        {"code": "abc"},
        {"tags": [None]},
        {"tags": ["a"] * 3},
        {"z": 1},
    ):
        assert not valid({"id": 1, "code": "ABC", **wrong}), wrong


def test_references_inside_the_document_are_followed() -> None:
    schema = {
        "title": "people",
        "definitions": {"a/b": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
        "type": "array",
        "items": {
            "allOf": [
                {"properties": {"id": {"type": "integer"}}, "required": ["id"]},
                {"properties": {"home": {"anyOf": [{"$ref": "#/definitions/a~1b"}, {"type": "null"}]}}},
            ],
            "type": "object",
        },
    }

    (table,) = tables(imported("jsonschema", json.dumps(schema)))

    city = Field("city", "VARCHAR", required=True)
    assert {f.name: f for f in table.fields} == {
        "id": Field("id", "BIGINT", required=True),
        "home": Field("home", "STRUCT", fields=(city,)),
    }


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("#/$defs/node", "refers to itself"),
        ("https://example.com/s.json", "lies outside"),
        ("../../etc/passwd", "lies outside"),
        ("#/$defs/nothing", "is not there"),
    ],
)
def test_a_reference_that_cannot_be_followed_is_refused(reference: str, why: str) -> None:
    node = {"type": "object", "properties": {"next": {"$ref": reference}}}

    with pytest.raises(SourceError) as refused:
        imported("jsonschema", json.dumps({"$defs": {"node": node}, **node}))

    (found,) = refused.value.diagnostics
    assert found.code == "WFT-IMP-005" and why in (found.why or "")


@pytest.mark.parametrize(
    "text", ["", "[]", "true", '{"type": 5}', '{"type": "string"}', '{"properties": 3}', "[" * 3000]
)
def test_what_is_no_schema_of_a_table_is_refused(text: str) -> None:
    with pytest.raises(SourceError) as refused:
        imported("jsonschema", text)

    assert refused.value.diagnostics[0].code == "WFT-IMP-003"


def test_what_a_contract_cannot_say_is_told_by_column() -> None:
    schema = _object({"a": {"type": ["string", "integer"]}, "b": {"type": "string", "not": {"const": "x"}}, "c": {}})

    assert read(json.dumps(schema), "t").notes == (
        "`a`: its type is string or integer: JSON is taken",
        "`b`: not cannot be said in a contract's columns",
        "`c`: its type is nothing: JSON is taken",
    )


@pytest.mark.parametrize("odd", [True, 1, "ab", {"a": 1}, None])
def test_extensions_of_ours_in_a_shape_that_is_not_ours_are_passed_over(odd: Any) -> None:
    columns = {"type": "object", "properties": {"a": {"type": "string"}}}

    (table,) = read(json.dumps({**columns, "x-weft-key": odd, "x-weft-unique-together": odd}), "t").tables

    assert (table.key, table.unique_sets) == ((), ())
