"""Data versions that have had their time: the registry marks them first, then metadata goes, then files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from weft.config import duration
from weft.contracts.service_levels import kept_versions
from weft.model.address import Address
from weft.model.odcs import published_contract
from weft.model.publication import Expired, PortState, Publication
from weft.registry.base import RegistryReader
from weft.runs.context import Context


def expired(
    history: Sequence[Publication], state: PortState, now: dt.datetime, keep: dt.timedelta, at_least: int
) -> tuple[str, ...]:
    """Snapshots of a port whose rows nobody was promised any more, oldest first.

    Kept are the current one, the newest `at_least`, all that could be read at some time within `keep`, and the last one
    that kept every rule while the current one was published against failed checks. Of a port that a rollback has pinned
    nothing goes.

    Args:
        history: its publications, newest first.
    """
    if state.pinned is not None:
        return ()
    until: dict[str, dt.datetime] = {}  # when another snapshot took its place for the last time; newest snapshot first
    ended = dt.datetime.max.replace(tzinfo=dt.UTC)
    for one in history:
        until.setdefault(one.snapshot_id, ended)
        ended = one.published_at
    spared = {state.snapshot_id, *list(until)[:at_least]}
    if state.override is not None:
        spared |= {next((p.snapshot_id for p in history if p.override is None), state.snapshot_id)}
    gone = {p.snapshot_id for p in history if p.expired is not None}
    old = [s for s, end in until.items() if end < now - keep and s not in spared and s not in gone]
    return tuple(reversed(old))


def mark(context: Context) -> int:
    """Marks in the registry what has expired; from then on nobody can begin to read it. Gives how many snapshots."""
    settings = context.settings.storage
    count = 0
    for address, state in context.registry.ports().items():
        asked = duration(settings.keep_snapshots)
        promised = kept_versions(published_contract(state)) or dt.timedelta()
        keep, now = max(asked, promised), context.now()
        old = expired(context.registry.history(address), state, now, keep, settings.keep_at_least)
        if old:
            why = "the contract's retention" if promised > asked else "`storage.keep_snapshots`"
            reason = f"kept for {_in_words(keep)} by {why}"
            count += len(context.registry.expire(address, old, Expired(now, reason), actor=context.actor))
    return count


def kept(registry: RegistryReader, context: Context) -> Mapping[Address, Sequence[Publication]]:
    """Publications of a registry whose files stay: those that have not expired, or not long ago.

    A query that began before its snapshot expired has the age of orphans to end.
    """
    limit = context.now() - duration(context.settings.storage.orphan_age)
    return {
        address: [p for p in registry.history(address) if p.expired is None or p.expired.at > limit]
        for address in registry.ports()
    }


def _in_words(time: dt.timedelta) -> str:
    days = time.days
    return f"{days} day{'' if days == 1 else 's'}" if days else f"{int(time.total_seconds())} seconds"
