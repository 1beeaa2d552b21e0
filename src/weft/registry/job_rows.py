"""Jobs and the lines of their logs as rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from weft.model.jobs import Job, JobState, LogLine
from weft.registry import codec
from weft.registry.database import Statements

COLUMNS = (
    "number, job_id, key, kind, subject, domain, engine, priority, due, not_before, state, attempts, max_attempts, "
    "timeout_s, fence, leased_by, lease_until, cancel_by, cause, actor, payload, result, run_id, batch_of, created_at, "
    "started_at, finished_at"
)
_TIMES = frozenset({"due", "not_before", "lease_until", "created_at", "started_at", "finished_at"})
_NAMES = COLUMNS.split(", ")


def job_of(row: Sequence[Any]) -> Job:
    """The job of a row of `COLUMNS`."""
    fields = dict(zip(_NAMES, row, strict=True))
    for name in _TIMES:
        if fields[name] is not None:
            fields[name] = datetime.fromisoformat(fields[name])
    fields["state"] = JobState(fields["state"])
    fields["payload"] = json.loads(fields["payload"])
    fields["result"] = json.loads(fields["result"]) if fields["result"] is not None else None
    return Job(**fields)


def add_lines(statements: Statements, job_id: str, lines: Sequence[tuple[datetime, str]], most: int) -> int:
    """Adds lines to a job's log, up to a number of them; the last one says that more was told. Gives how many are kept.

    A log that is full stays as it is: how something began explains more than how it went on.
    """
    row = statements.row("SELECT coalesce(max(number), 0) FROM job_lines WHERE job_id = ?", (job_id,))
    assert row is not None, "an aggregate has a row"
    last = int(row[0])
    room = max(0, most - last)
    kept = list(lines[:room])
    if room and len(lines) >= room:
        kept[-1] = (kept[-1][0], f"… more than {most} lines: what follows is not kept")
    statements.many(
        "INSERT INTO job_lines (job_id, number, at, line) VALUES (?, ?, ?, ?)",
        [(job_id, last + i, codec.time_text(at), line) for i, (at, line) in enumerate(kept, start=1)],
    )
    return len(kept)


def lines_after(statements: Statements, job_id: str, after: int, limit: int = 1000) -> list[LogLine]:
    """The lines of a job's log after a number."""
    rows = statements.rows(
        "SELECT number, at, line FROM job_lines WHERE job_id = ? AND number > ? ORDER BY number LIMIT ?",
        (job_id, after, limit),
    )
    return [LogLine(int(number), datetime.fromisoformat(at), line) for number, at, line in rows]
