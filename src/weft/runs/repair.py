"""What runs leave behind: after one that died `main` is made to follow and its record closed; orphans are swept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta

from msgspec.structs import replace

from weft.config import duration
from weft.errors import Conflict, WeftError
from weft.model.address import Address
from weft.model.records import Run, RunState
from weft.registry import processes
from weft.runs import catching_up, due, expiry
from weft.runs.context import Context

_BATCHES_ARE_KEPT = timedelta(days=7)
"""How long a build that was interrupted can be gone on with."""


def after_dead_runs(context: Context) -> None:
    """Repairs what runs have left that ended without saying so. Costs nothing when there are none."""
    began = context.now()  # what another run stages from here on is younger
    unfinished = context.registry.unfinished()
    if all(context.registry.lives(run) for run in unfinished):
        return
    with ExitStack() as held:
        dead = [run for run in unfinished if _given_up(run, held, context)]
        _repaired(dead, [run.run_id for run in unfinished if run not in dead], began, context)


def _given_up(run: Run, held: ExitStack, context: Context) -> bool:
    """Whether a run has died, and is now held here: nobody else repairs it, and it cannot go on after all."""
    if context.registry.lives(run):
        return False
    try:
        held.enter_context(context.registry.lock(f"run:{run.run_id}", holder=processes.identity(), timeout_s=0))
    except Conflict:
        return False
    return True


def _repaired(dead: Sequence[Run], alive: list[str], began: datetime, context: Context) -> None:
    for run in dead if context.storage.keeps else ():
        catching_up.after(run.run_id, [outcome.address for outcome in run.ports], context)
    for run in dead:
        if run.process is not None:
            context.drop_temp_folder(run.process)
    removed = sweep(context, alive=alive, older_than=began, only=[run.run_id for run in dead])
    for run in dead:
        context.registry.finish_run(replace(run, state=RunState.INTERRUPTED, finished_at=context.now()))
        context.progress.note(f"run {run.run_id} had ended in the middle; repaired, {_orphans(len(removed))} removed")


def sweep(
    context: Context, *, alive: list[str], older_than: datetime, only: Collection[str] | None = None
) -> list[str]:
    """Removes data files and branches from before an instant that no publication and no living run refers to.

    Args:
        older_than: not later than the moment at which `alive` was found out.
        only: runs of which alone anything is removed; None: of all. Batches of a long build lie in no run's folder, and
            are written before they are known: only their age tells that nobody is about to name them.
    """
    if not context.storage.keeps:  # what lies here is a copy, or was staged by runs of this machine
        return list(context.storage.sweep({}, older_than=older_than, runs=alive, only=only))
    # Before the registry is asked: what is published from here on is no history yet, and none of it is forgotten.
    unshown = context.storage.unshown()
    keep: dict[Address, set[str]] = {}
    beside: set[str] = set()
    others = list(context.others().values())
    for registry in (context.registry, *others):
        # before the publications: what is no batch any more by then is published
        beside |= {f.path for batch in registry.batches() for f in batch.files}
        for address, publications in expiry.kept(registry, context).items():
            keep.setdefault(address, set()).update(p.snapshot_id for p in publications)
            beside |= {f.path for p in publications if p.quarantine is not None for f in p.quarantine.manifest.files}
        for table in registry.kept_tables():
            keep.setdefault(table.table, set()).add(table.snapshot_id)
    if only is None:
        context.storage.forget({a: set(ids) - keep.get(a, set()) for a, ids in unshown.items()})
    runs = [*alive, *(r.run_id for other in others for r in other.unfinished() if other.lives(r))]
    return list(context.storage.sweep(keep, older_than=older_than, runs=runs, beside=beside, only=only))


def now_and_then(context: Context) -> None:
    """Removes what nothing refers to and is older than `storage.orphan_age`; looks for it once in such a time.

    Data versions whose time is over are marked first. Their files go when it looks the next time.
    """
    if not due.begun(context.settings) or not due.is_due(context.settings, context.now()):
        return
    try:
        _look_through(context)
    except (WeftError, OSError) as e:  # what was applied is published, and the disk will be told of by the next one
        context.progress.note(f"orphans are looked for again by the next apply: {e}")


def _look_through(context: Context) -> None:
    age = duration(context.settings.storage.orphan_age)
    began = context.now()
    marked = expiry.mark(context) if context.storage.keeps else 0
    if marked:
        context.progress.note(f"{marked} data version{'' if marked == 1 else 's'} expired")
    alive = [run.run_id for run in context.registry.unfinished() if context.registry.lives(run)]
    given_up = {b.build for b in context.registry.batches() if b.at < began - _BATCHES_ARE_KEPT}
    if given_up:
        context.registry.drop_batches(sorted(given_up))
    if context.storage.keeps:
        catching_up.catch_up(context)
    removed = sweep(context, alive=alive, older_than=began - age)
    due.done(context.settings)
    if removed:
        context.progress.note(f"{_orphans(len(removed))} removed")


def _orphans(count: int) -> str:
    return f"{count} orphaned file{'' if count == 1 else 's'}"
