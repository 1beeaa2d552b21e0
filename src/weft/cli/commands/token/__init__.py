"""`weft token`: tokens of a server."""

from __future__ import annotations

import click

from weft.cli.commands.token.create import create
from weft.cli.commands.token.list import list_
from weft.cli.commands.token.revoke import revoke
from weft.cli.options import examples


@click.group(
    "token",
    help="Make, list and revoke tokens of a server.\n\n"
    "A token acts as you, or with `--domain` for a domain alone, as its CI does. It is shown once.",
    epilog=examples("weft token create --domain sales --label CI", "weft token list", "weft token revoke ID"),
)
def command() -> None:
    pass


for verb in (create, list_, revoke):
    command.add_command(verb)
