"""Runs as the catalog shows them: what ran, what came of each port, which checks failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from weft.errors import UsageError, did_you_mean, error
from weft.model.address import Address
from weft.model.checks import CheckResult
from weft.model.records import Run
from weft.registry.base import RegistryReader


class RunPage(Struct, frozen=True):
    """A run with the check results of its ports."""

    run: Run
    checks: Mapping[Address, Sequence[CheckResult]]

    def as_json(self) -> dict[str, Any]:
        """The page as `weft run --format json` prints it."""
        return {
            **run_json(self.run),
            "checks": {str(a): [c.as_json() for c in results] for a, results in self.checks.items()},
        }


def run_page(reader: RegistryReader, run_id: str) -> RunPage:
    """The page of a run; the beginning of an id is enough where only one run has it.

    Raises:
        UsageError: WFT-RUN-004, there is no such run, or several begin so.
    """
    run = reader.run(run_id)
    if run is None:
        newest = reader.runs(None, 1000)
        begins = [r for r in newest if r.run_id.startswith(run_id)]
        if len(begins) != 1:
            raise UsageError(
                error(
                    "WFT-RUN-004",
                    f"{'several runs begin' if begins else 'there is no run'} with `{run_id}`"
                    if begins
                    else f"there is no run `{run_id}`",
                    fix=did_you_mean(run_id, [r.run_id for r in newest], otherwise="`weft runs` lists the newest runs"),
                )
            )
        run = begins[0]
    return RunPage(run, reader.checks(run.run_id))


def run_json(run: Run) -> dict[str, Any]:
    """A run as `weft runs --format json` lists it."""
    return {
        "run_id": run.run_id,
        "kind": run.kind,
        "actor": run.actor,
        "state": run.state.value,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "selection": list(run.selection),
        "ports": [
            {
                "address": str(p.address),
                "outcome": p.outcome,
                "snapshot_id": p.snapshot_id,
                "rows": p.rows,
                "seconds": p.seconds,
                "diagnostics": [dict(d) for d in p.diagnostics],
                "quarantine": dict(p.quarantine) if p.quarantine is not None else None,
                "override": dict(p.override) if p.override is not None else None,
                "ended_at": p.ended_at.isoformat() if p.ended_at is not None else None,
            }
            for p in run.ports
        ],
    }
