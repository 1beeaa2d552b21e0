"""Watching: opens and closes incidents and reminds of ends of life, once each however many workers look."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from weft.errors_catalogue import CODES
from weft.model.address import parse_address
from weft.model.checks import CheckResult
from weft.model.jobs import BACKFILL, Limits
from weft.model.records import Event, PortOutcome
from weft.observability.incidents import (
    Affect,
    Again,
    Change,
    Close,
    Failed,
    Good,
    Link,
    Open,
    Standing,
    changes,
    failed_key,
    late_key,
)
from weft.observability.standing import Ending, Standings
from weft.registry import incidents as kept
from weft.registry.database import Statements
from weft.registry.incidents import Entry, Incident, IncidentStore
from weft.registry.outbox import cursor, move_cursor
from weft.registry.queue import Queue
from weft.registry.queue_counts import succeeded_since, untaken
from weft.registry.sql import SqlRegistry

CURSOR = "incidents"
REMINDERS = (90, 30, 7)
"""How many days before its last one a deprecated port's readers are reminded."""
_PAGE = 500
_MOVED = "WFT-RUN-001"


class Watched(Struct, frozen=True):
    """What one look changed."""

    opened: int = 0
    closed: int = 0
    reminded: int = 0


class Watch:
    """Looks at a registry again and again. What it knows between two looks may be lost at any time."""

    def __init__(self, registry: SqlRegistry, now: Callable[[], datetime], grace: timedelta) -> None:
        """Begins to watch.

        Args:
            grace: how long after an incident's end what it had made late may still be late.
        """
        self._registry = registry
        self._store = IncidentStore(registry.database)
        self._standings = Standings(registry)
        self._now = now
        self._grace = grace
        self._told: set[tuple[str, str, int]] = set()

    def look(self) -> Watched:
        """Opens and closes what there is to open and to close now."""
        opened = closed = reminded = 0
        while True:
            with self._registry.database.reading() as statements:
                after = cursor(statements, CURSOR)
            events = self._registry.events(after, _PAGE)
            now = self._now()
            ports = self._standings.now()
            listed = self._store.listed(closed_after=now - self._grace, limit=100_000)
            open_ones = {one.key: one for one in listed if one.closed_at is None}
            recent = [one for one in listed if one.closed_at is not None]
            happened = self._happened(events)
            happened += self._well_again(open_ones, {one.product for one in happened if isinstance(one, Failed)})
            happened += self._untaken(
                {one.product for one in happened} | {one.subject for one in open_ones.values()}, now
            )
            found = changes(ports, open_ones, recent, happened, now, dismissed=self._dismissed(ports, open_ones, now))
            endings = [one for one in self._standings.endings() if self._is_near(one, now)]
            if found or endings or events:
                with self._registry.database.writing() as statements:
                    if cursor(statements, CURSOR) != after:
                        continue  # another worker was faster: what it changed has to be looked at first
                    for change in found:
                        opened += self._opened(statements, change, now)
                        closed += self._closed(statements, change, now)
                        self._noted(statements, change, now)
                    reminded += sum(_reminded(statements, one, now) for one in endings)
                    if events:
                        move_cursor(statements, CURSOR, events[-1].seq)
                self._told.update(_reminder(one, now) for one in endings)
            if len(events) < _PAGE:
                return Watched(opened, closed, reminded)

    def _dismissed(self, ports: Mapping[str, Standing], open_ones: Mapping[str, Incident], now: datetime) -> set[str]:
        """Late ports of which an incident told that somebody has closed by hand, and that were not published since.

        Whatever closes by itself does so when its port is late no more: what was closed before, somebody has closed.
        """
        late = {p: one for p, one in ports.items() if one.is_late(now)}
        if all(late_key(port) in open_ones for port in late):
            return set()
        with self._registry.database.reading() as statements:
            closed = kept.lateness_closed(statements, min(one.published_at for one in late.values()))
        found = set()
        for incident in closed:
            port, at = late.get(incident.subject), incident.closed_at
            if port is None or at is None or incident.opened_at < port.published_at or not port.is_late(at):
                continue
            told = (p for p in incident.affected if p in late and late[p].published_at <= at)
            found |= {incident.subject, *told}
        return {port for port in found if late_key(port) not in open_ones}

    def _is_near(self, one: Ending, now: datetime) -> bool:
        """Whether a last day comes soon enough to remind of it, and this worker has not yet done so."""
        return 0 <= (one.day - now.date()).days <= REMINDERS[0] and _reminder(one, now) not in self._told

    def _opened(self, statements: Statements, change: Change, now: datetime) -> int:
        if not isinstance(change, Open):
            return 0
        domain = self._registry.domains().get(change.subject.partition(".")[0])
        incident_id = kept.begin(
            statements,
            key=change.key,
            cause=change.cause,
            subject=change.subject,
            owner=(domain.owner_contact or domain.owner_team) if domain is not None else "",
            title=change.title,
            what=change.what,
            affected=change.affected,
            readers=_reading(statements, change.subject),
            at=now,
        )
        return incident_id is not None

    def _closed(self, statements: Statements, change: Change, now: datetime) -> int:
        if not isinstance(change, Close):
            return 0
        incident_id = _open_id(statements, change.key)
        return incident_id is not None and kept.end(statements, incident_id, actor="weft", at=now, text=change.text)

    def _noted(self, statements: Statements, change: Change, now: datetime) -> None:
        if isinstance(change, Open | Close):
            return
        incident_id = _open_id(statements, change.key)
        if incident_id is None:
            return
        match change:
            case Again(_, text):
                kept.add_entry(statements, incident_id, Entry(now, "again", "weft", text))
            case Affect(_, ports):
                kept.affect(statements, incident_id, ports, at=now)
            case Link(_, root, text):
                root_id = _open_id(statements, root)
                if root_id is not None:
                    kept.link(statements, incident_id, root_id, text=text, at=now)

    def _happened(self, events: Iterable[Event]) -> list[Failed | Good]:
        found: list[Failed | Good] = []
        for event in events:
            if event.kind == "product.published":
                found.append(Good(event.subject, str(event.body.get("run", ""))))
            elif event.kind == "run.finished":
                found += self._failures(event)
            elif event.kind in ("job.failed", "job.lost"):
                found += self._without_run(event)
        return found

    def _well_again(self, open_ones: Mapping[str, Incident], failed: Collection[str]) -> list[Good]:
        """Products that failed, and of which a job has succeeded since without anything to publish."""
        found = []
        for key, incident in open_ones.items():
            if key == failed_key(incident.subject) and incident.subject not in failed:
                with self._registry.database.reading() as statements:
                    job_id = succeeded_since(statements, incident.subject, _last_failure(statements, incident))
                if job_id is not None:
                    found.append(Good(incident.subject, job_id, f"{job_id} succeeded and had nothing to publish"))
        return found

    def _untaken(self, known: Collection[str], now: datetime) -> list[Failed]:
        """Products whose jobs wait longer than anything makes them wait, beside those of which something is known."""
        with self._registry.database.reading() as statements:
            found = untaken(statements, now - Limits().patience)
        why = "no worker has taken it; perhaps none has the product's files, or all serve other domains (`--domain`)"
        return [
            Failed(
                product,
                job_id,
                "run_failed",
                f"{job_id} could have run since {since:%Y-%m-%d %H:%M} UTC, and {why}",
                title="waits for a worker",
            )
            for job_id, product, since in found
            if product not in known
        ]

    def _without_run(self, event: Event) -> list[Failed]:
        """A job that failed and of which no run tells: it had not begun one, or was ended in the midst of it.

        Not a piece of a backfill: what it should have computed again is served as it was.
        """
        run = self._registry.run(str(event.body["run"])) if event.body.get("run") else None
        if run is not None and any(port.outcome == "failed" and not _overtaken(port) for port in run.ports):
            return []
        job_id = str(event.body["job"])
        with self._registry.database.reading() as statements:
            job = Queue(statements).job(job_id)
        if job is not None and job.kind == BACKFILL:
            return []
        diagnostics = (job.result or {}).get("diagnostics", ()) if job is not None else ()
        codes = dict.fromkeys(str(d.get("code")) for d in diagnostics)
        why = "; ".join(f"{CODES.get(code, code)} ({code})" for code in codes) or "no reason is known"
        if event.kind == "job.lost":
            why = f"its worker was lost at each of {event.body['attempts']} attempts"
        return [Failed(event.subject, job_id, "run_failed", f"{job_id}: {why}")]

    def _failures(self, event: Event) -> list[Failed]:
        outcomes: dict[str, str] = dict(event.body["ports"])
        failed = sorted(port for port, outcome in outcomes.items() if outcome == "failed")
        run = self._registry.run(event.subject) if failed else None
        overtaken = {str(port.address) for port in run.ports if _overtaken(port)} if run is not None else set()
        failed = [port for port in failed if port not in overtaken]
        skipped = tuple(sorted(port for port, outcome in outcomes.items() if outcome == "skipped"))
        by_product: dict[str, list[str]] = {}
        for port in failed:
            by_product.setdefault(str(parse_address(port).of_product), []).append(port)
        return [self._failed(event.subject, product, ports, skipped) for product, ports in by_product.items()]

    def _failed(self, run_id: str, product: str, ports: Sequence[str], skipped: tuple[str, ...]) -> Failed:
        """A failure in words of the rules and of the catalogue of errors, which hold no value of a row."""
        told = [line for port in ports for line in self._broken(run_id, port)]
        if told:
            return Failed(product, run_id, "check_failed", f"run {run_id}: {'; '.join(told)}", skipped)
        run = self._registry.run(run_id)
        codes = {
            str(d.get("code")): None
            for outcome in (run.ports if run is not None else ())
            if str(outcome.address) in ports
            for d in outcome.diagnostics
        }
        why = "; ".join(f"{CODES.get(code, code)} ({code})" for code in codes) or "no reason is known"
        return Failed(product, run_id, "run_failed", f"run {run_id}: {why}", skipped)

    def _broken(self, run_id: str, port: str) -> list[str]:
        address = parse_address(port)
        results: Sequence[CheckResult] = self._registry.checks(run_id, address).get(address, ())
        broken = [one for one in results if one.blocks]
        if not broken:
            return []
        names = ", ".join(
            one.id if one.failed_rows is None else f"{one.id} ({one.failed_rows:,} of {one.total_rows or 0:,} rows)"
            for one in broken
        )
        return [f"`{port}` breaks {names}"]


def _overtaken(port: PortOutcome) -> bool:
    """Whether another run was faster: it has published what this one would have, or whoever has lost plans again."""
    return {d.get("code") for d in port.diagnostics} == {_MOVED}


def _last_failure(statements: Statements, incident: Incident) -> datetime:
    """When it was last seen to fail."""
    row = statements.row(
        "SELECT max(at) FROM incident_entries WHERE incident_id = ? AND kind IN ('opened', 'again')",
        (incident.incident_id,),
    )
    return datetime.fromisoformat(row[0]) if row is not None and row[0] else incident.opened_at


def _open_id(statements: Statements, key: str) -> str | None:
    row = statements.row("SELECT incident_id FROM incidents WHERE cause_key = ? AND closed_at IS NULL", (key,))
    return str(row[0]) if row is not None else None


def _reading(statements: Statements, subject: str) -> list[str]:
    """Domains of the products that read a port, or any port of a product."""
    values: tuple[str, ...] = (subject,)
    if "@" in subject:
        where = "port = ?"
    else:
        where, values = "port >= ? AND port < ?", (f"{subject}.", f"{subject}/")
    rows = statements.rows(f"SELECT DISTINCT product FROM reads WHERE {where} ORDER BY product", values)
    return list(dict.fromkeys(str(product).partition(".")[0] for (product,) in rows))


def _reached(one: Ending, now: datetime) -> list[int]:
    """The reminders whose day has come, the latest first."""
    left = (one.day - now.date()).days
    return sorted(days for days in REMINDERS if left <= days)


def _reminder(one: Ending, now: datetime) -> tuple[str, str, int]:
    """What is reminded of now."""
    return one.port, one.day.isoformat(), _reached(one, now)[0]


def _reminded(statements: Statements, one: Ending, now: datetime) -> bool:
    left = (one.day - now.date()).days
    reached = _reached(one, now)
    body = {"day": one.day.isoformat(), "days_left": left, "successor": one.successor}
    return kept.remind(statements, one.port, one.day.isoformat(), reached, body, at=now)
