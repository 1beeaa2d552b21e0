"""`weft notices`: telling without a worker."""

from __future__ import annotations

import click

from weft.cli.commands.notices.run import run
from weft.cli.options import examples


@click.group(
    "notices",
    help="Watch, tell and deliver where no worker runs.\n\n"
    "A worker of `weft serve` does this all the time; cron may do it with `weft notices run --once`.",
    epilog=examples("weft notices run --once"),
)
def command() -> None:
    pass


command.add_command(run)
