"""Nothing of what an engine has left under a null leaves the process that reads."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from weft.access.reading.nulls import emptied

SECRET = 0x5EC2E7


def hidden(kind: pa.DataType, value: object, length: int = 64) -> pa.Array:
    """An array whose every second value is null, with the value still under it."""
    full = pa.array([value] * length, kind)
    bitmap = pa.py_buffer(bytes([0b0101_0101]) * (length // 8))
    children = [full.field(i) for i in range(kind.num_fields)] if pa.types.is_struct(kind) else None
    if pa.types.is_list(kind):
        children = [full.values]
    return pa.Array.from_buffers(kind, length, [bitmap, *full.buffers()[1 : kind.num_buffers]], children=children)


def written(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


KINDS = [
    (pa.int64(), SECRET),
    (pa.int32(), SECRET),
    (pa.float64(), 1234.5678),
    (pa.decimal128(18, 2), Decimal("1234567.89")),
    (pa.date32(), dt.date(1963, 2, 8)),
    (pa.timestamp("us", "UTC"), dt.datetime(1963, 2, 8, tzinfo=dt.UTC)),
    (pa.string(), "amir.dvorak@example.com"),
    (pa.binary(), b"amir.dvorak"),
    (pa.struct([("email", pa.string()), ("age", pa.int64())]), {"email": "amir.dvorak@example.com", "age": SECRET}),
    (pa.list_(pa.string()), ["amir.dvorak@example.com"]),
    (pa.list_(pa.int64()), [SECRET, SECRET]),
]


@pytest.mark.parametrize(("kind", "value"), KINDS, ids=[str(kind) for kind, _ in KINDS])
def test_of_what_stood_under_nulls_nothing_is_written_and_the_rows_are_the_same(
    kind: pa.DataType, value: object
) -> None:
    array = hidden(kind, value)
    batch = pa.RecordBatch.from_arrays([array], names=["x"])

    cleaned = emptied(batch)

    cleaned.validate(full=True)
    assert cleaned.schema == batch.schema
    assert cleaned.to_pylist() == batch.to_pylist()
    nothing = pa.RecordBatch.from_arrays([pa.array([value, None] * 32, kind)], names=["x"])
    assert written(cleaned).count(mark(kind, value)) == written(nothing).count(mark(kind, value))
    assert written(batch).count(mark(kind, value)) > written(cleaned).count(mark(kind, value))


def mark(kind: pa.DataType, value: object) -> bytes:
    """The bytes by which the value is known."""
    if isinstance(value, dict | list):
        return b"amir" if "amir" in str(value) else SECRET.to_bytes(8, "little")
    if isinstance(value, str | bytes):
        return b"amir"
    return bytes(pa.array([value], kind).buffers()[1].to_pybytes()[: kind.bit_width // 8])


def test_a_batch_without_nulls_is_not_copied() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1, 2], "b": ["x", "y"], "c": [{"d": 1}, {"d": 2}], "e": [[1], [2]]})

    assert emptied(batch) is batch


def test_maps_and_lists_of_structs_keep_their_rows() -> None:
    kind = pa.map_(pa.string(), pa.list_(pa.struct([("a", pa.int64())])))
    rows = [[("k", [{"a": 1}, None])], None, [], [("l", None), ("m", [{"a": None}])]]
    batch = pa.RecordBatch.from_arrays([pa.array(rows, kind)], names=["x"])

    cleaned = emptied(batch)

    cleaned.validate(full=True)
    assert cleaned.to_pylist() == batch.to_pylist()


def test_a_part_of_a_batch_keeps_its_rows() -> None:
    batch = pa.RecordBatch.from_arrays([hidden(pa.int64(), SECRET), hidden(pa.string(), "amir")], names=["a", "b"])

    part = emptied(batch.slice(3, 10))

    assert part.to_pylist() == batch.to_pylist()[3:13]
