"""Values as the text that DuckDB writes for them."""

from __future__ import annotations

import decimal
from typing import Any

import duckdb
from duckdb.sqltypes import DuckDBPyType

from weft.engines.arrow import leaves
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


def overfull(column: Any) -> bool:
    """Whether a `pyarrow.ChunkedArray` has an integer of more than the 38 digits of Arrow's decimals.

    A HUGEINT may be one. DuckDB, Polars and readers of Parquet fail at such a decimal.
    """
    import pyarrow as pa

    hugeint = pa.decimal128(38, 0)
    of_that_size = [leaf for chunk in column.chunks for leaf in leaves(chunk) if leaf.type == hugeint]
    if not of_that_size:  # PyArrow imports pandas, where it is installed, to make a value: most queries need none
        return False
    from pyarrow import compute as pc

    most, least = (pa.scalar(decimal.Decimal(sign + "9" * 38), hugeint) for sign in ("", "-"))
    return any(pc.any(pc.or_(pc.greater(leaf, most), pc.less(leaf, least))).as_py() for leaf in of_that_size)


def texts(connection: duckdb.DuckDBPyConnection, table: Any) -> Any:
    """A `pyarrow.Table` with each value of another as `CAST(value AS VARCHAR)` writes it."""
    names = [f"c{i}" for i in range(table.num_columns)]
    listed = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" for name in names)
    with told():
        connection.register("given", table.rename_columns(names))
        return connection.sql(f"SELECT {listed} FROM given").to_arrow_table().rename_columns(table.column_names)
