"""What the log holds of compliance: read in its order, and added to in one transaction with what it was made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from weft.registry import codec, publishing
from weft.registry.chains import Anchor
from weft.registry.database import Database, Statements
from weft.registry.log import BEGINNING
from weft.registry.sql_tables import SqlTables

Record = tuple[int, datetime, str, Mapping[str, Any]]
"""Number, time, kind and body of an event."""
_AT_ONCE = 1000
_ASKED = "kind LIKE 'compliance.%'"
_OURS = f"({_ASKED} OR kind LIKE 'violation.%')"


class ComplianceLog:
    """The events of violations, and of what policies ask of which products."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def records(self, last: int, after: int = 0, *, asked: bool = False) -> Iterator[Record]:
        """The events behind a number up to another, page by page.

        Args:
            asked: those alone that say what policies ask of which products.
        """
        while True:
            with self._database.reading() as statements:
                rows = _page(statements, after, last, _ASKED if asked else _OURS)
            if not rows:
                return
            yield from rows
            after = rows[-1][0]

    def end(self, at: datetime) -> Anchor:
        """The newest event that was there at a time."""
        with self._database.reading() as statements:
            sql = "SELECT seq, hash FROM events WHERE at <= ? ORDER BY seq DESC LIMIT 1"
            row = statements.row(sql, (codec.time_text(at),))
        return Anchor("events", int(row[0]), str(row[1])) if row is not None else Anchor("events", 0, BEGINNING)

    def add(
        self,
        news: Callable[[Iterator[Record]], Iterable[tuple[str, str, Mapping[str, Any]]]],
        at: datetime,
        actor: str = "weft",
    ) -> int:
        """Writes what is new of what is asked, decided by the events of that which stand there. Gives how many."""
        with self._database.writing() as statements:

            def known() -> Iterator[Record]:
                after = 0
                while rows := _page(statements, after, 2**62, _ASKED):
                    yield from rows
                    after = rows[-1][0]

            found = list(news(known()))
            for kind, subject, body in found:
                publishing.append(SqlTables(statements), at, kind, actor, subject, body)
        return len(found)


def _page(statements: Statements, after: int, last: int, which: str = _OURS) -> list[Record]:
    sql = f"SELECT seq, at, kind, body FROM events WHERE seq > ? AND seq <= ? AND {which} ORDER BY seq LIMIT ?"
    rows = statements.rows(sql, (after, last, _AT_ONCE))
    return [(int(seq), datetime.fromisoformat(at), kind, codec.loads(body)) for seq, at, kind, body in rows]
