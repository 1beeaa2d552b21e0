"""`weft compliance report`: score and trend per domain, product, policy and regulation."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import click

from weft.cli.options import examples
from weft.cli.output import json_text, print_line, writing
from weft.cli.text import table


@click.command(
    "report",
    help="Report score and trend of every domain, product, policy and regulation, as the event log has them.\n\n"
    "The score is the share of (policy, product in its scope) pairs without an open violation; waived and baseline "
    "pairs are shown apart. A day that is over gives the same report whenever it is asked for; one of now or of "
    "today says that it is not final.",
    epilog=examples(
        "weft compliance report",
        "weft compliance report --regulation gdpr --at 2026-06-30 --format html --out gdpr.html",
    ),
)
@click.option("--regulation", metavar="ID", help="Only policies that name this regulation.")
@click.option("--at", metavar="TIME", help="A day, meant to its end (UTC), or a moment; without it: now.")
@click.option(
    "--days", type=click.IntRange(1, 3650), default=90, show_default=True, help="How far back the trend goes."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "html", "json", "csv"]),
    default="text",
    show_default=True,
    help="html is a page that stands alone.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to this file.")
def report(regulation: str | None, at: str | None, days: int, form: str, out: Path | None) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        found = verbs.compliance(regulation=regulation, at=at, days=days, form=form)
    text = found if isinstance(found, str) else _document(found, form)
    if out is None:
        click.echo(text, nl=False)
        return 0
    with writing(out):
        out.write_text(text, encoding="utf-8")
    print_line(f"written to {out}")
    return 0


_STATES = ("kept", "waived", "baseline", "violated", "unknown")


def _document(found: dict[str, Any], form: str) -> str:
    return f"{json_text(found)}\n" if form == "json" else _text(found)


def _text(found: dict[str, Any]) -> str:
    of = f" under {found['regulation']}" if found["regulation"] else ""
    lines = [f"{found['mesh']}{of} on {found['at']}: {_percent(found['total']['score'])}", ""]
    for section in ("domains", "policies", "regulations"):
        if found[section]:
            rows = [
                [one["name"], _percent(one["score"]), _percent(one["before"]), *(f"{one[s]:,}" for s in _STATES)]
                for one in found[section]
            ]
            lines += [table([section, "score", "before", *_STATES], rows), ""]
    moving = "" if found["final"] else "; not final: the time that was asked for is not over"
    return "\n".join([*lines, f"made from the log up to {found['anchor']}{moving}", ""])


def _percent(score: float | None) -> str:
    return "-" if score is None else f"{score * 100:.2f} %"
