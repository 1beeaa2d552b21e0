"""`weft classify`: which level and tags columns should have, by what they are made from and by what they hold."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from weft.cli.options import SELECT_HELP, examples, format_option, select_argument
from weft.cli.output import print_diagnostics, print_json, print_line, print_text

if TYPE_CHECKING:
    from weft.api.governance.detecting import Suggestion
    from weft.governance.standing import Standing


@click.command(
    "classify",
    help="Show which level and tags columns declare, inherit from what they are made from, and should have.\n\n"
    f"{SELECT_HELP}",
    epilog=examples(
        "weft classify",
        "weft classify crew.roster",
        "weft classify punctuality --write --yes",
        "weft classify --detect operations.crews --format json",
    ),
)
@select_argument
@click.option(
    "--detect",
    is_flag=True,
    help="Look for data about people in samples of the published rows. No value is shown, stored or logged.",
)
@click.option("--write", is_flag=True, help="Put suggestions that you agree to into the contracts.")
@click.option("--yes", "-y", is_flag=True, help="Agree to all of them.")
@format_option()
def command(select: tuple[str, ...], detect: bool, write: bool, yes: bool, form: str) -> int:
    if yes and not write:
        raise click.UsageError("--yes agrees to what --write writes: give both")
    if write and not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("nobody can be asked here: give --yes to write every suggestion")
    if detect:
        return _detect(select, write, yes, form)
    from weft import api
    from weft.cli.render.classified import classified_text

    with api.open() as mesh:
        result = mesh.classify(select, agree=(_all if yes else _agreed) if write else None)
    if form == "json":
        print_json(result.as_json())
    else:
        print_text(classified_text(result))
    return 0


def _detect(select: tuple[str, ...], write: bool, yes: bool, form: str) -> int:
    from weft.api.governance.detecting import detected_here
    from weft.cli.render.detected import detected_text

    found = detected_here(select, agree=(_every if yes else _agreed_finding) if write else None)
    if form == "json":
        print_json(found.as_json())
    else:
        print_text(detected_text(found))
        for file in found.written:
            print_line(f"wrote {file}")
        print_diagnostics(found.diagnostics)
    return 0


def _all(suggested: Sequence[Standing]) -> Sequence[Standing]:
    return suggested


def _every(suggested: Sequence[Suggestion]) -> Sequence[Suggestion]:
    return suggested


def _agreed(suggested: Sequence[Standing]) -> Sequence[Standing]:
    """Asks about each column."""
    from weft.cli.render.classified import suggestion_text

    agreed = []
    for one in suggested:
        for reason in one.suggestion.reasons:
            print_line(f"  {reason}")
        if click.confirm(f"{suggestion_text(one)}?", err=True):
            agreed.append(one)
    return agreed


def _agreed_finding(suggested: Sequence[Suggestion]) -> Sequence[Suggestion]:
    """Asks about each finding."""
    agreed = []
    for one in suggested:
        what = [f"classification {one.classification}"] if one.classification is not None else []
        what += [f"tag {tag}" for tag in one.add_tags]
        print_line(f"  {one.finding.share:.0%} of its values look like {one.finding.kind}")
        if click.confirm(f"{one.address}.{one.finding.column}: {', '.join(what)}?", err=True):
            agreed.append(one)
    return agreed
