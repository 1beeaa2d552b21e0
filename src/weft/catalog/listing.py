"""Lists of domains, products and ports, page by page, out of the search index."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from typing import Any

from msgspec import Struct

from weft.catalog.looks import FRESHNESS


class Asked(Struct, frozen=True):
    """Which entries a list is to have, and which page of it.

    Attributes:
        kind: domain, product or port.
        after: the address that the page before ended with; `""` for the first page.
        own: domains whose drafts are shown.
        words: what the address or the title has in it, in whatever case; `""` for all.
    """

    kind: str
    own: Collection[str] = ()
    domain: str | None = None
    product: str | None = None
    status: str | None = None
    owner: str | None = None
    tag: str | None = None
    words: str = ""
    after: str = ""
    limit: int = 50


class Drafts(Struct, frozen=True):
    """Addresses of drafts, as somebody is to see them who belongs to some domains only."""

    every: frozenset[str]
    own: frozenset[str]

    def hide(self, address: str) -> bool:
        """Whether an address is that of a draft of somebody else's."""
        return address in self.every and address.partition(".")[0] not in self.own


def listed(connection: sqlite3.Connection, asked: Asked) -> tuple[list[str], str | None]:
    """A page of a list: each entry as JSON, and the address that the next page goes on behind (None: no more)."""
    values: list[Any] = [asked.kind, asked.after]
    conditions = ["l.kind = ?", "l.address > ?"]
    if asked.domain is not None:
        # addresses of a domain begin with it, so that a page of it is one stretch of the index
        conditions.append("l.address < ?")
        values.append(f"{asked.domain}/")
        if asked.after < asked.domain:
            values[1] = f"{asked.domain}." if asked.kind != "domain" else ""
        conditions.append("l.domain = ?")
        values.append(asked.domain)
    for column, wanted in (("product", asked.product), ("status", asked.status), ("owner", asked.owner)):
        if wanted is not None:
            conditions.append(f"l.{column} = ?")
            values.append(wanted)
    if asked.words:
        conditions.append("instr(lower(l.address || ' ' || coalesce(json_extract(l.line, '$.title'), '')), lower(?))")
        values.append(asked.words)
    source = "listed l"
    if asked.tag is not None:
        source = "listed_tag t JOIN listed l ON l.id = t.id"
        conditions += ["t.kind = ?", "t.tag = ?", "t.address > ?"]
        values += [asked.kind, asked.tag, values[1]]
    conditions.append("(NOT l.draft OR l.domain IN (SELECT value FROM json_each(?)))")
    rows = connection.execute(
        f"SELECT l.address, l.line FROM {source} WHERE {' AND '.join(conditions)} ORDER BY "
        f"{'t' if asked.tag is not None else 'l'}.address LIMIT ?",
        [*values, json.dumps(sorted(asked.own)), asked.limit + 1],
    ).fetchall()
    page = rows[: asked.limit]
    return [line for _, line in page], page[-1][0] if len(rows) > asked.limit else None


def teams(connection: sqlite3.Connection, words: str, after: str, limit: int) -> list[tuple[str, list[str]]]:
    """The teams that answer for domains, by name, each with its domains.

    Args:
        words: what their names have in them, in whatever case; `""` for all.
        after: the name that the page before ended with.
    """
    rows = connection.execute(
        "SELECT l.owner, json_group_array(l.address) FROM listed l WHERE l.kind = 'domain' AND l.owner > ? "
        "AND (? = '' OR instr(lower(l.owner), lower(?))) GROUP BY l.owner ORDER BY l.owner LIMIT ?",
        [after, words, words, limit],
    )
    return [(str(owner), sorted(json.loads(domains))) for owner, domains in rows]


def lines(connection: sqlite3.Connection, addresses: Collection[str], own: Collection[str]) -> dict[str, str]:
    """Entries of lists as JSON, by address, without drafts of domains that are not one's own.

    Args:
        addresses: of domains, products and ports; what is none of these has no line.
    """
    rows = connection.execute(
        # CROSS JOIN keeps SQLite from walking through the whole list instead of asking for each address
        "SELECT l.address, l.line FROM json_each(?) w CROSS JOIN listed l ON l.address = w.value "
        "AND l.kind IN ('domain', 'product', 'port') "
        "WHERE NOT l.draft OR l.domain IN (SELECT value FROM json_each(?))",
        [json.dumps(sorted(addresses)), json.dumps(sorted(own))],
    )
    return dict(rows.fetchall())


def standings(connection: sqlite3.Connection, addresses: Collection[str], now: str) -> dict[str, tuple[str, str]]:
    """The classification and the freshness of products and ports, by address.

    Args:
        now: the time (ISO 8601, UTC) at which a promise about age is kept or broken.
    """
    rows = connection.execute(
        f"SELECT e.address, e.level, {FRESHNESS} FROM json_each(:addresses) w CROSS JOIN entry e "
        "ON e.address = w.value AND e.kind IN ('product', 'port')",
        {"addresses": json.dumps(sorted(addresses)), "now": now},
    )
    return {address: (level, freshness) for address, level, freshness in rows}


def drafts(connection: sqlite3.Connection) -> frozenset[str]:
    """Addresses of all products and ports that are drafts."""
    rows = connection.execute("SELECT address FROM entry WHERE draft AND kind IN ('product', 'port')")
    return frozenset(address for (address,) in rows)
