"""Saved queries: texts that somebody keeps under a name, with the ports that their addresses mean."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from weft.registry import codec, publishing
from weft.registry.database import Database, Statements, put
from weft.registry.sql_tables import SqlTables

_COLUMNS = "owner, name, title, sql, ports, purpose, made_at, changed_at"
_PUT = put("saved_queries", _COLUMNS.replace(",", ""), "owner name")


class SavedQuery(Struct, frozen=True):
    """A query under a name.

    Attributes:
        owner: who has saved it, and alone may change it. What it shows goes by whoever runs it.
        ports: for each address, as it stands in the text, the port with the major that it meant when it was saved.
        purpose: what the rows are for, where the owner has said it.
    """

    owner: str
    name: str
    title: str
    sql: str
    ports: tuple[tuple[str, str], ...]
    purpose: str | None
    made_at: datetime
    changed_at: datetime

    @property
    def address(self) -> str:
        """Its name with that of its owner."""
        return f"{self.owner}/{self.name}"


class SavedQueryStore:
    """Saved queries in the registry's database. Each change is an event, which holds no text."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, owner: str, name: str) -> SavedQuery | None:
        """The query of a name."""
        sql = f"SELECT {_COLUMNS} FROM saved_queries WHERE owner = ? AND name = ?"
        with self._database.reading() as statements:
            row = statements.row(sql, (owner, name))
        return _query(row) if row is not None else None

    def listed(
        self, owner: str | None = None, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> Sequence[SavedQuery]:
        """Queries by owner and name.

        Args:
            owner: of this one alone.
            after: those that come behind this owner and name.
        """
        conditions, values = ["(owner > ? OR (owner = ? AND name > ?))"], [after[0], after[0], after[1]]
        if owner is not None:
            conditions.append("owner = ?")
            values.append(owner)
        sql = f"SELECT {_COLUMNS} FROM saved_queries WHERE {' AND '.join(conditions)} ORDER BY owner, name LIMIT ?"
        with self._database.reading() as statements:
            return [_query(row) for row in statements.rows(sql, [*values, limit])]

    def put(self, query: SavedQuery, most: int) -> SavedQuery:
        """Keeps a query, in the place of one of its name; gives it with the time since when there is one.

        Raises:
            OverflowError: its owner has as many as there may be.
        """
        key = (query.owner, query.name)
        with self._database.writing() as statements:
            row = statements.row(f"SELECT {_COLUMNS} FROM saved_queries WHERE owner = ? AND name = ?", key)
            if row is None:
                count = statements.row("SELECT count(*) FROM saved_queries WHERE owner = ?", (query.owner,))
                if count is not None and int(count[0]) >= most:
                    raise OverflowError(most)
            made_at = _query(row).made_at if row is not None else query.made_at
            times = (codec.time_text(made_at), codec.time_text(query.changed_at))
            statements.run(_PUT, (*key, query.title, query.sql, json.dumps(query.ports), query.purpose, *times))
            body = {"ports": sorted({port for _, port in query.ports})}
            tables, subject = SqlTables(statements), f"query:{query.address}"
            publishing.append(tables, query.changed_at, "query.saved", query.owner, subject, body)
        return SavedQuery(*key, query.title, query.sql, query.ports, query.purpose, made_at, query.changed_at)

    def drop(self, owner: str, name: str, *, actor: str, at: datetime) -> bool:
        """Forgets a query; whether there was one."""
        with self._database.writing() as statements:
            return _drop(statements, owner, name, actor, at)


def end_all(statements: Statements, owner: str, *, actor: str, at: datetime) -> None:
    """Forgets the queries of somebody who is no more, inside a transaction that is open.

    Their texts are shown to whoever goes by the name, also where they may not read what a query reads.
    """
    for (name,) in statements.rows("SELECT name FROM saved_queries WHERE owner = ? ORDER BY name", (owner,)):
        _drop(statements, owner, str(name), actor, at)


def _drop(statements: Statements, owner: str, name: str, actor: str, at: datetime) -> bool:
    found = statements.run("DELETE FROM saved_queries WHERE owner = ? AND name = ?", (owner, name)) > 0
    if found:
        publishing.append(SqlTables(statements), at, "query.dropped", actor, f"query:{owner}/{name}", {})
    return found


def _query(row: tuple[object, ...]) -> SavedQuery:
    owner, name, title, sql, ports, purpose, made_at, changed_at = row
    return SavedQuery(
        str(owner),
        str(name),
        str(title),
        str(sql),
        tuple((str(named), str(port)) for named, port in json.loads(str(ports))),
        str(purpose) if purpose is not None else None,
        datetime.fromisoformat(str(made_at)),
        datetime.fromisoformat(str(changed_at)),
    )
