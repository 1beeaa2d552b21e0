"""After a run that died: `main` is made to follow, what it had staged is swept, its record is closed."""

from __future__ import annotations

import dataclasses
import os
import re
from datetime import timedelta
from pathlib import Path

from weft.model.address import Address
from weft.model.records import Run, RunState
from weft.runs.context import Context, process_identity


def after_dead_runs(context: Context) -> None:
    """Repairs what runs have left that ended without saying so. Costs nothing when there are none."""
    unfinished = context.registry.unfinished()
    dead = [run for run in unfinished if not _alive(run)]
    if not dead:
        return
    alive = [run.run_id for run in unfinished if run not in dead]
    ports = context.registry.ports()
    for run in dead:
        for outcome in run.ports:
            state = ports.get(outcome.address)
            if state is not None:
                context.storage.follow(outcome.address, state.snapshot_id, run.run_id)
        context.drop_temp_folder(run.run_id)
    removed = sweep(context, alive=alive, age=timedelta(0))
    for run in dead:
        context.registry.finish_run(dataclasses.replace(run, state=RunState.INTERRUPTED, finished_at=context.now()))
        context.progress.note(
            f"run {run.run_id} had ended in the middle; repaired, {len(removed)} orphaned files removed"
        )


def sweep(context: Context, *, alive: list[str], age: timedelta) -> list[str]:
    """Removes data files and branches older than an age that no publication and no living run refers to."""
    keep: dict[Address, set[str]] = {
        address: {p.snapshot_id for p in context.registry.history(address)} for address in context.registry.ports()
    }
    return list(context.storage.sweep(keep, older_than=context.now() - age, runs=alive))


def parse_age(text: str) -> timedelta:
    """A duration like `24h`, `30m`, `7d`, `0s`.

    >>> parse_age("24h")
    datetime.timedelta(days=1)
    """
    match = re.fullmatch(r"(\d+)\s*([smhd])", text.strip())
    if match is None:
        raise ValueError(f"`{text}` is not a duration like 24h")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[match[2]]
    return timedelta(**{unit: int(match[1])})


def _alive(run: Run) -> bool:
    """Whether the process of a run still lives; one on another host counts as alive."""
    if run.process is None:
        return False
    host, _, pid = run.process.rpartition(":")
    if host != process_identity().rpartition(":")[0]:
        return True
    if int(pid) == os.getpid():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _is_python(int(pid))


def _is_python(pid: int) -> bool:
    """Whether a process id, which may have been given to another program since, still looks like ours."""
    status = Path(f"/proc/{pid}/stat")
    if not status.exists():
        return True
    return status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0] != "Z"
