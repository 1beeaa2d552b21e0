"""The contract of `operations.on_time.flights` by hand: its checks as SQL. The floor for `weft verify`.

python benchmarks/bare/verify_flights.py FOLDER      the files that first_apply.py --out FOLDER has written
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
from first_apply import check


def main() -> None:
    """Checks the flights against the tables that they point to."""
    folder = Path(sys.argv[1])
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    for table in ("flights", "planes", "airports", "airlines"):
        connection.execute(f"create view {table} as from read_parquet('{folder / table}.parquet')")
    print(check(connection, "flights"), "checks hold")


if __name__ == "__main__":
    main()
