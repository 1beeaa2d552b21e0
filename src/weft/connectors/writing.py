"""Writing what a source gives into a batch: Arrow streams as Parquet, objects of a store as they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.connectors.landed import BATCH, LOADED_AT
from weft.connectors.reading import OpenSource, at_once
from weft.errors import SourceError, error

if TYPE_CHECKING:
    import pyarrow as pa

_LOOKED_AT = 10_000
"""Rows of the first batch by which it is decided whether a column's values repeat."""


def streamed(server: OpenSource, queries: Sequence[str], folder: Path, kind: str, batch: str, at: dt.datetime) -> int:
    """Writes the rows of each query into a Parquet file, all at once, and returns how many there were.

    Raises:
        SourceError: the source could not be read to its end; WFT-SRC-025, a column has a name that landing needs.
    """
    counted = [0] * len(queries)

    def one(number: int, stream: Any) -> None:
        with stream as reader:
            counted[number] = _parquet(reader, folder / f"{kind}-{number}.parquet", batch, at)

    streams = server.streams(queries)
    at_once([lambda n=n, s=s: one(n, s) for n, s in enumerate(streams)])  # type: ignore[misc]
    return sum(counted)


def _parquet(reader: Any, path: Path, batch: str, at: dt.datetime) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    taken = [n for n in reader.schema.names if n.lower() in (LOADED_AT, BATCH)]
    if taken:
        what = f"a column of the source is named `{taken[0]}`, as one that landing adds"
        raise SourceError(error("WFT-SRC-025", what, fix="give it another name in a `query`"))
    schema = reader.schema
    for name, kind in ((LOADED_AT, pa.timestamp("us", "UTC")), (BATCH, pa.string())):
        schema = schema.append(pa.field(name, pa.dictionary(pa.int8(), kind)))
    added = [pa.array([at], pa.timestamp("us", "UTC")), pa.array([batch])]
    writer, rows = None, 0
    try:
        for part in reader:
            if writer is None:
                repeating = [*_repeating(part), LOADED_AT, BATCH]
                how = {"use_dictionary": repeating, "write_statistics": told_of(schema)}
                writer = pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, **how)
            count = part.num_rows
            same = pa.repeat(pa.scalar(0, pa.int8()), count)
            constants = [pa.DictionaryArray.from_arrays(same, values) for values in added]
            writer.write_batch(pa.RecordBatch.from_arrays([*part.columns, *constants], schema=schema))
            rows += count
        if writer is None:
            writer = pq.ParquetWriter(path, schema, compression="zstd")
    finally:
        if writer is not None:
            writer.close()
    return rows


def told_of(schema: pa.Schema) -> list[str]:
    """Columns of which a file may say its bounds: from those of others DuckDB 2.0 concludes what is not so.

    Of numbers with a point PyArrow's bounds leave NaN out (https://github.com/duckdb/duckdb/issues/25521); where all
    texts of a column are equal and are in no dictionary, every row is taken for null when it is asked for nulls.
    """
    import pyarrow.types as kinds

    def bounded(kind: pa.DataType) -> bool:
        if kinds.is_dictionary(kind):  # columns that landing adds: one value in each row
            return True
        return any(is_it(kind) for is_it in (kinds.is_integer, kinds.is_boolean, kinds.is_temporal, kinds.is_decimal))

    return [field.name for field in schema if bounded(field.type)]


def _repeating(part: pa.RecordBatch) -> list[str]:
    """Columns of which few values recur: a dictionary costs a third of the writing where they do not."""
    import pyarrow.compute as pc

    found = []
    for name, column in zip(part.schema.names, part.columns, strict=True):
        head = column.slice(0, _LOOKED_AT)
        if pc.count_distinct(head).as_py() * 4 < len(head):
            found.append(name)
    return found
