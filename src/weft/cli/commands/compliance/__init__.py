"""`weft compliance`: which share of what policies ask is kept."""

from __future__ import annotations

import click

from weft.cli.commands.compliance.report import report
from weft.cli.options import examples


@click.group(
    "compliance",
    help="Report which share of what policies ask is kept, today or on any day before.",
    epilog=examples("weft compliance report", "weft compliance report --regulation gdpr --at 2026-06-30 --format csv"),
)
def command() -> None:
    pass


command.add_command(report)
