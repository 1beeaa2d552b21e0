"""Jobs and schedules: what is queued, started by hand, computed again, cancelled, paused."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.access.permissions import Action, Caller, require
from weft.api.drafts import Drafts
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
from weft.registry.queue_counts import Backlog, backlog, batch_to_go_on_with, states_of
from weft.registry.schedules import Schedules, Standing
from weft.registry.sql_tables import SqlTables
from weft.runs import scheduling

_BY_HAND = 7
_BACKFILL = 3
_MOST_PIECES = 5000
_MOST_JOBS = 2 * _MOST_PIECES
_UNSTATED = ProductSchedule()
_NOT_DONE = (JobState.FAILED, JobState.CANCELLED, JobState.LOST)
_TO_COME = (JobState.QUEUED, JobState.RUNNING)


class Backfill(Struct, frozen=True):
    """A stretch of time of a product that is computed again, piece by piece.

    Attributes:
        resumed: pieces that an earlier one of the same had left, and that are queued again.
        states: how many pieces there are in each state.
    """

    backfill_id: str
    subject: str
    resumed: int
    states: dict[str, int]

    @property
    def is_over(self) -> bool:
        """Whether no piece waits or runs."""
        return not any(self.states.get(s.value) for s in JobState if not s.is_over)

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft backfill --format json` and of the API."""
        return {
            "backfill": self.backfill_id,
            "product": self.subject,
            "pieces": sum(self.states.values()),
            "resumed": self.resumed,
            "states": self.states,
        }


class Jobs:
    """The queue, for whoever asks and not for workers.

    Args:
        extra: products that may be started beside those that are registered: those whose files lie here.
    """

    def __init__(
        self,
        database: Database,
        reader: RegistryReader,
        now: Callable[[], datetime],
        settings: SchedulerSettings,
        extra: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._database = database
        self._reader = reader
        self._now = now
        self._settings = settings
        self._extra = extra
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

        Raises:
            UsageError: WFT-RUN-040, there is no such product.
        """
        subject, at = self.known(product), self._now()
        key = f"{subject}@manual:{uuid.uuid4().hex}"
        new = self._new(key, APPLY, subject, at, actor, cause=MANUAL, priority=_BY_HAND)
        with self._database.writing() as statements:
            new = _as_declared(new, Schedules(statements).one(subject))
            job = Queue(statements).enqueue(new, at)
            assert job is not None, "its key was drawn"
            body = {"job": job.job_id, "cause": MANUAL}
            publishing.append(SqlTables(statements), at, "job.requested", actor, subject, body)
        return job

    def backfill(self, product: str, window: Window, by: timedelta, actor: str) -> Backfill:
        """Queues a job for each piece of a stretch of time; what an earlier one of the same has left is queued again.

        Raises:
            UsageError: WFT-RUN-040 there is no such product, WFT-RUN-046 an end is open or there are too many pieces.
        """
        subject, at = self.known(product), self._now()
        pieces = _pieces(window, by)
        with self._database.writing() as statements:
            queue, standing = Queue(statements), Schedules(statements).one(subject)
            asked: dict[str, object] = {"of": window.as_json(), "by_s": by.total_seconds()}
            found = batch_to_go_on_with(statements, subject, asked)
            if found is not None:
                again = queue.jobs(states=_NOT_DONE, batch_of=found, limit=_MOST_JOBS)
                for job in again:
                    queue.requeue(job, at)
                return Backfill(found, subject, len(again), states_of(statements, found))
            number = f"backfill-{at:%Y%m%d}-{uuid.uuid4().hex[:6]}"
            for piece in pieces:
                key = f"{subject}@{number}:{piece.start.isoformat()}"
                new = self._new(key, BACKFILL, subject, at, actor, cause="backfill", priority=_BACKFILL)
                payload = {"window": piece.as_json(), **asked}
                queue.enqueue(replace(_as_declared(new, standing), payload=payload, batch_of=number), at)
            body = {"backfill": number, "window": window.as_json(), "pieces": len(pieces)}
            publishing.append(SqlTables(statements), at, "backfill.requested", actor, subject, body)
            return Backfill(number, subject, 0, states_of(statements, number))

    def progress(self, backfill_id: str, resumed: int = 0) -> Backfill:
        """How far a backfill is, of which some pieces were queued again.

        Raises:
            UsageError: WFT-RUN-041, there is none of this id.
        """
        with self._database.reading() as statements:
            queue = Queue(statements)
            pieces = queue.jobs(batch_of=backfill_id, limit=1)
            if not pieces:
                raise _no_backfill(backfill_id)
            return Backfill(backfill_id, pieces[0].subject, resumed, states_of(statements, backfill_id))

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
            raise _no_backfill(backfill_id)
        return found

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


def _no_backfill(backfill_id: str) -> UsageError:
    return UsageError(error("WFT-RUN-041", f"there is no backfill `{backfill_id}`", fix="`weft jobs` lists jobs"))


def _pieces(window: Window, by: timedelta) -> Sequence[Window]:
    """A stretch of time in pieces, the first of which begins with it.

    Raises:
        UsageError: WFT-RUN-046, it has no end or no beginning, or too many pieces.
    """
    start, end = window.start.astimezone(UTC), window.end.astimezone(UTC)
    if start.year == 1 or end.year == 9999 or by <= timedelta():
        what = "a backfill has a beginning, an end, and pieces of some length"
        raise UsageError(error("WFT-RUN-046", what, fix="give --start, --end and --by: 1d, 12h"))
    if (end - start) / by > _MOST_PIECES:
        what = f"between {start:%Y-%m-%d} and {end:%Y-%m-%d} lie more than {_MOST_PIECES} pieces"
        raise UsageError(error("WFT-RUN-046", what, fix="make them longer with --by: 7d"))
    pieces = []
    while start < end:
        pieces.append(Window(start, min(start + by, end)))
        start += by
    return pieces


def _told(told: dict[str, Any]) -> dict[str, Any]:
    """A job without rows in what came of it: they are on the page of its run, for whoever may read them."""
    return {**told, "result": without_rows(told["result"])}
