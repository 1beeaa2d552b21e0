"""Why a job that is queued has not begun, in words: what a worker would find that claims now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from weft.config import SchedulerSettings
from weft.model.jobs import APPLY, BACKFILL, Job, JobState, Limits
from weft.registry.claiming import Hindrance, Line, Obstacle, as_waiting, waiting_at
from weft.registry.database import Statements
from weft.registry.schedules import Schedules
from weft.registry.upstream import Upstream
from weft.runs import scheduling

_NO_FILES = "no files"
_WORKER = "worker"


def limits_of(settings: SchedulerSettings) -> Limits:
    """The limits that the settings name."""
    named = dict(entry.replace(" ", "").split("=") for entry in settings.limits)
    return Limits(settings.per_domain, settings.per_engine, {name: int(most) for name, most in named.items()})


class Waits:
    """What keeps jobs waiting.

    Args:
        here: products whose files lie in this process's folder.
    """

    def __init__(self, limits: Limits, here: Callable[[], Collection[str]]) -> None:
        self._limits = limits
        self._here = here
        self._upstream: tuple[int, Upstream] | None = None

    def of(
        self,
        statements: Statements,
        jobs: Sequence[Job],
        at: datetime,
        hide: Callable[[str], bool] = lambda subject: False,
    ) -> dict[str, dict[str, Any]]:
        """Of each queued job among these, by its id, why it waits: `for`, `text`, and the `job` or time (`until`).

        Args:
            hide: products that the reader must not hear of.
        """
        queued = [job for job in jobs if job.state is JobState.QUEUED]
        if not queued:
            return {}
        applies = any(job.kind == APPLY for job in queued)
        upstream = self._graph(statements) if applies else Upstream(())
        line, here = Line(waiting_at(statements, at), at, self._limits, upstream), frozenset(self._here())
        return {job.job_id: self._told(job, line, here, hide) for job in queued}

    def _told(self, job: Job, line: Line, here: Collection[str], hide: Callable[[str], bool]) -> dict[str, Any]:
        found = line.hindrance(as_waiting(job))
        if found is not None:
            by = line.job(found.by) if found.by is not None else None
            known = by is not None and not hide(by.subject)
            return {
                "for": found.why.value,
                "text": self._text(job, found, by.subject if by is not None and known else None, line),
                "job": f"job-{found.by}" if known else None,
                "until": job.not_before.isoformat() if found.why is Hindrance.TIME else None,
            }
        if job.subject not in here:
            text = "its files do not lie in this folder: a worker that has them takes it"
            return {"for": _NO_FILES, "text": text, "job": None, "until": None}
        run = f": {line.running} {'job runs' if line.running == 1 else 'jobs run'} now" if line.running else ""
        return {"for": _WORKER, "text": f"waits for a worker that is free{run}", "job": None, "until": None}

    def _text(self, job: Job, found: Obstacle, subject: str | None, line: Line) -> str:
        if found.why is Hindrance.TIME:
            again = "is tried again" if job.attempts else "is due"
            return f"{again} at {job.not_before.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        if found.why is Hindrance.SAME_PRODUCT:
            runs = (by := line.job(found.by or 0)) is not None and by.state == JobState.RUNNING.value
            what = "which runs" if runs else "the piece before it" if job.kind == BACKFILL else "which comes first"
            return f"waits for job-{found.by} of its product, {what}"
        if found.why is Hindrance.UPSTREAM:
            return f"waits for `{subject}`, which it is made from" if subject else "waits for what it is made from"
        kind, name = ("domain", job.domain) if found.why is Hindrance.DOMAIN_LIMIT else ("engine", job.engine)
        return f"waits for others: {self._limits.of(kind, name)} at once is the limit of {kind} `{name}`"

    def _graph(self, statements: Statements) -> Upstream:
        """What products read; read again when anything was published since."""
        seq = scheduling.cursor_of(statements)
        if self._upstream is None or self._upstream[0] != seq:
            self._upstream = seq, Upstream(Schedules(statements).reads())
        return self._upstream[1]
