"""Snapshots of what a run has staged: one after the other, or several at once where each has to wait for its store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from weft.model.address import Address
from weft.model.publication import PortState
from weft.runs.build import Staged
from weft.runs.context import Context

_AT_ONCE = 8


def committed(
    staged: Sequence[Staged], ports: Mapping[Address, PortState], run_id: str, context: Context
) -> dict[Address, str]:
    """The ids of the snapshots, by port. Nobody sees them yet.

    Raises:
        WeftError: see `Storage.commit`; of several that fail the first in order, when all have ended.
    """

    def one(some: Staged) -> str:
        address = some.wanted.port.address
        before = ports.get(address)
        base = before.snapshot_id if before is not None and before.live is None else None
        snapshot = context.storage.commit(some.target, run_id=run_id, base=base, files=some.manifest.files)
        if some.quarantine is not None:
            context.storage.beside(run_id, some.quarantine.manifest.files)
        return snapshot

    if not context.storage.far or len(staged) < 2:
        return {some.wanted.port.address: one(some) for some in staged}
    with ThreadPoolExecutor(_AT_ONCE, "weft-commit") as threads:
        asked = [(some.wanted.port.address, threads.submit(one, some)) for some in staged]
    return {address: future.result() for address, future in asked}
