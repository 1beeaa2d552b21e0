"""Avro schemas become contracts and contracts Avro schemas; what Avro cannot say is told."""

from __future__ import annotations

import json
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contracts.exchange.support import NAMES, any_table, exported, fields, imported, tables
from weft.errors import SourceError, UsageError
from weft.model.shape import Field, Table

SAYABLE = (
    *("BOOLEAN", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "BLOB", "DATE", "TIME", "UUID"),
    *("TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ"),
)
COLUMNS = fields(SAYABLE, options=False, items_described=False)


def _types(depth: int = 2) -> st.SearchStrategy[Any]:
    """Schemas as other tools write them; names are filled in afterwards."""
    plain = st.sampled_from(
        [
            *("boolean", "int", "long", "float", "double", "bytes", "string"),
            {"type": "int", "logicalType": "date"},
            {"type": "int", "logicalType": "time-millis"},
            {"type": "long", "logicalType": "time-micros"},
            {"type": "long", "logicalType": "timestamp-millis"},
            {"type": "long", "logicalType": "timestamp-micros"},
            {"type": "long", "logicalType": "local-timestamp-micros"},
            {"type": "string", "logicalType": "uuid"},
            {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
            {"type": "enum", "symbols": ["A", "B_2"], "default": "A", "doc": "kinds"},
            {"type": "fixed", "size": 16, "aliases": ["old"]},
            {"type": "fixed", "size": 8, "logicalType": "decimal", "precision": 12, "scale": 3},
            {"type": "record", "namespace": "org.example", "fields": [{"name": "x", "type": "int"}]},
        ]
    )
    if not depth:
        return plain
    inner = _types(depth - 1)
    return st.one_of(
        plain,
        inner.map(lambda t: {"type": "array", "items": t}),
        inner.map(lambda t: {"type": "map", "values": t if isinstance(t, list) else ["null", t]}),
        inner.filter(lambda t: not isinstance(t, list)).map(lambda t: ["null", t]),
        inner.filter(lambda t: not isinstance(t, list)).map(lambda t: [t, "null"]),
        st.just(["null", "int", "string"]),
    )


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    counter = iter(range(1000))

    def named(schema: Any) -> Any:
        if isinstance(schema, list):
            return [named(b) for b in schema]
        if not isinstance(schema, dict):
            return schema
        found = {k: named(v) if k in ("items", "values") else v for k, v in schema.items()}
        if schema["type"] in ("enum", "fixed", "record"):
            found = {"type": schema["type"], "name": f"N{next(counter)}", **found}
        return found

    listed: list[dict[str, Any]] = []
    for name in names:
        entry: dict[str, Any] = {"name": name, "type": named(draw(_types()))}
        if draw(st.booleans()):
            entry["doc"] = draw(st.sampled_from(["what it is", "ä — ö"]))
        if isinstance(entry["type"], list) and entry["type"][0] == "null":
            entry["default"] = None
        listed.append(entry)
    return {"type": "record", "name": "Order", "namespace": "com.example", "doc": "orders", "fields": listed}


def without_lists_of_unions(schema: Any) -> bool:
    """Whether no list or map directly holds `[T, null]`, whose order only a field keeps."""
    if isinstance(schema, list):
        return all(without_lists_of_unions(b) for b in schema)
    if not isinstance(schema, dict):
        return True
    inner = schema.get("items", schema.get("values"))
    if isinstance(inner, list) and inner[0] != "null":
        return False
    return all(without_lists_of_unions(v) for v in schema.values() if isinstance(v, dict | list))


@settings(max_examples=40, deadline=None)
@given(any_table(COLUMNS, keys=False, unique=False))
def test_what_is_written_says_the_same_when_it_is_read(table: Table) -> None:
    written = exported("avro", table)

    (back,) = tables(imported("avro", written.text))

    assert _plain(back) == table
    assert exported("avro", back).text == written.text


def _plain(table: Table) -> Table:
    """The table without the names that Avro gave to its records."""

    def bare(field: Field) -> Field:
        from msgspec.structs import replace

        custom = {k: v for k, v in field.custom.items() if k != "avro"}
        inner = tuple(bare(f) for f in field.fields)
        items = None if field.items is None else bare(field.items)
        return replace(field, custom=custom, fields=inner, items=items)

    return Table(table.name, tuple(bare(f) for f in table.fields), table.description)


@settings(max_examples=40, deadline=None)
@given(records().filter(without_lists_of_unions))
def test_a_schema_of_another_tool_comes_back_unchanged(schema: dict[str, Any]) -> None:
    fastavro.parse_schema(json.loads(json.dumps(schema)))

    described = imported("avro", json.dumps(schema))
    written = exported("avro", *tables(described))

    assert json.loads(written.text) == schema


def test_rows_written_with_the_schema_are_read_with_it() -> None:
    import io

    amount = Field("amount", "DECIMAL", (10, 2), required=True)
    line = Field("items", "STRUCT", required=True, fields=(Field("sku", "VARCHAR", required=True), amount))
    table = Table("orders", (Field("id", "BIGINT", required=True), Field("lines", "LIST", items=line)))
    schema = fastavro.parse_schema(json.loads(exported("avro", table).text))
    from decimal import Decimal

    rows = [{"id": 1, "lines": [{"sku": "a", "amount": Decimal("1.50")}]}, {"id": 2, "lines": None}]

    out = io.BytesIO()
    fastavro.writer(out, schema, rows)
    out.seek(0)

    assert list(fastavro.reader(out)) == rows


def test_an_enumeration_is_an_enum_where_its_values_are_symbols_and_else_told() -> None:
    kinds = Field("kind", "VARCHAR", values=("a", "b"))
    sizes = Field("size", "VARCHAR", required=True, values=("1", "2"))

    written = exported("avro", Table("t", (kinds, sizes)))

    assert json.loads(written.text)["fields"][0]["type"] == [
        "null",
        {"type": "enum", "name": "kind", "symbols": ["a", "b"]},
    ]
    assert json.loads(written.text)["fields"][1]["type"] == "string"
    assert written.notes == ("`size`: Avro cannot say its values: a symbol has letters, digits and _ alone",)


def test_what_avro_cannot_say_is_told_by_column() -> None:
    wide = Field("n", "UBIGINT", required=True, key_position=1)
    text = Field("s", "VARCHAR", options={"maxLength": 5, "pattern": "^a"}, unique=True)

    written = exported("avro", Table("t", (wide, text)))

    assert written.notes == (
        "`n`: Avro cannot say primary key",
        "`n`: Avro has no UBIGINT: written as a decimal of 20 digits",
        "`s`: Avro cannot say unique",
        "`s`: Avro cannot say maxLength, pattern",
    )


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '"string"',
        '{"type": "record", "name": "r"}',
        '{"type": "record", "name": "r", "fields": [{"name": "a", "type": "nothing"}]}',
        '{"type": "record", "name": "r", "fields": [{"name": "a", "type": ["null", "r"]}]}',
        "[" * 5000 + "]" * 5000,
    ],
)
def test_what_is_no_schema_of_a_table_is_refused(text: str) -> None:
    with pytest.raises(SourceError) as refused:
        imported("avro", text)

    assert refused.value.diagnostics[0].code == "WFT-IMP-003"


def test_a_name_that_avro_does_not_know_is_refused_and_named() -> None:
    with pytest.raises(UsageError) as refused:
        exported("avro", Table("t", (Field("left on", "DATE"),)))

    assert refused.value.diagnostics[0].code == "WFT-IMP-006"
    assert "`left on`" in refused.value.diagnostics[0].what
