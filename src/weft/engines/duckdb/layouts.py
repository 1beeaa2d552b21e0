"""The layout of a table as DuckDB writes it: the columns that part the rows, their order, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from weft.errors import UserCodeError, error
from weft.model.column import Column
from weft.model.layout import MOST_PARTITIONS, Layout, PartitionField, width_of
from weft.model.publication import PartitionValue
from weft.sql.quoting import ident

_OPTIONS = "HIVE_FILE_PATTERN false, FILENAME_PATTERN '{uuid}', APPEND true"
"""Files of all partitions lie side by side: as the name of a folder a value may be too long, or private."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBER = re.compile(r"-?\d+")
_LONG = range(-(2**63), 2**63)


class Parted:
    """A query whose rows are parted, and sorted inside of each part."""

    def __init__(self, body: str, layout: Layout, columns: Sequence[Column]) -> None:
        types = {c.name: c.type for c in columns}
        taken = {c.name.lower() for c in columns}
        self._layout = layout
        self._types = types
        self._names = [_free(f"weft partition {i}", taken) for i in range(len(layout.partition))]
        hidden = [
            f"CAST({partition_sql(f, types[f.column])} AS VARCHAR) AS {ident(name)}"
            for f, name in zip(layout.partition, self._names, strict=True)
        ]
        order = [ident(n) for n in self._names] + [f"{ident(f.column)} NULLS FIRST" for f in layout.sort]
        listed = ", ".join(["*", *hidden])
        self.sql = f"SELECT {listed} FROM (\n{body}\n) AS given ORDER BY {', '.join(order)}"

    @property
    def options(self) -> str:
        """Options of COPY beside those of every file."""
        if not self._names:
            return "PRESERVE_ORDER true"
        return f"PARTITION_BY ({', '.join(ident(n) for n in self._names)}), {_OPTIONS}"

    def limited(self, partitions: int) -> None:
        """Refuses a write of too many partitions.

        Raises:
            UserCodeError: WFT-STO-010.
        """
        if partitions > MOST_PARTITIONS:
            raise UserCodeError(
                error(
                    "WFT-STO-010",
                    f"the rows fall into {partitions:,} partitions, and one write makes {MOST_PARTITIONS:,} at most",
                    why="each partition is a file of its own, which every commit and every read has to list",
                    fix="part them by fewer values in the contract: `weft.partitionTransform: month`, or by another "
                    "column",
                )
            )

    def values(self, found: Mapping[str, str | None]) -> tuple[PartitionValue, ...]:
        """The partition of a file, as COPY has returned it.

        Raises:
            UserCodeError: WFT-STO-011, a value that Iceberg cannot name.
        """
        return tuple(
            PartitionValue(f.field_id, f.transform, self._checked(f, found[name]))
            for f, name in zip(self._layout.partition, self._names, strict=True)
        )

    def _checked(self, field: PartitionField, value: str | None) -> str | None:
        type_ = self._types[field.column]
        if value is None or (type_ in ("VARCHAR", "BOOLEAN")):
            return value
        if field.transform == "day" or (type_ == "DATE" and field.transform == "identity"):
            fits = _DAY.fullmatch(value) is not None and value >= "0001"
        else:
            fits = _NUMBER.fullmatch(value) is not None and int(value) in _LONG
        if not fits:
            raise UserCodeError(
                error(
                    "WFT-STO-011",
                    f"a value of column `{field.column}` can be in no partition of `{field.transform}`",
                    why="partitions of dates and times go from the year 1 to 9999, and infinity is none",
                    fix=f"make it null in the model, or do not part the table by `{field.column}`",
                )
            )
        return value


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def partition_sql(field: PartitionField, type_: str) -> str:
    """A transform in SQL; text that is no value of a partition stands for infinity."""
    column = ident(field.column)
    width = width_of(field.transform)
    if width is not None:
        if type_ == "VARCHAR":
            return f"left({column}, {width})"
        # rounds down below zero too (spec, truncate transform)
        return f"{column}::HUGEINT - ((({column}::HUGEINT % {width}) + {width}) % {width})"
    if field.transform == "identity":
        return column
    time = column if type_ == "DATE" else f"({column} AT TIME ZONE 'UTC')" if type_ != "TIMESTAMP" else column
    part = {
        "year": f"year({time}) - 1970",
        "month": f"(year({time}) - 1970) * 12 + month({time}) - 1",
        "day": f"CAST({time} AS DATE)",
        "hour": f"epoch_us(date_trunc('hour', {time})) // 3600000000",
    }[field.transform]
    return f"CASE WHEN isinf({time}) THEN 'infinity' ELSE CAST({part} AS VARCHAR) END"
