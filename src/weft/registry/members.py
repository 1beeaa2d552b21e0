"""Who is what in which domain, as registered: kept in memory, and read again only for domains that an event names."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping

from weft.model.records import domain_members
from weft.model.roles import role_key
from weft.registry import codec
from weft.registry.database import Database, Statements

_MANY = 500
"""Events after which all domains are read again."""


class Members:
    """Roles of members by their `domain.yaml`, as new as the log is when they are asked for.

    A domain changes only together with an event whose subject lies in it: one indexed read says that nothing moved.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._seen, self._hash = -1, ""
        self._by_domain: dict[str, dict[str, frozenset[str]]] = {}
        self._by_member: dict[str, dict[str, frozenset[str]]] = {}

    def roles(self, names: Iterable[str]) -> dict[str, frozenset[str]]:
        """The roles in each domain of somebody who goes by these names: a user, and `team:…` for each team."""
        found: dict[str, frozenset[str]] = {}
        with self._guard:  # another thread that follows takes a domain's roles away and puts them in again
            self._follow()
            for name in names:
                for domain, roles in self._by_member.get(name, {}).items():
                    found[domain] = found.get(domain, frozenset()) | roles
        return found

    def _follow(self) -> None:
        with self._database.reading() as statements:
            if self._seen < 0:
                self._all(statements)
                return
            first, *moved = statements.rows(
                "SELECT seq, subject, hash FROM events WHERE seq >= ? ORDER BY seq LIMIT ?", (self._seen, _MANY)
            ) or [(None, "", "")]
            if len(moved) == _MANY - 1 or (first[0], first[2]) != (self._seen, self._hash):
                self._all(statements)  # so much, or another log than was read: a backup has been put in its place
                return
            domains = sorted({name for _, subject, _ in moved for name in _domains_of(str(subject))})
            if domains:
                listed = self._database.listed
                rows = statements.rows(
                    f"SELECT name, record FROM domains WHERE name IN ({listed})", (json.dumps(domains),)
                )
                found = {str(name): _members(str(record)) for name, record in rows}
                for name in domains:
                    self._put(name, found.get(name, {}))
            if moved:
                self._seen, self._hash = int(moved[-1][0]), str(moved[-1][2])

    def _all(self, statements: Statements) -> None:
        # The log first: what is written between the two reads is then read once more, and never missed.
        last = statements.row("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")
        rows = statements.rows("SELECT name, record FROM domains")
        self._by_domain.clear()
        self._by_member = {}
        for name, record in rows:
            self._put(str(name), _members(str(record)))
        self._seen, self._hash = (int(last[0]), str(last[1])) if last is not None else (-1, "")

    def _put(self, domain: str, members: Mapping[str, frozenset[str]]) -> None:
        for member in self._by_domain.pop(domain, {}):
            rest = {d: r for d, r in self._by_member[member].items() if d != domain}
            self._by_member[member] = rest
            if not rest:
                del self._by_member[member]
        if members:
            self._by_domain[domain] = dict(members)
        for member, roles in members.items():
            self._by_member[member] = {**self._by_member.get(member, {}), domain: roles}


def _domains_of(subject: str) -> tuple[str, ...]:
    """The domain that an event may have changed: its subject is an address, or `domain:NAME`."""
    kind, colon, rest = subject.partition(":")
    if colon and kind != "domain":
        return ()
    return ((rest if colon else kind).partition(".")[0],)


def _members(record: str) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for name, roles in domain_members(codec.domain(record)):
        found[name] = found.get(name, frozenset()) | frozenset(map(role_key, roles))
    return found
