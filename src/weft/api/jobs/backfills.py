"""Backfills: how far one is and what has failed of it, its pieces, and which products have any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from weft.errors import UsageError, error
from weft.model.address import ProductAddress
from weft.model.jobs import Job, JobState
from weft.plan.keeping import TABLE, Window
from weft.registry.base import RegistryReader
from weft.registry.database import Statements
from weft.registry.queue import Queue
from weft.registry.queue_counts import states_of

MOST_PIECES = 5000
_MOST_TOLD = 20
NOT_DONE = (JobState.FAILED, JobState.CANCELLED, JobState.LOST)
"""How pieces end that a backfill has to do again."""


class Backfill(Struct, frozen=True):
    """A stretch of time of a product that is computed again, piece by piece.

    Attributes:
        resumed: pieces that an earlier one of the same had left, and that are queued again.
        states: how many pieces there are in each state.
        of: the whole stretch of time, as JSON.
        failed: pieces that did not succeed, with the reason of each; the newest of them.
    """

    backfill_id: str
    subject: str
    resumed: int
    states: dict[str, int]
    of: Mapping[str, str] | None = None
    actor: str = ""
    created_at: datetime | None = None
    failed: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether no piece waits or runs."""
        return not any(self.states.get(s.value) for s in JobState if not s.is_over)

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft backfill --format json` and of the API."""
        return {
            "backfill": self.backfill_id,
            "product": self.subject,
            "window": dict(self.of) if self.of else None,
            "by": self.actor,
            "created_at": self.created_at.isoformat() if self.created_at else None,
            "pieces": sum(self.states.values()),
            "resumed": self.resumed,
            "states": self.states,
            "failed": [dict(one) for one in self.failed],
        }


def shown(statements: Statements, backfill_id: str, resumed: int = 0) -> Backfill:
    """How far a backfill is.

    Raises:
        UsageError: WFT-RUN-041, there is none of this id.
    """
    queue = Queue(statements)
    newest = queue.jobs(batch_of=backfill_id, limit=1)
    if not newest:
        raise no_backfill(backfill_id)
    states = states_of(statements, backfill_id)
    lacking = any(states.get(state.value) for state in NOT_DONE)
    failed = queue.jobs(states=NOT_DONE, batch_of=backfill_id, limit=_MOST_TOLD) if lacking else []
    told = tuple(_failed(job) for job in failed)
    (one,) = newest
    return Backfill(backfill_id, one.subject, resumed, states, one.payload.get("of"), one.actor, one.created_at, told)


def no_backfill(backfill_id: str) -> UsageError:
    """That there is no backfill of that id, or none that somebody may know of."""
    fix = "`weft backfill --list` lists them"
    return UsageError(error("WFT-RUN-041", f"there is no backfill `{backfill_id}`", fix=fix))


def built_whole(product: str) -> UsageError:
    """That a product has nothing of which a stretch of time could be computed by itself."""
    return UsageError(
        error(
            "WFT-PLN-017",
            f"`{product}` is built whole: none of its models is built by time",
            why="a backfill computes a stretch of time again, which takes a model with a `time_column`",
            fix=f"run all of it with `weft schedule run {product}`, or set `materialized: incremental` and "
            "`time_column` in a model and apply it",
        )
    )


def published_by_time(reader: RegistryReader, product: str) -> bool:
    """Whether something of a product may be built by time, as it was last published; also where nobody knows."""
    address = ProductAddress(*product.split("."))
    parts = [port.parts for port in reader.ports_of(address)]
    known = bool(parts) and all(parts)
    return not known or any(TABLE in one for one in parts) or bool(reader.kept_tables(address))


def pieces_of(window: Window, by: timedelta) -> Sequence[Window]:
    """A stretch of time in pieces, the first of which begins with it.

    Raises:
        UsageError: WFT-RUN-046, it has no end or no beginning, or too many pieces.
    """
    start, end = window.start.astimezone(UTC), window.end.astimezone(UTC)
    if start.year == 1 or end.year == 9999 or by <= timedelta():
        what = "a backfill has a beginning, an end, and pieces of some length"
        raise UsageError(error("WFT-RUN-046", what, fix="give --start, --end and --by: 1d, 12h"))
    if (end - start) / by > MOST_PIECES:
        what = f"between {start:%Y-%m-%d} and {end:%Y-%m-%d} lie more than {MOST_PIECES} pieces"
        raise UsageError(error("WFT-RUN-046", what, fix="make them longer with --by: 7d"))
    pieces = []
    while start < end:
        pieces.append(Window(start, min(start + by, end)))
        start += by
    return pieces


def _failed(job: Job) -> dict[str, Any]:
    """A piece that did not succeed; what is told of why holds no rows."""
    return {
        "job": job.job_id,
        "state": job.state.value,
        "window": job.payload.get("window"),
        "code": (first := _first(job.result or {}))[0],
        "why": first[1],
    }


def _first(result: Mapping[str, Any]) -> tuple[str | None, str]:
    """The code and the words of the first thing that went wrong."""
    of_ports = [d for one in result.get("failed", ()) for d in one["diagnostics"]]
    for told in (*of_ports, *(result.get("diagnostics") or ())):
        if told.get("severity", "error") == "error":
            return told.get("code"), str(told["what"])
    return None, str(result.get("why", "it has not said why"))
