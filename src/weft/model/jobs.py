"""Jobs: work that waits in the registry until a worker takes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct


class JobState(StrEnum):
    """How a job stands; `lost` went with its workers as often as it may be tried."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def is_over(self) -> bool:
        """Whether nothing comes of it any more."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


APPLY = "apply"
"""The kind of a job that applies a product, by its schedule or since somebody asks."""
MANUAL = "manual"
"""The cause of a job that somebody asks for."""
BACKFILL = "backfill"
"""The kind of a job that computes a stretch of time of a product again."""


class NewJob(Struct, frozen=True):
    """A job that is to be queued.

    Attributes:
        key: what it is the one job of: `sales.orders@2026-03-01T06:00:00+00:00`. A second one of it is not queued.
        subject: the product's address.
        due: when it should run; what was due first runs first.
        not_before: when it may run at the earliest.
        priority: 0 to 9, the highest first.
        attempts: how often it is tried at most.
        cause: `cron`, `data`, `manual` or `backfill`.
        batch_of: the backfill that it is a part of.
    """

    key: str
    kind: str
    subject: str
    due: datetime
    cause: str
    actor: str
    not_before: datetime | None = None
    engine: str = "duckdb"
    priority: int = 5
    attempts: int = 5
    timeout_s: int = 6 * 3600
    payload: Mapping[str, Any] = {}
    batch_of: str | None = None

    @property
    def domain(self) -> str:
        """The domain of its product."""
        return self.subject.partition(".")[0]


class Job(Struct, frozen=True):
    """A job as it stands.

    Attributes:
        fence: how often it was claimed: only whoever claimed it last may say what came of it.
        cancel_by: who wants it to end.
    """

    number: int
    job_id: str
    key: str
    kind: str
    subject: str
    domain: str
    engine: str
    priority: int
    due: datetime
    not_before: datetime
    state: JobState
    attempts: int
    max_attempts: int
    timeout_s: int
    fence: int
    leased_by: str | None
    lease_until: datetime | None
    cancel_by: str | None
    cause: str
    actor: str
    payload: Mapping[str, Any]
    result: Mapping[str, Any] | None
    run_id: str | None
    batch_of: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    def as_json(self, waits: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The shape of `weft jobs --format json` and of the API, with why it waits where that is known."""
        return {
            "job_id": self.job_id,
            "kind": self.kind,
            "product": self.subject,
            "state": self.state.value,
            "cause": self.cause,
            "priority": self.priority,
            "due": self.due.isoformat(),
            "not_before": self.not_before.isoformat(),
            "attempts": self.attempts,
            "max_attempts": self.max_attempts,
            "timeout_s": self.timeout_s,
            "worker": self.leased_by,
            "cancelled_by": self.cancel_by,
            "by": self.actor,
            "run_id": self.run_id,
            "backfill": self.batch_of,
            "window": self.payload.get("window"),
            "waits": dict(waits) if waits is not None else None,
            "created_at": self.created_at.isoformat(),
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
            "result": dict(self.result) if self.result is not None else None,
        }


class Limits(Struct, frozen=True):
    """How many jobs may run at once; 0: as many as there are workers.

    Attributes:
        named: limits of single domains and engines, by `domain:NAME` and `engine:NAME`.
        patience: how long what is due waits for what is upstream of it.
    """

    per_domain: int = 0
    per_engine: int = 0
    named: Mapping[str, int] = {}
    patience: timedelta = timedelta(hours=6)

    def of(self, kind: str, name: str) -> int:
        """The limit of one domain or engine."""
        return self.named.get(f"{kind}:{name}", self.per_domain if kind == "domain" else self.per_engine)


class Retries(Struct, frozen=True):
    """How long a job that failed by chance waits before it is tried again.

    Attributes:
        first_s: after the first failure; then twice as long each time, up to `longest_s`.
        spread: by which part of it the wait varies, so that what failed together does not come back together.
    """

    first_s: float = 10.0
    longest_s: float = 900.0
    spread: float = 0.5

    def wait(self, attempts: int, chance: float) -> timedelta:
        """The wait after a number of attempts; `chance` lies in 0 to 1.

        >>> Retries(spread=0).wait(3, 0.5)
        datetime.timedelta(seconds=40)
        """
        plain = min(self.longest_s, self.first_s * 2 ** min(attempts - 1, 30))
        return timedelta(seconds=plain * (1 + self.spread * (2 * chance - 1)))


class LogLine(Struct, frozen=True):
    """One line of what a job has told."""

    number: int
    at: datetime
    line: str
