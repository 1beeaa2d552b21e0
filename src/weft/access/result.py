"""The result of a governed read, in every shape that somebody may want it."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import math
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from msgspec import Struct

from weft.access.values import Texts, TimeText, beyond_frames, beyond_parquet, python_values
from weft.errors import Diagnostic, UsageError, error
from weft.model.type_text import parse_type

EXACT_IN_JSON = 2**53
_PLAIN_SCALE = 6  # pyarrow writes smaller decimals with an exponent: 1E-8


class ResultColumn(Struct, frozen=True):
    """A column of a result: DuckDB's name of its type; the mask that was applied, if any."""

    name: str
    type: str
    masked: str | None = None


class Result(Struct, frozen=True):
    """Rows that a principal may see.

    Attributes:
        table: a `pyarrow.Table`; columns of types that Arrow cannot carry are text.
        truncated: whether a limit cut rows off.
        snapshots: snapshot id by pinned address of every port that was read.
        texts: makes the engine's texts of a table's values.
        notes: what the reader should know: which major an unpinned address meant, and that a port was published
            against failed checks.
        diagnostics: warnings: which of the ports are deprecated, until when, and what takes their place.
    """

    columns: tuple[ResultColumn, ...]
    table: Any
    truncated: bool
    snapshots: Mapping[str, str]
    texts: Texts
    notes: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    def arrow(self) -> Any:
        """The rows as a `pyarrow.Table`."""
        return self.table

    def batches(self) -> Iterator[Any]:
        """The rows as `pyarrow.RecordBatch`es."""
        yield from self.table.to_batches()

    def polars(self) -> Any:
        """The rows as a Polars data frame; needs `pip install polars`. See `pandas` for times beyond Python's."""
        return imported("polars").from_arrow(self._without(beyond_frames))

    def pandas(self) -> Any:
        """The rows as a pandas data frame; needs `pip install pandas`.

        A column with an infinity, or a date or time beyond Python's years, is the engine's text.
        """
        imported("pandas")
        return self._without(beyond_frames).to_pandas()

    def rows(self) -> list[tuple[Any, ...]]:
        """The rows as Python tuples; for few rows.

        A date or time that Python's `datetime` cannot hold is the engine's text, and a 32-bit float is the number with
        the shortest text that reads back as it.
        """
        columns = [
            [v for chunk in column.chunks for v in python_values(chunk, parse_type(told.type), self.texts)]
            for column, told in zip(self.table.columns, self.columns, strict=True)
        ]
        return list(zip(*columns, strict=True)) if columns else []

    def text_rows(self) -> list[tuple[str | None, ...]]:
        """The rows as the engine's texts; for few rows."""
        columns = [c.to_pylist() for c in self._as_texts(lambda kind: not _same_text(kind)).columns]
        return [tuple(v if v is None else str(v) for v in row) for row in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft query --format json`."""
        return {
            "columns": [{"name": c.name, "type": c.type, "masked": c.masked} for c in self.columns],
            "rows": [[json_value(v) for v in row] for row in self.rows()],
            "truncated": self.truncated,
            "snapshot": dict(self.snapshots),
            "diagnostics": [d.as_json() for d in self.diagnostics],
            "notes": list(self.notes),
        }

    def write(self, target: Path | Any, format: str) -> None:
        """Writes the rows to a file or a binary stream: `csv`, `arrow` (IPC stream) or `parquet`.

        Raises:
            UsageError: WFT-CLI-001, an unknown format.
        """
        if format not in ("csv", "arrow", "parquet"):
            raise UsageError(
                error("WFT-CLI-001", f"`{format}` is no format of a result", fix="use csv, arrow or parquet")
            )
        table = self.fitted(format)
        with replacing(target) if isinstance(target, Path) else nullcontext(target) as sink:
            _write(table, sink, format)

    def fitted(self, format: str) -> Any:
        """The `pyarrow.Table` with the engine's texts in place of what a format has no form for."""
        if format == "csv":
            return self._as_texts(_not_in_csv)
        return self._without(beyond_parquet) if format == "parquet" else self.table

    def _as_texts(self, chosen: Callable[[Any], bool]) -> Any:
        """The table with the columns of the chosen Arrow types as the engine's texts."""
        return self._replaced([i for i, field in enumerate(self.table.schema) if chosen(field.type)])

    def _without(self, beyond: Callable[[Any], bool]) -> Any:
        """The table with the columns in which some value is beyond a format as the engine's texts."""
        columns = self.table.columns
        return self._replaced([i for i, c in enumerate(columns) if any(beyond(chunk) for chunk in c.chunks)])

    def _replaced(self, places: Sequence[int]) -> Any:
        table = self.table
        if places:
            written = self.texts(table.select(list(places)))
            for i, column in zip(places, written.columns, strict=True):
                table = table.set_column(i, table.schema.names[i], column)
        return table


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `target` once it is written in whole; a pipe or a device is written directly."""
    target = target.resolve()
    if target.exists() and not target.is_file():
        with target.open("wb") as sink:
            yield sink
        return
    unfinished = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        with unfinished.open("xb") as sink:
            yield sink
        if target.exists():
            shutil.copymode(target, unfinished)
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def json_value(value: Any) -> Any:
    """A value as JSON can carry it without loss.

    Decimals and integers beyond 2^53 become text, timestamps ISO 8601 text, bytes base64, NaN and infinities null.
    """
    if isinstance(value, TimeText):
        return value.isoformat()
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if -EXACT_IN_JSON <= value <= EXACT_IN_JSON else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(k): json_value(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(v) for v in value]
    return str(value)


def _write(table: Any, sink: Any, format: str) -> None:
    if format == "parquet":
        from pyarrow import parquet

        parquet.write_table(table, sink, compression="zstd")
    elif format == "csv":
        from pyarrow import csv

        csv.write_csv(table, sink)
    else:
        import pyarrow as pa

        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)


def _same_text(kind: Any) -> bool:
    """Whether `str` writes the Python values of an Arrow type as the engine does."""
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_string(kind))


def _not_in_csv(kind: Any) -> bool:
    """Whether CSV needs the engine's texts of an Arrow type; numbers are written without quotes."""
    import pyarrow as pa

    if pa.types.is_decimal(kind):
        return bool(kind.scale > _PLAIN_SCALE)
    plain = pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind)
    return not (_same_text(kind) or plain)


def imported(package: str) -> Any:
    """A package that is not part of weft.

    Raises:
        UsageError: WFT-CLI-002, it is not installed.
    """
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as e:
        raise UsageError(error("WFT-CLI-002", f"`{package}` is not installed", fix=f"pip install {package}")) from e
