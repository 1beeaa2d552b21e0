"""Are the rows that weft published those that the bare script wrote? By a hash of all rows, whatever their order.

python benchmarks/equal.py MESH FOLDER [WEFT…]      a mesh that was applied; what bare/first_apply.py --out FOLDER wrote
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

PORTS = (
    "fleet.aircraft.planes",
    "network.reference.airports",
    "network.reference.airlines",
    "weather.observations.hourly",
    "operations.on_time.flights",
    "crew.roster.assignments",
    "punctuality.performance.carrier_daily",
    "punctuality.performance.airport_delays",
)


def digest(file: Path) -> tuple[int, str]:
    """Number of rows, and a hash of them, of a Parquet file."""
    rows, total = duckdb.execute(
        f"select count(*), sum(hash(r)::hugeint) from (from read_parquet('{file}')) as r"
    ).fetchall()[0]
    return rows, str(total)


def differences(weft: Sequence[str], mesh: Path, bare: Path) -> list[str]:
    """A line for each port whose rows differ."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for address in PORTS:
            file = Path(folder) / f"{address}.parquet"
            question = f"select * from {address}"
            subprocess.run(
                [*weft, "-C", str(mesh), "query", question, "--out", str(file)], check=True, stderr=subprocess.DEVNULL
            )
            ours, theirs = digest(file), digest(bare / f"{address.split('.')[-1]}.parquet")
            if ours != theirs:
                found.append(f"{address}: weft {ours[0]} rows, hash {ours[1]}; bare {theirs[0]} rows, hash {theirs[1]}")
    return found


def main() -> int:
    """Prints what differs; 1 if anything does."""
    mesh, bare, *weft = sys.argv[1:]
    found = differences(weft or [sys.executable, "-m", "weft.cli.main"], Path(mesh), Path(bare))
    print("\n".join(found) or f"all rows of {len(PORTS)} ports are the same")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
