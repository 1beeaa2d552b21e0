"""The rules in DuckDB by hand: one scan, and a query for the key.

python by_hand.py PARQUET
"""

from __future__ import annotations

import sys

import duckdb
from rules import COLUMNS, KEY, ROWS, Column


def conditions(column: Column) -> list[str]:
    """Aggregates that are true when a rule holds."""
    name = column.name
    found = [f"100.0 * count_if({name} IS NULL) / count(*) <= {column.nulls}"]
    if column.low is not None:
        low, high = (f"DATE '{v}'" if isinstance(v, str) else v for v in (column.low, column.high))
        found.append(f"count_if({name} NOT BETWEEN {low} AND {high}) = 0")
    if column.one_of:
        found.append(f"count_if({name} NOT IN {column.one_of}) = 0")
    if column.pattern:
        found.append(f"count_if(NOT regexp_matches({name}, '{column.pattern}')) = 0")
    return found


def main() -> None:
    """Checks the file; ends with 1 when a rule does not hold."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    source = f"read_parquet('{sys.argv[1]}')"
    rules = [f"count(*) = {ROWS}", *(text for column in COLUMNS for text in conditions(column))]
    held = list(connection.execute(f"SELECT {', '.join(rules)} FROM {source}").fetchall()[0])
    types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE FROM {source}").fetchall()}
    named = {"string": "VARCHAR"}
    for column in COLUMNS:
        kind = named.get(column.kind, column.kind.upper()) + (" WITH TIME ZONE" if column.zone else "")
        held.append(types[column.name] == kind)
    key = ", ".join(KEY)
    twice = f"SELECT count(*) FROM (SELECT 1 FROM {source} GROUP BY {key} HAVING count(*) > 1)"
    held.append(connection.execute(twice).fetchall()[0][0] == 0)
    print(f"{sum(held)} of {len(held)} rules hold")
    raise SystemExit(not all(held))


if __name__ == "__main__":
    main()
