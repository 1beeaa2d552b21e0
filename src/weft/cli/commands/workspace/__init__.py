"""`weft workspace`: a reader's own tables on a server."""

from __future__ import annotations

import click

from weft.cli.commands.workspace.changes import drop, make, upload
from weft.cli.commands.workspace.list import list_
from weft.cli.options import examples


@click.group(
    "workspace",
    help="Keep tables of your own on a server for a while, and join them with what you may read.\n\n"
    "In a query a table is my.workspace.NAME; nobody else sees it. What is made from ports is read as long as you may "
    "read these ports.",
    epilog=examples(
        "weft workspace upload targets targets.csv",
        "weft workspace make late 'select * from operations.on_time.flights where arr_delay > 60'",
        "weft workspace list",
        "weft workspace drop late",
    ),
)
def command() -> None:
    pass


for verb in (list_, upload, make, drop):
    command.add_command(verb)
