"""Users: people with a password of ours, and people whom an identity provider has sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from weft.registry import access_requests, codec, grants, notices, publishing, saved_queries, workspaces
from weft.registry.database import Database, Statements
from weft.registry.sql_tables import SqlTables

COLUMNS = (
    "u.name, u.kind, u.title, u.mesh_roles, u.domain_roles, u.teams, u.created_at, u.disabled_at, u.signed_in_at, "
    "u.issuer, u.subject, u.confirmed_at"
)
"""What `user_of` reads, of `users u`."""


class User(Struct, frozen=True):
    """A person who may sign in; the password's hash is not part of it.

    Attributes:
        kind: `local`, with a password of ours, or `oidc`, sent by an identity provider.
        mesh: roles in the whole mesh.
        domains: roles in domains that the provider's groups give, beside what `domain.yaml` says.
        teams: teams that the provider's groups give.
        confirmed_at: when the provider has last said who this is; None: it says so no more.
    """

    name: str
    kind: str
    title: str | None
    mesh: tuple[str, ...]
    domains: Mapping[str, tuple[str, ...]]
    teams: tuple[str, ...]
    created_at: datetime
    disabled_at: datetime | None = None
    signed_in_at: datetime | None = None
    issuer: str | None = None
    subject: str | None = None
    confirmed_at: datetime | None = None


class PasswordSet(Struct, frozen=True):
    """What came of another password.

    Attributes:
        ended: personal tokens of the user that were ended with it.
        holding: those that hold still.
    """

    ended: int
    holding: int


class UserStore:
    """Users in the registry's database; each change has its event, which holds no password."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def any(self) -> bool:
        """Whether there is any user, disabled ones included."""
        with self._database.reading() as statements:
            return statements.row("SELECT 1 FROM users LIMIT 1") is not None

    def listed(self) -> list[User]:
        """All users by name."""
        with self._database.reading() as statements:
            return [user_of(row) for row in statements.rows(f"SELECT {COLUMNS} FROM users u ORDER BY u.name")]

    def page(self, words: str, after: str, limit: int) -> list[User]:
        """Users behind a name, in the order of names.

        Args:
            words: what the name or the title has in it, in whatever case; `""` for all.
            after: the name that the page before ended with.
        """
        conditions, values = ["u.name > ?"], [after]
        if words:
            like = "".join(f"!{sign}" if sign in "!%_" else sign for sign in words.lower())
            conditions.append("(lower(u.name) LIKE ? ESCAPE '!' OR lower(coalesce(u.title, '')) LIKE ? ESCAPE '!')")
            values += [f"%{like}%"] * 2
        sql = f"SELECT {COLUMNS} FROM users u WHERE {' AND '.join(conditions)} ORDER BY u.name LIMIT ?"
        with self._database.reading() as statements:
            return [user_of(row) for row in statements.rows(sql, (*values, limit))]

    def user(self, name: str) -> User | None:
        """One user."""
        with self._database.reading() as statements:
            row = statements.row(f"SELECT {COLUMNS} FROM users u WHERE u.name = ?", (name,))
        return user_of(row) if row is not None else None

    def of_team(self, team: str) -> list[str]:
        """Names of the people whom the provider's groups put into a team."""
        holding = "disabled_at IS NULL AND teams LIKE ? ESCAPE '!'"
        sql = f"SELECT name, teams FROM users WHERE {holding} ORDER BY name LIMIT 1000"
        held = json.dumps(team)
        like = "".join(f"!{sign}" if sign in "!%_" else sign for sign in held)
        with self._database.reading() as statements:
            return [name for name, teams in statements.rows(sql, (f"%{like}%",)) if team in json.loads(teams)]

    def password_of(self, name: str) -> str | None:
        """The hash of a local user's password, while the user is not disabled."""
        with self._database.reading() as statements:
            row = statements.row("SELECT hash FROM users WHERE name = ? AND disabled_at IS NULL", (name,))
        return str(row[0]) if row is not None and row[0] is not None else None

    def add(
        self, name: str, hashed: str, mesh: Sequence[str], *, actor: str, at: datetime, only_first: bool = False
    ) -> bool:
        """A new local user; whether the name was free.

        Args:
            only_first: nobody is added where there is any user already, however many ask at once.
        """
        with self._database.writing() as statements:
            if only_first and statements.row("SELECT 1 FROM users LIMIT 1") is not None:
                return False
            added = statements.run(
                "INSERT INTO users (name, kind, hash, mesh_roles, domain_roles, teams, created_at) "
                "VALUES (?, 'local', ?, ?, '{}', '[]', ?) ON CONFLICT (name) DO NOTHING",
                (name, hashed, _listed(mesh), codec.time_text(at)),
            )
            if added:
                _event(statements, at, "user.created", actor, name, {"kind": "local", "roles": sorted(mesh)})
        return bool(added)

    def set_password(
        self, name: str, hashed: str, *, actor: str, at: datetime, end_tokens: bool = False
    ) -> PasswordSet | None:
        """Gives a local user another password and ends their sessions; None where there is no such user.

        Args:
            end_tokens: their personal tokens end in the same moment.
        """
        with self._database.writing() as statements:
            if not statements.run("UPDATE users SET hash = ? WHERE name = ? AND kind = 'local'", (hashed, name)):
                return None
            statements.run("DELETE FROM sessions WHERE owner = ?", (name,))
            _event(statements, at, "user.password", actor, name, {})
            holding = _personal_tokens(statements, name, at)
            if end_tokens:
                _revoke_tokens(statements, name, at)
                for token in holding:
                    publishing.append(SqlTables(statements), at, "token.revoked", actor, f"token:{token}", {})
        return PasswordSet(len(holding), 0) if end_tokens else PasswordSet(0, len(holding))

    def rehash(self, name: str, before: str, hashed: str) -> None:
        """Keeps the same password under a stronger hash."""
        with self._database.writing() as statements:
            statements.run("UPDATE users SET hash = ? WHERE name = ? AND hash = ?", (hashed, name, before))

    def set_roles(self, name: str, mesh: Sequence[str], *, actor: str, at: datetime) -> bool:
        """Gives a local user other roles in the mesh; whether there is such a user."""
        with self._database.writing() as statements:
            changed = statements.run(
                "UPDATE users SET mesh_roles = ? WHERE name = ? AND kind = 'local'", (_listed(mesh), name)
            )
            if changed:
                _event(statements, at, "user.roles", actor, name, {"roles": sorted(mesh)})
        return bool(changed)

    def disable(self, name: str, *, actor: str, at: datetime, undo: bool = False) -> bool:
        """Shuts a user out, sessions and tokens included, or lets them in again; whether there is such a user."""
        with self._database.writing() as statements:
            changed = statements.run(
                "UPDATE users SET disabled_at = ? WHERE name = ?", (None if undo else codec.time_text(at), name)
            )
            if changed:
                statements.run("DELETE FROM sessions WHERE owner = ?", (name,))
                statements.run("DELETE FROM refreshes WHERE name = ?", (name,))
                _event(statements, at, "user.enabled" if undo else "user.disabled", actor, name, {})
        return bool(changed)

    def remove(self, name: str, *, actor: str, at: datetime) -> bool:
        """Takes a user away, with all that was theirs alone; the name is free.

        Sessions, personal tokens, subscriptions, grants, saved queries and tables of their own end; what they wait for
        is taken back.

        Returns:
            Whether there was one.
        """
        with self._database.writing() as statements:
            removed = statements.run("DELETE FROM users WHERE name = ?", (name,))
            if removed:
                statements.run("DELETE FROM sessions WHERE owner = ?", (name,))
                statements.run("DELETE FROM refreshes WHERE name = ?", (name,))
                _revoke_tokens(statements, name, at)
                _end_all(statements, name, actor, at)
                _event(statements, at, "user.removed", actor, name, {})
        return bool(removed)

    def arrived(self, user: User, at: datetime) -> User | None:
        """Keeps whom a provider has sent, with the roles of today's groups.

        Returns:
            The user; None when the name belongs to somebody else: a local user, or another subject of the provider.
        """
        assert user.issuer is not None and user.subject is not None, "a provider names both"
        with self._database.writing() as statements:
            row = statements.row(
                f"SELECT {COLUMNS} FROM users u WHERE u.name = ? OR (u.issuer = ? AND u.subject = ?) "
                "ORDER BY u.kind, u.name",
                (user.name, user.issuer, user.subject),
            )
            before = user_of(row) if row is not None else None
            if before is not None and (before.issuer, before.subject) != (user.issuer, user.subject):
                return None
            if before is not None and before.name != user.name:
                # Renamed at the provider: the roles in domain.yaml hang on the name, so what hung on the old one ends.
                if statements.row("SELECT 1 FROM users WHERE name = ?", (user.name,)) is not None:
                    return None
                statements.run("DELETE FROM sessions WHERE owner = ?", (before.name,))
                statements.run("DELETE FROM users WHERE name = ?", (before.name,))
                statements.run("DELETE FROM refreshes WHERE name = ?", (before.name,))
                _revoke_tokens(statements, before.name, at)
                _end_all(statements, before.name, user.name, at)
                _event(statements, at, "user.renamed", user.name, before.name, {"to": user.name})
            roles = {"roles": sorted(user.mesh), "domains": {d: sorted(r) for d, r in sorted(user.domains.items())}}
            _put(statements, user, before, at)
            if before is None:
                _event(statements, at, "user.created", user.name, user.name, {"kind": "oidc", **roles})
            elif (before.mesh, dict(before.domains), before.teams) != (user.mesh, dict(user.domains), user.teams):
                _event(statements, at, "user.roles", user.name, user.name, roles)
            kept = statements.row(f"SELECT {COLUMNS} FROM users u WHERE u.name = ?", (user.name,))
        assert kept is not None, "it was put just now"
        return user_of(kept)


def _put(statements: Statements, user: User, before: User | None, at: datetime) -> None:
    created = before.created_at if before is not None else at
    disabled = codec.time_text(before.disabled_at) if before is not None and before.disabled_at is not None else None
    statements.run(
        "INSERT INTO users (name, kind, issuer, subject, title, mesh_roles, domain_roles, teams, created_at, "
        "disabled_at, confirmed_at) VALUES (?, 'oidc', ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
        "title = excluded.title, mesh_roles = excluded.mesh_roles, domain_roles = excluded.domain_roles, "
        "teams = excluded.teams, confirmed_at = excluded.confirmed_at",
        (
            user.name,
            user.issuer,
            user.subject,
            user.title,
            _listed(user.mesh),
            codec.dumps({d: list(r) for d, r in user.domains.items()}),
            _listed(user.teams),
            codec.time_text(created),
            disabled,
            codec.time_text(at),
        ),
    )


def _end_all(statements: Statements, name: str, actor: str, at: datetime) -> None:
    """Ends what stands under a name that is free from now on: whoever gets it next has none of it."""
    notices.end_all(statements, name, actor=actor, at=at)
    grants.end_all(statements, name, actor=actor, at=at)
    access_requests.withdraw_all(statements, name, actor=actor, at=at)
    workspaces.end_all(statements, name, at)
    saved_queries.end_all(statements, name, actor=actor, at=at)


def _personal_tokens(statements: Statements, owner: str, at: datetime) -> list[str]:
    """The ids of somebody's own tokens that hold."""
    sql = "SELECT token_id FROM tokens WHERE owner = ? AND kind = 'personal' AND revoked_at IS NULL AND expires_at > ?"
    return [str(id_) for (id_,) in statements.rows(f"{sql} ORDER BY token_id", (owner, codec.time_text(at)))]


def _revoke_tokens(statements: Statements, owner: str, at: datetime) -> None:
    statements.run(
        "UPDATE tokens SET revoked_at = ? WHERE owner = ? AND kind = 'personal' AND revoked_at IS NULL",
        (codec.time_text(at), owner),
    )


def user_of(row: Sequence[Any]) -> User:
    """The user of a row of `COLUMNS`."""
    name, kind, title, mesh, domains, teams, created, disabled, signed_in, issuer, subject, confirmed = row
    return User(
        str(name),
        str(kind),
        title,
        tuple(json.loads(mesh)),
        {d: tuple(roles) for d, roles in json.loads(domains).items()},
        tuple(json.loads(teams)),
        datetime.fromisoformat(created),
        datetime.fromisoformat(disabled) if disabled is not None else None,
        datetime.fromisoformat(signed_in) if signed_in is not None else None,
        issuer,
        subject,
        datetime.fromisoformat(confirmed) if confirmed is not None else None,
    )


def _listed(names: Sequence[str]) -> str:
    return json.dumps(sorted(names))


def _event(statements: Statements, at: datetime, kind: str, actor: str, name: str, body: Mapping[str, Any]) -> None:
    publishing.append(SqlTables(statements), at, kind, actor, f"user:{name}", body)
