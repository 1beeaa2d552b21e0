"""Which job is next, and what keeps the others waiting: one rule for whoever claims and for whoever asks why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from weft.model.jobs import APPLY, BACKFILL, MANUAL, Job, JobState, Limits
from weft.registry import codec
from weft.registry.database import Statements
from weft.registry.upstream import Upstream


class Waiting(NamedTuple):
    """What a claim has to know of a job that waits or runs; times are texts, which sort as they come."""

    number: int
    kind: str
    subject: str
    domain: str
    engine: str
    priority: int
    due: str
    not_before: str
    state: str
    cause: str


class Hindrance(StrEnum):
    """What keeps a job from being taken by a worker that is free."""

    TIME = "time"
    """It may not run before a time: it is tried again then, or is due then."""
    SAME_PRODUCT = "same product"
    """Another job of its product runs, or comes before it."""
    DOMAIN_LIMIT = "limit of its domain"
    ENGINE_LIMIT = "limit of its engine"
    UPSTREAM = "upstream"
    """A product that its product is made from is to be applied first."""


class Obstacle(Struct, frozen=True):
    """Why a job waits.

    Attributes:
        by: the number of the job that it waits for, where it waits for one.
    """

    why: Hindrance
    by: int | None = None


class Line:
    """The jobs that wait and run, as they stand at one moment."""

    def __init__(self, waiting: Sequence[Waiting], at: datetime, limits: Limits, upstream: Upstream) -> None:
        """Takes what `waiting_at` has read."""
        self._waiting = waiting
        self._now = codec.time_text(at)
        self._limits = limits
        self._upstream = upstream
        self._running = [w for w in waiting if w.state == JobState.RUNNING.value]
        self._busy = {w.subject: w.number for w in self._running}
        self._pieces = {w.subject: w.number for w in waiting if w.kind == BACKFILL and w not in self._running}
        since = codec.time_text(at - limits.patience)
        self._first = _first_of_each(waiting, since)
        # what somebody asks for now does not wait for what only sleeps until it is tried again
        self._awake = _first_of_each([w for w in waiting if w.not_before <= self._now], since)

    def free(self, subjects: Collection[str] | None = None) -> Iterator[Waiting]:
        """The jobs that a worker may take, the one that goes first at the front.

        Args:
            subjects: products that the worker can apply; None: all.
        """
        ready = [
            w
            for w in self._waiting
            if w.state == JobState.QUEUED.value
            and w.not_before <= self._now
            and (subjects is None or w.subject in subjects)
            and w.subject not in self._busy
        ]
        for one in sorted(ready, key=lambda w: (-w.priority, w.due, w.number)):
            if self.hindrance(one) is None:
                yield one

    def hindrance(self, one: Waiting) -> Obstacle | None:
        """What keeps a job that waits from being taken; None: nothing but that no worker has."""
        if one.not_before > self._now:
            return Obstacle(Hindrance.TIME)
        if one.subject in self._busy:
            return Obstacle(Hindrance.SAME_PRODUCT, self._busy[one.subject])
        if self._is_full("domain", one.domain):
            return Obstacle(Hindrance.DOMAIN_LIMIT)
        if self._is_full("engine", one.engine):
            return Obstacle(Hindrance.ENGINE_LIMIT)
        return self._before(one, self._awake if one.cause == MANUAL else self._first)

    def job(self, number: int) -> Waiting | None:
        """One of the jobs that wait and run."""
        return next((w for w in self._waiting if w.number == number), None)

    @property
    def running(self) -> int:
        """How many run."""
        return len(self._running)

    def _is_full(self, kind: str, name: str) -> bool:
        most = self._limits.of(kind, name)
        return bool(most) and sum(getattr(other, kind) == name for other in self._running) >= most

    def _before(self, job: Waiting, first: Mapping[str, tuple[str, int]]) -> Obstacle | None:
        """What is upstream, or an earlier job of the same product, that is still to come."""
        if job.kind != APPLY:
            piece = self._pieces.get(job.subject, job.number)
            return Obstacle(Hindrance.SAME_PRODUCT, piece) if piece < job.number else None
        own = first.get(job.subject, (job.due, job.number))
        if job.cause != MANUAL and own < (job.due, job.number):
            return Obstacle(Hindrance.SAME_PRODUCT, own[1])
        for other in self._upstream.of(job.subject):
            if other in first and first[other][0] <= job.due and self._upstream.waits_for(job.subject, {other}):
                return Obstacle(Hindrance.UPSTREAM, first[other][1])
        return None


def as_waiting(job: Job) -> Waiting:
    """A job as the line knows it."""
    due, not_before = codec.time_text(job.due), codec.time_text(job.not_before)
    return Waiting(
        job.number,
        job.kind,
        job.subject,
        job.domain,
        job.engine,
        job.priority,
        due,
        not_before,
        job.state.value,
        job.cause,
    )


def waiting_at(statements: Statements, at: datetime) -> list[Waiting]:
    """What waits and runs; of each product's backfills the first piece alone.

    There may be thousands behind it, and one runs at a time.
    """
    queued, runs = JobState.QUEUED.value, JobState.RUNNING.value
    rows = statements.rows(
        f"SELECT {_COLUMNS} FROM jobs WHERE state = ? OR (state = ? AND kind <> ?) "
        f"UNION ALL SELECT {_COLUMNS} FROM jobs WHERE number IN "
        "(SELECT min(number) FROM jobs WHERE state = ? AND kind = ? AND not_before <= ? GROUP BY subject)",
        (runs, queued, BACKFILL, queued, BACKFILL, codec.time_text(at)),
    )
    return [Waiting(*row) for row in rows]


_COLUMNS = ", ".join(Waiting._fields)


def _first_of_each(waiting: Sequence[Waiting], since: str) -> dict[str, tuple[str, int]]:
    """What is to come first of each product, by when it was due.

    A backfill holds nobody up: it computes what was there before. Nor does what was due before `since`: perhaps no
    worker has its files.
    """
    first: dict[str, tuple[str, int]] = {}
    for one in waiting:
        if one.kind == APPLY and one.due >= since:
            first[one.subject] = min(first.get(one.subject, (one.due, one.number)), (one.due, one.number))
    return first
