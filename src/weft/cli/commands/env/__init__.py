"""`weft env`: environments beside production."""

from __future__ import annotations

import click

from weft.cli.commands.env.drop import drop
from weft.cli.commands.env.list import list_
from weft.cli.options import examples


@click.group(
    "env",
    help="List and drop environments.\n\n"
    "An environment shows production wherever nothing was built in it: `weft apply --env NAME` builds what differs, "
    "and nobody else sees it. What was built there is not built again when production is applied.",
    epilog=examples("weft apply --env dev", "weft env list", "weft env drop dev"),
)
def command() -> None:
    pass


for verb in (list_, drop):
    command.add_command(verb)
