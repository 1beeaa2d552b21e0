"""`weft contract`: drafting, comparing, checking and exchanging contracts."""

from __future__ import annotations

import click

from weft.cli.commands.contract.bump import bump
from weft.cli.commands.contract.diff import diff
from weft.cli.commands.contract.exchange import export, import_
from weft.cli.commands.contract.lint import lint
from weft.cli.commands.contract.sync import sync
from weft.cli.options import examples


@click.group(
    "contract",
    help="Draft, compare, check, import and export contracts.",
    epilog=examples("weft contract sync fleet.aircraft.planes", "weft contract diff old.odcs.yaml new.odcs.yaml"),
)
def command() -> None:
    pass


for verb in (sync, diff, lint, bump, import_, export):
    command.add_command(verb)
