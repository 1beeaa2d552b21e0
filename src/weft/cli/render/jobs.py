"""Jobs, backfills and schedules as text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from weft.api.jobs import Backfill
from weft.cli.text import ago, counted, seconds_text, table
from weft.model.jobs import Job
from weft.registry.schedules import Standing


def jobs_table(jobs: Sequence[Job], now: datetime, *, columns_wide: int | None = None) -> str:
    """One line for each job, the newest first."""
    if not jobs:
        return "no job was queued yet"
    rows = [
        [job.job_id, job.subject, _state(job), job.cause, f"{job.due:%Y-%m-%d %H:%M}", _when(job, now), _why(job)]
        for job in jobs
    ]
    head = ["job", "product", "state", "cause", "due (UTC)", "when", "what came of it"]
    return table(head, rows, columns=columns_wide)


def schedules_table(schedules: Sequence[Standing], *, columns_wide: int | None = None) -> str:
    """One line for each schedule, what comes next first."""
    if not schedules:
        return "no published product has a schedule; `weft.schedule` in its descriptor gives it one"
    rows = []
    for one in schedules:
        if one.paused_by is not None:
            after = f"paused by {one.paused_by}"
        elif one.next_due is not None:
            after = f"{one.next_due:%Y-%m-%d %H:%M}"
        else:
            after = "when its inputs are published"
        rows.append([one.subject, one.declared.words, after])
    return table(["product", "schedule", "next (UTC)"], rows, columns=columns_wide)


def backfill_text(backfill: Backfill) -> str:
    """How far a backfill is."""
    done = backfill.states.get("succeeded", 0)
    pieces = sum(backfill.states.values())
    rest = [f"{number} {state}" for state, number in sorted(backfill.states.items()) if state != "succeeded"]
    again = f" ({counted(backfill.resumed, 'piece')} again)" if backfill.resumed else ""
    text = f"{backfill.backfill_id}{again}: {done} of {counted(pieces, 'piece')} of {backfill.subject} done"
    return f"{text}, {', '.join(rest)}" if rest else text


def _state(job: Job) -> str:
    return "cancelling" if job.cancel_by is not None and not job.state.is_over else job.state.value


def _when(job: Job, now: datetime) -> str:
    if job.finished_at is not None and job.started_at is not None:
        took = seconds_text(max(0.0, (job.finished_at - job.started_at).total_seconds()))
        return f"{ago(job.finished_at, now)}, took {took}"
    if job.started_at is not None and job.state.value == "running":
        return f"since {ago(job.started_at, now)}"
    return f"attempt {job.attempts + 1} of {job.max_attempts}" if job.attempts else ""


def _why(job: Job) -> str:
    result = job.result or {}
    if result.get("diagnostics"):
        return str(result["diagnostics"][0]["what"])
    if result.get("why"):
        return str(result["why"])
    if "published" in result:
        return f"{len(result['published'])} published, {len(result.get('failed', ()))} failed"
    return ""
