"""The queue as workers and schedulers use it: each step is one transaction of the registry."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from weft.model.jobs import Job, JobState, Limits, Retries
from weft.registry import codec, outbox, portal_notices
from weft.registry.database import Database, Statements
from weft.registry.job_rows import add_lines
from weft.registry.queue import Queue
from weft.registry.schedules import Schedules
from weft.registry.schema import check_tables
from weft.registry.upstream import Upstream
from weft.runs import scheduling


class Dispatch:
    """Hands jobs to one worker, and queues those that are due.

    Attributes:
        worker: the name under which it claims.
        lease: how long a job is a worker's after it was last heard of.
    """

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        *,
        worker: str,
        lease: timedelta = timedelta(seconds=60),
        limits: Limits | None = None,
        retries: Retries | None = None,
        log_lines: int = 10_000,
    ) -> None:
        self._database = database
        self._now = now
        self.worker = worker
        self.lease = lease
        self._limits = limits or Limits()
        self._retries = retries or Retries()
        self._log_lines = log_lines
        self._upstream: tuple[int, Upstream] | None = None

    def tick(self) -> int:
        """Queues what is due; says how many jobs. Done twice, or by two at once, it queues nothing twice."""
        with self._database.reading() as statements:
            check_tables(statements, self._database.dialect, self._database.name)
            at = self._now()
            if not (Schedules(statements).due(at) or _is_there_work(statements, at)):
                return 0
        with self._database.writing() as statements:
            at = self._now()
            Queue(statements).recover(at)
            return scheduling.advance(statements, at)

    def claim(self, subjects: Collection[str] | None = None) -> Job | None:
        """The next job, which is this worker's until it is finished or not heard of for the time of a lease.

        What was published until now has queued its jobs before one is chosen: nothing overtakes what it is made from.

        Raises:
            ProjectError: WFT-REG-001, a newer weft has upgraded the registry: this one takes nothing more.
        """
        with self._database.reading() as statements:
            check_tables(statements, self._database.dialect, self._database.name)
            if not _is_there_work(statements, self._now()):
                return None
        with self._database.writing() as statements:
            at = self._now()
            scheduling.take_in(statements, at)
            return Queue(statements).claim(
                self.worker,
                at,
                self.lease,
                subjects=subjects,
                limits=self._limits,
                upstream=self._graph(statements),
            )

    def recover_of(self, family: str, pause: timedelta) -> list[Job]:
        """Queues again what workers of a family ran, which is certain to be gone; for after a pause."""
        with self._database.writing() as statements:
            at = self._now()
            return Queue(statements).recover_of(family, at, at + pause)

    def heartbeat(self, job: Job, lines: Sequence[tuple[datetime, str]] = (), run_id: str | None = None) -> str:
        """Says that a job goes on, and what it has told; learns whether it should: see `Held`."""
        with self._database.writing() as statements:
            queue = Queue(statements)
            held = queue.heartbeat(job.job_id, job.fence, self._now(), self.lease)
            if run_id is not None:
                queue.note_run(job.job_id, job.fence, run_id)
            if lines:
                add_lines(statements, job.job_id, lines, self._log_lines)
            return held

    def finish(self, job: Job, result: dict[str, Any], run_id: str | None = None) -> None:
        """A job is done.

        Raises:
            Conflict: WFT-RUN-042, another worker has it by now, or it is over.
        """
        with self._database.writing() as statements:
            queue = Queue(statements)
            if run_id is not None:
                queue.note_run(job.job_id, job.fence, run_id)
            queue.finish(job.job_id, job.fence, result, self._now())

    def fail(self, job: Job, result: dict[str, Any], *, passing: bool, run_id: str | None = None) -> JobState:
        """A job has failed; where that may pass it is tried again later.

        Raises:
            Conflict: WFT-RUN-042, another worker has it by now, or it is over.
        """
        with self._database.writing() as statements:
            queue = Queue(statements)
            if run_id is not None:
                queue.note_run(job.job_id, job.fence, run_id)
            return queue.fail(
                job.job_id,
                job.fence,
                result,
                self._now(),
                passing=passing,
                retries=self._retries,
                chance=random.random(),
            )

    def cancelled(self, job: Job) -> None:
        """A job that was to end has ended.

        Raises:
            Conflict: WFT-RUN-042, another worker has it by now, or it is over.
        """
        with self._database.writing() as statements:
            Queue(statements).cancelled(job.job_id, job.fence, self._now())

    def hand_back(self, job: Job) -> None:
        """Gives a job to the next worker.

        Raises:
            Conflict: WFT-RUN-042, another worker has it by now, or it is over.
        """
        with self._database.writing() as statements:
            Queue(statements).hand_back(job.job_id, job.fence, self._now())

    def forget(self, keep: timedelta) -> int:
        """Removes jobs that were over for longer than `keep`, with their logs, and messages that went before then."""
        before = self._now() - keep
        with self._database.writing() as statements:
            outbox.forget(statements, before)
            portal_notices.forget(statements, before)
            return Queue(statements).forget(before)

    def _graph(self, statements: Statements) -> Upstream:
        """What products read; read again when anything was published since."""
        seq = scheduling.cursor_of(statements)
        if self._upstream is None or self._upstream[0] != seq:
            self._upstream = seq, Upstream(Schedules(statements).reads())
        return self._upstream[1]


def _is_there_work(statements: Statements, at: datetime) -> bool:
    """Whether anything waits, was lost or was published: asking does not keep writers waiting."""
    text = codec.time_text(at)
    row = statements.row(
        "SELECT 1 FROM jobs WHERE (state = ? AND not_before <= ?) OR (state = ? AND lease_until < ?) LIMIT 1",
        (JobState.QUEUED.value, text, JobState.RUNNING.value, text),
    )
    return row is not None or scheduling.has_news(statements)
