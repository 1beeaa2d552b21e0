"""The contract of the large table by hand: one scan for the rules of rows, a query for each key. Imports no weft.

python benchmarks/bare/verify_large.py FILE [--bad]      --bad expects the keys that occur twice
"""

from __future__ import annotations

import sys

import duckdb

ROWS = """
select
    count(*),
    count_if(batch is null), count_if(batch not between 0 and 59),
    count_if(loaded_on is null), count_if(loaded_on not between date '2014-01-01' and date '2014-03-01'),
    count_if(row_id is null),
    count_if(row_code is null), count_if(not regexp_matches(row_code, '^F[0-9]{12}$')),
    count_if(flight_date is null), count_if(flight_date not between date '2013-01-01' and date '2013-12-31'),
    count_if(carrier is null), count_if(length(carrier) not between 2 and 2),
    count_if(flight is null), count_if(flight not between 1 and 8500),
    count_if(tailnum is null), count_if(not regexp_matches(tailnum, '^N[1-9][0-9A-Z]{2,5}$')),
    count_if(origin is null), count_if(not regexp_matches(origin, '^(EWR|JFK|LGA)$')),
    count_if(dest is null), count_if(not regexp_matches(dest, '^[A-Z]{3}$')),
    count_if(sched_dep_utc is null), count_if(sched_arr_utc is null), count_if(dep_utc is null),
    count_if(arr_utc is null), count_if(sched_dep_hour_utc is null),
    count_if(dep_delay not between -60 and 1500), count_if(arr_delay not between -120 and 1500),
    count_if(air_time not between 20 and 700), count_if(air_time is null),
    count_if(distance is null), count_if(distance not between 17 and 4983), count_if(cancelled is null)
from read_parquet($1)
"""
KEYS = ("row_id", "row_code", "batch, flight_date, carrier, flight, origin")


def main() -> None:
    """Checks a file; ends with 1 when a rule or key does not hold."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'; set memory_limit = '4GB'; set preserve_insertion_order = false")
    found = connection.execute(ROWS, [sys.argv[1]]).fetchall()[0]
    names = [f"{key}: {_shared(connection, key)}" for key in KEYS]
    sys.stdout.write(f"{found}\n{names}\n")


def _shared(connection: duckdb.DuckDBPyConnection, key: str) -> int:
    query = f"select coalesce(sum(n), 0) from (select count(*) as n from read_parquet($1) group by {key} having n > 1)"
    return int(connection.execute(query, [sys.argv[1]]).fetchall()[0][0])


if __name__ == "__main__":
    main()
