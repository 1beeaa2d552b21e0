"""`weft user`: local users of the server whose registry is at hand."""

from __future__ import annotations

import click

from weft.cli.commands.user.changes import add, disable, passwd, remove, role
from weft.cli.commands.user.list import list_
from weft.cli.options import examples


@click.group(
    "user",
    help="Make and change local users, on the server's machine.\n\n"
    "These verbs write into the registry itself, so they are for whoever operates the server. People who come by the "
    "company's provider are not made here.",
    epilog=examples("weft user add ada", "weft user role ada operator", "weft user disable ada"),
)
def command() -> None:
    pass


for verb in (add, list_, disable, passwd, remove, role):
    command.add_command(verb)
