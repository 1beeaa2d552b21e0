"""Workspaces: tables that readers keep for themselves for a while, by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from weft.registry import codec
from weft.registry.database import Database, Statements

_COLUMNS = "principal, name, origin, level, columns, sources, rows, size_bytes, file, made_at, ends_at"


class Source(Struct, frozen=True):
    """A port that a table was made from.

    Attributes:
        seen: a digest of how it was seen then: rows, columns and masks.
        purpose: what it was read for then; None: for whatever the reader had a grant for.
    """

    port: str
    snapshot_id: str
    seen: str
    purpose: str | None = None


class WorkspaceTable(Struct, frozen=True):
    """A table of a workspace.

    Attributes:
        origin: `upload` or `query`.
        level: the highest classification of what it was made from; None for what was uploaded.
        columns: names and DuckDB's types.
        file: its name in the folder of the workspace.
    """

    principal: str
    name: str
    origin: str
    level: str | None
    columns: tuple[tuple[str, str], ...]
    sources: tuple[Source, ...]
    rows: int
    size_bytes: int
    file: str
    made_at: datetime
    ends_at: datetime


class WorkspaceStore:
    """Tables of workspaces in the registry's database. They are nobody's business but their reader's: no events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, principal: str, at: datetime) -> Sequence[WorkspaceTable]:
        """The tables of somebody that hold at a time, by name."""
        sql = f"SELECT {_COLUMNS} FROM workspace WHERE principal = ? AND ends_at > ? ORDER BY name"
        with self._database.reading() as statements:
            return [_table(row) for row in statements.rows(sql, (principal, codec.time_text(at)))]

    def put(self, table: WorkspaceTable, most_bytes: int) -> WorkspaceTable | None:
        """Keeps a table; gives the one of its name that it takes the place of.

        Raises:
            OverflowError: with it there would be more bytes than there may be.
        """
        with self._database.writing() as statements:
            rows = statements.rows(f"SELECT {_COLUMNS} FROM workspace WHERE principal = ?", (table.principal,))
            known = {one.name: one for one in map(_table, rows)}
            others = sum(one.size_bytes for one in known.values() if one.name != table.name)
            if others + table.size_bytes > most_bytes:
                raise OverflowError(others)
            statements.run("DELETE FROM workspace WHERE principal = ? AND name = ?", (table.principal, table.name))
            statements.run(
                f"INSERT INTO workspace ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    table.principal,
                    table.name,
                    table.origin,
                    table.level,
                    json.dumps(table.columns),
                    json.dumps([[s.port, s.snapshot_id, s.seen, s.purpose] for s in table.sources]),
                    table.rows,
                    table.size_bytes,
                    table.file,
                    codec.time_text(table.made_at),
                    codec.time_text(table.ends_at),
                ),
            )
        return known.get(table.name)

    def drop(self, principal: str, name: str) -> WorkspaceTable | None:
        """Forgets a table; gives it, where there was one."""
        with self._database.writing() as statements:
            row = statements.row(
                f"SELECT {_COLUMNS} FROM workspace WHERE principal = ? AND name = ?", (principal, name)
            )
            statements.run("DELETE FROM workspace WHERE principal = ? AND name = ?", (principal, name))
        return _table(row) if row is not None else None

    def drop_ended(self, at: datetime) -> Sequence[WorkspaceTable]:
        """Forgets the tables whose time is over; gives them."""
        when = (codec.time_text(at),)
        with self._database.writing() as statements:
            ended = [
                _table(row) for row in statements.rows(f"SELECT {_COLUMNS} FROM workspace WHERE ends_at <= ?", when)
            ]
            if ended:
                statements.run("DELETE FROM workspace WHERE ends_at <= ?", when)
        return ended


def end_all(statements: Statements, principal: str, at: datetime) -> None:
    """Ends the tables of somebody who is no more, inside a transaction that is open; the next sweep removes files."""
    when = codec.time_text(at)
    statements.run("UPDATE workspace SET ends_at = ? WHERE principal = ? AND ends_at > ?", (when, principal, when))


def _table(row: tuple[object, ...]) -> WorkspaceTable:
    principal, name, origin, level, columns, sources, rows, size_bytes, file, made_at, ends_at = row
    return WorkspaceTable(
        str(principal),
        str(name),
        str(origin),
        str(level) if level is not None else None,
        tuple((str(n), str(t)) for n, t in json.loads(str(columns))),
        tuple(Source(*entry) for entry in json.loads(str(sources))),
        int(str(rows)),
        int(str(size_bytes)),
        str(file),
        datetime.fromisoformat(str(made_at)),
        datetime.fromisoformat(str(ends_at)),
    )
