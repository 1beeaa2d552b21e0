"""Environments beside production: which there are, and how one goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from weft.errors import Conflict, error
from weft.model.address import Address
from weft.registry.base import RegistryReader
from weft.runs import repair
from weft.runs.context import Context
from weft.storage.environment import branch_of


class Environment(Struct, frozen=True):
    """A set of publications beside production's.

    Attributes:
        ports: what was built in it, by pinned address.
        made_at: when it was made.
        used_at: when something was last done in it; None when nothing ever was.
        ends_at: when it goes by itself: so long after it was used, or made, that nobody seems to want it.
    """

    name: str
    ports: tuple[Address, ...]
    made_at: datetime
    used_at: datetime | None
    ends_at: datetime

    def ended(self, now: datetime) -> bool:
        """Whether its time is over."""
        return now >= self.ends_at

    def as_json(self) -> dict[str, object]:
        """The shape of `env list`."""
        return {
            "name": self.name,
            "ports": [str(a) for a in self.ports],
            "made_at": self.made_at.isoformat(),
            "used_at": self.used_at.isoformat() if self.used_at else None,
            "ends_at": self.ends_at.isoformat(),
        }


def environment(name: str, own: RegistryReader, made_at: datetime, keep: timedelta) -> Environment:
    """What an environment is, from what its registry holds and when it was made."""
    last = own.events(own.last_event() - 1, 1)
    used = last[-1].at if last else None
    ports = tuple(a for a, state in own.ports().items() if not state.retired)
    return Environment(name, ports, made_at, used, (used or made_at) + keep)


def drop(name: str, own: RegistryReader, context: Context) -> list[str]:
    """Takes an environment's snapshots away; its registry must be gone when the files are swept.

    Returns:
        The runs in whose folders its files lie.

    Raises:
        Conflict: WFT-ENV-003, something runs in it.
    """
    if not idle(own):
        raise Conflict(
            error(
                "WFT-ENV-003",
                f"something runs in environment `{name}`",
                why="its files are still being written",
                fix="wait until it has ended",
            )
        )
    tables = [*own.ports(), *(t.table for t in own.kept_tables())]
    for table in tables:
        context.storage.drop_branch(table, branch_of(name))
    manifests = [p.manifest for address in own.ports() for p in own.history(address)]
    files = [f for manifest in (*manifests, *(t.manifest for t in own.kept_tables())) for f in manifest.files]
    files += [f for batch in own.batches() for f in batch.files]
    return sorted({part.removeprefix("run-") for f in files for part in f.path.split("/") if part.startswith("run-")})


def sweep(runs: Sequence[str], context: Context) -> int:
    """Removes the files of runs that only environments referred to which are gone. Returns how many there were.

    While something runs they stay until they are older than `storage.orphan_age`: it may be taking rows over.
    """
    began = context.now()
    if any(context.registry.lives(run) for run in context.registry.unfinished()):
        return 0
    return len(repair.sweep(context, alive=[], older_than=began, only=runs))


def idle(own: RegistryReader) -> bool:
    """Whether nothing runs in an environment."""
    return not any(own.lives(run) for run in own.unfinished())
