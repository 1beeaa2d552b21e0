"""Batches of rows as the bytes of a format, one batch after another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from weft.access.json_columns import json_rows
from weft.access.reading.wire import Cut, Form, Told
from weft.access.result import Result, ResultColumn
from weft.access.values import Texts, beyond_parquet
from weft.errors import UserCodeError, error

METADATA = b"weft"
"""The key under which Arrow's schema and last batch, and Parquet's footer, say what the rows rest on."""


class Writer(Protocol):
    """Writes one answer."""

    def batch(self, batch: Any) -> None:
        """Writes the rows of a `pyarrow.RecordBatch`."""
        ...

    def end(self, cut: Cut | None) -> None:
        """Writes what stands behind the last row."""
        ...


class _Shape(msgspec.Struct, frozen=True):
    """What all writers are made of."""

    sink: Any
    schema: Any
    columns: tuple[ResultColumn, ...]
    told: Told
    texts: Texts
    codec: str

    def result(self, batch: Any) -> Result:
        import pyarrow as pa

        return Result(self.columns, pa.Table.from_batches([batch]), False, {}, self.texts)


def writer(form: Form, shape: _Shape) -> Writer:
    """The writer of a format."""
    made: Writer = _WRITERS[form](shape)
    return made


def shape(
    sink: Any, schema: Any, columns: tuple[ResultColumn, ...], told: Told, texts: Texts, codec: str = ""
) -> _Shape:
    """What a writer is made of.

    Args:
        sink: a binary stream.
        schema: of the batches that will come.
        codec: in which Arrow's buffers are packed: `lz4`, `zstd` or none.
    """
    return _Shape(sink, schema, columns, told, texts, codec)


def basis(columns: tuple[ResultColumn, ...], told: Told, cut: Cut | None) -> dict[str, Any]:
    """What an answer says beside its rows, as JSON knows it."""
    return {
        "columns": [{"name": c.name, "type": c.type, "masked": c.masked} for c in columns],
        "truncated": cut is not None,
        "cut": cut.value if cut is not None else None,
        "snapshot": dict(told.snapshots),
        "masked": {address: dict(names) for address, names in told.masked.items()},
        "filtered": list(told.filtered),
        "diagnostics": [d.as_json() for d in told.diagnostics],
        "notes": list(told.notes),
    }


class _Arrow:
    """An IPC stream. Its schema says what the rows rest on; an empty last batch says whether rows are missing."""

    def __init__(self, shape: _Shape) -> None:
        import pyarrow as pa

        self._shape = shape
        known = basis(shape.columns, shape.told, None)
        del known["truncated"], known["cut"]
        self._schema = shape.schema.with_metadata({METADATA: _json(known)})
        options = pa.ipc.IpcWriteOptions(compression=shape.codec or None)
        self._writer = pa.ipc.new_stream(pa.PythonFile(shape.sink, "w"), self._schema, options=options)

    def batch(self, batch: Any) -> None:
        self._writer.write_batch(batch)

    def end(self, cut: Cut | None) -> None:
        import pyarrow as pa

        empty = pa.RecordBatch.from_pylist([], schema=self._shape.schema)
        last = {METADATA: _json({"truncated": cut is not None, "cut": cut.value if cut else None})}
        self._writer.write_batch(empty, custom_metadata=last)
        self._writer.close()


class _Parquet:
    """A file, whose footer says what the rows rest on."""

    def __init__(self, shape: _Shape) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self._shape = shape
        self._writer = parquet.ParquetWriter(pa.PythonFile(shape.sink, "w"), shape.schema, compression="zstd")

    def batch(self, batch: Any) -> None:
        import pyarrow as pa

        if any(beyond_parquet(column) for column in batch.columns):
            raise UserCodeError(
                error(
                    "WFT-ACC-046",
                    "Parquet cannot hold one of the times: in whole seconds it is beyond milliseconds",
                    fix="cast the column to TIMESTAMP or VARCHAR, or take another format",
                )
            )
        self._writer.write_table(pa.Table.from_batches([batch]))

    def end(self, cut: Cut | None) -> None:
        self._writer.add_key_value_metadata({METADATA: _json(basis(self._shape.columns, self._shape.told, cut))})
        self._writer.close()


class _Csv:
    """RFC 4180 with a header; what CSV has no form for is the engine's text."""

    def __init__(self, shape: _Shape) -> None:
        self._shape = shape
        self._header = True

    def batch(self, batch: Any) -> None:
        from pyarrow import csv

        table = self._shape.result(batch).fitted("csv")
        # not to the sink itself: what closes this writer closes what it writes to
        import pyarrow as pa

        held = pa.BufferOutputStream()
        csv.write_csv(table, held, csv.WriteOptions(include_header=self._header))
        self._header = False
        self._shape.sink.write(held.getvalue())

    def end(self, cut: Cut | None) -> None:
        if self._header:
            import pyarrow as pa

            self.batch(pa.RecordBatch.from_pylist([], schema=self._shape.schema))


class _Json:
    """The shape of `weft query --format json`."""

    def __init__(self, shape: _Shape) -> None:
        self._shape = shape
        self._first = True
        columns = basis(shape.columns, shape.told, None)["columns"]
        shape.sink.write(b'{"columns":' + _json(columns) + b',"rows":[')

    def batch(self, batch: Any) -> None:
        rows = list(json_rows(self._shape.result(batch)))
        if not rows:
            return
        written = msgspec.json.encode(rows)[1:-1]
        self._shape.sink.write(written if self._first else b"," + written)
        self._first = False

    def end(self, cut: Cut | None) -> None:
        told = basis(self._shape.columns, self._shape.told, cut)
        del told["columns"]
        self._shape.sink.write(b"]," + _json(told)[1:])


class _Ndjson:
    """An object for each row, in a line of its own."""

    def __init__(self, shape: _Shape) -> None:
        self._shape = shape
        self._names = [c.name for c in shape.columns]

    def batch(self, batch: Any) -> None:
        rows = json_rows(self._shape.result(batch))
        lines = [dict(zip(self._names, row, strict=True)) for row in rows]
        self._shape.sink.write(msgspec.json.Encoder().encode_lines(lines))

    def end(self, cut: Cut | None) -> None:
        return


_WRITERS: Mapping[Form, Any] = {
    Form.ARROW: _Arrow,
    Form.PARQUET: _Parquet,
    Form.CSV: _Csv,
    Form.JSON: _Json,
    Form.NDJSON: _Ndjson,
}

MARKED = frozenset({Form.ARROW, Form.PARQUET, Form.JSON})
"""Formats that can say at their end that rows are missing."""


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
