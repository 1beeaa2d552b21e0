"""`weft governance`: what holds for the whole mesh."""

from __future__ import annotations

import click

from weft.cli.commands.governance.baseline import baseline
from weft.cli.options import examples


@click.group(
    "governance",
    help="Accept what violates policies now as known debt, which may only shrink.",
    epilog=examples("weft governance baseline", "weft governance baseline --owner ana --plan … --until 2026-12-31"),
)
def command() -> None:
    pass


command.add_command(baseline)
