"""Grants page by page: those by which somebody reads, those on ports of some domains, and those to look at again."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from weft.model.address import Address
from weft.registry import codec
from weft.registry.database import Database
from weft.registry.grants import GRANT, Grant, grant_of

_HOLDS = "(g.ends_at IS NULL OR g.ends_at > ?)"
_UNUSED = "(g.kind <> 'product' AND g.since < ? AND (g.used_at IS NULL OR g.used_at < ?))"
_LOOK = f"(g.review_at <= ? OR {_UNUSED})"


class GrantLists:
    """Grants in the registry's database, for reading; no list has all of a mesh."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, consumers: Collection[tuple[str, str]], limit: int) -> list[Grant]:
        """The newest grants to somebody who goes by these kinds and names, ended ones too."""
        names = json.dumps(sorted({name for _, name in consumers}))
        sql = f"{GRANT} WHERE g.consumer IN ({self._database.listed}) ORDER BY g.since DESC, g.grant_id LIMIT ?"
        found = self._found(sql, (names, limit))
        return [g for g in found if (g.kind, g.consumer) in consumers]

    def ports_of(self, consumers: Collection[tuple[str, str]], at: datetime) -> frozenset[str]:
        """The ports on which somebody who goes by these kinds and names has a grant that holds."""
        names = json.dumps(sorted({name for _, name in consumers}))
        sql = f"SELECT DISTINCT g.kind, g.consumer, g.port FROM grants g WHERE g.consumer IN ({self._database.listed})"
        with self._database.reading() as statements:
            found = statements.rows(f"{sql} AND {_HOLDS}", (names, codec.time_text(at)))
        return frozenset(str(port) for kind, name, port in found if (kind, name) in consumers)

    def on(
        self, domains: Collection[str] | None, at: datetime, *, after: tuple[str, str], limit: int, port: str | None
    ) -> list[Grant]:
        """Grants that hold, by port.

        Args:
            domains: on ports of these; None: of all.
            after: the port and the id behind which they begin.
            port: on this one alone.
        """
        conditions, values = [_HOLDS, "(g.port > ? OR (g.port = ? AND g.grant_id > ?))"], [
            codec.time_text(at), after[0], *after,
        ]  # fmt: skip
        within, bounds = _within(domains)
        conditions += within
        values += bounds
        if port is not None:
            conditions.append("g.port = ?")
            values.append(port)
        sql = f"{GRANT} WHERE {' AND '.join(conditions)} ORDER BY g.port, g.grant_id LIMIT ?"
        return self._found(sql, (*values, limit))

    def to_look_at(self, domains: Collection[str] | None, at: datetime, unused_since: datetime) -> list[Grant]:
        """Grants that hold and whose review is due, or that nobody seems to read by.

        Args:
            domains: on ports of these; None: of all.
        """
        old = codec.time_text(unused_since)
        within, bounds = _within(domains)
        sql = f"{GRANT} WHERE {' AND '.join([_HOLDS, *within, _LOOK])} ORDER BY g.port, g.grant_id"
        now = codec.time_text(at)
        return self._found(sql, (now, *bounds, now, old, old))

    def beside(self, consumer: tuple[str, str], but: Collection[Address], at: datetime, limit: int) -> list[Grant]:
        """What else somebody may read, newest first."""
        kind, name = consumer
        without = {str(port) for port in but}
        sql = f"{GRANT} WHERE g.consumer = ? AND g.kind = ? AND {_HOLDS} ORDER BY g.since DESC, g.grant_id LIMIT ?"
        found = self._found(sql, (name, kind, codec.time_text(at), limit + len(without)))
        return [g for g in found if str(g.port) not in without][:limit]

    def _found(self, sql: str, values: tuple[Any, ...]) -> list[Grant]:
        with self._database.reading() as statements:
            return [grant_of(row) for row in statements.rows(sql, values)]


def _within(domains: Collection[str] | None) -> tuple[list[str], list[str]]:
    """The condition that grants are on ports of some domains, and its values."""
    if domains is None:
        return [], []
    either = " OR ".join("(g.port >= ? AND g.port < ?)" for _ in domains) or "1 = 0"
    return [f"({either})"], [bound for domain in sorted(domains) for bound in (f"{domain}.", f"{domain}/")]
