"""Meters: what work and reading cost, as rows that are only ever added; usage and cost are folds of them."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from msgspec import Struct

from weft.registry import codec
from weft.registry.database import Database, Statements

KINDS: Mapping[str, str] = {
    "cpu_seconds": "processor time",
    "bytes_read": "bytes of the files that a build read",
    "bytes_written": "bytes of the files that a build wrote",
    "rows_written": "rows in the files that a build wrote",
    "storage_bytes": "bytes of all files of a snapshot",
    "bytes_served": "bytes of the files that a reader was given, or of the answer",
    "rows_served": "rows that a reader was given",
}
"""What is measured."""

BUILD = "build"
"""The purpose of what a product does for itself."""
READ = "read"
"""The purpose of whoever reads and does not say what for."""
GROUPS = ("day", "domain", "product", "consumer", "purpose", "kind")
"""By what usage can be told apart."""

_LONG_S = 10.0
_ADD = (
    "INSERT INTO meters (meter_id, at, day, kind, amount, product, domain, port, consumer, purpose, run_id, "
    "snapshot_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)


class Meter(Struct, frozen=True):
    """One measurement.

    Attributes:
        product: whose data it is.
        consumer: who caused it: a product that is built, or whoever reads.
        purpose: for what, as the reader says; `build` for what a product does for itself.
        meter_id: the same measurement is kept once, however often it is handed in.
    """

    at: datetime
    kind: str
    amount: float
    product: str
    consumer: str
    purpose: str
    port: str | None = None
    run_id: str | None = None
    snapshot_id: str | None = None
    meter_id: str = ""


class MetersTold(Struct, frozen=True):
    """Measurements that a run elsewhere hands in."""

    meters: tuple[Meter, ...]


def put_meters(statements: Statements, meters: Sequence[Meter]) -> None:
    """Keeps measurements in a transaction that is open: with what they measure."""
    rows = [
        (
            one.meter_id or secrets.token_hex(12),
            codec.time_text(one.at),
            codec.time_text(one.at)[:10],
            one.kind,
            float(one.amount),
            one.product,
            one.product.partition(".")[0],
            one.port,
            one.consumer,
            one.purpose,
            one.run_id,
            one.snapshot_id,
        )
        for one in meters
    ]
    if rows:
        statements.many(_ADD, rows)


class MeterStore:
    """Meters in the registry's database; not in the hash-chained log: there are too many of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, meters: Sequence[Meter]) -> None:
        """Keeps measurements, in one transaction."""
        if meters:
            with self._database.writing() as statements:
                put_meters(statements, meters)

    def usage(
        self,
        first: date,
        last: date,
        *,
        by: Sequence[str],
        domains: Collection[str] | None = None,
        product: str | None = None,
    ) -> list[dict[str, str | float]]:
        """Sums of what was measured from one day to another (UTC), both included.

        Args:
            domains: of these alone; None: of all.
            by: some of `GROUPS`; what was measured is always told apart.
        """
        columns = list(dict.fromkeys((*by, "kind")))
        assert set(columns) <= set(GROUPS), "names of columns are ours"
        where, values = "day >= ? AND day <= ?", [first.isoformat(), last.isoformat()]
        if domains is not None:
            where += f" AND domain IN ({self._database.listed})"
            values.append(json.dumps(sorted(domains)))
        if product is not None:
            where += " AND product = ?"
            values.append(product)
        names = ", ".join(columns)
        with self._database.reading() as statements:
            rows = statements.rows(
                f"SELECT {names}, sum(amount) FROM meters WHERE {where} GROUP BY {names} ORDER BY {names}", values
            )
        return [dict(zip((*columns, "amount"), row, strict=True)) for row in rows]


class MeterBuffer:
    """Collects measurements of a process that serves, and hands them on many at a time. For several threads."""

    def __init__(self, store: MeterStore, size: int = 500) -> None:
        self._store = store
        self._size = size
        self._held: list[Meter] = []
        self._since = 0.0
        self._guard = threading.Lock()

    def add(self, *meters: Meter) -> None:
        """Takes measurements; hands all on when there are enough, or when some have been held for long."""
        with self._guard:
            if not self._held:
                self._since = time.monotonic()
            self._held += [one if one.meter_id else _named(one) for one in meters]
            full = len(self._held) >= self._size or time.monotonic() - self._since > _LONG_S
        if full:
            self.flush()

    def flush(self) -> int:
        """Hands on what is held, and says how much that was. What cannot be kept now is held for the next time."""
        with self._guard:
            given, self._held = self._held, []
        try:
            self._store.add(given)
        except BaseException:
            with self._guard:
                self._held = given + self._held
            raise
        return len(given)


def _named(meter: Meter) -> Meter:
    """With an id, so that what is handed in twice is kept once."""
    from msgspec.structs import replace

    return replace(meter, meter_id=secrets.token_hex(12))


def served(
    *, at: datetime, ports: Sequence[tuple[str, str]], consumer: str, purpose: str, rows: int, size_bytes: int
) -> tuple[Meter, ...]:
    """What a reader was given in an answer: of each port that it was made from an equal part, so that sums are right.

    Args:
        ports: each with the snapshot that was read.
        purpose: as the reader, or the grant, says it.
    """
    found = []
    for kind, amount in (("rows_served", rows), ("bytes_served", size_bytes)):
        for number, (port, snapshot_id) in enumerate(ports):
            part = amount // len(ports) + (number < amount % len(ports))
            if part:
                product = ".".join(port.split(".")[:2])
                found.append(Meter(at, kind, part, product, consumer, purpose, port, None, snapshot_id))
    return tuple(found)
