"""Arrow schemas become contracts and contracts Arrow schemas, without loss."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contracts.exchange.support import NAMES, any_table, exported, fields, imported, tables
from weft.contracts.exchange.arrow import ipc
from weft.errors import SourceError
from weft.model.shape import Field, Table

ALL = (
    *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT"),
    *("DOUBLE", "DECIMAL", "VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS"),
    *("TIMESTAMP_NS", "TIMESTAMPTZ", "INTERVAL", "UUID", "JSON", "ENUM", "HUGEINT", "TIMETZ"),
)
PLAIN = st.sampled_from(
    [
        *(pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.float64(), pa.string(), pa.large_string(), pa.string_view(), pa.binary()),
        *(pa.large_binary(), pa.binary_view(), pa.binary(7), pa.date32(), pa.date64(), pa.time32("s"), pa.time32("ms")),
        *(
            pa.time64("us"),
            pa.time64("ns"),
            pa.timestamp("s"),
            pa.timestamp("ms"),
            pa.timestamp("us"),
            pa.timestamp("ns"),
        ),
        *(pa.timestamp("us", tz="UTC"), pa.timestamp("ns", tz="UTC"), pa.timestamp("ms", tz="Europe/Berlin")),
        *(pa.duration("s"), pa.duration("ns"), pa.month_day_nano_interval(), pa.uuid(), pa.json_()),
        *(pa.decimal32(5, 2), pa.decimal64(12, 3), pa.decimal128(38, 9), pa.decimal256(20, 4)),
        *(pa.dictionary(pa.int32(), pa.string()), pa.dictionary(pa.int8(), pa.string(), ordered=True)),
    ]
)


def _named(inner: st.SearchStrategy[Any], name: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    described = st.none() | st.just({b"description": "what — ä".encode()})
    return st.builds(
        lambda t, n, null, m: pa.field(n, t, nullable=null, metadata=m), inner, name, st.booleans(), described
    )


def _deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    item = _named(inner, st.sampled_from(["item", "element"]))
    return st.one_of(
        st.lists(_named(inner, NAMES), min_size=1, max_size=3, unique_by=lambda f: f.name).map(pa.struct),
        item.map(pa.list_),
        item.map(pa.large_list),
        st.builds(pa.list_, item, st.integers(1, 5)),
        _named(inner, st.just("value")).map(lambda f: pa.map_(pa.string(), f)),
    )


SCHEMAS = st.lists(
    _named(st.recursive(PLAIN, _deeper, max_leaves=4), NAMES),
    min_size=1,
    max_size=4,
    unique_by=lambda f: f.name.lower(),
)


@settings(max_examples=40, deadline=None)
@given(any_table(fields(ALL, nested=("STRUCT", "LIST", "ARRAY", "MAP"))))
def test_what_is_written_says_the_same_when_it_is_read(table: Table) -> None:
    schema = exported("arrow", table).value

    (back,) = tables(imported("arrow", ipc(schema)))

    assert back == table
    assert exported("arrow", back).value.equals(schema, check_metadata=True)


@settings(max_examples=40, deadline=None)
@given(SCHEMAS.map(pa.schema))
def test_a_schema_of_another_tool_comes_back_unchanged(schema: Any) -> None:
    back = exported("arrow", *tables(imported("arrow", schema))).value

    assert back.remove_metadata().equals(schema.remove_metadata())
    for one, other in zip(schema, back, strict=True):
        assert (one.metadata or {}).get(b"description") == (other.metadata or {}).get(b"description")
        assert one.type.equals(other.type)


def test_only_the_schema_of_a_file_is_read_stream_or_file() -> None:
    rows = pa.table({"a": pa.array([1, 2], pa.int16())})
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, rows.schema) as writer:
        writer.write_table(rows)

    (found,) = tables(imported("arrow", out.getvalue().to_pybytes(), "things"))

    assert found == Table("things", (Field("a", "SMALLINT"),))


def test_bytes_that_are_no_arrow_are_refused() -> None:
    with pytest.raises(SourceError) as refused:
        imported("arrow", b"ARROW1\0\0 nothing of the kind")

    assert refused.value.diagnostics[0].code == "WFT-IMP-003"


def test_metadata_that_somebody_else_wrote_under_our_name_does_no_harm() -> None:
    told = pa.field("a", pa.int32(), metadata={b"weft": b'{"title": 5, "unique": "yes", "options": [], "values": 3}'})
    broken = pa.field("b", pa.int32(), metadata={b"weft": b"{"})

    (found,) = tables(imported("arrow", pa.schema([told, broken])))

    assert found.fields == (Field("a", "INTEGER"), Field("b", "INTEGER"))


def test_types_without_a_column_type_are_told() -> None:
    from weft.contracts.exchange.arrow import imported as read

    found = read(pa.schema([pa.field("n", pa.null()), pa.field("u", pa.dense_union([pa.field("i", pa.int8())]))]), "t")

    assert [f.type for f in found.tables[0].fields] == ["VARCHAR", "VARCHAR"]
    assert len(found.notes) == 2 and found.notes[0].startswith("`n`: null has no column type")
