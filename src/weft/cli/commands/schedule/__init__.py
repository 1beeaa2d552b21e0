"""`weft schedule`: what is applied by itself."""

from __future__ import annotations

import click

from weft.cli.commands.schedule.list import list_
from weft.cli.commands.schedule.pausing import pause, resume
from weft.cli.commands.schedule.run import run
from weft.cli.options import examples


@click.group(
    "schedule",
    help="List, start, pause and resume what is applied by itself.\n\n"
    "A product says when in `weft.schedule` of its descriptor; it holds from its next publication on.",
    epilog=examples("weft schedule list", "weft schedule run operations.on_time", "weft schedule pause fleet.aircraft"),
)
def command() -> None:
    pass


for verb in (list_, run, pause, resume):
    command.add_command(verb)
