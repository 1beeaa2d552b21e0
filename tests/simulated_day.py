"""A day of many schedules by a simulated clock: a registry of products, and real processes that see to their jobs."""

from __future__ import annotations

import datetime as dt
import random
import sys
import time
from pathlib import Path
from typing import Any

from weft.errors import Conflict, PlatformError
from weft.model.address import Address, ProductAddress
from weft.model.jobs import Job, Limits
from weft.model.records import ProductRecord
from weft.registry import codec, publishing
from weft.registry.database import Database
from weft.registry.leadership import leadership
from weft.registry.postgres import PostgresRegistry
from weft.registry.sql_tables import SqlTables
from weft.registry.sqlite import SqliteRegistry
from weft.runs.dispatch import Dispatch

START = dt.datetime(2026, 3, 28, 12, tzinfo=dt.UTC)
"""The clocks of Europe go forward in the night after it."""
LEASE = dt.timedelta(minutes=3)
CRONS = (
    ("0 */2 * * *", "UTC"),
    ("30 */3 * * *", "Europe/Berlin"),
    ("0 6,18 * * *", "America/New_York"),
    ("30 2 * * *", "Europe/Berlin"),
    ("15 * * * *", "Asia/Kolkata"),
    ("0 0 * * *", "UTC"),
    ("@daily", "Australia/Sydney"),
    ("45 1-5 * * *", "Europe/Paris"),
)


def open_registry(place: str) -> SqliteRegistry | PostgresRegistry:
    """The registry at a place."""
    return PostgresRegistry(place) if place.startswith("postgresql://") else SqliteRegistry(Path(place))


def declared(number: int, roots: int, drawn: random.Random) -> tuple[Any, list[int]]:
    """The schedule of the n-th product, and the products that it reads."""
    if number < roots:
        cron, zone = CRONS[number % len(CRONS)]
        return {"cron": cron, "timezone": zone, "missed": "each"}, []
    reads = sorted(drawn.sample(range(max(0, number - 3 * roots), number), drawn.choice((1, 1, 2))))
    if number % 10 == 0:
        return {"cron": "20 */4 * * *", "missed": "each"}, reads
    return {"on": "all" if number % 3 == 0 else "any"}, reads


def name(number: int) -> str:
    """The address of the n-th product."""
    return f"d{number % 7}.p{number}"


def register(database: Database, products: int, roots: int, seed: int) -> dict[str, tuple[Any, list[str]]]:
    """Registers products with their schedules; gives what each declares and reads."""
    drawn, known = random.Random(seed), {}
    with database.writing() as statements:
        tables = SqlTables(statements)
        statements.run(
            "CREATE TABLE done (key TEXT PRIMARY KEY, subject TEXT NOT NULL, due TEXT NOT NULL, at TEXT NOT NULL, "
            "number INTEGER NOT NULL, times INTEGER NOT NULL)"
        )
        for number in range(products):
            subject = name(number)
            schedule, reads = declared(number, roots, drawn)
            known[subject] = schedule, [name(n) for n in reads]
            domain, product = subject.split(".")
            document = {"customProperties": [{"property": "weft.schedule", "value": schedule}]}
            ports = tuple(f"{name(n)}.rows@1" for n in reads)
            tables.put_product(
                ProductRecord(ProductAddress(domain, product), subject, "active", None, (), "mesh", ports, document)
            )
            statements.run(
                "INSERT INTO publications (port, revision, snapshot_id, run_id, published_at, header, contract, "
                "manifest) VALUES (?, 1, 's', 'r', ?, '{}', ?, ?)",
                (f"{subject}.rows@1", codec.time_text(START), codec.packed({}), codec.packed([])),
            )
            statements.run(
                "INSERT INTO ports (port, name, major, revision, is_default, retired) VALUES (?, ?, 1, 1, 1, 0)",
                (f"{subject}.rows@1", f"{subject}.rows"),
            )
    return known


def perform(database: Database, job: Job, at: dt.datetime) -> None:
    """What a job does: it is written down, and its product published, once however often it is tried."""
    with database.writing() as statements:
        row = statements.row("SELECT fence FROM jobs WHERE job_id = ? AND state = 'running'", (job.job_id,))
        if row is None or row[0] != job.fence:
            return
        first = statements.run(
            "INSERT INTO done SELECT ?, ?, ?, ?, count(*), 1 FROM done WHERE true ON CONFLICT (key) DO NOTHING",
            (job.key, job.subject, codec.time_text(job.due), codec.time_text(at)),
        )
        if not first:
            statements.run("UPDATE done SET times = times + 1 WHERE key = ?", (job.key,))
            return
        statements.run("UPDATE jobs SET run_id = ? WHERE job_id = ?", (f"run-{job.job_id}", job.job_id))
        port = str(Address(*job.subject.split("."), "rows", 1))
        body = {"run": f"run-{job.job_id}", "ports": {port: {"revision": 99, "snapshot": job.key}}}
        publishing.append(SqlTables(statements), at, "product.published", "worker", job.subject, body)


def work(dispatch: Dispatch, database: Database, now: Any, drawn: random.Random) -> None:
    """Claims jobs and does them, for ever; time passes between the steps, so that a kill strikes anywhere."""
    while True:
        try:
            job = dispatch.claim()
            if job is None:
                time.sleep(0.02)
                continue
            time.sleep(drawn.random() * 0.004)
            perform(database, job, now())
            time.sleep(drawn.random() * 0.004)
            dispatch.finish(job, {"by": dispatch.worker})
        except PlatformError:
            time.sleep(0.1)
        except Conflict:
            continue


def lead(dispatch: Dispatch, database: Database, now: Any) -> None:
    """Queues what is due, for ever, as long as nobody else does."""
    leader = leadership(database, dispatch.worker, now, LEASE)
    while True:
        try:
            if leader.leads():
                dispatch.tick()
        except PlatformError:
            time.sleep(0.1)
        time.sleep(0.02)


def main() -> None:
    """A process of the day: `work` or `lead`, the registry, the file of the clock, its name."""
    role, place, clock, who = sys.argv[1:]

    def now() -> dt.datetime:
        return START + dt.timedelta(seconds=float(Path(clock).read_text()))

    while True:
        try:
            database = open_registry(place).database
            break
        except PlatformError:
            time.sleep(0.1)
    dispatch = Dispatch(database, now, worker=who, lease=LEASE, limits=Limits(per_domain=3))
    if role == "work":
        work(dispatch, database, now, random.Random(who))
    else:
        lead(dispatch, database, now)


if __name__ == "__main__":
    main()
