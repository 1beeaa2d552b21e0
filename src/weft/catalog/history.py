"""The history of a port: which rows could be read since when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from weft.catalog.finding import port_state
from weft.model.address import Address
from weft.model.checks import CheckCounts
from weft.model.publication import Expired, Override, Quarantine
from weft.registry.base import RegistryReader


class Snapshot(Struct, frozen=True):
    """One publication. Two may share a snapshot, when only rules or texts changed or after a rollback.

    Attributes:
        expired: since when its rows cannot be read, and why; None while they can.
        pinned: a rollback holds the port at this publication; `reason` says why.
    """

    snapshot_id: str
    published_at: datetime
    published_by: str
    run_id: str
    version: str
    rows: int
    checks: CheckCounts
    revision: int
    current: bool
    pinned: bool
    reason: str | None
    quarantine: Quarantine | None = None
    override: Override | None = None
    expired: Expired | None = None

    def as_json(self) -> dict[str, Any]:
        """The entry as `weft history --format json` prints it."""
        return {
            "snapshot_id": self.snapshot_id,
            "published_at": self.published_at.isoformat(),
            "published_by": self.published_by,
            "run_id": self.run_id,
            "version": self.version,
            "rows": self.rows,
            "checks": self.checks.as_json(),
            "revision": self.revision,
            "current": self.current,
            "pinned": self.pinned,
            "reason": self.reason,
            "quarantine": self.quarantine.as_json() if self.quarantine is not None else None,
            "override": self.override.as_json() if self.override is not None else None,
            "expired": (
                {"at": self.expired.at.isoformat(), "reason": self.expired.reason} if self.expired is not None else None
            ),
        }


class History(Struct, frozen=True):
    """All publications of a port, newest first."""

    address: str
    snapshots: tuple[Snapshot, ...]

    def as_json(self) -> dict[str, Any]:
        """The history in the shape that `weft history --format json` prints."""
        return {"address": self.address, "snapshots": [s.as_json() for s in self.snapshots]}


def history(
    reader: RegistryReader, address: Address, *, before: int | None = None, limit: int | None = None
) -> History:
    """The history of a port; without major of its default one. All of it, or `limit` entries under a revision.

    Raises:
        UsageError: WFT-CAT-001, nothing is published there.
    """
    state = port_state(reader, address)
    return History(
        str(state.address),
        tuple(
            Snapshot(
                snapshot_id=p.snapshot_id,
                published_at=p.published_at,
                published_by=p.published_by,
                run_id=p.run_id,
                version=p.version,
                rows=p.rows,
                checks=p.checks,
                revision=p.revision,
                current=p.revision == state.revision,
                pinned=p.revision == state.revision and state.pinned is not None,
                reason=state.pinned if p.revision == state.revision else None,
                quarantine=p.quarantine,
                override=p.override,
                expired=p.expired,
            )
            for p in reader.history(state.address, before=before, limit=limit)
        ),
    )
