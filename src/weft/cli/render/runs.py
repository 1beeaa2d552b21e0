"""Runs and the history of a port as text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from weft.catalog.history import History
from weft.catalog.run_pages import RunPage
from weft.cli.render.checks import checks_text, counts_text
from weft.cli.render.marks import quarantine_text
from weft.cli.text import ago, indented, number, seconds_text, table
from weft.model.checks import Outcome, count
from weft.model.records import Run


def runs_table(runs: Sequence[Run], now: datetime, *, columns_wide: int | None = None) -> str:
    """One line for each run, the newest first."""
    if not runs:
        return "nothing has run yet"
    rows = [
        [run.run_id, run.kind, run.state.value, ago(run.started_at, now), _seconds(run), run.actor, _outcomes(run)]
        for run in runs
    ]
    return table(["run", "kind", "state", "started", "took", "by", "ports"], rows, right=[4], columns=columns_wide)


def run_text(page: RunPage, now: datetime) -> str:
    """A run: what came of each port, and the checks that did not pass."""
    run = page.run
    took = f", took {_seconds(run)}" if run.finished_at else ""
    lines = [f"{run.kind} {run.run_id}: {run.state.value}, {ago(run.started_at, now)} by {run.actor}{took}"]
    if run.selection:
        lines.append(f"selected: {' '.join(run.selection)}")
    named = {p.address: p for p in run.ports}
    for address in dict.fromkeys([*named, *page.checks]):
        outcome = named.get(address)
        results = page.checks.get(address, ())
        figures = [outcome.outcome if outcome else "checked"]
        if outcome and outcome.rows is not None:
            figures.append(f"{number(outcome.rows)} rows")
        if results:
            figures.append(counts_text(count(results)))
        if outcome and outcome.seconds is not None:
            figures.append(seconds_text(outcome.seconds))
        lines += ["", f"{address}  {' · '.join(figures)}"]
        if outcome and outcome.quarantine:
            lines.append(f"  quarantine: {quarantine_text(outcome.quarantine)}")
        if outcome and outcome.override:
            lines.append(f"  {outcome.override['mark']}")
        for diagnostic in outcome.diagnostics if outcome else ():
            lines.append(f"  {diagnostic.get('severity')} {diagnostic.get('code')}: {diagnostic.get('what')}")
        if any(r.result is not Outcome.PASSED for r in results):
            lines.append(indented(checks_text(results, every=False)))
    return "\n".join(lines)


def history_table(history: History, now: datetime, *, columns_wide: int | None = None) -> str:
    """One line for each publication, the newest first; the current one is marked."""
    rows = [
        [
            "*" if s.current else "",
            s.snapshot_id,
            ago(s.published_at, now),
            s.version,
            number(s.rows),
            counts_text(s.checks),
            s.run_id,
            s.published_by,
        ]
        for s in history.snapshots
    ]
    header = ["", "snapshot", "published", "version", "rows", "checks", "run", "by"]
    text = f"{history.address}\n{table(header, rows, right=[4], columns=columns_wide)}"
    gone = [s for s in history.snapshots if s.expired]
    if gone:
        text += "\n\nrows that had their time: " + "; ".join(
            f"{s.snapshot_id}, expired {s.expired.at:%Y-%m-%d} ({s.expired.reason})" for s in gone if s.expired
        )
    pinned = next((s for s in history.snapshots if s.pinned), None)
    if pinned:
        text += (
            f"\n\npinned to {pinned.snapshot_id} by a rollback: {pinned.reason}"
            f"\n`weft rollback {history.address} --release` frees it"
        )
    return text


def _outcomes(run: Run) -> str:
    kinds: dict[str, int] = {}
    for port in run.ports:
        kinds[port.outcome] = kinds.get(port.outcome, 0) + 1
    return ", ".join(f"{n} {outcome}" for outcome, n in kinds.items())


def _seconds(run: Run) -> str:
    return seconds_text((run.finished_at - run.started_at).total_seconds()) if run.finished_at else ""
