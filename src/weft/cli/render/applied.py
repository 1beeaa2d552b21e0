"""What an apply did, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft.cli.render.checks import counts_text
from weft.cli.render.marks import quarantine_text
from weft.cli.text import counted, number, seconds_text, table
from weft.errors import Diagnostic

if TYPE_CHECKING:
    from weft.runs.results import ApplyResult, Published


def applied_text(result: ApplyResult) -> str:
    """One line for each port that moved, what went wrong, what was left alone, and a last line that sums up."""
    parts = []
    if result.published:
        parts.append(published_table(result.published))
    left_out = [
        f"quarantined {p.address}: {quarantine_text(p.quarantine.as_json())}"
        for p in result.published
        if p.quarantine is not None
    ]
    if left_out:
        parts.append("\n".join([*left_out, "`weft quarantine ADDRESS` shows these rows to their owner"]))
    overridden = [f"override {p.address}: {p.override.mark}" for p in result.published if p.override is not None]
    if overridden:
        parts.append("\n".join(overridden))
    reused = [
        f"not built again {p.address}: its rows come from environment {p.reused}" for p in result.published if p.reused
    ]
    if reused:
        parts.append("\n".join(reused))
    seen: list[Diagnostic] = []
    for failed in result.failed:
        new = [d for d in failed.diagnostics if d not in seen]
        seen += new
        parts.append("\n".join([f"failed {failed.address}", *(str(d) for d in new)]))
    asked: dict[tuple[Diagnostic, ...], list[str]] = {}
    for one in result.waiting:
        asked.setdefault(one.diagnostics, []).append(str(one.address))
    for told, ports in asked.items():
        parts.append("\n".join([*(f"waiting {port}" for port in ports), *map(str, told)]))
    if result.skipped:
        parts.append("\n".join(f"skipped {s.address}: {s.because}" for s in result.skipped))
    if result.retired:
        parts.append("\n".join(f"retired {a}" for a in result.retired))
    parts.append(_summary(result))
    return "\n\n".join(parts)


def published_table(published: tuple[Published, ...]) -> str:
    """Ports that moved: address, rows, checks, owner, seconds."""
    rows = [
        [str(p.address), number(p.rows), counts_text(p.checks), p.owner, seconds_text(p.seconds)] for p in published
    ]
    return table(["published", "rows", "checks", "owner", "took"], rows, right=[1, 4])


def _summary(result: ApplyResult) -> str:
    counts = [
        (len(result.published), "published"),
        (len(result.failed), "failed"),
        (len(result.waiting), "waiting"),
        (len(result.skipped), "skipped"),
        (len(result.retired), "retired"),
        (len(result.unchanged), "unchanged"),
    ]
    named = ", ".join(f"{number(n)} {word}" for n, word in counts if n)
    if not (result.published or result.failed or result.waiting or result.skipped or result.retired):
        return f"nothing to do: {counted(len(result.unchanged), 'port')} unchanged ({seconds_text(result.seconds)})"
    run = f"run {result.run_id}: " if result.run_id else ""
    return f"{run}{named} in {seconds_text(result.seconds)}"
