"""Telling: the log becomes messages in the outbox, in one transaction with how far the log has been read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from weft.access.permissions import Role
from weft.connectors.mail import checked_address
from weft.errors import UsageError
from weft.model.records import DomainRecord, Event, domain_members
from weft.model.roles import role_key
from weft.observability.digests import next_digest
from weft.observability.notices import UNASKED, Former, Notice, notices_of
from weft.registry import codec, portal_notices
from weft.registry.database import Database, Statements
from weft.registry.notices import Subscription, holding, muted
from weft.registry.outbox import Letter, cursor, move_cursor, post
from weft.registry.users import COLUMNS, User, user_of

CURSOR = "notices"
_PAGE = 200


def tell(database: Database, now: Callable[[], datetime], *, mails: bool, governance: str = "") -> int:
    """Puts what happened since the last time into the outbox, and says how many notices it made.

    Args:
        mails: whether mail can be sent: without it owners who did not ask cannot be told.
        governance: the address of mail of those who lead governance.
    """
    made = 0
    while True:
        with database.writing() as statements:
            done, found = _page(statements, now(), mails, governance)
        made += found
        if not done:
            return made


def _page(statements: Statements, now: datetime, mails: bool, governance: str) -> tuple[int, int]:
    """One page of the log, with how many events and notices it had."""
    after = cursor(statements, CURSOR)
    events = [
        codec.event(row)
        for row in statements.rows(
            "SELECT seq, at, kind, actor, subject, body, previous, hash FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
            (after, _PAGE),
        )
    ]
    if not events:
        return 0, 0
    registered = _Statements(statements, governance)
    told = [(event, notice) for event in events for notice in notices_of(event, registered)]
    if told:
        spared = frozenset(muted(statements))
        wishes = [wish for wish in holding(statements) if registered.is_somebody(wish.owner)]
        letters = [
            letter
            for event, notice in told
            for letter in (
                *_asked(event, notice, wishes, registered, now),
                *(_unasked(notice, registered, spared, now) if mails else ()),
            )
        ]
        post(statements, [letter for letter in letters if letter.channel != portal_notices.CHANNEL], now)
        for letter in letters:
            if letter.channel == portal_notices.CHANNEL:
                portal_notices.put(statements, letter.recipient, letter.notice, now)
        for _, notice in told:
            for name in _concerned(notice, registered, spared):
                portal_notices.put(statements, name, notice.as_json(), now)
    move_cursor(statements, CURSOR, events[-1].seq)
    return len(events), len(told)


def _asked(
    event: Event, notice: Notice, wishes: Sequence[Subscription], registered: _Statements, now: datetime
) -> Iterator[Letter]:
    """What is told to those who have subscribed: of drafts only to those who belong to their domain by now."""
    drafts = [port for port in notice.subjects if registered.is_draft(port)]
    whole = registered.is_draft(notice.subject) or _all_drafts(notice, drafts)
    home = notice.subject.partition(".")[0]
    for wish in wishes:
        if event.seq <= wish.since or (whole and not registered.may_know(wish, home)):
            continue
        hidden = [port for port in drafts if not registered.may_know(wish, port.partition(".")[0])]
        told = notice.without(hidden)
        if wish.wants(told.kinds, told.subjects):
            due = next_digest(wish.digest, now) if wish.digest is not None else now
            yield Letter(
                wish.owner if wish.channel == portal_notices.CHANNEL else wish.subscription_id,
                wish.channel,
                wish.target,
                wish.secret,
                wish.digest is not None,
                due,
                told.as_json(),
            )


def _all_drafts(notice: Notice, drafts: Sequence[str]) -> bool:
    """Whether a publication is told in which all ports are drafts."""
    ports = notice.subjects[1:] if notice.kinds[0] == "published" else ()
    return bool(ports) and set(ports) <= set(drafts)


def _unasked(
    notice: Notice, registered: _Statements, spared: frozenset[tuple[str, str]], now: datetime
) -> Iterator[Letter]:
    if not set(notice.kinds) & UNASKED:
        return
    minute = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    told = {address: f"auto:{address}" for address in registered.above(notice.roles, notice.subject)}
    home = notice.subject.partition(".")[0]
    # who asked is told of the decision, whatever the owners of the port want to hear
    if "access_decided" in notice.kinds or not _spared(notice, home, spared):
        told |= {address: f"auto:{address}" for address in registered.mails(notice.people)}
    # what is meant for those who lead, and finds none of them, goes to the owners: somebody has to hear of it
    for domain in notice.owners if told or not notice.roles else dict.fromkeys((*notice.owners, home)):
        contact = registered.contact(domain)
        if contact is not None and not _spared(notice, domain, spared):
            told.setdefault(contact, f"auto:{domain}")
    for address, recipient in told.items():
        # of one minute they get one mail, however much goes wrong at once
        yield Letter(recipient, "mail", address, None, True, minute, notice.as_json())


def _concerned(notice: Notice, registered: _Statements, spared: frozenset[tuple[str, str]]) -> list[str]:
    """The users who find a notice in the portal without having asked: those who are told by mail, by their names."""
    if not set(notice.kinds) & UNASKED:
        return []
    home = notice.subject.partition(".")[0]
    found = dict.fromkeys(registered.holders(notice.roles, notice.subject))
    if "access_decided" in notice.kinds or not _spared(notice, home, spared):
        found |= dict.fromkeys(registered.named(notice.people))
    for domain in notice.owners if found or not notice.roles else dict.fromkeys((*notice.owners, home)):
        if not _spared(notice, domain, spared):
            found |= dict.fromkeys(registered.owners(domain))
    return [name for name in found if registered.is_user(name)]


def _spared(notice: Notice, domain: str, spared: frozenset[tuple[str, str]]) -> bool:
    """Whether the owners of a domain want to hear nothing of it that they did not ask for."""
    return any(
        d == domain and (s == "*" or notice.subject == s or notice.subject.startswith((f"{s}.", f"{s}@")))
        for d, s in spared
    )


class _Statements:
    """Implements `notices.Registered` inside the transaction."""

    def __init__(self, statements: Statements, governance: str = "") -> None:
        self._statements = statements
        self._governance = governance
        self._contacts: dict[str, str | None] = {}
        self._drafts: dict[str, bool] = {}

    @cached_property
    def _subscribers(self) -> Mapping[str, User]:
        """Users who have subscribed to something, by name."""
        sql = f"SELECT {COLUMNS} FROM users u WHERE u.name IN (SELECT owner FROM subscriptions WHERE ended_at IS NULL)"
        return {user.name: user for user in map(user_of, self._statements.rows(sql))}

    def is_somebody(self, owner: str) -> bool:
        """Whether somebody who has subscribed is still let in: not shut out, nor given up by the company's provider."""
        user = self._subscribers.get(owner)
        if user is None:  # a domain, a service, or whoever is at the server's own keyboard
            return True
        return user.disabled_at is None and (user.kind != "oidc" or user.confirmed_at is not None)

    def may_know(self, wish: Subscription, domain: str) -> bool:
        """Whether a subscription tells of drafts of a domain: its owner is somebody there, or operates the platform."""
        user = self._subscribers.get(wish.owner)
        if user is None:
            return wish.domains is None or domain in wish.domains
        names = {user.name, *(f"team:{team}" for team in user.teams)}
        members = {name for name, _ in domain_members(self._domain(domain))}
        return Role.OPERATOR.value in user.mesh or domain in user.domains or bool(names & members)

    def publication(self, port: str, revision: int) -> Former | None:
        row = self._statements.row(
            "SELECT header, contract FROM publications WHERE port = ? AND revision = ?", (port, revision)
        )
        if row is None:
            return None
        head: dict[str, Any] = json.loads(row[0])
        return Former(head["version"], head["status"], codec.unpacked(row[1]))

    def reading_domains(self, port: str) -> Sequence[str]:
        rows = self._statements.rows("SELECT product FROM reads WHERE port = ? ORDER BY product", (port,))
        return [product.partition(".")[0] for (product,) in rows]

    def is_draft(self, address: str) -> bool:
        """Whether a product, or a port or its product, is a draft."""
        if address not in self._drafts:
            self._drafts[address] = address.count(".") > 0 and self._is_draft(address)
        return self._drafts[address]

    def _is_draft(self, address: str) -> bool:
        product = ".".join(address.partition("@")[0].split(".")[:2])
        row = self._statements.row("SELECT record FROM products WHERE address = ?", (product,))
        statuses = [codec.product(row[0]).status] if row is not None else []
        row = self._statements.row(
            "SELECT u.header FROM ports p JOIN publications u ON u.port = p.port AND u.revision = p.revision "
            "WHERE p.port = ?",
            (address,),
        )
        statuses += [json.loads(row[0])["status"]] if row is not None else []
        return "draft" in statuses

    def contact(self, domain: str) -> str | None:
        """The address of mail of a domain's owners; None when there is none."""
        if domain not in self._contacts:
            self._contacts[domain] = self._contact(domain)
        return self._contacts[domain]

    def _contact(self, domain: str) -> str | None:
        record = self._domain(domain)
        return _address((record.owner_contact if record is not None else None) or "")

    def _domain(self, name: str) -> DomainRecord | None:
        row = self._statements.row("SELECT record FROM domains WHERE name = ?", (name,))
        return codec.domain(row[0]) if row is not None else None

    @cached_property
    def _people(self) -> Mapping[str, tuple[frozenset[str], frozenset[str]]]:
        """Teams and roles in the mesh of each user who is not shut out."""
        users = self._statements.rows(
            "SELECT name, teams, mesh_roles FROM users WHERE disabled_at IS NULL ORDER BY name"
        )
        return {str(n): (frozenset(json.loads(teams)), frozenset(json.loads(mesh))) for n, teams, mesh in users}

    def is_user(self, name: str) -> bool:
        """Whether somebody can sign in under a name."""
        return name in self._people

    def named(self, names: Sequence[str]) -> list[str]:
        """Names of people; those of its members for `team:NAME`."""
        teams = {name.removeprefix("team:") for name in names if name.startswith("team:")}
        people = [name for name in names if not name.startswith("team:")]
        return people + [name for name, (of, _) in self._people.items() if teams & of] if teams else people

    def mails(self, names: Sequence[str]) -> list[str]:
        """The names that are addresses of mail; those of its members for `team:NAME`."""
        return [found for name in dict.fromkeys(self.named(names)) if (found := _address(name)) is not None]

    def owners(self, domain: str) -> list[str]:
        """The names of those who own a domain, as its file has them."""
        members = domain_members(self._domain(domain))
        return self.named([name for name, held in members if "domain_owner" in _roles(held)])

    def above(self, roles: Sequence[str], subject: str) -> list[str]:
        """The addresses of those who hold a role, and of those who lead governance where it is theirs."""
        found = [self._governance] if "governance_lead" in roles else []
        return self.mails([*found, *self.holders(roles, subject)])

    def holders(self, roles: Sequence[str], subject: str) -> list[str]:
        """The names of those who hold a role: in the mesh, or in the domain in which an address lies."""
        if not roles:
            return []
        wanted = set(roles)
        found = [name for name, (_, mesh) in self._people.items() if wanted & mesh]
        members = domain_members(self._domain(subject.partition(".")[0]))
        return self.named(found + [name for name, held in members if wanted & _roles(held)])


_ROLE = {"owner": "domain_owner"}


def _roles(held: Sequence[str]) -> set[str]:
    """Roles in a domain as the table of permissions calls them."""
    return {_ROLE.get(key, key) for key in map(role_key, held)}


def _address(text: str) -> str | None:
    """An address of mail; None of a page, a channel or a name, to which no mail goes."""
    try:
        return checked_address(text)
    except UsageError:
        return None
