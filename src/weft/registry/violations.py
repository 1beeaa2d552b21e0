"""Violations of policies: kept with their histories, and changed by scans alone. Each change of note is an event.

Events hold no detail: a policy may have made it of names of persons.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from weft.model.relief import Relief
from weft.model.violations import Entry, State, Violation, domain_of
from weft.registry import codec, publishing
from weft.registry.baselines import debts, shrink
from weft.registry.database import Database, Statements, put
from weft.registry.sql_tables import SqlTables
from weft.registry.waivers import in_force, turn

_COLUMNS = (
    "violation_id policy subject product domain owner severity title state first_seen last_seen due detail "
    "resolved_at waiver_id escalated"
)
_MARK = "(SELECT at FROM policy_scans WHERE place = '')"
_SEEN = f"CASE last_seen WHEN '' THEN {_MARK} ELSE last_seen END"
_SELECT = f"SELECT {', '.join(_SEEN if c == 'last_seen' else c for c in _COLUMNS.split()[1:])} FROM violations"
"""A violation that says no day itself was last seen by the newest scan of the whole mesh, which writes it once."""
_PUT = put("violations", _COLUMNS, "violation_id")


class Change(Protocol):
    """A change of note: what it is called, what is to be kept, and a sentence for the history."""

    @property
    def what(self) -> str:
        """`opened`, `overdue`, `resolved` …."""
        ...

    @property
    def violation(self) -> Violation:
        """As it stands afterwards."""
        ...

    @property
    def text(self) -> str:
        """A sentence for the history."""
        ...


class Changes(Protocol):
    """What a scan changes, and what it has seen again as it was."""

    @property
    def changes(self) -> Sequence[Change]:
        """In the order in which they are written."""
        ...

    @property
    def seen(self) -> Sequence[Violation]:
        """Those that are as they were."""
        ...


_C = TypeVar("_C", bound=Changes)


class Filter(Struct, frozen=True):
    """Which violations are listed; what is None says nothing.

    Attributes:
        domains: of one of these.
        states: in one of these; empty: all but resolved ones.
    """

    domains: tuple[str, ...] | None = None
    policy: str | None = None
    subject: str | None = None
    states: tuple[State, ...] = ()
    product: str | None = None


class ViolationStore:
    """Violations in the registry's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def scanned(
        self,
        within: Sequence[str] | None,
        fold: Callable[[list[Violation], Relief], _C],
        at: datetime,
        actor: str = "weft",
    ) -> _C:
        """Writes what a scan makes of the violations that are known: read, folded and written in one transaction.

        Args:
            within: domains and products that it may touch; None: all.
        """
        with self._database.writing() as statements:
            turn(statements, at)
            known = self._known(statements, within)
            made = fold(known, relief(statements, at, within))
            for change in made.changes:
                _write(statements, change, at, actor)
            if within is None:
                self._seen_by_all(statements, known, made, at)
            else:
                self._last_seen(statements, codec.time_text(at), made.seen)
            gone = [c.violation for c in made.changes if c.violation.state is State.RESOLVED]
            shrink(statements, ((v.policy, v.subject) for v in gone), at)
        return made

    def relief(self, at: datetime, within: Sequence[str] | None = None) -> Relief:
        """What is let off at a time: everywhere, or in the domains of some addresses and of what is no product's."""
        with self._database.reading() as statements:
            return relief(statements, at, within)

    def listed(self, wanted: Filter, *, after: tuple[str, str] = ("", ""), limit: int = 100) -> list[Violation]:
        """Violations, what is due first first; without their histories.

        Args:
            after: the due time, as text, and the id behind which they begin.
        """
        domains = (None,) if wanted.domains is None else wanted.domains
        with self._database.reading() as statements:
            found = [row for domain in domains for row in self._rows(statements, wanted, domain, after, limit)]
        return sorted(map(_violation, found), key=lambda v: (v.due, v.violation_id))[:limit]

    def _rows(
        self, statements: Statements, wanted: Filter, domain: str | None, after: tuple[str, str], limit: int
    ) -> list[tuple[Any, ...]]:
        """Those of one domain or of all; a list of domains would be read through those of every other one."""
        conditions, values = ["due >= ? AND (due > ? OR violation_id > ?)"], [after[0], *after]
        for column, chosen in (
            ("domain", domain),
            ("policy", wanted.policy),
            ("subject", wanted.subject),
            ("product", wanted.product),
        ):
            if chosen is not None:
                conditions.append(f"{column} = ?")
                values.append(chosen)
        states = wanted.states or tuple(s for s in State if s is not State.RESOLVED)
        conditions.append(f"state IN ({self._database.listed})")
        values.append(json.dumps(states))
        sql = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY due, violation_id LIMIT ?"
        return statements.rows(sql, (*values, limit))

    def get(self, violation_id: str) -> Violation | None:
        """One violation with its history."""
        with self._database.reading() as statements:
            row = statements.row(f"{_SELECT} WHERE violation_id = ?", (violation_id,))
            entries = statements.rows(
                "SELECT at, kind, actor, text FROM violation_entries WHERE violation_id = ? ORDER BY number",
                (violation_id,),
            )
        return _violation(row, entries) if row is not None else None

    def counts(self) -> dict[str, int]:
        """How many there are in each state."""
        with self._database.reading() as statements:
            rows = statements.rows("SELECT state, count(*) FROM violations GROUP BY state ORDER BY state")
        return {str(state): int(number) for state, number in rows}

    def _seen_by_all(self, statements: Statements, known: Sequence[Violation], made: Changes, at: datetime) -> None:
        """Notes that a scan of the whole mesh has seen violations, and writes only those of which that is news."""
        sql = "SELECT policy, subject FROM violations WHERE last_seen <> '' AND state <> 'resolved'"
        apart = {(policy, subject) for policy, subject in statements.rows(sql)}
        moved = {(c.violation.policy, c.violation.subject) for c in made.changes}
        was = [v for v in known if v.state is not State.RESOLVED and (v.policy, v.subject) not in moved]
        if len(was) > len(made.seen):  # what nobody could be asked for keeps the day on which it was seen
            seen = {(v.policy, v.subject) for v in made.seen}
            for one in was:
                if (one.policy, one.subject) not in seen | apart:
                    self._last_seen(statements, codec.time_text(one.last_seen), [one])
        now = [c.violation for c in made.changes if c.violation.last_seen == at]
        fresh = [v for v in (*made.seen, *now) if (v.policy, v.subject) in apart and v.state is not State.RESOLVED]
        if fresh:
            self._last_seen(statements, "", fresh)
        statements.run(put("policy_scans", "place at", "place"), ("", codec.time_text(at)))

    def _last_seen(self, statements: Statements, text: str, violations: Iterable[Violation]) -> None:
        statements.run(
            f"UPDATE violations SET last_seen = ? WHERE violation_id IN ({self._database.listed})",
            (text, json.dumps([violation.violation_id for violation in violations])),
        )

    def _known(self, statements: Statements, within: Sequence[str] | None) -> list[Violation]:
        if within is None:
            return [_violation(row) for row in statements.rows(_SELECT)]
        listed = self._database.listed
        places = json.dumps(list(within))
        # What is no product's is read as well: a policy that cannot be asked may have been found before.
        sql = f"{_SELECT} WHERE product IN ({listed}) OR domain IN ({listed}) OR product IS NULL"
        return [_violation(row) for row in statements.rows(sql, (places, places))]


def add_entry(statements: Statements, violation_id: str, entry: Entry) -> None:
    """Adds a line to a history."""
    statements.run(
        "INSERT INTO violation_entries SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ?, ? FROM violation_entries "
        "WHERE violation_id = ?",
        (violation_id, codec.time_text(entry.at), entry.kind, entry.actor, entry.text, violation_id),
    )


def restated(statements: Statements, found: Iterable[tuple[Violation, str]], at: datetime, actor: str) -> None:
    """Writes violations that stand otherwise now by a person's word, each with a sentence for its history."""
    for violation, text in found:
        _write(statements, _Restated("changed", violation, text), at, actor)


def standing(statements: Statements, *, policy: str | None = None, domain: str | None = None) -> list[Violation]:
    """The violations that are not resolved, of a policy or of a domain."""
    sql, values = f"{_SELECT} WHERE state <> 'resolved'", []
    for column, chosen in (("policy", policy), ("domain", domain)):
        if chosen is not None:
            sql += f" AND {column} = ?"
            values.append(chosen)
    return [_violation(row) for row in statements.rows(f"{sql} ORDER BY policy, subject", values)]


def relief(statements: Statements, at: datetime, within: Sequence[str] | None = None) -> Relief:
    """What is let off at a time: everywhere, or in the domains of some addresses and of what is no product's."""
    domains = sorted({domain_of(place) for place in within}) if within is not None else None
    return Relief(tuple(in_force(statements, at)), tuple(debts(statements, domains)))


class _Restated(Struct, frozen=True):
    what: str
    violation: Violation
    text: str


def _write(statements: Statements, change: Change, at: datetime, actor: str) -> None:
    one, id_ = change.violation, change.violation.violation_id
    statements.run(
        _PUT,
        (
            id_, one.policy, one.subject, one.product, one.domain, one.owner, one.severity, one.title, one.state.value,
            codec.time_text(one.first_seen), codec.time_text(one.last_seen), codec.time_text(one.due), one.detail,
            codec.time_text(one.resolved_at) if one.resolved_at else None, one.waiver_id, one.escalated,
        ),
    )  # fmt: skip
    add_entry(statements, id_, Entry(at, str(change.what), actor, change.text))
    body: dict[str, Any] = {
        "violation": id_,
        "policy": one.policy,
        "title": one.title,
        "subject": one.subject,
        "product": one.product,
        "domain": one.domain,
        "owner": one.owner,
        "severity": one.severity,
        "state": one.state.value,
        "first_seen": codec.time_text(one.first_seen),
        "due": codec.time_text(one.due),
        "waiver": one.waiver_id,
    }
    publishing.append(SqlTables(statements), at, f"violation.{change.what}", actor, f"violation:{id_}", body)


def _violation(row: Sequence[Any], entries: Sequence[Sequence[Any]] = ()) -> Violation:
    policy, subject, product, domain, owner, severity, title, state, first, last, due = row[:11]
    detail, resolved, waiver, escalated = row[11:]
    return Violation(
        policy,
        subject,
        product,
        domain,
        owner,
        severity,
        title,
        State(state),
        datetime.fromisoformat(first),
        datetime.fromisoformat(last),
        datetime.fromisoformat(due),
        detail,
        datetime.fromisoformat(resolved) if resolved else None,
        waiver,
        int(escalated),
        tuple(Entry(datetime.fromisoformat(at), kind, actor, text) for at, kind, actor, text in entries),
    )
