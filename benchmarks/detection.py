"""What detection costs on a column of 100,000 values, and how good it is on labelled columns.

    python benchmarks/detection.py [--values N] [--write]

For columns of several kinds, and of things that only look alike: CPU seconds of looking for all kinds together, on one
thread, the best of three, with the engine's warm-up left out. `--write` puts the table of precision and recall into
docs/explanation/detection.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow
from faker import Faker
from targets import told

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.labelled_columns import ELSEWHERE, labelled, texts
from tests.measured_detection import as_table, measured
from weft.engines.duckdb.engine import DuckDBEngine
from weft.governance.detection.looking import look

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "detection.md"
LIMIT_S = 1.0
SEED = 1


def makers(fake: Faker, rng: random.Random) -> dict[str, Callable[[], str]]:
    """What the columns hold."""
    return {
        "e-mail addresses": fake.email,
        "phone numbers": fake.phone_number,
        "IBANs": fake.iban,
        "card numbers": fake.credit_card_number,
        "Social Security numbers": fake.ssn,
        "IP addresses": fake.ipv4,
        "postal addresses": lambda: fake.address().replace("\n", ", "),
        "names": fake.name,
        "numbers of 11 digits": lambda: fake.numerify("###########"),
        "UUIDs": lambda: str(fake.uuid4()),
        "dates": fake.date,
        "free text": texts(fake, rng),
        "long free text": lambda: fake.text(500),
    }


def cost(engine: DuckDBEngine, values: list[str], name: str) -> float:
    """CPU seconds of looking at one column, the best of three."""
    best = float("inf")
    with engine.session() as session:
        session.register("given", pyarrow.table({name: values}))
        session.table("t", "SELECT * FROM given")
        columns = session.columns("SELECT * FROM t")
        for _ in range(3):
            begun = time.process_time()
            look(session.rows, "t", columns, today=dt.date(2026, 11, 22))
            best = min(best, time.process_time() - begun)
    return best


def main() -> None:
    """Measures, prints, and writes where it is told to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--values", type=int, default=100_000)
    parser.add_argument("--write", action="store_true", help="put precision and recall into the documentation")
    given = parser.parse_args()

    fake, rng = Faker("en_US"), random.Random(SEED)
    fake.seed_instance(SEED)
    engine = DuckDBEngine(threads=1)
    made = min(given.values, 20_000)
    print(f"{given.values:,} values of one column, all kinds together, CPU s (limit {LIMIT_S:g})")
    worst = 0.0
    for title, make in makers(fake, rng).items():
        base = [make() for _ in range(made)]
        values = [base[i % made] if i < made or i % 3 else f"{base[i % made]}{i % 10}" for i in range(given.values)]
        spent = cost(engine, values, "value")
        worst = max(worst, spent)
        print(f"  {title:26} {spent:5.2f}")
    told(f"detection in {given.values:,} values of one column, the worst kind of column", worst, LIMIT_S, "CPU s")
    engine.close()

    begun = time.process_time()
    columns = list(labelled(SEED))
    table = as_table(measured(columns))
    print(f"\n{len(columns):,} labelled columns in {time.process_time() - begun:.0f} CPU s\n{table}")
    elsewhere = list(labelled(SEED, ELSEWHERE, draws=0))
    print(f"\n{len(elsewhere):,} columns of locales that were not looked at: {', '.join(ELSEWHERE)}")
    print(as_table(measured(elsewhere)))
    if given.write:
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(re.sub(r"\| kind \| columns \|.*?\n\n", lambda _: f"{table}\n\n", text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
