"""The durable queue of jobs: what is queued is run by one worker at a time, and found again when that one is lost."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from weft.errors import Conflict, UsageError, error
from weft.model.jobs import MANUAL, Job, JobState, Limits, NewJob, Retries
from weft.registry import codec, publishing
from weft.registry.claiming import Line, waiting_at
from weft.registry.database import Statements
from weft.registry.job_rows import COLUMNS, job_of
from weft.registry.sql_tables import SqlTables
from weft.registry.upstream import Upstream

_WAITING = (JobState.QUEUED.value, JobState.RUNNING.value)


class Held:
    """What a worker learns when it says that it still works on a job."""

    GONE = "gone"
    """Another worker has it, or it is over: whatever comes of it here counts no more."""
    CANCEL = "cancel"
    """Somebody wants it to end."""
    GO_ON = "go on"


class Queue:
    """Jobs in a transaction that is open: whoever makes one decides what else belongs to it."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    # making

    def enqueue(self, new: NewJob, at: datetime) -> Job | None:
        """Queues a job; None where its key has had one."""
        row = self._statements.row("SELECT coalesce(max(number), 0) + 1 FROM jobs")
        assert row is not None, "an aggregate has a row"
        number, wanted = int(row[0]), new.not_before or new.due
        made = self._statements.run(
            "INSERT INTO jobs (number, job_id, key, kind, subject, domain, engine, priority, due, not_before, state, "
            "attempts, max_attempts, timeout_s, fence, cause, actor, payload, batch_of, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, 0, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
            (
                number,
                f"job-{number}",
                new.key,
                new.kind,
                new.subject,
                new.domain,
                new.engine,
                new.priority,
                codec.time_text(new.due),
                codec.time_text(wanted),
                JobState.QUEUED.value,
                new.attempts,
                new.timeout_s,
                new.cause,
                new.actor,
                codec.dumps(dict(new.payload)),
                new.batch_of,
                codec.time_text(at),
            ),
        )
        return self.job(f"job-{number}") if made else None

    def put_payload(self, job: Job, payload: dict[str, object]) -> None:
        """Changes what a job that waits has to know."""
        self._statements.run("UPDATE jobs SET payload = ? WHERE number = ?", (codec.dumps(payload), job.number))

    # looking

    def job(self, job_id: str) -> Job | None:
        """One job."""
        row = self._statements.row(f"SELECT {COLUMNS} FROM jobs WHERE job_id = ?", (job_id,))
        return job_of(row) if row else None

    def by_key(self, key: str) -> Job | None:
        """The one job of a key."""
        row = self._statements.row(f"SELECT {COLUMNS} FROM jobs WHERE key = ?", (key,))
        return job_of(row) if row else None

    def of_run(self, run_id: str) -> Job | None:
        """The job that a run belongs to."""
        row = self._statements.row(f"SELECT {COLUMNS} FROM jobs WHERE run_id = ?", (run_id,))
        return job_of(row) if row else None

    def asked_for(self, subject: str, at: datetime) -> Job | None:
        """The first job of a product that somebody has asked for, and that waits for nothing but its turn."""
        row = self._statements.row(
            f"SELECT {COLUMNS} FROM jobs WHERE subject = ? AND state = ? AND cause = ? AND not_before <= ? "
            "ORDER BY number LIMIT 1",
            (subject, JobState.QUEUED.value, MANUAL, codec.time_text(at)),
        )
        return job_of(row) if row else None

    def jobs(
        self,
        *,
        states: Collection[JobState] = (),
        subject: str | None = None,
        domain: str | None = None,
        batch_of: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[Job]:
        """Jobs, the newest first.

        Args:
            before: only those whose number is smaller: where the page before ended.
        """
        conditions, values = ["1 = 1"], list[object]()
        if states:
            conditions.append(f"state IN ({', '.join('?' for _ in states)})")
            values += [s.value for s in states]
        for column, value in (("subject", subject), ("domain", domain), ("batch_of", batch_of)):
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        if before is not None:
            conditions.append("number < ?")
            values.append(before)
        where = " AND ".join(conditions)
        rows = self._statements.rows(
            f"SELECT {COLUMNS} FROM jobs WHERE {where} ORDER BY number DESC LIMIT ?", (*values, limit)
        )
        return [job_of(row) for row in rows]

    def unfinished(self) -> list[Job]:
        """Jobs that wait or run, the oldest first."""
        sql = f"SELECT {COLUMNS} FROM jobs WHERE state IN (?, ?) ORDER BY number"
        return [job_of(row) for row in self._statements.rows(sql, _WAITING)]

    # working

    def claim(
        self,
        worker: str,
        at: datetime,
        lease: timedelta,
        *,
        subjects: Collection[str] | None = None,
        limits: Limits | None = None,
        upstream: Upstream | None = None,
    ) -> Job | None:
        """Gives a worker the next job, in the order of priority and of when they were due.

        A job waits for what is upstream of it and was due no later, for another job of its product, and for the limits
        of its domain and engine. One that somebody asked for goes before earlier ones of its product, and waits for
        nothing that sleeps until it is tried again.

        Args:
            subjects: products that the worker can apply; None: all.
        """
        self.recover(at)
        line = Line(waiting_at(self._statements, at), at, limits or Limits(), upstream or Upstream(()))
        taken = next(line.free(subjects), None)
        return self._taken(taken.number, worker, at, lease) if taken is not None else None

    def recover(self, at: datetime) -> list[Job]:
        """Finds running jobs whose worker has not been heard of in time; queues each again as often as it may be."""
        return self._recovered("lease_until < ?", codec.time_text(at), at, at)

    def recover_of(self, family: str, at: datetime, again: datetime) -> list[Job]:
        """Does the same for jobs of workers whose names end with `family`, of which it is certain that they are gone.

        Args:
            again: when their jobs may run again.
        """
        return self._recovered("leased_by LIKE ?", f"%:{family}", at, again)

    def _recovered(self, which: str, value: str, at: datetime, again: datetime) -> list[Job]:
        sql = f"SELECT {COLUMNS} FROM jobs WHERE state = ? AND {which} ORDER BY number"
        found = [job_of(row) for row in self._statements.rows(sql, (JobState.RUNNING.value, value))]
        for job in found:
            if job.cancel_by is not None:
                self._end(job, JobState.CANCELLED, {"why": "its worker was lost while it was to end"}, at)
            elif job.attempts >= job.max_attempts:
                self._end(job, JobState.LOST, {"why": f"its worker {job.leased_by} was lost"}, at)
                self._tell(at, "job.lost", job, {"worker": job.leased_by, "attempts": job.attempts})
            else:
                self._again(job, again)
                self._tell(at, "job.retried", job, {"worker": job.leased_by, "attempts": job.attempts})
        return found

    def heartbeat(self, job_id: str, fence: int, at: datetime, lease: timedelta) -> str:
        """Says that a job is still worked on, and learns whether it should be: see `Held`."""
        job = self.job(job_id)
        if job is None or job.fence != fence or job.state is not JobState.RUNNING:
            return Held.GONE
        until = codec.time_text(at + lease)
        self._statements.run("UPDATE jobs SET lease_until = ? WHERE number = ?", (until, job.number))
        return Held.CANCEL if job.cancel_by is not None else Held.GO_ON

    def note_run(self, job_id: str, fence: int, run_id: str) -> None:
        """Says which run a job has begun."""
        self._statements.run(
            "UPDATE jobs SET run_id = ? WHERE job_id = ? AND fence = ? AND state = ?",
            (run_id, job_id, fence, JobState.RUNNING.value),
        )

    def finish(self, job_id: str, fence: int, result: dict[str, object], at: datetime) -> None:
        """A job is done.

        Raises:
            Conflict: WFT-RUN-042, another worker has it by now, or it is over.
        """
        self._end(self._mine(job_id, fence), JobState.SUCCEEDED, result, at)

    def fail(
        self,
        job_id: str,
        fence: int,
        result: dict[str, object],
        at: datetime,
        *,
        passing: bool,
        retries: Retries | None = None,
        chance: float = 0.5,
    ) -> JobState:
        """A job has failed; where that may pass it is queued again, for later and as often as it may be.

        One that was to end, and whose worker had not heard of it yet, is not tried again: it is cancelled.

        Args:
            passing: whether the same may succeed when it is done again.
            chance: 0 to 1, by which the wait varies.

        Raises:
            Conflict: WFT-RUN-042, another worker has it by now, or it is over.
        """
        job = self._mine(job_id, fence)
        if passing and job.cancel_by is not None:  # it would be tried again, and nobody wants it: no failure of its own
            self._end(job, JobState.CANCELLED, {"why": f"cancelled by {job.cancel_by}"}, at)
            return JobState.CANCELLED
        if passing and job.attempts < job.max_attempts:
            self._again(job, at + (retries or Retries()).wait(job.attempts, chance), result)
            self._tell(at, "job.retried", job, {"attempts": job.attempts})
            return JobState.QUEUED
        self._end(job, JobState.FAILED, result, at)
        self._tell(at, "job.failed", job, {"attempts": job.attempts})
        return JobState.FAILED

    def hand_back(self, job_id: str, fence: int, at: datetime) -> None:
        """A worker that ends gives a job to the next one, unless it was to end; the attempt does not count.

        Raises:
            Conflict: WFT-RUN-042, another worker has it by now, or it is over.
        """
        job = self._mine(job_id, fence)
        if job.cancel_by is not None:  # its worker was to end it when it was told to end itself
            self._end(job, JobState.CANCELLED, {"why": f"cancelled by {job.cancel_by}"}, at)
            return
        self._again(job, at)
        self._statements.run("UPDATE jobs SET attempts = attempts - 1 WHERE number = ?", (job.number,))

    def cancelled(self, job_id: str, fence: int, at: datetime) -> None:
        """The worker has ended a job that was to end.

        Raises:
            Conflict: WFT-RUN-042, another worker has it by now, or it is over.
        """
        job = self._mine(job_id, fence)
        self._end(job, JobState.CANCELLED, {"why": f"cancelled by {job.cancel_by}"}, at)

    # asking

    def cancel(self, job_id: str, actor: str, at: datetime) -> Job:
        """Ends a job: at once where it waits; where it runs, its worker is told.

        Raises:
            UsageError: WFT-RUN-041 there is no such job, WFT-RUN-043 it is over.
        """
        job = self.required(job_id)
        if job.state.is_over:
            raise UsageError(error("WFT-RUN-043", f"`{job_id}` is over: {job.state.value}", fix="start a new one"))
        if job.state is JobState.QUEUED:
            self._end(job, JobState.CANCELLED, {"why": f"cancelled by {actor}"}, at)
        self._statements.run("UPDATE jobs SET cancel_by = ? WHERE number = ?", (actor, job.number))
        publishing.append(
            SqlTables(self._statements), at, "job.cancelled", actor, job.subject, {"job": job_id, "cause": job.cause}
        )
        return self.required(job_id)

    def requeue(self, job: Job, at: datetime) -> None:
        """Queues a job again that is over and did not succeed, from its first attempt."""
        self._again(job, at)
        sql = "UPDATE jobs SET attempts = 0, cancel_by = NULL, finished_at = NULL, run_id = NULL WHERE number = ?"
        self._statements.run(sql, (job.number,))

    def required(self, job_id: str) -> Job:
        """One job.

        Raises:
            UsageError: WFT-RUN-041, there is none of this id.
        """
        job = self.job(job_id)
        if job is None:
            raise absent(job_id)
        return job

    def forget(self, before: datetime) -> int:
        """Removes jobs that were over before a time, with their logs; never the newest, whose number stays taken."""
        over = "finished_at < ? AND state NOT IN (?, ?) AND number < (SELECT max(number) FROM jobs)"
        values: Sequence[object] = (codec.time_text(before), *_WAITING)
        self._statements.run(f"DELETE FROM job_lines WHERE job_id IN (SELECT job_id FROM jobs WHERE {over})", values)
        return self._statements.run(f"DELETE FROM jobs WHERE {over}", values)

    def _taken(self, number: int, worker: str, at: datetime, lease: timedelta) -> Job:
        self._statements.run(
            "UPDATE jobs SET state = ?, attempts = attempts + 1, fence = fence + 1, leased_by = ?, lease_until = ?, "
            "started_at = ?, result = NULL, run_id = NULL WHERE number = ?",
            (JobState.RUNNING.value, worker, codec.time_text(at + lease), codec.time_text(at), number),
        )
        return self.required(f"job-{number}")

    def _mine(self, job_id: str, fence: int) -> Job:
        job = self.job(job_id)
        if job is None or job.fence != fence or job.state is not JobState.RUNNING:
            raise Conflict(
                error(
                    "WFT-RUN-042",
                    f"`{job_id}` is no longer this worker's",
                    why="its lease ran out, and another worker has taken it over",
                    fix="nothing is to be done: what comes of the job is told by the other worker",
                )
            )
        return job

    def _again(self, job: Job, not_before: datetime, result: dict[str, object] | None = None) -> None:
        self._statements.run(
            "UPDATE jobs SET state = ?, not_before = ?, leased_by = NULL, lease_until = NULL, result = ? "
            "WHERE number = ?",
            (
                JobState.QUEUED.value,
                codec.time_text(not_before),
                codec.dumps(result) if result is not None else None,
                job.number,
            ),
        )

    def _end(self, job: Job, state: JobState, result: dict[str, object], at: datetime) -> None:
        self._statements.run(
            "UPDATE jobs SET state = ?, finished_at = ?, lease_until = NULL, result = ? WHERE number = ?",
            (state.value, codec.time_text(at), json.dumps(result, default=str), job.number),
        )

    def _tell(self, at: datetime, kind: str, job: Job, body: dict[str, object]) -> None:
        told = {"job": job.job_id, "cause": job.cause, "run": job.run_id, **body}
        publishing.append(SqlTables(self._statements), at, kind, job.actor, job.subject, told)


def absent(job_id: str) -> UsageError:
    """That there is no job of that id, or none that somebody may know of."""
    return UsageError(error("WFT-RUN-041", f"there is no job `{job_id}`", fix="`weft jobs` lists them"))
