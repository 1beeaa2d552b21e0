"""What Arrow arrays hold in one another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def leaves(array: Any) -> Iterator[Any]:
    """The arrays of plain values in a `pyarrow` array: itself, or those of its lists, fields, keys and values."""
    import pyarrow as pa

    kind = array.type
    if pa.types.is_map(kind):
        yield from leaves(entries(array))
    elif pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from leaves(array.flatten())
    elif pa.types.is_struct(kind):
        for child in array.flatten():
            yield from leaves(child)
    else:
        yield array


def entries(array: Any) -> Any:
    """The keys and values of all maps that are not null, one after the other, as structs."""
    import pyarrow as pa

    pairs = pa.struct([pa.field("key", array.type.key_type), pa.field("value", array.type.item_type)])
    return array.cast(pa.list_(pairs)).flatten()
