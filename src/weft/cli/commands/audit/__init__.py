"""`weft audit`: who has read what, and whether the record of it still stands."""

from __future__ import annotations

import click

from weft.cli.commands.audit.export import export
from weft.cli.commands.audit.reads import reads
from weft.cli.commands.audit.verify import verify
from weft.cli.options import examples


@click.group(
    "audit",
    help="Show who has read what, and verify that the record of it was not changed.",
    epilog=examples("weft audit verify", "weft audit reads fleet.aircraft.planes", "weft audit reads --own"),
)
def command() -> None:
    pass


for verb in (verify, reads, export):
    command.add_command(verb)
