"""Publications that wait on a server until a person has agreed: kept, gone on with, ended; each step is an event."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from weft.model.approvals import DECLINED, WAITING
from weft.model.records import Run
from weft.registry import codec, publishing
from weft.registry.database import Database, Statements
from weft.registry.handovers import Ended, HandoverState
from weft.registry.sql_tables import SqlTables

_HELD = HandoverState.HELD.value


class Held(Struct, frozen=True):
    """A publication that waits for a person.

    Attributes:
        declined: the approval that somebody has declined.
        decided: whether somebody has decided on any of its approvals.
    """

    run_id: str
    product: str
    approvals: tuple[str, ...]
    until: datetime
    decided: bool
    declined: str | None


class HeldStore:
    """Over the handovers of a registry's database. A publication is held once for each time that it is checked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hold(
        self, run_id: str, product: str, answer: bytes, approvals: Sequence[str], *, at: datetime, until: datetime
    ) -> list[str]:
        """Keeps a publication until it is decided on; gives the runs whose publication of the product waits as well.

        One on which somebody has decided meanwhile is not held: it waits to be checked again.
        """
        with self._database.writing() as statements:
            row = statements.row(
                "SELECT caller, state, held_at, held_until FROM handovers WHERE run_id = ? AND product = ?",
                (run_id, product),
            )
            if row is None or row[1] != HandoverState.WAITING.value:
                return []
            state = _HELD if not _decisions(statements, approvals) else HandoverState.WAITING.value
            since, end = row[2] or codec.time_text(at), row[3] or codec.time_text(until)
            statements.run(
                "UPDATE handovers SET state = ?, answer = ?, approvals = ?, held_at = ?, held_until = ?, "
                "holder = NULL, until = NULL, tries = 0 WHERE run_id = ? AND product = ?",
                (state, answer, json.dumps(list(approvals)), since, end, run_id, product),
            )
            if row[2] is None:
                body = {"run": run_id, "product": product, "approvals": list(approvals), "until": end}
                publishing.append(SqlTables(statements), at, "publication.held", str(row[0]), product, body)
            others = statements.rows(
                "SELECT run_id FROM handovers WHERE product = ? AND state = ? AND run_id <> ? ORDER BY at, run_id",
                (product, _HELD, run_id),
            )
        return [str(other) for (other,) in others]

    def waiting(self) -> list[Held]:
        """All that wait, those first that have waited longest."""
        with self._database.reading() as statements:
            rows = statements.rows(
                "SELECT run_id, product, approvals, held_until FROM handovers WHERE state = ? ORDER BY held_at, run_id",
                (_HELD,),
            )
            found = []
            for run_id, product, approvals, until in rows:
                ids = tuple(json.loads(approvals))
                decisions = _decisions(statements, ids)
                declined = next((id_ for id_, state in decisions.items() if state == DECLINED), None)
                found.append(Held(run_id, product, ids, datetime.fromisoformat(until), len(decisions) > 0, declined))
        return found

    def go_on(self, run_id: str, product: str) -> bool:
        """Lets a publication be checked again and committed; whether it was held."""
        with self._database.writing() as statements:
            return bool(
                statements.run(
                    "UPDATE handovers SET state = ?, holder = NULL, until = NULL, tries = 0 "
                    "WHERE run_id = ? AND product = ? AND state = ?",
                    (HandoverState.WAITING.value, run_id, product, _HELD),
                )
            )

    def end(self, run_id: str, product: str, answer: bytes, ended: Ended) -> bool:
        """Ends a publication that waits, unpublished; whether it did wait."""
        with self._database.writing() as statements:
            done = statements.run(
                "UPDATE handovers SET state = ?, answer = ? WHERE run_id = ? AND product = ? AND state = ?",
                (HandoverState.REFUSED.value, answer, run_id, product, _HELD),
            )
            if done:
                ended.note(statements, run_id, product)
        return bool(done)

    def restate(self, run: Run) -> None:
        """Writes a run whose ports have come to something after it had ended."""
        with self._database.writing() as statements:
            SqlTables(statements).put_run(run)


def _decisions(statements: Statements, approvals: Sequence[str]) -> dict[str, str]:
    """How those of the approvals stand on which somebody has decided."""
    found = {}
    for id_ in approvals:
        row = statements.row("SELECT state FROM approvals WHERE approval_id = ?", (id_,))
        if row is not None and row[0] != WAITING:
            found[id_] = str(row[0])
    return found
