"""How a table's rows are laid out in files: which share a file, and in what order they stand in it."""

from __future__ import annotations

import re

from msgspec import Struct

TRANSFORMS = ("identity", "year", "month", "day", "hour", "truncate[N]")
"""The transforms that weft writes, as the specification of Iceberg names them."""

MOST_PARTITIONS = 1000
"""Partitions of one write: each is a file of its own at least, which every commit and every read has to list."""

_WIDTH = re.compile(r"truncate\[([1-9][0-9]{0,8})\]")


class PartitionField(Struct, frozen=True):
    """One part of a partition: a transform of a column.

    Attributes:
        field_id: of the column; 0 while it has none.
    """

    column: str
    transform: str
    field_id: int = 0

    @property
    def name(self) -> str:
        """Its name among the fields of a partition: that of the column, with the transform behind it."""
        if self.transform == "identity":
            return self.column
        return f"{self.column}_{self.transform.partition('[')[0]}"


class SortField(Struct, frozen=True):
    """A column that files are sorted by, from the smallest value on, nulls first."""

    column: str
    field_id: int = 0


class Layout(Struct, frozen=True):
    """Partition and order of a table; neither by default."""

    partition: tuple[PartitionField, ...] = ()
    sort: tuple[SortField, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.partition or self.sort)


UNORDERED = Layout()
"""Rows in one heap, as they came."""


def width_of(transform: str) -> int | None:
    """The number of a `truncate[N]`; None for any other transform.

    >>> width_of("truncate[16]"), width_of("day")
    (16, None)
    """
    found = _WIDTH.fullmatch(transform)
    return int(found[1]) if found else None


def transform_fits(transform: str, type_: str) -> bool:
    """Whether rows of a column of this type of DuckDB can be parted by a transform.

    >>> transform_fits("day", "TIMESTAMP"), transform_fits("identity", "DOUBLE"), transform_fits("hour", "DATE")
    (True, False, False)
    """
    if transform == "identity":
        return type_ in _WHOLE or type_ in ("VARCHAR", "BOOLEAN", "DATE")
    if transform in ("year", "month", "day"):
        return type_ in _TIMES or type_ == "DATE"
    if transform == "hour":
        return type_ in _TIMES
    return width_of(transform) is not None and (type_ in _WHOLE or type_ == "VARCHAR")


def usual_transform(type_: str) -> str:
    """The transform of a column of which the contract says none: its day for a time, else its value."""
    return "day" if type_ in _TIMES else "identity"


def sortable(type_: str) -> bool:
    """Whether Iceberg has an order for the values of a type."""
    return type_ in _WHOLE or type_ in _TIMES or type_ in _ORDERED or (type_.startswith("DECIMAL") and "[" not in type_)


_WHOLE = frozenset(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"))
_TIMES = frozenset(("TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"))
_ORDERED = frozenset(("VARCHAR", "BOOLEAN", "DATE", "TIME", "FLOAT", "DOUBLE"))
