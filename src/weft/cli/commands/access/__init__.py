"""`weft access`: who may read what."""

from __future__ import annotations

import click

from weft.cli.commands.access.deciding import approve, decline, revoke, withdraw
from weft.cli.commands.access.explain import explain
from weft.cli.commands.access.list import list_
from weft.cli.commands.access.request import request
from weft.cli.commands.access.review import review
from weft.cli.options import examples


@click.group(
    "access",
    help="Ask to read ports, decide on requests, and see who reads what and why.\n\n"
    "Nobody reads a row without a grant. A request goes to the owners of the port, or to whom its contract names.",
    epilog=examples(
        'weft access request fleet.aircraft.planes --purpose "delay model" --until 2027-06-30',
        "weft access list --mine",
        "weft access approve a-5f0c1d2e3b4a",
        "weft access explain ada fleet.aircraft.planes",
    ),
)
def command() -> None:
    pass


for verb in (request, list_, approve, decline, withdraw, revoke, review, explain):
    command.add_command(verb)
