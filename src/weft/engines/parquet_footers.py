"""What the footer of a Parquet file says of its rows, held against the rows: whoever reads the file goes by it.

DuckDB folds a filter by a row group's bounds without a look at its rows, so that a footer which is not true hides rows
from every check. Arrow decodes all values and asks no statistics.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_ROWS = 65_536
"""Rows that are decoded at once: a small file may hold very many."""

_MAGIC, _TAIL = b"PAR1", 8


def untrue(path: Path) -> str | None:
    """What a footer says that is not so; None where all of it is true. Reads every value of the file.

    Raises:
        ValueError: the file cannot be read as Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            schema = file.schema
            leaves = [schema.column(i) for i in range(len(schema))]
            for number in range(file.metadata.num_row_groups):
                found = _of_group(file, number, leaves)
                if found is not None:
                    return found
    except (pa.ArrowException, OSError) as e:
        raise ValueError(str(e).splitlines()[0][:200]) from e
    return None


def _of_group(file: Any, number: int, leaves: list[Any]) -> str | None:
    """The same of one row group."""
    group = file.metadata.row_group(number)
    chunks = [group.column(i) for i in range(group.num_columns)]
    if any(chunk.has_column_index or chunk.has_offset_index for chunk in chunks):
        return "it has an index of pages, which nobody has checked"
    seen = [_Seen() for _ in leaves]
    rows = 0
    for batch in file.iter_batches(batch_size=_ROWS, row_groups=[number], use_threads=False):
        rows += batch.num_rows
        arrays = [leaf for column in batch.columns for leaf in _leaves(column)]
        if len(arrays) != len(leaves):
            return "its columns cannot be told apart"
        for one, array in zip(seen, arrays, strict=True):
            one.add(array)
    if rows != group.num_rows:
        return f"it has {rows:,} rows, and its footer says {group.num_rows:,}"
    for leaf, chunk, one in zip(leaves, chunks, seen, strict=True):
        told = chunk.statistics if chunk.is_stats_set else None
        if told is None:
            continue
        if told.has_null_count and not leaf.max_repetition_level and told.null_count != one.nulls:
            return f"column `{leaf.path}` has {one.nulls:,} nulls, and its footer says {told.null_count:,}"
        if told.has_min_max and not one.within(told.min, told.max):
            return f"column `{leaf.path}` has values beyond the bounds in its footer"
    return None


class _Seen:
    """What the values of one column were."""

    def __init__(self) -> None:
        self.nulls = 0
        self._least: Any = None
        self._most: Any = None

    def add(self, array: Any) -> None:
        """Looks at more of them."""
        import pyarrow.compute as pc

        self.nulls += array.null_count
        found = pc.min_max(array).as_py()
        if found["min"] is None:
            return
        self._least = found["min"] if self._least is None else min(self._least, found["min"])
        self._most = found["max"] if self._most is None else max(self._most, found["max"])

    def within(self, low: Any, high: Any) -> bool:
        """Whether all of them lie between two values. What is no number bounds nothing."""
        if self._least is None or low != low or high != high:
            return True
        try:
            return bool(low <= self._least and self._most <= high)
        except TypeError:  # bounds of another type than the values
            return False


def _leaves(array: Any) -> Iterator[Any]:
    """The columns of Parquet that a column of Arrow is made of, in their order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        array, kind = array.storage, array.storage.type
    if pa.types.is_map(kind):
        entries = array.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
        yield from _leaves(entries)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from _leaves(pc.list_flatten(array))
    elif pa.types.is_struct(kind):
        for field in array.flatten():
            yield from _leaves(field)
    elif pa.types.is_fixed_size_binary(kind):
        yield array.cast(pa.binary())
    else:
        yield array


def footer_bytes(paths: Sequence[str], most: int) -> int:
    """How long the footers of Parquet files are together; counts no further than beyond `most`.

    A file that is missing or is none has no footer here: who opens it is told.
    """
    found = 0
    for path in paths:
        if found > most:
            break
        with suppress(OSError), Path(path).open("rb") as file:
            file.seek(-_TAIL, os.SEEK_END)
            tail = file.read(_TAIL)
            if tail.endswith(_MAGIC):
                found += int.from_bytes(tail[:4], "little")
    return found
