"""Sign-ins that failed lately, and those that are under way: all web processes of a registry know the same."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from weft.registry import codec
from weft.registry.database import Database

_UNDER_WAY = 10_000
"""How many sign-ins may be under way at once."""


class Attempt(Struct, frozen=True):
    """A sign-in that is being tried.

    Attributes:
        number: what it is called; None where too many have failed, so that this one is not tried.
        wait: how long until another may be tried.
        failed: how many have failed lately of what is only counted.
    """

    number: str | None
    wait: timedelta = timedelta()
    failed: int = 0


class SignInStore:
    """Counts of failed sign-ins, and what has to be remembered between the two halves of one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def attempt(
        self, limits: Mapping[str, int], at: datetime, within: timedelta, *, counted: str | None = None
    ) -> Attempt:
        """Counts a sign-in as failed before it is tried, so that many at once are no more than the limit.

        Args:
            limits: how many may fail of each key, like `user:ada@10.0.0.7` and `address:10.0.0.7`.
            within: how long one that failed counts.
            counted: a key of which any number may fail; what is refused by a limit does not count.
        """
        number = secrets.token_hex(8)
        since = codec.time_text(at - within)
        with self._database.writing() as statements:
            statements.run("DELETE FROM attempts WHERE at <= ?", (since,))
            for key, limit in limits.items():
                times = statements.rows(
                    "SELECT at FROM attempts WHERE key = ? ORDER BY at DESC LIMIT ?", (_hashed(key), limit)
                )
                if len(times) >= limit:
                    free = datetime.fromisoformat(times[limit - 1][0]) + within
                    return Attempt(None, free - at)
            failed = 0
            if counted is not None:
                row = statements.row("SELECT count(*) FROM attempts WHERE key = ?", (_hashed(counted),))
                failed = int(row[0]) if row is not None else 0
            statements.many(
                "INSERT INTO attempts (key, attempt, at) VALUES (?, ?, ?)",
                [
                    (_hashed(key), number, codec.time_text(at))
                    for key in (*limits, *((counted,) if counted is not None else ()))
                ],
            )
        return Attempt(number, failed=failed)

    def succeeded(self, attempt: Attempt, forgiven: str) -> None:
        """Takes back the count of a sign-in that was good, and all counts of one key."""
        with self._database.writing() as statements:
            statements.run("DELETE FROM attempts WHERE attempt = ? OR key = ?", (attempt.number, _hashed(forgiven)))

    def remember(self, kind: str, record: Mapping[str, Any], at: datetime, keep: timedelta) -> str:
        """Remembers the first half of a sign-in; gives the secret that its second half has to bring."""
        secret = secrets.token_urlsafe(32)
        with self._database.writing() as statements:
            statements.run("DELETE FROM sign_ins WHERE expires_at <= ?", (codec.time_text(at),))
            row = statements.row("SELECT count(*) FROM sign_ins")
            if row is not None and row[0] >= _UNDER_WAY:
                # Anybody can begin one: the oldest go, so that neither the table grows nor is a new one refused.
                statements.run(
                    "DELETE FROM sign_ins WHERE key IN (SELECT key FROM sign_ins ORDER BY expires_at LIMIT ?)",
                    (_UNDER_WAY // 10,),
                )
            statements.run(
                "INSERT INTO sign_ins (key, kind, record, expires_at) VALUES (?, ?, ?, ?)",
                (_hashed(secret), kind, codec.dumps(dict(record)), codec.time_text(at + keep)),
            )
        return secret

    def take(self, kind: str, secret: str, at: datetime) -> dict[str, Any] | None:
        """What was remembered under a secret, once."""
        asked = ("SELECT record, expires_at FROM sign_ins WHERE key = ? AND kind = ?", (_hashed(secret), kind))
        with self._database.reading() as statements:
            if statements.row(*asked) is None:  # whoever makes secrets up shall not make writers wait
                return None
        with self._database.writing() as statements:
            row = statements.row(*asked)
            if row is None:
                return None
            statements.run("DELETE FROM sign_ins WHERE key = ?", (_hashed(secret),))
        found: dict[str, Any] = json.loads(row[0])
        return found if at < datetime.fromisoformat(row[1]) else None


def _hashed(secret: str) -> str:
    # Also names of users: people type passwords into the wrong field.
    return hashlib.sha256(f"sign-in:{secret}".encode()).hexdigest()
