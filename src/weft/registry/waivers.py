"""Waivers: given, revoked, said of before they end, and ended by time alone. Each change is an event.

Reasons stand in a table that can be erased; events hold a reference and a salted hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from weft.model.relief import Waiver
from weft.registry import codec, publishing
from weft.registry.database import Database, Statements
from weft.registry.grants import put_text
from weft.registry.sql_tables import SqlTables

NOTICE = timedelta(days=7)
"""How long before its end a waiver is said to end."""

_SELECT = (
    "SELECT w.waiver_id, w.policy, w.subject, t.content, w.role, w.given_by, w.given_at, w.ends_at, w.warned_at, "
    "w.ended_at, w.ended_by FROM waivers w LEFT JOIN access_texts t ON t.text_id = w.reason"
)


class WaiverStore:
    """Waivers in the registry's database, for reading; `relieving` changes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, waiver_id: str) -> Waiver | None:
        """One waiver."""
        with self._database.reading() as statements:
            row = statements.row(f"{_SELECT} WHERE w.waiver_id = ?", (waiver_id,))
        return _waiver(row) if row is not None else None

    def listed(
        self,
        at: datetime,
        *,
        policy: str | None = None,
        ended: bool = False,
        after: tuple[str, str] | None = None,
        limit: int = 100,
    ) -> list[Waiver]:
        """Waivers, newest first.

        Args:
            ended: also those that hold no more.
            after: the time, as text, and the id of a waiver: only older ones.
        """
        conditions: list[str] = ["w.waiver_id > ''"]
        values: list[Any] = []
        if not ended:
            conditions.append("w.ended_at IS NULL AND w.ends_at > ?")
            values.append(codec.time_text(at))
        if policy is not None:
            conditions.append("w.policy = ?")
            values.append(policy)
        if after is not None:
            conditions.append("(w.given_at < ? OR (w.given_at = ? AND w.waiver_id > ?))")
            values += [after[0], after[0], after[1]]
        sql = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY w.given_at DESC, w.waiver_id LIMIT ?"
        with self._database.reading() as statements:
            return [_waiver(row) for row in statements.rows(sql, (*values, limit))]


def give(statements: Statements, waiver: Waiver) -> None:
    """Keeps a new waiver. Whether whoever gives it may is for the caller to have looked at."""
    text_id, hashed = put_text(statements, waiver.reason or "")
    statements.run(
        "INSERT INTO waivers (waiver_id, policy, subject, reason, role, given_by, given_at, ends_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            waiver.waiver_id, waiver.policy, waiver.subject, text_id, waiver.role, waiver.given_by,
            codec.time_text(waiver.given_at), codec.time_text(waiver.ends_at),
        ),
    )  # fmt: skip
    body = _body(waiver) | {"role": waiver.role, "reason": {"text": text_id, "hash": hashed}}
    _event(statements, "waiver.given", waiver, waiver.given_by, waiver.given_at, body)


def revoke(statements: Statements, waiver_id: str, *, actor: str, at: datetime) -> Waiver | None:
    """Ends a waiver before its time; None where it does not hold any more."""
    row = statements.row(f"{_SELECT} WHERE w.waiver_id = ?", (waiver_id,))
    waiver = _waiver(row) if row is not None else None
    if waiver is None or not waiver.holds(at):
        return None
    statements.run(
        "UPDATE waivers SET ended_at = ?, ended_by = ? WHERE waiver_id = ?", (codec.time_text(at), actor, waiver_id)
    )
    _event(statements, "waiver.revoked", waiver, actor, at, _body(waiver))
    return waiver


def in_force(statements: Statements, at: datetime) -> list[Waiver]:
    """The waivers that hold at a time."""
    sql = f"{_SELECT} WHERE w.ended_at IS NULL AND w.ends_at > ? ORDER BY w.waiver_id"
    return [_waiver(row) for row in statements.rows(sql, (codec.time_text(at),))]


def turn(statements: Statements, at: datetime) -> None:
    """Says of waivers, once each, that they end soon, and that they have ended."""
    now = codec.time_text(at)
    over = statements.rows(f"{_SELECT} WHERE w.ended_at IS NULL AND w.ends_at <= ? ORDER BY w.waiver_id", (now,))
    for waiver in map(_waiver, over):
        statements.run("UPDATE waivers SET ended_at = ? WHERE waiver_id = ?", (now, waiver.waiver_id))
        _event(statements, "waiver.ended", waiver, "weft", at, _body(waiver))
    soon = statements.rows(
        f"{_SELECT} WHERE w.ended_at IS NULL AND w.warned_at IS NULL AND w.ends_at <= ? ORDER BY w.waiver_id",
        (codec.time_text(at + NOTICE),),
    )
    for waiver in map(_waiver, soon):
        statements.run("UPDATE waivers SET warned_at = ? WHERE waiver_id = ?", (now, waiver.waiver_id))
        _event(statements, "waiver.ending", waiver, "weft", at, _body(waiver))


def _body(waiver: Waiver) -> dict[str, Any]:
    return {
        "waiver": waiver.waiver_id,
        "policy": waiver.policy,
        "subject": waiver.subject,
        "ends": codec.time_text(waiver.ends_at),
        "given_by": waiver.given_by,
    }


def _event(statements: Statements, kind: str, waiver: Waiver, actor: str, at: datetime, body: dict[str, Any]) -> None:
    publishing.append(SqlTables(statements), at, kind, actor, f"waiver:{waiver.waiver_id}", body)


def _waiver(row: Sequence[Any]) -> Waiver:
    waiver_id, policy, subject, reason, role, given_by, given, ends, warned, ended, ended_by = row
    return Waiver(
        waiver_id,
        policy,
        subject,
        reason,
        role,
        given_by,
        datetime.fromisoformat(given),
        datetime.fromisoformat(ends),
        datetime.fromisoformat(warned) if warned else None,
        datetime.fromisoformat(ended) if ended else None,
        ended_by,
    )
