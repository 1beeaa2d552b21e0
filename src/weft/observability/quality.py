"""Quality: the check results of a port, folded over its newest runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from weft.model.address import Address
from weft.model.checks import CheckCounts, CheckResult, count
from weft.model.publication import PortState
from weft.registry.base import RegistryReader


class Point(Struct, frozen=True):
    """How the checks of one run ended."""

    run_id: str
    at: datetime
    counts: CheckCounts

    def as_json(self) -> dict[str, Any]:
        """The point as pages show it."""
        return {"run_id": self.run_id, "at": self.at.isoformat(), "checks": self.counts.as_json()}


class Quality(Struct, frozen=True):
    """A port's quality.

    Attributes:
        served: results of the publication that is served now.
        trend: the newest runs in which the port was checked, newest first; failed ones included.
        served_run: the run that checked what is served.
    """

    served: tuple[CheckResult, ...]
    trend: tuple[Point, ...]
    served_run: str = ""

    @property
    def counts(self) -> CheckCounts:
        """How the checks of what is served ended."""
        return count(self.served)

    @property
    def newest_failed(self) -> bool:
        """Whether the newest run was refused, so that older rows are served than were offered."""
        if not self.trend or self.trend[0].run_id == self.served_run:
            return False  # an override may have published it against failed checks
        return self.trend[0].counts.failed + self.trend[0].counts.error > 0

    def as_json(self) -> dict[str, Any]:
        """The quality as pages show it."""
        return {
            "checks": self.counts.as_json(),
            "newest_failed": self.newest_failed,
            "trend": [p.as_json() for p in self.trend],
        }


def checked_run(reader: RegistryReader, state: PortState) -> str:
    """The run whose checks tell of the rows that a port shows: descriptions may have been published anew since."""
    if reader.checks(state.run_id, state.address):
        return state.run_id
    same = (p.run_id for p in reader.history(state.address) if p.snapshot_id == state.snapshot_id)
    return next((run for run in same if reader.checks(run, state.address)), state.run_id)


def quality(reader: RegistryReader, address: Address, served_run: str, *, newest: int = 10) -> Quality:
    """The quality of a pinned port whose rows were checked by `served_run`."""
    trend = []
    for run in reader.runs(address, newest):
        results: Sequence[CheckResult] = reader.checks(run.run_id, address).get(address, ())
        if results:
            trend.append(Point(run.run_id, run.finished_at or run.started_at, count(results)))
    served = reader.checks(served_run, address).get(address, ())
    return Quality(tuple(served), tuple(trend), served_run)
