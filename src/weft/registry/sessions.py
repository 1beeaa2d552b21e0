"""Sessions of people who have signed in: the secret is in their browser's cookie, its hash here."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from msgspec import Struct

from weft.registry import codec, publishing
from weft.registry.database import Database
from weft.registry.sql_tables import SqlTables
from weft.registry.users import COLUMNS, User, user_of

_SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a session was used last; each request that writes would be slower."""


class Session(Struct, frozen=True):
    """A session that holds.

    Attributes:
        csrf: what a form or a header has to repeat, so that no other site can use the cookie.
    """

    user: User
    csrf: str
    expires_at: datetime


class SessionStore:
    """Sessions in the registry's database."""

    def __init__(self, database: Database, idle: timedelta, longest: timedelta) -> None:
        self._database = database
        self._idle = idle
        self._longest = longest

    def begin(self, user: str, at: datetime, *, instead_of: str | None = None) -> str:
        """The secret of a new session; one that the same browser had is ended, and so are those whose time is over."""
        secret = secrets.token_urlsafe(32)
        now, end = codec.time_text(at), codec.time_text(at + self._longest)
        with self._database.writing() as statements:
            statements.run("DELETE FROM sessions WHERE expires_at <= ?", (now,))
            if instead_of is not None:
                statements.run("DELETE FROM sessions WHERE hash = ?", (_hashed(instead_of),))
            statements.run(
                "INSERT INTO sessions (hash, owner, created_at, seen_at, expires_at) VALUES (?, ?, ?, ?, ?)",
                (_hashed(secret), user, now, now, end),
            )
            statements.run("UPDATE users SET signed_in_at = ? WHERE name = ?", (now, user))
            publishing.append(SqlTables(statements), at, "user.signed_in", user, f"user:{user}", {})
        return secret

    def holder(self, secret: str, at: datetime) -> Session | None:
        """The session of a secret, while it holds: not over, not left alone for too long, its user not disabled."""
        with self._database.reading() as statements:
            row = statements.row(
                f"SELECT s.seen_at, s.expires_at, {COLUMNS} FROM sessions s JOIN users u ON u.name = s.owner "
                "WHERE s.hash = ?",
                (_hashed(secret),),
            )
        if row is None:
            return None
        seen, end = datetime.fromisoformat(row[0]), datetime.fromisoformat(row[1])
        user = user_of(row[2:])
        if user.disabled_at is not None or at >= end or at - seen >= self._idle:
            return None
        if at - seen >= _SEEN_EVERY:
            with self._database.writing() as statements:
                statements.run("UPDATE sessions SET seen_at = ? WHERE hash = ?", (codec.time_text(at), _hashed(secret)))
        return Session(user, csrf_of(secret), min(end, at + self._idle))

    def end(self, secret: str) -> bool:
        """Signs out; whether there was a session."""
        with self._database.writing() as statements:
            return bool(statements.run("DELETE FROM sessions WHERE hash = ?", (_hashed(secret),)))


def csrf_of(secret: str) -> str:
    """What a page of ours puts into its forms: made from the secret, which it does not tell."""
    return hashlib.sha256(f"csrf:{secret}".encode()).hexdigest()


def _hashed(secret: str) -> str:
    return hashlib.sha256(f"session:{secret}".encode()).hexdigest()
