"""Runs of machines elsewhere as the registry records them: what the log keeps for ever is no text of a client."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime

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


def outcome(port: PortOutcome, run_id: str, published: Collection[str], reader: RegistryReader) -> PortOutcome:
    """What has come of a port: of one that was published as it is registered, of another what is said of it.

    Args:
        published: the products that the run has published.
    """
    if port.outcome == "waiting" and str(port.address.of_product) in published:
        port = replace(port, outcome="published", diagnostics=())  # somebody has agreed since
    if port.outcome not in ("published", "updated"):
        said = port.outcome if port.outcome in _UNPUBLISHED else "failed"
        rows = (
            port.rows if said == "landed" and (port.rows or 0) >= 0 else None
        )  # how many were read, by the runner's word
        return PortOutcome(port.address, said, rows=rows, seconds=port.seconds, diagnostics=port.diagnostics)
    if str(port.address.of_product) not in published:
        return PortOutcome(port.address, "failed", seconds=port.seconds, diagnostics=port.diagnostics)
    found = reader.publication(port.address)
    if found is None or found.run_id != run_id:
        return PortOutcome(port.address, port.outcome, seconds=port.seconds)
    return replace(
        port,
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
