"""The rules in pandera, on a pandas frame.

python with_pandera.py PARQUET
"""

from __future__ import annotations

import datetime
import sys

import pandas
import pandera.pandas as pandera
from rules import COLUMNS, KEY, ROWS, Column

_TYPES = {"string": "str", "integer": "Int32", "boolean": "bool", "timestamp": "datetime64[us]", "date": "date"}


def column_of(column: Column) -> pandera.Column:
    """A column with its checks."""
    checks = []
    if column.low is not None:
        low, high = (datetime.date.fromisoformat(v) if isinstance(v, str) else v for v in (column.low, column.high))
        checks.append(pandera.Check.in_range(low, high))
    if column.one_of:
        checks.append(pandera.Check.isin(column.one_of))
    if column.pattern:
        checks.append(pandera.Check.str_matches(column.pattern))
    if column.nulls:
        most = column.nulls
        checks.append(pandera.Check(lambda s: 100 * s.isna().mean() <= most, ignore_na=False))
    kind = pandas.DatetimeTZDtype("us", "UTC") if column.zone else _TYPES[column.kind]
    return pandera.Column(None if kind == "date" else kind, checks, nullable=bool(column.nulls))


def main() -> None:
    """Checks the file; raises when a rule does not hold."""
    frame = pandas.read_parquet(sys.argv[1], dtype_backend="numpy_nullable")
    frame = frame.astype({c.name: _TYPES[c.kind] for c in COLUMNS if c.kind in ("string", "boolean")})
    columns = {column.name: column_of(column) for column in COLUMNS}
    size = pandera.Check(lambda f: len(f) == ROWS)
    schema = pandera.DataFrameSchema(columns, checks=[size], unique=list(KEY), strict=True)
    schema.validate(frame, lazy=True)
    checks = sum(1 + (not c.nullable) + len(c.checks) for c in columns.values())
    print(f"{checks + 2} rules hold")


if __name__ == "__main__":
    main()
