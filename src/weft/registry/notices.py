"""Subscriptions: who is told of what, where, and when; and the domains that want to hear nothing."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from weft.registry import codec, portal_notices, publishing
from weft.registry.database import Database, Statements, put
from weft.registry.sql_tables import SqlTables

_COLUMNS = (
    "subscription_id, owner, subject, kinds, channel, target, secret, digest, since, created_at, ended_at, domains"
)
_PUT_MUTE = put("mutes", "domain subject actor at", "domain subject")


class Subscription(Struct, frozen=True):
    """A wish to be told.

    Attributes:
        subject: `*` everything, `domain`, `domain.product`.
        kinds: kinds of notices; empty: all.
        channel: `webhook`, `mail`, `slack`, `teams`, `mattermost`, or `portal`: the list that its owner has there.
        target: a URL or an address of mail, empty for the portal; chats' URLs are secrets, so only its owner is shown
            it.
        secret: where the secret stands with which a webhook is signed; None: it is made from the server's own key.
        digest: the hour and zone at which everything of a day is told at once; None: at once.
        since: the last event before it.
        domains: those in which its owner was somebody; of their drafts it tells where no user owns it; None: of all.
    """

    subscription_id: str
    owner: str
    subject: str
    kinds: tuple[str, ...]
    channel: str
    target: str
    secret: str | None
    digest: str | None
    since: int
    created_at: datetime
    ended_at: datetime | None = None
    domains: tuple[str, ...] | None = None

    def wants(self, kinds: Sequence[str], subjects: Sequence[str]) -> bool:
        """Whether it is about one of these kinds, of one of these subjects."""
        if self.kinds and not set(self.kinds) & set(kinds):
            return False
        return self.subject == "*" or any(s == self.subject or s.startswith(f"{self.subject}.") for s in subjects)


class SubscriptionStore:
    """Subscriptions in the registry's database; each change has its event, which names no target."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        *,
        owner: str,
        subject: str,
        kinds: Sequence[str],
        channel: str,
        target: str,
        secret: str | None,
        digest: str | None,
        at: datetime,
        domains: Sequence[str] | None = None,
    ) -> Subscription:
        """A new subscription, from the next event on."""
        own = tuple(domains) if domains is not None else None
        subscription_id = f"s-{secrets.token_hex(6)}"
        with self._database.writing() as statements:
            last = statements.row("SELECT coalesce(max(seq), 0) FROM events")
            assert last is not None, "an aggregate has a row"
            made = Subscription(
                subscription_id,
                owner,
                subject,
                tuple(kinds),
                channel,
                target,
                secret,
                digest,
                int(last[0]),
                at,
                domains=own,
            )
            statements.run(
                f"INSERT INTO subscriptions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",
                (
                    subscription_id,
                    owner,
                    subject,
                    json.dumps(list(kinds)),
                    channel,
                    target,
                    secret,
                    digest,
                    int(last[0]),
                    codec.time_text(at),
                    json.dumps(list(own)) if own is not None else None,
                ),
            )
            body = {"subject": subject, "kinds": list(kinds), "channel": channel, "digest": digest}
            publishing.append(
                SqlTables(statements), at, "subscription.created", owner, f"subscription:{subscription_id}", body
            )
        return made

    def listed(self, owner: str | None = None) -> list[Subscription]:
        """Subscriptions that hold, of an owner or of all, oldest first."""
        with self._database.reading() as statements:
            return holding(statements, owner)

    def get(self, subscription_id: str) -> Subscription | None:
        """One subscription, while it holds."""
        with self._database.reading() as statements:
            row = statements.row(
                f"SELECT {_COLUMNS} FROM subscriptions WHERE subscription_id = ? AND ended_at IS NULL",
                (subscription_id,),
            )
        return _subscription(row) if row is not None else None

    def end(self, subscription_id: str, *, actor: str, at: datetime) -> bool:
        """Ends a subscription; what waits for it is not sent any more. Whether there was one."""
        with self._database.writing() as statements:
            return _ended(statements, subscription_id, actor, at)

    def mute(self, domain: str, subject: str, *, actor: str, at: datetime) -> None:
        """Tells the owners of a domain nothing more of a subject that they did not subscribe to themselves."""
        with self._database.writing() as statements:
            statements.run(_PUT_MUTE, (domain, subject, actor, codec.time_text(at)))
            publishing.append(SqlTables(statements), at, "notices.muted", actor, domain, {"subject": subject})

    def unmute(self, domain: str, subject: str, *, actor: str, at: datetime) -> bool:
        """Tells them again; whether they had been spared."""
        with self._database.writing() as statements:
            changed = statements.run("DELETE FROM mutes WHERE domain = ? AND subject = ?", (domain, subject))
            if changed:
                publishing.append(SqlTables(statements), at, "notices.unmuted", actor, domain, {"subject": subject})
        return bool(changed)

    def mutes(self, domain: str | None = None) -> list[tuple[str, str]]:
        """Domain and subject of all that is not told, of one domain or of all."""
        with self._database.reading() as statements:
            return [one for one in muted(statements) if domain in (None, one[0])]


def end_all(statements: Statements, owner: str, *, actor: str, at: datetime) -> None:
    """Ends what somebody who is no more is told: whoever gets the name next has none of it."""
    portal_notices.drop(statements, owner)
    for one in holding(statements, owner):
        _ended(statements, one.subscription_id, actor, at)


def _ended(statements: Statements, subscription_id: str, actor: str, at: datetime) -> bool:
    ended = statements.run(
        "UPDATE subscriptions SET ended_at = ? WHERE subscription_id = ? AND ended_at IS NULL",
        (codec.time_text(at), subscription_id),
    )
    if ended:
        statements.run(
            "UPDATE deliveries SET state = 'dropped', ended_at = ? WHERE recipient = ? AND state = 'waiting'",
            (codec.time_text(at), subscription_id),
        )
        subject = f"subscription:{subscription_id}"
        publishing.append(SqlTables(statements), at, "subscription.ended", actor, subject, {})
    return bool(ended)


def holding(statements: Statements, owner: str | None = None) -> list[Subscription]:
    """Subscriptions that hold, of an owner or of all, oldest first."""
    where, values = (" AND owner = ?", (owner,)) if owner is not None else ("", ())
    rows = statements.rows(
        f"SELECT {_COLUMNS} FROM subscriptions WHERE ended_at IS NULL{where} ORDER BY created_at, subscription_id",
        values,
    )
    return [_subscription(row) for row in rows]


def muted(statements: Statements) -> list[tuple[str, str]]:
    """Domain and subject of all that is not told."""
    return [(str(d), str(s)) for d, s in statements.rows("SELECT domain, subject FROM mutes ORDER BY domain, subject")]


def _subscription(row: Sequence[object]) -> Subscription:
    subscription_id, owner, subject, kinds, channel, target, secret, digest, since, created, ended, domains = row
    return Subscription(
        str(subscription_id),
        str(owner),
        str(subject),
        tuple(json.loads(str(kinds))),
        str(channel),
        str(target),
        str(secret) if secret is not None else None,
        str(digest) if digest is not None else None,
        int(str(since)),
        datetime.fromisoformat(str(created)),
        datetime.fromisoformat(str(ended)) if ended is not None else None,
        tuple(json.loads(str(domains))) if domains is not None else None,
    )
