"""The result of a governed read, in every shape that somebody may want it."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from weft.errors import UsageError, error

_EXACT_IN_JSON = 2**53


class ResultColumn(Struct, frozen=True):
    """A column of a result: DuckDB's name of its type; the mask that was applied, if any."""

    name: str
    type: str
    masked: str | None = None


class Result(Struct, frozen=True):
    """Rows that a principal may see.

    Attributes:
        table: a `pyarrow.Table`.
        truncated: whether a limit cut rows off.
        snapshots: snapshot id by pinned address of every port that was read.
        notes: what the reader should know: which major an unpinned address meant, deprecations, and that a
            port was published against failed checks.
    """

    columns: tuple[ResultColumn, ...]
    table: Any
    truncated: bool
    snapshots: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def arrow(self) -> Any:
        """The rows as a `pyarrow.Table`."""
        return self.table

    def batches(self) -> Iterator[Any]:
        """The rows as `pyarrow.RecordBatch`es."""
        yield from self.table.to_batches()

    def polars(self) -> Any:
        """The rows as a Polars data frame; needs `pip install polars`."""
        return _imported("polars").from_arrow(self.table)

    def pandas(self) -> Any:
        """The rows as a pandas data frame; needs `pip install pandas`."""
        _imported("pandas")
        return self.table.to_pandas()

    def rows(self) -> list[tuple[Any, ...]]:
        """The rows as Python tuples; for few rows."""
        columns = [c.to_pylist() for c in self.table.columns]
        return list(zip(*columns, strict=True)) if columns else []

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft query --format json`."""
        return {
            "columns": [{"name": c.name, "type": c.type, "masked": c.masked} for c in self.columns],
            "rows": [[json_value(v) for v in row] for row in self.rows()],
            "truncated": self.truncated,
            "snapshot": dict(self.snapshots),
            "notes": list(self.notes),
        }

    def write(self, target: Path | Any, format: str) -> None:
        """Writes the rows to a file or a binary stream: `csv`, `arrow` (IPC stream) or `parquet`.

        Raises:
            UsageError: WFT-CLI-001, an unknown format.
        """
        sink = str(target) if isinstance(target, Path) else target
        if format == "parquet":
            from pyarrow import parquet

            parquet.write_table(self.table, sink, compression="zstd")
        elif format == "csv":
            from pyarrow import csv

            csv.write_csv(_flat(self.table), sink)
        elif format == "arrow":
            import pyarrow as pa

            with pa.ipc.new_stream(sink, self.table.schema) as writer:
                writer.write_table(self.table)
        else:
            raise UsageError(
                error("WFT-CLI-001", f"`{format}` is no format of a result", fix="use csv, arrow or parquet")
            )


def json_value(value: Any) -> Any:
    """A value as JSON can carry it without loss.

    Decimals and integers beyond 2^53 become text, timestamps ISO 8601 text, bytes base64, NaN and infinities null.
    """
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if -_EXACT_IN_JSON <= value <= _EXACT_IN_JSON else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(k): json_value(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(v) for v in value]
    return str(value)


def _flat(table: Any) -> Any:
    """The table with nested columns as JSON text, which CSV has no other way to carry."""
    import json

    import pyarrow as pa

    for i, column in enumerate(table.schema):
        if pa.types.is_nested(column.type):
            texts = [None if v is None else json.dumps(json_value(v)) for v in table.column(i).to_pylist()]
            table = table.set_column(i, column.name, pa.array(texts, pa.string()))
    return table


def _imported(package: str) -> Any:
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as e:
        raise UsageError(error("WFT-CLI-002", f"`{package}` is not installed", fix=f"pip install {package}")) from e
