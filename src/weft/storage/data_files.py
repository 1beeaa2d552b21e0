"""Iceberg's record of a data file, from the statistics that the writer gave: no file is opened for it."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

from pyiceberg.conversions import to_bytes
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import Schema
from pyiceberg.typedef import Record
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    LongType,
    StringType,
    TimestampType,
    TimestamptzType,
)

from weft.model import publication

_LONGEST_BOUND = 16
_EPOCH = dt.date(1970, 1, 1)
_EPOCH_TIME = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def data_file(file: publication.DataFile, location: str, schema: Schema) -> DataFile:
    """The record of one Parquet file."""
    kinds = {f.field_id: f.field_type for f in schema.fields}
    nulls, values, sizes = {}, {}, {}
    lower: dict[int, bytes] = {}
    upper: dict[int, bytes] = {}
    for number, known in file.statistics.items():
        if number not in kinds:
            continue
        values[number] = file.rows
        if known.nulls is not None:
            nulls[number] = known.nulls
        if known.size_bytes is not None:
            sizes[number] = known.size_bytes
        if known.exact and known.minimum is not None and known.maximum is not None:
            low, high = _bound(known.minimum, kinds[number]), _bound(known.maximum, kinds[number])
            if low is not None and high is not None:
                lower[number], upper[number] = low, high
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=location,
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=file.rows,
        file_size_in_bytes=file.size_bytes,
        column_sizes=sizes,
        value_counts=values,
        null_value_counts=nulls,
        nan_value_counts={},
        lower_bounds=lower,
        upper_bounds=upper,
        key_metadata=None,
        split_offsets=None,
        equality_ids=None,
        sort_order_id=None,
    )


def _bound(text: str, kind: IcebergType) -> bytes | None:
    """A bound in Iceberg's single-value form; None when in doubt: a bound that is missing only costs a scan."""
    try:
        value = _value(text, kind)
    except (ValueError, ArithmeticError):
        return None
    return None if value is None else to_bytes(kind, value)


def _value(text: str, kind: IcebergType) -> Any:
    if isinstance(kind, IntegerType | LongType):
        return int(text)
    if isinstance(kind, FloatType | DoubleType):
        number = float(text)
        return number if number == number else None
    if isinstance(kind, BooleanType):
        return {"true": True, "false": False}.get(text.lower())
    if isinstance(kind, StringType):
        # A longer one would have to be cut, and an upper bound then raised: not worth it.
        return text if len(text.encode()) <= _LONGEST_BOUND else None
    if isinstance(kind, DateType):
        return (dt.date.fromisoformat(text) - _EPOCH).days
    if isinstance(kind, TimestampType | TimestamptzType):
        time = dt.datetime.fromisoformat(text)
        time = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
        return (time - _EPOCH_TIME) // dt.timedelta(microseconds=1)
    if isinstance(kind, DecimalType):
        return decimal.Decimal(text).quantize(decimal.Decimal(1).scaleb(-kind.scale))
    return None
