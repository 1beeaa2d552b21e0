"""Schedules of products as the registry keeps them: what is declared, what was seen to, what was published since."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from weft.model.address import ProductAddress
from weft.model.jobs import APPLY
from weft.model.product_schedule import ProductSchedule
from weft.model.records import ProductRecord
from weft.registry import codec
from weft.registry.database import Statements, put

_COLUMNS = "subject, declared, inputs, handled_until, next_due, fresh, paused_by, paused_at"
_PUT = put("schedules", _COLUMNS.replace(",", ""), "subject")
_PUT_CURSOR = put("cursors", "name seq", "name")


class Standing(Struct, frozen=True):
    """How the schedule of a product stands.

    Attributes:
        inputs: pinned addresses of the ports that the product reads.
        handled_until: cron's times up to here were seen to.
        next_due: when cron comes next.
        fresh: inputs that were published since the product was last applied for their sake, each with the numbers of
            these events and the time that stands for them in the order of jobs.
    """

    subject: str
    declared: ProductSchedule
    inputs: tuple[str, ...]
    handled_until: datetime
    next_due: datetime | None = None
    fresh: Mapping[str, tuple[tuple[int, ...], datetime]] = {}
    paused_by: str | None = None
    paused_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft schedule list --format json` and of the API."""
        declared = self.declared
        return {
            "product": self.subject,
            "schedule": declared.words,
            "cron": declared.cron,
            "timezone": declared.timezone,
            "on": declared.on,
            "missed": declared.missed,
            "inputs": list(self.inputs),
            "published_since": sorted(self.fresh),
            "next_due": self.next_due.isoformat() if self.next_due and not self.paused_by else None,
            "paused_by": self.paused_by,
            "paused_at": self.paused_at.isoformat() if self.paused_at else None,
        }


class Schedules:
    """Schedules in a transaction that is open."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def put(self, standing: Standing) -> None:
        """Keeps how a schedule stands."""
        fresh = {port: [list(seqs), codec.time_text(due)] for port, (seqs, due) in standing.fresh.items()}
        row = (
            standing.subject,
            codec.dumps(asdict(standing.declared)),
            codec.dumps(list(standing.inputs)),
            codec.time_text(standing.handled_until),
            codec.time_text(standing.next_due) if standing.next_due is not None else None,
            codec.dumps(fresh),
            standing.paused_by,
            codec.time_text(standing.paused_at) if standing.paused_at is not None else None,
        )
        self._statements.run(_PUT, row)

    def remove(self, subject: str) -> None:
        """Forgets the schedule of a product."""
        self._statements.run("DELETE FROM schedules WHERE subject = ?", (subject,))

    def one(self, subject: str) -> Standing | None:
        """The schedule of a product."""
        row = self._statements.row(f"SELECT {_COLUMNS} FROM schedules WHERE subject = ?", (subject,))
        return _standing(row) if row else None

    def all(self) -> list[Standing]:
        """Every schedule, what comes next first."""
        sql = f"SELECT {_COLUMNS} FROM schedules ORDER BY next_due IS NULL, next_due, subject"
        return [_standing(row) for row in self._statements.rows(sql)]

    def due(self, at: datetime) -> list[Standing]:
        """Schedules whose next time has come."""
        sql = f"SELECT {_COLUMNS} FROM schedules WHERE next_due <= ? AND paused_by IS NULL ORDER BY next_due, subject"
        return [_standing(row) for row in self._statements.rows(sql, (codec.time_text(at),))]

    def cursor(self, name: str) -> int | None:
        """How far the event log was read; None: it never was."""
        row = self._statements.row("SELECT seq FROM cursors WHERE name = ?", (name,))
        return int(row[0]) if row else None

    def put_cursor(self, name: str, seq: int) -> None:
        """Keeps how far the event log was read."""
        self._statements.run(_PUT_CURSOR, (name, seq))

    # what schedules are made from

    def last_event(self) -> int:
        """The newest number of the event log."""
        row = self._statements.row("SELECT coalesce(max(seq), 0) FROM events")
        assert row is not None, "an aggregate has a row"
        return int(row[0])

    def events(self, after: int, limit: int) -> list[tuple[int, datetime, str, str, Mapping[str, Any]]]:
        """Events after a number that move schedules: number, time, kind, subject, body."""
        rows = self._statements.rows(
            "SELECT seq, at, kind, subject, body FROM events WHERE seq > ? AND kind IN (?, ?, ?) ORDER BY seq LIMIT ?",
            (after, "product.published", "port.retired", "port.rolled_back", limit),
        )
        return [
            (int(n), datetime.fromisoformat(at), kind, subject, json.loads(body)) for n, at, kind, subject, body in rows
        ]

    def subjects(self) -> list[str]:
        """Every registered product."""
        return [str(a) for (a,) in self._statements.rows("SELECT address FROM products ORDER BY address")]

    def registered(self, subject: str) -> tuple[ProductRecord, list[Mapping[str, Any]]] | None:
        """A product with the contracts of its ports that can be read; None when nothing of it can be."""
        row = self._statements.row("SELECT record FROM products WHERE address = ?", (subject,))
        contracts = self._statements.rows(
            "SELECT u.contract FROM ports p JOIN publications u ON u.port = p.port AND u.revision = p.revision "
            "WHERE p.port >= ? AND p.port < ? AND p.retired = 0 ORDER BY p.port",
            (f"{subject}.", f"{subject}/"),
        )
        return (codec.product(row[0]), [codec.unpacked(c) for (c,) in contracts]) if row and contracts else None

    def reads(self) -> list[tuple[str, str]]:
        """Products with each port that they read."""
        return [(str(p), str(port)) for p, port in self._statements.rows("SELECT product, port FROM reads")]

    def readers(self, port: str) -> list[str]:
        """Products that read a port."""
        rows = self._statements.rows("SELECT product FROM reads WHERE port = ? ORDER BY product", (port,))
        return [str(p) for (p,) in rows]

    def shows_new_rows(self, port: str, revision: int) -> bool:
        """Whether a publication brought other rows than the one before it: a description alone brings none."""
        rows = self._statements.rows(
            "SELECT snapshot_id FROM publications WHERE port = ? AND revision IN (?, ?)", (port, revision, revision - 1)
        )
        return len(rows) < 2 or rows[0] != rows[1]

    def due_of(self, product: str, run_id: str, at: datetime) -> datetime | None:
        """When the job was due that a product was published by; None when somebody applied it by hand.

        Args:
            run_id: the run that published it; its job may not have been told of it yet.
            at: when it was published, by the clock of the machine on which it was.
        """
        time = codec.time_text(at)
        for condition, values in (
            ("run_id = ?", (run_id,)),
            ("state = 'running' AND run_id IS NULL", ()),
            ("started_at IS NOT NULL AND created_at <= ? AND (finished_at IS NULL OR finished_at >= ?)", (time, time)),
        ):
            sql = f"SELECT due, kind FROM jobs WHERE subject = ? AND {condition} ORDER BY number LIMIT 1"
            row = self._statements.row(sql, (product, *values))
            if row is not None:
                return datetime.fromisoformat(row[0]) if row[1] == APPLY else None
        return None


def subject_of(address: str) -> str:
    """The product of a port or product.

    >>> subject_of("sales.orders.orders@1")
    'sales.orders'
    """
    domain, product = address.split(".")[:2]
    return str(ProductAddress(domain, product))


def _standing(row: Sequence[Any]) -> Standing:
    subject, declared, inputs, handled, next_due, fresh, paused_by, paused_at = row
    return Standing(
        subject,
        ProductSchedule(**json.loads(declared)),
        tuple(json.loads(inputs)),
        datetime.fromisoformat(handled),
        datetime.fromisoformat(next_due) if next_due else None,
        {p: (tuple(seqs), datetime.fromisoformat(due)) for p, (seqs, due) in json.loads(fresh).items()},
        paused_by,
        datetime.fromisoformat(paused_at) if paused_at else None,
    )
