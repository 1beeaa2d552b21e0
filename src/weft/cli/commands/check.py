"""`weft check`: what the files alone say."""

from __future__ import annotations

import click

from weft.cli.options import SELECT_HELP, examples, format_option, select_argument
from weft.cli.output import print_diagnostics, print_json, print_text
from weft.cli.text import counted
from weft.errors import Severity


@click.command(
    "check",
    help=f"Say everything that can be said from the files alone.\n\n{SELECT_HELP}",
    epilog=examples("weft check", "weft check operations", "weft check --format json"),
)
@select_argument
@format_option()
def command(select: tuple[str, ...], form: str) -> int:
    from weft import api

    with api.open() as mesh:
        report = mesh.check(select)
    if form == "json":
        print_json(report.as_json())
    else:
        print_diagnostics(report.diagnostics, answer=True)
        print_text(_summary([d.severity for d in report.diagnostics]))
    return report.exit_code


def _summary(severities: list[Severity]) -> str:
    kinds = [(severities.count(s), s.value) for s in Severity]
    return ", ".join(counted(n, word) for n, word in kinds if n) or "no problem found"
