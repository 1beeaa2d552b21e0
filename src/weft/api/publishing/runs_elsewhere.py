"""Runs of machines elsewhere as the registry records them: what the log keeps for ever is no text of a client."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec.structs import replace

from weft.errors import UsageError, error
from weft.model.address import Address, parse_address
from weft.model.records import PortOutcome, Run, RunState
from weft.registry.base import RegistryReader
from weft.registry.processes import ELSEWHERE

_WORD = re.compile(r"[a-z][a-z ]{0,30}")
_UNPUBLISHED = frozenset(
    {"failed", "skipped", "retired", "unchanged", "planned", "not reached", "waiting", "landed", "not landed"}
)
"""What a runner may say of a port that it has not published."""

_MOST_WORDS = 100
_LONGEST = 200


def begun(run: Run, actor: str, at: datetime) -> Run:
    """A run that begins: nothing has come of its ports yet, whatever is said of them."""
    kind = run.kind if _WORD.fullmatch(run.kind) else "apply"
    selection = tuple(text[:_LONGEST] for text in run.selection[:_MOST_WORDS])
    planned = tuple(PortOutcome(p.address, "planned") for p in run.ports)
    return Run(run.run_id, kind, actor, RunState.RUNNING, at, None, selection, planned, ELSEWHERE)


def ended_at(port: PortOutcome, ended: Run, began: datetime, now: datetime) -> datetime | None:
    """When a port had failed, by the clock of this server; None where the runner does not say.

    Clocks differ, so what counts is how long before the end of its run the runner says that it was.

    Args:
        ended: the run as the runner states its end.
        began: when this server opened the run.
    """
    at, finished = port.ended_at, ended.finished_at
    if at is None or finished is None or at.tzinfo is None or finished.tzinfo is None:
        return None
    return now - min(max(finished - at, timedelta(0)), max(now - began, timedelta(0)))


def outcome(
    port: PortOutcome,
    run_id: str,
    published: Collection[str],
    reader: RegistryReader,
    ended_at: datetime | None = None,
) -> PortOutcome:
    """What has come of a port: of one that was published as it is registered, of another what is said of it.

    Args:
        published: the products that the run has published.
        ended_at: when it had failed, where it has.
    """
    if port.outcome == "waiting" and str(port.address.of_product) in published:
        port = replace(port, outcome="published", diagnostics=())  # somebody has agreed since
    if port.outcome not in ("published", "updated"):
        said = port.outcome if port.outcome in _UNPUBLISHED else "failed"
        rows = (
            port.rows if said == "landed" and (port.rows or 0) >= 0 else None
        )  # how many were read, by the runner's word
        told = PortOutcome(port.address, said, rows=rows, seconds=port.seconds, diagnostics=port.diagnostics)
        return replace(told, ended_at=ended_at) if said == "failed" else told
    if str(port.address.of_product) not in published:
        failed = PortOutcome(port.address, "failed", seconds=port.seconds, diagnostics=port.diagnostics)
        return replace(failed, ended_at=ended_at)
    found = reader.publication(port.address)
    if found is None or found.run_id != run_id:
        return PortOutcome(port.address, port.outcome, seconds=port.seconds)
    return replace(
        port,
        ended_at=None,
        snapshot_id=found.snapshot_id,
        rows=found.rows,
        quarantine=found.quarantine.as_json() if found.quarantine is not None else None,
        override=found.override.as_json() if found.override is not None else None,
    )


def require_port(address: Address) -> None:
    """Refuses what no port can be called: a record that holds it could not be read again.

    Raises:
        UsageError: WFT-PLN-001.
    """
    if parse_address(str(address)) != address or address.major is None:
        raise UsageError(error("WFT-PLN-001", f"`{str(address)[:200]}` is not the address of a port with its major"))
