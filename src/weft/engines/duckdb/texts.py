"""Values as the text that DuckDB writes for them."""

from __future__ import annotations

from typing import Any

import duckdb
from duckdb.sqltypes import DuckDBPyType

from weft.engines.duckdb.failures import told

_CARRIED = frozenset(
    {
        "boolean",
        "tinyint",
        "smallint",
        "integer",
        "bigint",
        "hugeint",
        "utinyint",
        "usmallint",
        "uinteger",
        "ubigint",
        "float",
        "double",
        "decimal",
        "varchar",
        "blob",
        "uuid",
        "enum",
        "null",
        "date",
        "time",
        "time_ns",
        "timestamp",
        "timestamp_s",
        "timestamp_ms",
        "timestamp_ns",
        "timestamp with time zone",
        "timestamptz_ns",
    }
)
_NESTED = frozenset({"list", "array", "struct", "map"})


def carried(kind: DuckDBPyType) -> bool:
    """Whether Arrow carries every value of a type, and DuckDB reads the same values back from it.

    It does not for BIT and BIGNUM (DuckDB's own bytes), TIMETZ (without the zone), UHUGEINT (128 bits with a sign),
    INTERVAL and UNION (which Parquet has not), VARIANT, GEOMETRY, TYPE, and TUPLE (a struct with invented names).
    """
    if kind.id in _NESTED:
        return all(carried(part) for _, part in kind.children if isinstance(part, DuckDBPyType))
    return kind.id in _CARRIED


def texts(connection: duckdb.DuckDBPyConnection, table: Any) -> Any:
    """A `pyarrow.Table` with each value of another as `CAST(value AS VARCHAR)` writes it."""
    names = [f"c{i}" for i in range(table.num_columns)]
    listed = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" for name in names)
    with told():
        connection.register("given", table.rename_columns(names))
        return connection.sql(f"SELECT {listed} FROM given").to_arrow_table().rename_columns(table.column_names)
