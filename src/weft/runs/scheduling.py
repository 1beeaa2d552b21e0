"""Which jobs are due: a pure function of how a schedule stands and of the time, and what it does in the registry."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from weft.contracts.zones import known_zone
from weft.model.jobs import APPLY, JobState, NewJob
from weft.model.product_schedule import ProductSchedule, schedule_of
from weft.registry.database import Statements
from weft.registry.queue import Queue
from weft.registry.schedules import Schedules, Standing, subject_of
from weft.runs.calendar import next_after, times_between

SCHEDULER = "scheduler"
"""The name under which jobs are queued that nobody asked for."""
_CURSOR = "schedules"
_PAGE = 500
_MOST_WAITING = 10_000
_FAR = 1000
"""Events of other kinds after which it is noted that they were read."""
_AT_ONCE = 500
"""Missed times of one schedule that are queued in one step; the next step goes on."""
_SKIP_AFTER = timedelta(minutes=5)
"""How late a time may be seen to where missed ones are skipped."""
_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=4 * 366))


def due_jobs(standing: Standing, at: datetime) -> tuple[list[NewJob], Standing]:
    """The jobs that a schedule makes now, and how it stands after.

    Called again with what it gave it makes nothing.
    """
    if standing.paused_by is not None:
        return [], standing
    times, after = _cron(standing, at)
    jobs = [_job(after, time, "cron", time.isoformat()) for time in times]
    if _is_triggered(after):
        numbers = sorted({n for seqs, _ in after.fresh.values() for n in seqs})
        due = max(d for _, d in after.fresh.values())
        job = _job(after, due, "data", f"data:{numbers[-1]}")
        jobs.append(replace(job, payload={"because": numbers}, not_before=max(due, job.not_before or due)))
        after = replace(after, fresh={})
    return jobs, after


def resumed(standing: Standing, at: datetime) -> Standing:
    """A schedule that is no longer paused: what cron asked for meanwhile does not come after."""
    return _with_next(replace(standing, paused_by=None, paused_at=None, handled_until=at))


def advance(statements: Statements, at: datetime) -> int:
    """Takes what was published into account, and queues every job that is due; says how many."""
    made = take_in(statements, at)
    schedules = Schedules(statements)
    for standing in schedules.due(at):
        made += _queued(statements, standing, at)
    return made


def take_in(statements: Statements, at: datetime) -> int:
    """Reads the event log from where it was left: schedules that changed, and inputs that were published."""
    schedules, made = Schedules(statements), 0
    cursor = schedules.cursor(_CURSOR)
    if cursor is None:
        for subject in schedules.subjects():
            _declare(schedules, subject, at)
        schedules.put_cursor(_CURSOR, schedules.last_event())
        return 0
    while events := schedules.events(cursor, _PAGE):
        for number, happened, kind, about, body in events:
            subject = subject_of(about)
            _declare(schedules, subject, at)
            if kind == "port.retired" and schedules.registered(subject) is None:
                _nothing_left(statements, subject, at)
            if kind == "product.published":
                for port, publication in sorted(body["ports"].items()):
                    if schedules.shows_new_rows(port, publication["revision"]):
                        due = schedules.due_of(subject, body["run"], happened) or happened
                        made += _published(statements, port, number, due, at)
            elif kind == "port.rolled_back":  # who reads it has rows of what is no longer shown
                made += _published(statements, about, number, happened, at)
            cursor = number
        schedules.put_cursor(_CURSOR, cursor)
    newest = schedules.last_event()
    if newest - cursor > _FAR:
        schedules.put_cursor(_CURSOR, newest)
    return made


def trigger(statements: Statements, subject: str, at: datetime) -> int:
    """Queues what the schedule of a product makes now; says how many."""
    standing = Schedules(statements).one(subject)
    return _queued(statements, standing, at) if standing is not None else 0


def has_news(statements: Statements) -> bool:
    """Whether the event log goes on where it was left, or so far that looking through it anew each time is too much."""
    schedules = Schedules(statements)
    cursor = schedules.cursor(_CURSOR)
    return cursor is None or schedules.last_event() - cursor > _FAR or bool(schedules.events(cursor, 1))


def cursor_of(statements: Statements) -> int:
    """How far the event log was read: what products read has changed only where this has."""
    return Schedules(statements).cursor(_CURSOR) or 0


def _published(statements: Statements, port: str, number: int, due: datetime, at: datetime) -> int:
    schedules, made = Schedules(statements), 0
    for reader in schedules.readers(port):
        standing = schedules.one(reader)
        if standing is None or standing.declared.on is None:
            continue
        seqs, before = standing.fresh.get(port, ((), due))
        fresh = {**standing.fresh, port: ((*seqs, number), max(due, before))}
        made += _queued(statements, replace(standing, fresh=fresh), at)
    return made


def _queued(statements: Statements, standing: Standing, at: datetime) -> int:
    queue, made = Queue(statements), 0
    jobs, after = due_jobs(standing, at)
    for job in jobs:
        made += not _joined(queue, standing, job) and queue.enqueue(job, at) is not None
    Schedules(statements).put(after)
    return made


def _joined(queue: Queue, standing: Standing, job: NewJob) -> bool:
    """Whether a job of the same product and cause that still waits does what this one would.

    It will see what has been published until it begins. Where each missed time counts none stands for another.
    """
    if job.cause == "cron" and standing.declared.missed == "each":
        return False
    waiting = [j for j in queue.jobs(states=(JobState.QUEUED,), subject=job.subject) if j.cause == job.cause]
    if not waiting:
        return False
    first = min(waiting, key=lambda j: j.number)
    if job.cause == "data":
        because = sorted({*first.payload.get("because", ()), *job.payload["because"]})
        queue.put_payload(first, {**first.payload, "because": because})
    return True


def _nothing_left(statements: Statements, subject: str, at: datetime) -> None:
    """Ends what waits for a product that is gone: no worker would ever take it."""
    queue = Queue(statements)
    for job in queue.jobs(states=(JobState.QUEUED,), subject=subject, limit=_MOST_WAITING):
        if job.actor == SCHEDULER:
            queue.cancel(job.job_id, SCHEDULER, at)


def _declare(schedules: Schedules, subject: str, at: datetime) -> None:
    """Takes over what the documents of a product say now."""
    found = schedules.registered(subject)
    declared = schedule_of(found[0].document, found[1]) if found is not None else None
    if found is None or declared is None or known_zone(declared.timezone) is None:
        schedules.remove(subject)
        return
    before = schedules.one(subject)
    inputs = tuple(sorted(found[0].reads))
    if before is None:
        schedules.put(_with_next(Standing(subject, declared, inputs, at)))
    elif (before.declared, before.inputs) != (declared, inputs):
        fresh = {port: known for port, known in before.fresh.items() if port in inputs and declared.on}
        handled = before.handled_until if _same_times(before.declared, declared) else at
        changed = replace(before, declared=declared, inputs=inputs, fresh=fresh, handled_until=handled)
        schedules.put(_with_next(changed))


def _same_times(one: ProductSchedule, other: ProductSchedule) -> bool:
    return (one.cron, one.timezone) == (other.cron, other.timezone)


def _is_triggered(standing: Standing) -> bool:
    if standing.declared.on == "all":
        return bool(standing.inputs) and set(standing.inputs) <= set(standing.fresh)
    return standing.declared.on == "any" and bool(standing.fresh)


def _cron(standing: Standing, at: datetime) -> tuple[Sequence[datetime], Standing]:
    """The times that jobs are made for, and the schedule with these seen to."""
    declared = standing.declared
    if declared.cron is None or at <= standing.handled_until:
        return (), standing
    if declared.missed == "each":
        times = []
        for time in times_between(declared.cron, declared.timezone, standing.handled_until, at):
            times.append(time)
            if len(times) == _AT_ONCE:
                break
        handled = times[-1] if len(times) == _AT_ONCE else at
        return times, _with_next(replace(standing, handled_until=handled))
    newest = _newest(standing, at)
    if newest is None or (declared.missed == "skip" and at - newest > _SKIP_AFTER):
        return (), _with_next(replace(standing, handled_until=at))
    return (newest,), _with_next(replace(standing, handled_until=at))


def _newest(standing: Standing, at: datetime) -> datetime | None:
    """The last time of cron up to now; after a long absence it is looked for from the end."""
    assert standing.declared.cron is not None, "the caller looked"
    for back in _BACK:
        since = max(standing.handled_until, at - back)
        times = list(times_between(standing.declared.cron, standing.declared.timezone, since, at))
        if times or since == standing.handled_until:
            return times[-1] if times else None
    return None


def _with_next(standing: Standing) -> Standing:
    declared = standing.declared
    cron = declared.cron
    next_due = next_after(cron, declared.timezone, standing.handled_until) if cron is not None else None
    return replace(standing, next_due=next_due)


def _job(standing: Standing, due: datetime, cause: str, key: str) -> NewJob:
    declared = standing.declared
    return NewJob(
        key=f"{standing.subject}@{key}",
        kind=APPLY,
        subject=standing.subject,
        due=due,
        not_before=due + _jitter(standing.subject, due, declared.jitter_s),
        cause=cause,
        actor=SCHEDULER,
        engine=declared.engine,
        priority=declared.priority,
        attempts=declared.attempts,
        timeout_s=declared.timeout_s,
    )


def _jitter(subject: str, due: datetime, most_s: int) -> timedelta:
    """The same for the same time, whoever asks and however often."""
    if not most_s:
        return timedelta()
    drawn = int.from_bytes(hashlib.sha256(f"{subject}@{due.isoformat()}".encode()).digest()[:6])
    return timedelta(seconds=drawn % (most_s * 1000) / 1000)
