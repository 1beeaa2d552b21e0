"""What lies under nulls: Arrow gives each of them room for a value, and what stands there is nobody's business.

An engine leaves there what it had before: a value that a mask has hidden, or one of another query. Files of Parquet and
texts have no such room; batches of Arrow that leave this process are emptied there first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def emptied(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows, with zeros under their nulls at every depth; columns without nulls are not copied."""
    import pyarrow as pa

    before = batch.columns
    columns = [_emptied(column) for column in before]
    if all(new is old for new, old in zip(columns, before, strict=True)):
        return batch
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _emptied(array: pa.Array) -> pa.Array:
    import pyarrow as pa

    kind = array.type
    if pa.types.is_null(kind) or (not array.null_count and not pa.types.is_nested(kind)):
        return array
    if pa.types.is_struct(kind):
        return _struct(array)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        return _list(array)
    if not array.null_count:  # nested all the same
        return array
    width = _width(kind)
    if width is None:  # texts, and what is rare: gathered anew, a null takes no room or zeros
        return array.take(pa.array(range(len(array)), pa.int64()))
    return _fixed(array, width)


def _width(kind: pa.DataType) -> int | None:
    """Bytes of each value; None where that differs, or is less than one."""
    import pyarrow as pa

    if pa.types.is_nested(kind) or pa.types.is_dictionary(kind) or pa.types.is_boolean(kind):
        return None
    try:
        bits: int = kind.bit_width
    except ValueError:
        return None
    return bits // 8 if bits % 8 == 0 else None


def _fixed(array: pa.Array, width: int) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    zero = pa.Array.from_buffers(array.type, 1, [None, pa.py_buffer(bytes(width))])[0]
    filled = pc.if_else(array.is_valid(), array, zero)  # every value is one: what a null had is overwritten
    valid = pc.if_else(array.is_valid(), True, None).buffers()[0]
    return pa.Array.from_buffers(array.type, len(array), [valid, filled.buffers()[1]], offset=0)


def _struct(array: pa.StructArray) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    names = [array.type.field(i) for i in range(array.type.num_fields)]
    children = [array.field(i) for i in range(array.type.num_fields)]
    if array.null_count:
        there = array.is_valid()
        children = [pc.if_else(there, child, None) for child in children]
    new = [_emptied(child) for child in children]
    if not array.null_count and all(one is other for one, other in zip(new, children, strict=True)):
        return array
    return pa.StructArray.from_arrays(new, fields=names, mask=array.is_null())


def _list(array: pa.Array) -> pa.Array:
    import pyarrow as pa

    if array.null_count or array.offset:
        array = array.take(pa.array(range(len(array)), pa.int64()))  # of a null list no value is gathered
    if pa.types.is_map(array.type):
        old = [array.keys, array.items]
        new = [_emptied(part) for part in old]
        fields = [array.type.key_field, array.type.item_field]
        inner = pa.StructArray.from_arrays(new, fields=fields)
    else:
        old = [array.values]
        new = [inner] = [_emptied(part) for part in old]
    if all(one is other for one, other in zip(new, old, strict=True)):
        return array
    valid, offsets = array.buffers()[:2]
    return pa.Array.from_buffers(array.type, len(array), [valid, offsets], children=[inner])
