"""Landing a table of PostgreSQL against a plain `COPY … TO STDOUT` of it: wall time, and CPU of the client process.

    python benchmarks/sources.py [--url postgresql://…] [--rows N] [--rounds N]

Without `--url` a PostgreSQL is started on loopback. Each way runs in a process of its own, in turn; the middle one
counts. What is imported and opened once is done before with a table of one row, and told apart as start-up.
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import median

from targets import told

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.servers import postgres_running  # noqa: E402

TABLE = """
CREATE TABLE landed_orders AS SELECT i::bigint AS id, (i::bigint * 7919 % 100003)::int AS customer,
((i::bigint * 31) % 1000000 / 100.0)::numeric(10,2) AS amount, (array['new','paid','sent','done'])[i % 4 + 1] AS status,
timestamptz '2020-01-01' + i * interval '30 second' AS created, md5(i::text) AS note, i % 3 = 0 AS flag,
(i % 1000) / 7.0::double precision AS score FROM generate_series(1, {rows}) i
"""


def copied(url: str, table: str) -> int:
    """The rows as PostgreSQL writes them, taken and thrown away."""
    import psycopg

    size = 0
    with (
        psycopg.connect(url) as connection,
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} TO STDOUT") as copy,
    ):
        for block in copy:
            size += len(block)
    return size


def landed(url: str, table: str, parallel: int) -> int:
    """The rows landed as Parquet, as `weft apply` does it."""
    from weft.config import Settings
    from weft.connections import Connection, Reference, Secret
    from weft.connectors.remotes import RemoteConnector
    from weft.engines.duckdb.engine import DuckDBEngine
    from weft.model.address import ProductAddress
    from weft.model.mesh import Source
    from weft.model.remote import Remote
    from weft.runs.landing import InEngine

    folder = Path(tempfile.mkdtemp(dir=ROOT / ".bench" if (ROOT / ".bench").is_dir() else None))
    try:
        connection = Connection("db", "postgres", {}, {"dsn": Reference("$ DSN", Secret(url))})
        remotes = RemoteConnector(
            Settings(root=folder, connections={"db": connection}), lambda: None, lambda: dt.datetime.now(dt.UTC)
        )
        remote = Remote("db", table=table, partition_by="id", parallel=parallel)
        with DuckDBEngine().session() as session:
            remotes.land(ProductAddress("a", "b"), "c", Source("", remote=remote), InEngine(session))
        return sum(f.stat().st_size for f in folder.rglob("*.parquet"))
    finally:
        shutil.rmtree(folder)


def cpu() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


WAYS = {
    "COPY TO STDOUT": copied,
    "landed, 1 connection": lambda url, table: landed(url, table, 1),
    "landed, 2 connections": lambda url, table: landed(url, table, 2),
}


def measured_here(way: str, url: str) -> None:
    """One way, in this process: wall and CPU seconds, bytes, and CPU seconds of its start."""
    WAYS[way](url, "landed_few")
    began, start = time.perf_counter(), cpu()
    size = WAYS[way](url, "landed_orders")
    print(time.perf_counter() - began, cpu() - start, size, start)


def main() -> None:
    """Makes the table where it is missing, and prints a table of the figures."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--url")
    words.add_argument("--rows", type=int, default=5_000_000)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--way", choices=list(WAYS), help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.way:
        measured_here(asked.way, asked.url)
        return
    with nullcontext(asked.url) if asked.url else postgres_running() as url:
        compared(url, asked.rows, asked.rounds)


def compared(url: str, rows: int, rounds: int) -> None:
    """All ways in turn."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT to_regclass('landed_orders')").fetchone() == (None,):
            connection.execute(TABLE.format(rows=rows))
            connection.execute("ALTER TABLE landed_orders ADD PRIMARY KEY (id)")
            connection.execute("VACUUM ANALYZE landed_orders")
        connection.execute("CREATE TABLE IF NOT EXISTS landed_few AS SELECT * FROM landed_orders LIMIT 1")
    found: dict[str, list[tuple[float, ...]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, measured in found.items():
            command = [sys.executable, __file__, "--url", url, "--way", way]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            measured.append(tuple(map(float, done.stdout.split())))
    base = found["COPY TO STDOUT"]
    print(f"{rows:,} rows\n\n| | wall s | × | client CPU s | × | MB | start-up CPU s |\n|---|---|---|---|---|---|---|")
    ratios = []
    for way, measured in found.items():
        wall, used, size, start = (median(m[i] for m in measured) for i in range(4))
        ratios.append(wall / median(b[0] for b in base))
        print(
            f"| {way} | {wall:.1f} | {ratios[-1]:.2f} | {used:.1f} |"
            f" {used / median(b[1] for b in base):.2f} | {size / 1e6:.0f} | {start:.1f} |"
        )
    told(f"{rows:,} rows landed from PostgreSQL against COPY of them", min(ratios[1:]), 1.5, "×")


if __name__ == "__main__":
    main()
