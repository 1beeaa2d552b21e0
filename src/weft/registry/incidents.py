"""Incidents: what is wrong with a product, since when and why, with its timeline. Each change of note is an event."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from weft.registry import codec, publishing
from weft.registry.database import Database, Statements
from weft.registry.sql_tables import SqlTables

_COLUMNS = (
    "incident_id, cause_key, cause, subject, domain, owner, what, opened_at, closed_at, acknowledged_at, "
    "acknowledged_by, root, affected"
)


class Entry(Struct, frozen=True):
    """One line of a timeline: `opened`, `again`, `affected`, `linked`, `acknowledged`, `comment` or `closed`."""

    at: datetime
    kind: str
    actor: str
    text: str


class Incident(Struct, frozen=True):
    """Something that is wrong, or was.

    Attributes:
        key: its cause: there is one open incident for each.
        cause: `late`, `check_failed` or `run_failed`: what it is called when it opens.
        subject: a port that is late, or a product whose run failed.
        root: the incident that this one comes from.
        affected: addresses that are late because of it and have no incident of their own.
    """

    incident_id: str
    key: str
    cause: str
    subject: str
    domain: str
    owner: str
    what: str
    opened_at: datetime
    closed_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    root: str | None = None
    affected: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The incident as lists and pages show it."""
        return {
            "incident_id": self.incident_id,
            "cause": self.cause,
            "subject": self.subject,
            "domain": self.domain,
            "owner": self.owner,
            "what": self.what,
            "state": "closed" if self.closed_at else "acknowledged" if self.acknowledged_at else "open",
            "opened_at": self.opened_at.isoformat(),
            "closed_at": self.closed_at.isoformat() if self.closed_at else None,
            "acknowledged_at": self.acknowledged_at.isoformat() if self.acknowledged_at else None,
            "acknowledged_by": self.acknowledged_by,
            "root": self.root,
            "affected": list(self.affected),
            "timeline": [
                {"at": e.at.isoformat(), "kind": e.kind, "actor": e.actor, "text": e.text} for e in self.entries
            ],
        }


class IncidentStore:
    """Incidents in the registry's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listed(
        self, *, closed_after: datetime | None = None, domain: str | None = None, limit: int = 1000
    ) -> list[Incident]:
        """Open incidents, and those closed after a time, newest first; without their timelines."""
        conditions, values = ["closed_at IS NULL"], []
        if closed_after is not None:
            conditions[0] = "(closed_at IS NULL OR closed_at > ?)"
            values.append(codec.time_text(closed_after))
        if domain is not None:
            conditions.append("domain = ?")
            values.append(domain)
        sql = f"SELECT {_COLUMNS} FROM incidents WHERE {' AND '.join(conditions)} "
        with self._database.reading() as statements:
            rows = statements.rows(f"{sql} ORDER BY opened_at DESC, incident_id LIMIT {int(limit)}", values)
        return [_incident(row) for row in rows]

    def get(self, incident_id: str) -> Incident | None:
        """One incident with its timeline."""
        with self._database.reading() as statements:
            row = statements.row(f"SELECT {_COLUMNS} FROM incidents WHERE incident_id = ?", (incident_id,))
            entries = statements.rows(
                "SELECT at, kind, actor, text FROM incident_entries WHERE incident_id = ? ORDER BY number",
                (incident_id,),
            )
        return _incident(row, entries) if row is not None else None

    def acknowledge(self, incident_id: str, *, actor: str, at: datetime) -> bool:
        """Says that somebody looks after it; whether it was open and nobody had said so."""
        with self._database.writing() as statements:
            changed = statements.run(
                "UPDATE incidents SET acknowledged_at = ?, acknowledged_by = ? "
                "WHERE incident_id = ? AND closed_at IS NULL AND acknowledged_at IS NULL",
                (codec.time_text(at), actor, incident_id),
            )
            if changed:
                add_entry(statements, incident_id, Entry(at, "acknowledged", actor, f"{actor} looks after it"))
                _event(statements, "incident.acknowledged", incident_id, actor, at)
        return bool(changed)

    def comment(self, incident_id: str, text: str, *, actor: str, at: datetime) -> bool:
        """Adds what somebody says to the timeline; whether it is open. The log keeps that it was said, not what."""
        with self._database.writing() as statements:
            sql = "SELECT 1 FROM incidents WHERE incident_id = ? AND closed_at IS NULL"
            if statements.row(sql, (incident_id,)) is None:
                return False
            add_entry(statements, incident_id, Entry(at, "comment", actor, text))
            _event(statements, "incident.commented", incident_id, actor, at)
        return True

    def close(self, incident_id: str, *, actor: str, at: datetime, reason: str) -> bool:
        """Closes an incident by hand; whether it was open."""
        with self._database.writing() as statements:
            return end(statements, incident_id, actor=actor, at=at, text=reason)


def begin(
    statements: Statements,
    *,
    key: str,
    cause: str,
    subject: str,
    owner: str,
    title: str,
    what: str,
    affected: Sequence[str],
    readers: Sequence[str],
    at: datetime,
) -> str | None:
    """Opens an incident with its event; None when one of that cause is open already.

    Args:
        readers: domains of those who read what is wrong.
    """
    incident_id = f"i-{secrets.token_hex(6)}"
    domain = subject.partition(".")[0]
    opened = statements.run(
        f"INSERT INTO incidents ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL, NULL, ?) "
        "ON CONFLICT DO NOTHING",
        (
            incident_id,
            key,
            cause,
            subject,
            domain,
            owner,
            what,
            codec.time_text(at),
            json.dumps(list(affected)),
        ),
    )
    if not opened:
        return None
    add_entry(statements, incident_id, Entry(at, "opened", "weft", what))
    body = {
        "incident": incident_id,
        "cause": cause,
        "subject": subject,
        "title": title,
        "what": what,
        "affected": list(affected),
        "readers": list(readers),
    }
    publishing.append(SqlTables(statements), at, "incident.opened", "weft", f"incident:{incident_id}", body)
    return incident_id


def end(statements: Statements, incident_id: str, *, actor: str, at: datetime, text: str) -> bool:
    """Closes an incident with its event; whether it was open."""
    row = statements.row(
        "SELECT cause, subject, affected FROM incidents WHERE incident_id = ? AND closed_at IS NULL", (incident_id,)
    )
    if row is None:
        return False
    statements.run("UPDATE incidents SET closed_at = ? WHERE incident_id = ?", (codec.time_text(at), incident_id))
    add_entry(statements, incident_id, Entry(at, "closed", actor, text))
    cause, subject, affected = row
    body = {
        "incident": incident_id,
        "cause": cause,
        "subject": subject,
        "title": "is well again",
        "what": text,
        "affected": json.loads(affected),
    }
    publishing.append(SqlTables(statements), at, "incident.closed", actor, f"incident:{incident_id}", body)
    return True


def lateness_closed(statements: Statements, since: datetime) -> list[Incident]:
    """Incidents of late ports that opened since a time and are closed, without their timelines."""
    rows = statements.rows(
        f"SELECT {_COLUMNS} FROM incidents WHERE cause = 'late' AND opened_at >= ? AND closed_at IS NOT NULL",
        (codec.time_text(since),),
    )
    return [_incident(row) for row in rows]


def affect(statements: Statements, incident_id: str, addresses: Sequence[str], *, at: datetime) -> None:
    """Adds what suffers from an incident, each once."""
    row = statements.row("SELECT affected FROM incidents WHERE incident_id = ?", (incident_id,))
    known: list[str] = json.loads(row[0]) if row is not None else []
    new = [address for address in addresses if address not in known]
    if row is not None and new:
        kept = json.dumps(sorted({*known, *new}))
        statements.run("UPDATE incidents SET affected = ? WHERE incident_id = ?", (kept, incident_id))
        add_entry(statements, incident_id, Entry(at, "affected", "weft", f"suffers from it: {', '.join(new)}"))


def link(statements: Statements, incident_id: str, root: str, *, text: str, at: datetime) -> None:
    """Says from which incident another one comes."""
    changed = statements.run(
        "UPDATE incidents SET root = ? WHERE incident_id = ? AND closed_at IS NULL AND (root IS NULL OR root <> ?)",
        (root, incident_id, root),
    )
    if changed:
        add_entry(statements, incident_id, Entry(at, "linked", "weft", text))


def add_entry(statements: Statements, incident_id: str, entry: Entry) -> None:
    """Adds a line to a timeline."""
    row = statements.row(
        "SELECT coalesce(max(number), 0) + 1 FROM incident_entries WHERE incident_id = ?", (incident_id,)
    )
    assert row is not None, "an aggregate has a row"
    statements.run(
        "INSERT INTO incident_entries VALUES (?, ?, ?, ?, ?, ?)",
        (incident_id, int(row[0]), codec.time_text(entry.at), entry.kind, entry.actor, entry.text),
    )


def remind(
    statements: Statements, port: str, day: str, days: Sequence[int], body: dict[str, Any], *, at: datetime
) -> bool:
    """Writes the event of a reminder, once for each of `days`: the first of them is told of, the others are over."""
    text = codec.time_text(at)
    told = [
        statements.run("INSERT INTO reminders VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (port, day, one, text))
        for one in days
    ]
    if not told or not told[0]:
        return False
    publishing.append(SqlTables(statements), at, "port.end_of_life", "weft", port, body)
    return True


def _event(statements: Statements, kind: str, incident_id: str, actor: str, at: datetime) -> None:
    publishing.append(SqlTables(statements), at, kind, actor, f"incident:{incident_id}", {})


def _incident(row: Sequence[Any], entries: Sequence[Sequence[Any]] = ()) -> Incident:
    incident_id, key, cause, subject, domain, owner, what, opened, closed, known, by, root, affected = row
    return Incident(
        incident_id,
        key,
        cause,
        subject,
        domain,
        owner,
        what,
        datetime.fromisoformat(opened),
        datetime.fromisoformat(closed) if closed else None,
        datetime.fromisoformat(known) if known else None,
        by,
        root,
        tuple(json.loads(affected)),
        tuple(Entry(datetime.fromisoformat(at), kind, actor, text) for at, kind, actor, text in entries),
    )
