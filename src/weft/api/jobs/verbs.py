"""Jobs and schedules: what is queued, started by hand, computed again, cancelled, paused."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from weft.access.permissions import Action, Caller, require
from weft.api.drafts import Drafts
from weft.api.jobs.backfills import (
    MOST_PIECES,
    NOT_DONE,
    Backfill,
    built_whole,
    no_backfill,
    pieces_of,
    published_by_time,
    shown,
)
from weft.api.jobs.waits import Waits, limits_of
from weft.config import SchedulerSettings, duration
from weft.errors import UsageError, did_you_mean, error
from weft.model.address import ProductAddress, is_slug
from weft.model.checks import without_rows
from weft.model.jobs import APPLY, BACKFILL, MANUAL, Job, JobState, LogLine, NewJob
from weft.model.product_schedule import ProductSchedule
from weft.plan.keeping import Window
from weft.registry import publishing
from weft.registry.base import RegistryReader
from weft.registry.database import Database
from weft.registry.job_rows import lines_after
from weft.registry.queue import Queue, absent
from weft.registry.queue_counts import Backlog, backlog, batch_to_go_on_with, batches
from weft.registry.schedules import Schedules, Standing
from weft.registry.sql_tables import SqlTables
from weft.runs import scheduling

_BY_HAND = 7
_BACKFILL = 3
_MOST_JOBS = 2 * MOST_PIECES
_UNSTATED = ProductSchedule()
_TO_COME = (JobState.QUEUED, JobState.RUNNING)


class Jobs:
    """The queue, for whoever asks and not for workers.

    Args:
        extra: products that may be started beside those that are registered: those whose files lie here.
        by_time: whether a product whose files lie here has a model that is built by time; None: they do not, or nobody
            can tell.
    """

    def __init__(
        self,
        database: Database,
        reader: RegistryReader,
        now: Callable[[], datetime],
        settings: SchedulerSettings,
        extra: Callable[[], Collection[str]] = tuple,
        by_time: Callable[[str], bool | None] = lambda product: None,
    ) -> None:
        self._database = database
        self._reader = reader
        self._now = now
        self._settings = settings
        self._extra = extra
        self._by_time = by_time
        self._waits = Waits(limits_of(settings), extra)

    # jobs

    def listed(
        self,
        *,
        states: Collection[JobState] = (),
        product: str | None = None,
        domain: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[Job]:
        """Jobs, the newest first."""
        with self._database.reading() as statements:
            return Queue(statements).jobs(states=states, subject=product, domain=domain, before=before, limit=limit)

    def documents(
        self, jobs: Sequence[Job], hide: Callable[[str], bool] = lambda subject: False
    ) -> list[dict[str, Any]]:
        """Jobs as documents, each that is queued with why it waits.

        Args:
            hide: products that the reader must not hear of.
        """
        with self._database.reading() as statements:
            waits = self._waits.of(statements, jobs, self._now(), hide)
        return [job.as_json(waits.get(job.job_id)) for job in jobs]

    def one(self, job_id: str) -> Job:
        """A job by its id or by that of its run.

        Raises:
            UsageError: WFT-RUN-041, there is none.
        """
        with self._database.reading() as statements:
            queue = Queue(statements)
            return queue.of_run(job_id) or queue.required(job_id)

    def start(self, product: str, actor: str) -> Job:
        """Queues a job that applies a product, before what schedules have queued.

        Where one waits that somebody has asked for, it is this one: it will see what is published until it begins, and
        nobody fills the line that all domains share by asking again.

        Raises:
            UsageError: WFT-RUN-040, there is no such product.
        """
        subject, at = self.known(product), self._now()
        key = f"{subject}@manual:{uuid.uuid4().hex}"
        new = self._new(key, APPLY, subject, at, actor, cause=MANUAL, priority=_BY_HAND)
        with self._database.writing() as statements:
            queue = Queue(statements)
            new = _as_declared(new, Schedules(statements).one(subject))
            job = queue.asked_for(subject, at) or queue.enqueue(new, at)
            assert job is not None, "its key was drawn"
            body = {"job": job.job_id, "cause": MANUAL}
            publishing.append(SqlTables(statements), at, "job.requested", actor, subject, body)
        return job

    def backfill(self, product: str, window: Window, by: timedelta, actor: str) -> Backfill:
        """Queues a job for each piece of a stretch of time; what an earlier one of the same has left is queued again.

        Raises:
            UsageError: WFT-RUN-040 there is no such product, WFT-RUN-046 an end is open or there are too many pieces,
                WFT-PLN-017 no model of it is built by time.
        """
        subject, at = self.known(product), self._now()
        pieces = pieces_of(window, by)
        by_time = self._by_time(subject)
        if not (published_by_time(self._reader, subject) if by_time is None else by_time):
            raise built_whole(subject)
        with self._database.writing() as statements:
            queue, standing = Queue(statements), Schedules(statements).one(subject)
            asked: dict[str, object] = {"of": window.as_json(), "by_s": by.total_seconds()}
            found = batch_to_go_on_with(statements, subject, asked)
            if found is not None:
                again = queue.jobs(states=NOT_DONE, batch_of=found, limit=_MOST_JOBS)
                for job in again:
                    queue.requeue(job, at)
                return shown(statements, found, resumed=len(again))
            number = f"backfill-{at:%Y%m%d}-{uuid.uuid4().hex[:6]}"
            for piece in pieces:
                key = f"{subject}@{number}:{piece.start.isoformat()}"
                new = self._new(key, BACKFILL, subject, at, actor, cause="backfill", priority=_BACKFILL)
                payload = {"window": piece.as_json(), **asked}
                queue.enqueue(replace(_as_declared(new, standing), payload=payload, batch_of=number), at)
            body = {"backfill": number, "window": window.as_json(), "pieces": len(pieces)}
            publishing.append(SqlTables(statements), at, "backfill.requested", actor, subject, body)
            return shown(statements, number)

    def progress(self, backfill_id: str, resumed: int = 0) -> Backfill:
        """How far a backfill is, of which some pieces were queued again.

        Raises:
            UsageError: WFT-RUN-041, there is none of this id.
        """
        with self._database.reading() as statements:
            return shown(statements, backfill_id, resumed=resumed)

    def backfills(self, *, product: str | None = None, domain: str | None = None, limit: int = 20) -> list[Backfill]:
        """Backfills, the newest first."""
        with self._database.reading() as statements:
            return [shown(statements, one) for one in batches(statements, product, domain, limit)]

    def pieces(self, backfill_id: str, limit: int) -> list[Job]:
        """The newest pieces of a backfill, the newest first."""
        with self._database.reading() as statements:
            return Queue(statements).jobs(batch_of=backfill_id, limit=limit)

    def cancel(self, job_id: str, actor: str) -> Job:
        """Ends a job: at once where it waits; where it runs its worker ends it.

        Raises:
            UsageError: WFT-RUN-041 there is no such job, WFT-RUN-043 it is over.
        """
        job_id = self.one(job_id).job_id
        with self._database.writing() as statements:
            return Queue(statements).cancel(job_id, actor, self._now())

    def cancel_backfill(self, backfill_id: str, actor: str) -> Backfill:
        """Ends every piece of a backfill that is not over.

        Raises:
            UsageError: WFT-RUN-041, there is none of this id.
        """
        self.progress(backfill_id)
        with self._database.writing() as statements:
            queue = Queue(statements)
            for job in queue.jobs(states=_TO_COME, batch_of=backfill_id, limit=_MOST_JOBS):
                queue.cancel(job.job_id, actor, self._now())
        return self.progress(backfill_id)

    def log(self, job_id: str, after: int = 0, limit: int = 1000) -> list[LogLine]:
        """Lines of a job's log after a number."""
        with self._database.reading() as statements:
            return lines_after(statements, job_id, after, limit)

    def backlog(self) -> Backlog:
        """How much waits and runs."""
        with self._database.reading() as statements:
            return backlog(statements, self._now())

    # the same for somebody who asks over the network

    def shown_to(
        self,
        caller: Caller,
        *,
        states: Collection[JobState] = (),
        product: str | None = None,
        domain: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> dict[str, Any]:
        """A page of jobs, the newest first, without those of drafts that are somebody else's."""
        found = self.listed(states=states, product=product, domain=domain, before=before, limit=limit)
        drafts = Drafts(self._reader, caller)
        after = found[-1].number if len(found) == limit else None
        shown = self.documents([job for job in found if not drafts.hide(job.subject)], drafts.hide)
        return {"jobs": [_told(job) for job in shown], "next": after}

    def one_shown_to(self, caller: Caller, job_id: str) -> dict[str, Any]:
        """As `one`; a job of a draft that is somebody else's is not there.

        Raises:
            UsageError: WFT-RUN-041, there is none.
        """
        job, drafts = self.one(job_id), Drafts(self._reader, caller)
        if drafts.hide(job.subject):
            raise absent(job_id)
        return _told(self.documents([job], drafts.hide)[0])

    def progress_shown_to(self, caller: Caller, backfill_id: str) -> Backfill:
        """As `progress`; a backfill of a draft that is somebody else's is not there.

        Raises:
            UsageError: WFT-RUN-041, there is none.
        """
        found = self.progress(backfill_id)
        if Drafts(self._reader, caller).hide(found.subject):
            raise no_backfill(backfill_id)
        return found

    def backfills_shown_to(
        self, caller: Caller, *, product: str | None = None, domain: str | None = None, limit: int = 20
    ) -> list[Backfill]:
        """As `backfills`, without those of drafts that are somebody else's."""
        drafts = Drafts(self._reader, caller)
        found = self.backfills(product=product, domain=domain, limit=limit)
        return [one for one in found if not drafts.hide(one.subject)]

    def pieces_shown_to(self, caller: Caller, backfill_id: str, limit: int) -> list[dict[str, Any]]:
        """The newest pieces of a backfill, without rows in what came of them."""
        self.progress_shown_to(caller, backfill_id)
        told = self.documents(self.pieces(backfill_id, limit), Drafts(self._reader, caller).hide)
        return [_told(piece) for piece in told]

    def schedules_shown_to(self, caller: Caller) -> list[dict[str, Any]]:
        """As `schedules`, without those of drafts that are somebody else's."""
        drafts = Drafts(self._reader, caller)
        return [one.as_json() for one in self.schedules() if not drafts.hide(one.subject)]

    def started_by(self, caller: Caller, product: str) -> Job:
        """As `start`.

        Raises:
            AccessDenied: WFT-ACC-010, the caller may run nothing of that domain.
        """
        require(caller, Action.RUN, product.partition(".")[0])
        return self.start(product, caller.name)

    def backfilled_by(self, caller: Caller, product: str, window: Window, by: timedelta) -> Backfill:
        """As `backfill`.

        Raises:
            AccessDenied: WFT-ACC-010, the caller may run nothing of that domain.
        """
        require(caller, Action.RUN, product.partition(".")[0])
        return self.backfill(product, window, by, caller.name)

    def cancelled_by(self, caller: Caller, job_id: str) -> Job:
        """As `cancel`.

        Raises:
            AccessDenied: WFT-ACC-010, the caller may run nothing of that domain.
        """
        return self.cancel(self.told_to(caller, job_id).job_id, caller.name)

    def backfill_cancelled_by(self, caller: Caller, backfill_id: str) -> Backfill:
        """As `cancel_backfill`.

        Raises:
            AccessDenied: WFT-ACC-010, the caller may run nothing of that domain.
        """
        require(caller, Action.RUN, self.progress(backfill_id).subject.partition(".")[0])
        return self.cancel_backfill(backfill_id, caller.name)

    def told_to(self, caller: Caller, job_id: str) -> Job:
        """A job of which the caller may hear what it tells: a model may print what it likes.

        Raises:
            AccessDenied: WFT-ACC-010, the caller may run nothing of that domain.
        """
        found = self.one(job_id)
        require(caller, Action.RUN, found.domain)
        return found

    # schedules

    def schedules(self) -> list[Standing]:
        """Every schedule, what comes next first."""
        with self._database.reading() as statements:
            if not scheduling.has_news(statements):
                return Schedules(statements).all()
        with self._database.writing() as statements:
            scheduling.take_in(statements, self._now())
            return Schedules(statements).all()

    def pause(self, product: str, actor: str) -> Standing:
        """From now on nothing is queued by the schedule of a product.

        Raises:
            UsageError: WFT-RUN-047, it has none.
        """
        at = self._now()
        with self._database.writing() as statements:
            standing = self._standing(statements, product)
            if standing.paused_by is None:
                standing = replace(standing, paused_by=actor, paused_at=at)
                Schedules(statements).put(standing)
                publishing.append(SqlTables(statements), at, "schedule.paused", actor, standing.subject, {})
        return standing

    def resume(self, product: str, actor: str) -> Standing:
        """The schedule of a product counts again; times that it missed meanwhile do not come after.

        Raises:
            UsageError: WFT-RUN-047, it has none.
        """
        at = self._now()
        with self._database.writing() as statements:
            standing = self._standing(statements, product)
            if standing.paused_by is not None:
                standing = scheduling.resumed(standing, at)
                Schedules(statements).put(standing)
                publishing.append(SqlTables(statements), at, "schedule.resumed", actor, standing.subject, {})
                scheduling.trigger(statements, standing.subject, at)
        return standing

    def _standing(self, statements: Any, product: str) -> Standing:
        scheduling.take_in(statements, self._now())
        schedules = Schedules(statements)
        found = schedules.one(product)
        if found is None:
            known = [s.subject for s in schedules.all()]
            raise UsageError(
                error(
                    "WFT-RUN-047",
                    f"`{product}` has no schedule",
                    why="a product has the schedule that it was last published with",
                    fix=did_you_mean(product, known, otherwise="set `weft.schedule` in its descriptor and apply it"),
                )
            )
        return found

    def known(self, address: str) -> str:
        """The product of an address, of its own or of a port of it.

        Raises:
            UsageError: WFT-RUN-040, there is no such product.
        """
        parts = address.partition("@")[0].split(".")
        subject = ".".join(parts[:2])
        is_product = len(parts) in (2, 3) and all(is_slug(part) for part in parts)
        if not is_product or not (self._reader.product(ProductAddress(*parts[:2])) or subject in self._extra()):
            registered = {str(a) for a in self._reader.products()}  # to name the nearest: only when it is none
            raise UsageError(
                error(
                    "WFT-RUN-040",
                    f"there is no product `{address}`",
                    why="it was never published, and its files do not lie here",
                    fix=did_you_mean(
                        subject,
                        sorted({*registered, *self._extra()}),
                        otherwise="`weft search` finds products by words",
                    ),
                )
            )
        return subject

    def _new(self, key: str, kind: str, subject: str, at: datetime, actor: str, *, cause: str, priority: int) -> NewJob:
        settings = self._settings
        return NewJob(
            key=key,
            kind=kind,
            subject=subject,
            due=at,
            cause=cause,
            actor=actor,
            priority=priority,
            attempts=settings.attempts,
            timeout_s=int(duration(settings.timeout).total_seconds()),
        )


def _as_declared(new: NewJob, standing: Standing | None) -> NewJob:
    """A job that somebody asks for, with what the schedule of its product states beside its times."""
    if standing is None:
        return new
    declared = standing.declared
    timeout_s = declared.timeout_s if declared.timeout_s != _UNSTATED.timeout_s else new.timeout_s
    attempts = declared.attempts if declared.attempts != _UNSTATED.attempts else new.attempts
    return replace(new, engine=declared.engine, timeout_s=timeout_s, attempts=attempts)


def _told(told: dict[str, Any]) -> dict[str, Any]:
    """A job without rows in what came of it: they are on the page of its run, for whoever may read them."""
    return {**told, "result": without_rows(told["result"])}
