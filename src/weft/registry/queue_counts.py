"""Counts of the queue: how much waits and runs, and how far a batch is, without reading the jobs themselves."""

from __future__ import annotations

import json
from datetime import datetime

from msgspec import Struct

from weft.model.jobs import APPLY, JobState
from weft.registry import codec
from weft.registry.database import Statements


class Backlog(Struct, frozen=True):
    """How the queue stands.

    Attributes:
        waiting: jobs that no worker has taken, those too that are to wait for a time of their own.
        oldest_s: how long the first of them could have run already; 0 where none could.
    """

    waiting: int
    running: int
    oldest_s: float


def backlog(statements: Statements, at: datetime) -> Backlog:
    """How much waits and runs."""
    rows = statements.rows(
        "SELECT state, count(*), min(not_before) FROM jobs WHERE state IN (?, ?) GROUP BY state",
        (JobState.QUEUED.value, JobState.RUNNING.value),
    )
    found = {str(state): (int(number), str(first)) for state, number, first in rows}
    waiting, first = found.get(JobState.QUEUED.value, (0, ""))
    oldest = (at - datetime.fromisoformat(first)).total_seconds() if first else 0.0
    return Backlog(waiting, found.get(JobState.RUNNING.value, (0, ""))[0], max(0.0, oldest))


def states_of(statements: Statements, batch: str) -> dict[str, int]:
    """How many jobs of a batch there are in each state."""
    rows = statements.rows(
        "SELECT state, count(*) FROM jobs WHERE batch_of = ? GROUP BY state ORDER BY state", (batch,)
    )
    return {str(state): int(number) for state, number in rows}


def batches(statements: Statements, subject: str | None, domain: str | None, limit: int) -> list[str]:
    """The ids of batches of a product, of a domain or of all, the newest first."""
    conditions, values = ["batch_of IS NOT NULL"], list[object]()
    for column, value in (("subject", subject), ("domain", domain)):
        if value is not None:
            conditions.append(f"{column} = ?")
            values.append(value)
    rows = statements.rows(
        f"SELECT batch_of, max(number) FROM jobs WHERE {' AND '.join(conditions)} "
        "GROUP BY batch_of ORDER BY 2 DESC LIMIT ?",
        (*values, limit),
    )
    return [str(batch) for batch, _ in rows]


def batch_to_go_on_with(statements: Statements, subject: str, payload: dict[str, object]) -> str | None:
    """The newest batch of a product of which some did not succeed, and whose jobs have all of this in their payload."""
    batches = statements.rows(
        "SELECT batch_of, max(number) FROM jobs WHERE subject = ? AND batch_of IS NOT NULL AND state <> ? "
        "GROUP BY batch_of ORDER BY 2 DESC",
        (subject, JobState.SUCCEEDED.value),
    )
    for batch, number in batches:
        row = statements.row("SELECT payload FROM jobs WHERE number = ?", (number,))
        held = json.loads(row[0]) if row is not None else {}
        if {key: held.get(key) for key in payload} == payload:
            return str(batch)
    return None


def succeeded_since(statements: Statements, subject: str, since: datetime) -> str | None:
    """The newest job that applied a product and succeeded, where it ended after a time."""
    row = statements.row(
        "SELECT job_id, finished_at FROM jobs WHERE subject = ? AND kind = ? AND state = ? "
        "ORDER BY number DESC LIMIT 1",
        (subject, APPLY, JobState.SUCCEEDED.value),
    )
    return str(row[0]) if row is not None and row[1] > codec.time_text(since) else None


def untaken(statements: Statements, before: datetime) -> list[tuple[str, str, datetime]]:
    """Jobs that no worker has taken though they could have run since before a time: of each product the oldest.

    Not of a product of which one runs, nor one of which an incident tells already that began since it could run.

    Returns:
        The id of each, its product, and since when it could have run.
    """
    rows = statements.rows(
        "SELECT j.job_id, j.subject, j.not_before FROM jobs j WHERE j.number IN (SELECT min(number) FROM jobs "
        "WHERE state = ? AND kind = ? AND not_before < ? GROUP BY subject) "
        "AND NOT EXISTS (SELECT 1 FROM jobs r WHERE r.subject = j.subject AND r.state = ?) AND NOT EXISTS "
        "(SELECT 1 FROM incidents i WHERE i.cause_key = 'failed:' || j.subject AND i.opened_at >= j.not_before) "
        "ORDER BY j.subject",
        (JobState.QUEUED.value, APPLY, codec.time_text(before), JobState.RUNNING.value),
    )
    return [(str(job_id), str(subject), datetime.fromisoformat(since)) for job_id, subject, since in rows]
