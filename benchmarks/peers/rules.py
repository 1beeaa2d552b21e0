"""The rules that every tool of the comparison is given: sixty of them, over one table, as plain values.

The table is the flights of the example as `../bare/first_apply.py` writes them. All rules hold on it. A tool that has
a check for the columns and types of a table is given that too; how many rules it evaluates it prints itself.
"""

from __future__ import annotations

from dataclasses import dataclass

ROWS = 336_776
KEY = ("flight_date", "carrier", "flight", "origin")


@dataclass(frozen=True)
class Column:
    """A column: its ODCS logical type and what holds for each of its values.

    `low` and `high` are inclusive, dates in ISO 8601; `nulls` is how many percent of the rows may be null, 0 for none.
    """

    name: str
    kind: str
    nulls: float = 0
    low: int | str | None = None
    high: int | str | None = None
    one_of: tuple[str, ...] = ()
    pattern: str | None = None
    zone: bool = False


CARRIERS = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")

COLUMNS = (
    Column("flight_date", "date", low="2013-01-01", high="2013-12-31"),
    Column("carrier", "string", one_of=CARRIERS),
    Column("flight", "integer", low=1, high=8500),
    Column("tailnum", "string", nulls=0.75, pattern="^[0-9A-Z]{5,6}$"),
    Column("origin", "string", one_of=("EWR", "JFK", "LGA")),
    Column("dest", "string", pattern="^[A-Z]{3}$"),
    Column("sched_dep_local", "timestamp"),
    Column("sched_dep_utc", "timestamp", zone=True),
    Column("dep_local", "timestamp", nulls=2.46),
    Column("dep_utc", "timestamp", nulls=2.46, zone=True),
    Column("sched_arr_local", "timestamp"),
    Column("sched_arr_utc", "timestamp", zone=True),
    Column("arr_local", "timestamp", nulls=2.59),
    Column("arr_utc", "timestamp", nulls=2.59, zone=True),
    Column("sched_dep_hour_utc", "timestamp", zone=True),
    Column("dep_delay", "integer", nulls=2.46, low=-60, high=1500),
    Column("arr_delay", "integer", nulls=2.81, low=-120, high=1500),
    Column("air_time", "integer", nulls=2.81, low=20, high=700),
    Column("distance", "integer", low=17, high=4983),
    Column("cancelled", "boolean"),
)
