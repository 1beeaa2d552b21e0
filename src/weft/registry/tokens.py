"""Tokens: secrets that stand for a person, a domain or a service, kept as hashes and shown once."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from weft.registry import codec, publishing
from weft.registry.database import Database
from weft.registry.sql_tables import SqlTables
from weft.registry.users import COLUMNS as USER_COLUMNS
from weft.registry.users import User, user_of

_COLUMNS = "token_id, kind, owner, label, domain, actions, created_at, expires_at, revoked_at, used_at"
_HOLDING = (
    f"SELECT {', '.join(f't.{name}' for name in _COLUMNS.split(', '))}, t.hash, {USER_COLUMNS} "
    "FROM tokens t LEFT JOIN users u ON u.name = t.owner WHERE t.token_id = ?"
)
_USED_EVERY = timedelta(hours=1)
"""How exactly it is known when a token was used last; each request that writes would be slower."""


class Token(Struct, frozen=True):
    """What is known of a token; the secret itself is not.

    Attributes:
        token_id: its public half, by which it is listed and revoked.
        kind: `personal` acts as its owner; `domain` acts for its domain alone.
        actions: what it is limited to; None: whatever its owner may.
    """

    token_id: str
    kind: str
    owner: str
    label: str
    domain: str | None
    actions: tuple[str, ...] | None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    used_at: datetime | None = None


class TokenStore:
    """Tokens in the registry's database; each change has its event, which holds no secret."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        *,
        kind: str,
        owner: str,
        label: str,
        domain: str | None,
        actions: Sequence[str] | None,
        at: datetime,
        expires_at: datetime,
    ) -> tuple[Token, str]:
        """A new token and its secret, which nobody can ask for again."""
        token_id, key = secrets.token_hex(8), secrets.token_urlsafe(32)
        kept = json.dumps(list(actions)) if actions is not None else None
        row = (token_id, _hashed(token_id, key), kind, owner, label, domain, kept)
        with self._database.writing() as statements:
            statements.run(
                "INSERT INTO tokens (token_id, hash, kind, owner, label, domain, actions, created_at, expires_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, codec.time_text(at), codec.time_text(expires_at)),
            )
            body = {"kind": kind, "domain": domain, "expires": codec.time_text(expires_at)}
            publishing.append(SqlTables(statements), at, "token.created", owner, f"token:{token_id}", body)
        named = tuple(actions) if actions is not None else None
        return Token(token_id, kind, owner, label, domain, named, at, expires_at), f"weft_{token_id}_{key}"

    def holder(self, secret: str, at: datetime) -> Token | None:
        """The token of a secret, while it holds: neither expired nor revoked, its person not disabled."""
        found = self.holding(secret, at)
        return found[0] if found is not None else None

    def holding(self, secret: str, at: datetime) -> tuple[Token, User | None] | None:
        """The token of a secret and the user who owns it, where they are one; notes that it is used."""
        name, _, rest = secret.partition("_")
        token_id, _, key = rest.partition("_")
        if name != "weft" or not key:
            return None
        with self._database.reading() as statements:
            row = statements.row(_HOLDING, (token_id,))
        if row is None or not hmac.compare_digest(str(row[10]), _hashed(token_id, key)):
            return None
        token, user = _token(row[:10]), user_of(row[11:]) if row[11] is not None else None
        if token.revoked_at is not None or at >= token.expires_at:
            return None
        if token.kind == "personal" and user is not None and user.disabled_at is not None:
            return None
        if token.used_at is None or at - token.used_at >= _USED_EVERY:
            with self._database.writing() as statements:
                statements.run("UPDATE tokens SET used_at = ? WHERE token_id = ?", (codec.time_text(at), token_id))
        return token, user

    def token(self, token_id: str) -> Token | None:
        """One token, revoked and expired ones too."""
        with self._database.reading() as statements:
            row = statements.row(f"SELECT {_COLUMNS} FROM tokens WHERE token_id = ?", (token_id,))
        return _token(row) if row is not None else None

    def listed(self, *, owner: str | None = None, domain: str | None = None, kind: str | None = None) -> list[Token]:
        """Tokens of an owner, of a domain or of a kind, newest first; of all without any."""
        conditions, values = [], []
        for column, value in (("owner", owner), ("domain", domain), ("kind", kind)):
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._database.reading() as statements:
            rows = statements.rows(f"SELECT {_COLUMNS} FROM tokens{where} ORDER BY created_at DESC, token_id", values)
        return [_token(row) for row in rows]

    def revoke(self, token_id: str, *, actor: str, at: datetime) -> bool:
        """Ends a token at once; whether there was one that held."""
        with self._database.writing() as statements:
            changed = statements.run(
                "UPDATE tokens SET revoked_at = ? WHERE token_id = ? AND revoked_at IS NULL",
                (codec.time_text(at), token_id),
            )
            if changed:
                publishing.append(SqlTables(statements), at, "token.revoked", actor, f"token:{token_id}", {})
        return bool(changed)


def _hashed(token_id: str, key: str) -> str:
    # The key has 256 random bits: nobody can guess it, so a slow hash would only slow each request down.
    return hashlib.sha256(f"{token_id}:{key}".encode()).hexdigest()


def _token(row: Sequence[object]) -> Token:
    token_id, kind, owner, label, domain, actions, created, expires, revoked, used = row
    return Token(
        str(token_id),
        str(kind),
        str(owner),
        str(label),
        str(domain) if domain is not None else None,
        tuple(json.loads(str(actions))) if actions is not None else None,
        datetime.fromisoformat(str(created)),
        datetime.fromisoformat(str(expires)),
        datetime.fromisoformat(str(revoked)) if revoked is not None else None,
        datetime.fromisoformat(str(used)) if used is not None else None,
    )
