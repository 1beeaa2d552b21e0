"""Jobs, backfills and schedules as text, from their documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from weft.cli.text import ago, counted, seconds_text, table, utc_minute


def jobs_table(jobs: Sequence[Mapping[str, Any]], now: datetime, *, columns_wide: int | None = None) -> str:
    """One line for each job, the newest first."""
    rows = [
        [job["job_id"], job["product"], _state(job), _cause(job), utc_minute(job["due"]), _when(job, now), _why(job)]
        for job in jobs
    ]
    head = ["job", "product", "state", "cause", "due (UTC)", "when", "what came of it"]
    return table(head, rows, columns=columns_wide)


def schedules_table(schedules: Sequence[Mapping[str, Any]], *, columns_wide: int | None = None) -> str:
    """One line for each schedule, what comes next first."""
    if not schedules:
        return "no published product has a schedule; `weft.schedule` in its descriptor gives it one"
    rows = []
    for one in schedules:
        if one["paused_by"] is not None:
            after = f"paused by {one['paused_by']}"
        elif one["next_due"] is not None:
            after = utc_minute(one["next_due"])
        else:
            after = "when its inputs are published"
        rows.append([one["product"], one["schedule"], after])
    return table(["product", "schedule", "next (UTC)"], rows, columns=columns_wide)


def backfill_text(backfill: Mapping[str, Any]) -> str:
    """How far a backfill is."""
    states, pieces, resumed = backfill["states"], backfill["pieces"], backfill["resumed"]
    rest = [f"{number} {state}" for state, number in sorted(states.items()) if state != "succeeded"]
    again = f" ({counted(resumed, 'piece')} again)" if resumed else ""
    done = f"{states.get('succeeded', 0)} of {counted(pieces, 'piece')} of {backfill['product']} done"
    text = f"{backfill['backfill']}{again}: {done}"
    return f"{text}, {', '.join(rest)}" if rest else text


def backfill_report(backfill: Mapping[str, Any]) -> str:
    """How far a backfill is, and a line for each piece that did not succeed."""
    lines = [backfill_text(backfill)]
    for one in backfill.get("failed", ()):  # an older server does not say
        window = one["window"]
        stretch = f" {_short(window['start'])} to {_short(window['end'])}" if window else ""
        code = f"{one['code']}: " if one["code"] else ""
        lines.append(f"  {one['job']}{stretch} {one['state']}: {code}{one['why']}")
    return "\n".join(lines)


def _state(job: Mapping[str, Any]) -> str:
    is_ending = job["cancelled_by"] is not None and job["state"] in ("queued", "running")
    return "cancelling" if is_ending else str(job["state"])


def _cause(job: Mapping[str, Any]) -> str:
    """Why a job was queued; of a piece of a backfill also which stretch of time it computes."""
    window = job["window"]
    return f"{job['cause']} {_short(window['start'])} to {_short(window['end'])}" if window else str(job["cause"])


def _short(text: str) -> str:
    """A time of a document in UTC; of midnight the day alone."""
    return utc_minute(text).removesuffix(" 00:00")


def _when(job: Mapping[str, Any], now: datetime) -> str:
    started, finished = (datetime.fromisoformat(at) if at else None for at in (job["started_at"], job["finished_at"]))
    if finished is not None and started is not None:
        took = seconds_text(max(0.0, (finished - started).total_seconds()))
        return f"{ago(finished, now)}, took {took}"
    if started is not None and job["state"] == "running":
        return f"since {ago(started, now)}"
    return f"attempt {job['attempts'] + 1} of {job['max_attempts']}" if job["attempts"] else ""


def _why(job: Mapping[str, Any]) -> str:
    waits = job.get("waits")  # an older server does not say
    failed = _came_of(job)
    if waits is None:
        return failed
    return f"{waits['text']}; before: {failed}" if failed else str(waits["text"])


def _came_of(job: Mapping[str, Any]) -> str:
    result = job["result"] or {}
    told = result.get("diagnostics") or ()
    succeeded = job["state"] == "succeeded" and "published" in result
    if told and not succeeded:
        return str(told[0]["what"])
    if result.get("why"):
        return str(result["why"])
    failed = [d["what"] for one in result.get("failed", ()) for d in one["diagnostics"]]
    if failed:
        more = f" (and {counted(len(failed) - 1, 'more failure')})" if len(failed) > 1 else ""
        return f"{failed[0]}{more}"
    if "published" not in result:
        return ""
    done = f"{len(result['published'])} published" if result["published"] else "nothing had changed"
    return f"{done}, {counted(len(told), 'warning')}" if told else done
