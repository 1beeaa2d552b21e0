"""Which process commits a handover: one at a time, and another one when it has died."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from weft.registry import codec, processes
from weft.registry.database import Database
from weft.registry.handovers import HandoverState

LEASE = timedelta(seconds=30)
"""How long a process that cannot be seen from here counts as alive after it was heard of."""

_WAITING = HandoverState.WAITING.value


class Left(Struct, frozen=True):
    """A handover that waits, and that nobody is at.

    Attributes:
        tries: how often somebody has begun with it and has not come to an end.
    """

    run_id: str
    product: str
    tries: int


class Claims:
    """Over the handovers of one server's folder."""

    def __init__(self, database: Database, holder: str) -> None:
        """`holder` is the process that asks, as `processes.identity` names it."""
        self._database = database
        self._holder = holder

    def take(self, run_id: str, product: str, at: datetime) -> int | None:
        """Takes a handover that waits; says how often that was done, or None where it is answered or somebody's."""
        with self._database.writing() as statements:
            row = statements.row(
                "SELECT holder, until, tries FROM handovers WHERE run_id = ? AND product = ? AND state = ?",
                (run_id, product, _WAITING),
            )
            if row is None or _held(row[0], row[1], at):
                return None
            statements.run(
                "UPDATE handovers SET holder = ?, until = ?, tries = tries + 1 WHERE run_id = ? AND product = ?",
                (self._holder, codec.time_text(at + LEASE), run_id, product),
            )
        return int(row[2]) + 1

    def keep(self, run_id: str, product: str, at: datetime) -> None:
        """Lets others know that this process goes on."""
        with self._database.writing() as statements:
            statements.run(
                "UPDATE handovers SET until = ? WHERE run_id = ? AND product = ? AND holder = ?",
                (codec.time_text(at + LEASE), run_id, product, self._holder),
            )

    def give_back(self, run_id: str, product: str) -> None:
        """Lets go of a handover that could not be committed now, through no fault of its own."""
        with self._database.writing() as statements:
            statements.run(
                "UPDATE handovers SET holder = NULL, until = NULL, tries = tries - 1 "
                "WHERE run_id = ? AND product = ? AND holder = ?",
                (run_id, product, self._holder),
            )

    def left(self, place: str, at: datetime, older_than: timedelta = timedelta(0)) -> Sequence[Left]:
        """Handovers of a place that wait and that nobody is at, those first that were begun least often.

        A domain for which somebody is at work already has to wait: its slow publications hold up no others.
        """
        sql = (
            "SELECT run_id, product, holder, until, tries, at FROM handovers "
            "WHERE state = ? AND (place = ? OR place IS NULL)"
        )
        with self._database.reading() as statements:
            rows = statements.rows(f"{sql} ORDER BY tries, at, run_id, product", (_WAITING, place))
        busy = {_domain(row) for row in rows if _held(row[2], row[3], at)}
        oldest = codec.time_text(at - older_than)
        return [
            Left(row[0], row[1], int(row[4]))
            for row in rows
            if _domain(row) not in busy and not _held(row[2], row[3], at) and row[5] <= oldest
        ]


def _held(holder: str | None, until: str | None, at: datetime) -> bool:
    """Whether a process that has begun still goes on, as far as can be known here."""
    if holder is None or until is None:
        return False
    if processes.here(holder):
        return processes.alive(holder)
    return until >= codec.time_text(at)


def _domain(row: Sequence[Any]) -> str:
    return str(row[1]).partition(".")[0]
