"""`weft db`: the registry's database as a whole."""

from __future__ import annotations

import click

from weft.cli.commands.db.backup import backup, restore
from weft.cli.commands.db.upgrade import upgrade
from weft.cli.options import examples


@click.group(
    "db",
    help="Upgrade, back up and restore the registry.",
    epilog=examples("weft db upgrade", "weft db backup registry.backup", "weft db restore registry.backup"),
)
def command() -> None:
    pass


for verb in (upgrade, backup, restore):
    command.add_command(verb)
