"""`weft approvals`: publications that wait for a person."""

from __future__ import annotations

import click

from weft.cli.commands.approvals.deciding import approve, decline
from weft.cli.commands.approvals.list import list_, show
from weft.cli.options import examples


@click.group(
    "approvals",
    help="List publications that a policy wants somebody to agree to, and decide on them.\n\n"
    "A decision holds for exactly the content that was asked for: new rows need no other one, another contract, model "
    "or descriptor does.",
    epilog=examples("weft approvals list", "weft approvals approve p-0f3a99c2b1d4 --reason 'the purpose is stated'"),
)
def command() -> None:
    pass


for verb in (list_, show, approve, decline):
    command.add_command(verb)
