"""Secrets by which the company's provider is asked again who somebody is, sealed; and what it has answered."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from weft.registry import codec, publishing
from weft.registry.database import Database
from weft.registry.sql_tables import SqlTables


class Refresh(Struct, frozen=True):
    """Somebody of whom the provider can be asked.

    Attributes:
        sealed: the secret, as `access.sealing` has sealed it.
        asked_at: when it was asked last.
    """

    name: str
    sealed: str
    asked_at: datetime


class ConfirmationStore:
    """Which people the provider is to be asked of; all web processes of a registry share them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, name: str, sealed: str, at: datetime) -> None:
        """Keeps the newest secret of somebody who has been confirmed just now."""
        with self._database.writing() as statements:
            statements.run(
                "INSERT INTO refreshes (name, sealed, asked_at) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
                "sealed = excluded.sealed, asked_at = excluded.asked_at",
                (name, sealed, codec.time_text(at)),
            )

    def due(self, before: datetime, at: datetime, limit: int = 100) -> list[Refresh]:
        """People of whom it was not asked since a moment and who have a token or a session that holds."""
        with self._database.reading() as statements:
            rows = statements.rows(
                "SELECT r.name, r.sealed, r.asked_at FROM refreshes r WHERE r.asked_at <= ? AND ("
                "EXISTS (SELECT 1 FROM sessions s WHERE s.owner = r.name AND s.expires_at > ?) OR "
                "EXISTS (SELECT 1 FROM tokens t WHERE t.owner = r.name AND t.kind = 'personal' "
                "AND t.revoked_at IS NULL AND t.expires_at > ?)) ORDER BY r.asked_at LIMIT ?",
                (codec.time_text(before), codec.time_text(at), codec.time_text(at), limit),
            )
        return [Refresh(str(name), str(sealed), datetime.fromisoformat(asked)) for name, sealed, asked in rows]

    def claim(self, refresh: Refresh, at: datetime) -> bool:
        """Whether it is the caller who asks: a provider may take a secret that comes twice for a stolen one."""
        with self._database.writing() as statements:
            return bool(
                statements.run(
                    "UPDATE refreshes SET asked_at = ? WHERE name = ? AND asked_at = ?",
                    (codec.time_text(at), refresh.name, codec.time_text(refresh.asked_at)),
                )
            )

    def refused(self, name: str, *, why: str, actor: str, at: datetime) -> None:
        """The provider says no more who this is: their sessions end, and their tokens hold until then no more."""
        with self._database.writing() as statements:
            statements.run("DELETE FROM refreshes WHERE name = ?", (name,))
            statements.run("DELETE FROM sessions WHERE owner = ?", (name,))
            if statements.run("UPDATE users SET confirmed_at = NULL WHERE name = ? AND kind = 'oidc'", (name,)):
                publishing.append(
                    SqlTables(statements), at, "user.unconfirmed", actor, f"user:{name}", {"why": why[:200]}
                )
