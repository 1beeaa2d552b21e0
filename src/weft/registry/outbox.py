"""The outbox: what is to be told, written in the transaction that read it from the log, and how each telling goes."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from weft.registry import codec, publishing
from weft.registry.database import Database, Statements, put
from weft.registry.sql_tables import SqlTables

PATIENCE = timedelta(days=1)
"""How long a delivery is tried, from when it is due."""

_COLUMNS = (
    "delivery_id, recipient, channel, target, secret, digest, state, created_at, due_at, expires_at, attempts, "
    "claimed_by, ended_at, problem"
)
_PUT_CURSOR = put("cursors", "name seq", "name")


class Delivery(Struct, frozen=True):
    """One message to one recipient.

    Attributes:
        delivery_id: the same at every attempt, so that a receiver sees a repetition.
        recipient: a subscription, or `auto:DOMAIN` or `auto:ADDRESS`: who is told unasked. Each is told in order.
        state: `waiting`, `sent`, `dead` (given up, can be sent again) or `dropped` (nobody wants it any more).
        expires_at: when it is given up.
        problem: why the last attempt failed, without anything of the receiver's answer.
        notices: what it tells, oldest first; more than one in a digest.
    """

    delivery_id: str
    recipient: str
    channel: str
    target: str
    secret: str | None
    digest: bool
    state: str
    created_at: datetime
    due_at: datetime
    expires_at: datetime
    attempts: int
    claimed_by: str | None
    ended_at: datetime | None
    problem: str | None
    notices: tuple[Mapping[str, Any], ...] = ()


class End(Struct, frozen=True):
    """How one attempt ended.

    Attributes:
        state: `sent`, `dead` (somebody may send it again), or `waiting` for another attempt, at `due`.
    """

    delivery_id: str
    state: str
    due: datetime | None = None
    problem: str | None = None


class Letter(Struct, frozen=True):
    """A notice for one recipient, about to be put into the outbox."""

    recipient: str
    channel: str
    target: str
    secret: str | None
    digest: bool
    due_at: datetime
    notice: Mapping[str, Any]


def cursor(statements: Statements, name: str) -> int:
    """The last event that a fold has taken in."""
    row = statements.row("SELECT seq FROM cursors WHERE name = ?", (name,))
    return int(row[0]) if row is not None else 0


def move_cursor(statements: Statements, name: str, seq: int) -> None:
    """Says which event was the last that a fold has taken in; in the transaction of what came of it."""
    statements.run(_PUT_CURSOR, (name, seq))


def post(statements: Statements, letters: Sequence[Letter], at: datetime) -> None:
    """Puts notices into the outbox. One for a digest joins the message that waits for the same hour."""
    row = statements.row("SELECT coalesce(max(position), 0) FROM deliveries")
    assert row is not None, "an aggregate has a row"
    position = int(row[0])
    for letter in letters:
        due, found = codec.time_text(letter.due_at), None
        if letter.digest:
            found = statements.row(
                "SELECT delivery_id FROM deliveries WHERE state = 'waiting' AND recipient = ? AND digest = 1 "
                "AND attempts = 0 AND due_at = ?",
                (letter.recipient, due),
            )
        delivery_id = str(found[0]) if found is not None else f"d-{secrets.token_hex(10)}"
        if found is None:
            position += 1
            statements.run(
                "INSERT INTO deliveries (delivery_id, position, recipient, channel, target, secret, digest, state, "
                "created_at, due_at, expires_at, attempts) VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?, ?, 0)",
                (
                    delivery_id,
                    position,
                    letter.recipient,
                    letter.channel,
                    letter.target,
                    letter.secret,
                    int(letter.digest),
                    codec.time_text(at),
                    due,
                    codec.time_text(letter.due_at + PATIENCE),
                ),
            )
        statements.run(
            "INSERT INTO delivery_notices SELECT ?, coalesce(max(number), 0) + 1, ? FROM delivery_notices "
            "WHERE delivery_id = ?",
            (delivery_id, codec.dumps(letter.notice), delivery_id),
        )


def forget(statements: Statements, before: datetime) -> int:
    """Removes messages that went, or were given up, before a time; never the newest, whose position stays taken."""
    over = "state <> 'waiting' AND ended_at < ? AND position < (SELECT max(position) FROM deliveries)"
    values = (codec.time_text(before),)
    statements.run(
        f"DELETE FROM delivery_notices WHERE delivery_id IN (SELECT delivery_id FROM deliveries WHERE {over})", values
    )
    return statements.run(f"DELETE FROM deliveries WHERE {over}", values)


class Outbox:
    """What waits, and how it went."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, worker: str, at: datetime, *, limit: int, lease: timedelta) -> list[Delivery]:
        """Takes what is due, at most one message of each recipient: the next waits until this one has gone or is dead.

        What a worker took and did not bring back within `lease` is given to the next one.
        """
        now = codec.time_text(at)
        with self._database.writing() as statements:
            rows = statements.rows(
                f"SELECT {_COLUMNS} FROM deliveries WHERE state = 'waiting' AND due_at <= ? AND position IN "
                "(SELECT min(position) FROM deliveries WHERE state = 'waiting' GROUP BY recipient) "
                "ORDER BY position LIMIT ?",
                (now, limit),
            )
            until = codec.time_text(at + lease)
            for row in rows:
                # being due later is the claim: a worker that dies leaves nothing behind that anybody has to clear
                statements.run(
                    "UPDATE deliveries SET claimed_by = ?, due_at = ?, attempts = attempts + 1 WHERE delivery_id = ?",
                    (worker, until, row[0]),
                )
            return [_delivery(row, _notices(statements, str(row[0]))) for row in rows]

    def settle(self, worker: str, ends: Sequence[End], at: datetime) -> None:
        """Notes how attempts ended; those of messages that another worker has taken since change nothing."""
        with self._database.writing() as statements:
            for end in ends:
                ended = None if end.state == "waiting" else codec.time_text(at)
                statements.run(
                    "UPDATE deliveries SET state = ?, due_at = ?, ended_at = ?, problem = ?, claimed_by = NULL "
                    "WHERE delivery_id = ? AND claimed_by = ? AND state = 'waiting'",
                    (end.state, codec.time_text(end.due or at), ended, end.problem, end.delivery_id, worker),
                )

    def resend(self, delivery_id: str, *, actor: str, at: datetime) -> bool:
        """Tries a dead message again, for another day; it keeps its id. Whether there was one."""
        with self._database.writing() as statements:
            changed = statements.run(
                "UPDATE deliveries SET state = 'waiting', due_at = ?, expires_at = ?, attempts = 0, ended_at = NULL, "
                "claimed_by = NULL WHERE delivery_id = ? AND state = 'dead'",
                (codec.time_text(at), codec.time_text(at + PATIENCE), delivery_id),
            )
            if changed:
                publishing.append(SqlTables(statements), at, "delivery.resent", actor, f"delivery:{delivery_id}", {})
        return bool(changed)

    def listed(
        self, *, state: str | None = None, recipients: Sequence[str] | None = None, limit: int = 100
    ) -> list[Delivery]:
        """Messages, newest first, in one state or in all, of some recipients or of all; without their notices."""
        conditions: list[str] = []
        values: list[Any] = []
        if state is not None:
            conditions.append("state = ?")
            values.append(state)
        if recipients is not None:
            conditions.append(f"recipient IN ({self._database.listed})")
            values.append(json.dumps(list(recipients)))
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._database.reading() as statements:
            rows = statements.rows(
                f"SELECT {_COLUMNS} FROM deliveries{where} ORDER BY position DESC LIMIT ?", (*values, limit)
            )
        return [_delivery(row, ()) for row in rows]

    def get(self, delivery_id: str) -> Delivery | None:
        """One message with its notices."""
        with self._database.reading() as statements:
            row = statements.row(f"SELECT {_COLUMNS} FROM deliveries WHERE delivery_id = ?", (delivery_id,))
            return _delivery(row, _notices(statements, delivery_id)) if row is not None else None


def _notices(statements: Statements, delivery_id: str) -> tuple[Mapping[str, Any], ...]:
    rows = statements.rows("SELECT notice FROM delivery_notices WHERE delivery_id = ? ORDER BY number", (delivery_id,))
    return tuple(json.loads(text) for (text,) in rows)


def _delivery(row: Sequence[Any], notices: tuple[Mapping[str, Any], ...]) -> Delivery:
    (
        delivery_id, recipient, channel, target, secret, digest, state, created, due, expires, attempts, claimed, ended,
        problem,
    ) = row  # fmt: skip
    return Delivery(
        delivery_id,
        recipient,
        channel,
        target,
        secret,
        bool(digest),
        state,
        datetime.fromisoformat(created),
        datetime.fromisoformat(due),
        datetime.fromisoformat(expires),
        int(attempts),
        claimed,
        datetime.fromisoformat(ended) if ended is not None else None,
        problem,
        notices,
    )
