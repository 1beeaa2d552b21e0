"""What each person is told in the portal: a bounded list of their own, newest first, and what of it they have read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from weft.registry import codec
from weft.registry.database import Database, Statements

CHANNEL = "portal"
"""The channel of subscriptions that tell here."""
MOST = 500
"""Notices that are kept for somebody: the oldest ones go first, read or not."""


class Told(Struct, frozen=True):
    """A notice in somebody's list.

    Attributes:
        number: its place in the list: what is newer has a higher one.
        notice: as receivers of messages get it.
    """

    number: int
    notice: Mapping[str, Any]
    at: datetime
    read_at: datetime | None


def put(statements: Statements, owner: str, notice: Mapping[str, Any], at: datetime) -> None:
    """Puts a notice into somebody's list, once however many subscriptions tell of it."""
    row = statements.row("SELECT coalesce(max(number), 0) FROM portal_notices WHERE owner = ?", (owner,))
    assert row is not None, "an aggregate has a row"
    number = int(row[0]) + 1
    added = statements.run(
        "INSERT INTO portal_notices (owner, number, notice_id, notice, at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (owner, notice_id) DO NOTHING",
        (owner, number, str(notice["id"]), codec.dumps(notice), codec.time_text(at)),
    )
    if added:
        statements.run("DELETE FROM portal_notices WHERE owner = ? AND number <= ?", (owner, number - MOST))


def drop(statements: Statements, owner: str) -> None:
    """Removes the list of somebody who is no more: whoever gets the name next has nothing of it."""
    statements.run("DELETE FROM portal_notices WHERE owner = ?", (owner,))


def forget(statements: Statements, before: datetime) -> int:
    """Removes what was told before a time; of each list never the newest, whose number stays taken."""
    return statements.run(
        "DELETE FROM portal_notices WHERE at < ? AND number < (SELECT max(m.number) FROM portal_notices m "
        "WHERE m.owner = portal_notices.owner)",
        (codec.time_text(before),),
    )


class PortalNotices:
    """The lists in the registry's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, owner: str, limit: int, before: int | None = None, *, unread: bool = False) -> list[Told]:
        """The newest notices of somebody, or those before a number; those alone that are not read with `unread`."""
        values: list[str | int] = [owner]
        conditions = "owner = ?"
        if unread:
            conditions += " AND read_at IS NULL"
        if before is not None:
            conditions += " AND number < ?"
            values.append(before)
        sql = f"SELECT number, notice, at, read_at FROM portal_notices WHERE {conditions} ORDER BY number DESC LIMIT ?"
        with self._database.reading() as statements:
            rows = statements.rows(sql, (*values, limit))
        return [_told(row) for row in rows]

    def unread(self, owner: str, most: int) -> int:
        """How many somebody has not read, counted up to a number."""
        with self._database.reading() as statements:
            row = statements.row(
                "SELECT count(*) FROM (SELECT 1 FROM portal_notices WHERE owner = ? AND read_at IS NULL LIMIT ?) AS n",
                (owner, most),
            )
        return int(row[0]) if row is not None else 0

    def read(self, owner: str, number: int, at: datetime, *, older: bool = False) -> int:
        """Notes that somebody has read a notice, and all that are `older`. Gives how many they had not read before."""
        with self._database.writing() as statements:
            return statements.run(
                "UPDATE portal_notices SET read_at = ? WHERE owner = ? AND read_at IS NULL AND number "
                f"{'<=' if older else '='} ?",
                (codec.time_text(at), owner, number),
            )


def _told(row: Sequence[Any]) -> Told:
    number, notice, at, read = row
    return Told(
        int(number), json.loads(notice), datetime.fromisoformat(at), datetime.fromisoformat(read) if read else None
    )
