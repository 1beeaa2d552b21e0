"""`weft waiver`: who is let off a policy, until when and why."""

from __future__ import annotations

import click

from weft.cli.commands.waiver.changes import add, revoke
from weft.cli.commands.waiver.list import list_
from weft.cli.options import examples


@click.group(
    "waiver",
    help="Let a subject off a policy for a while, list who is let off, and end it.\n\n"
    "A policy says who may give a waiver and for how long. Each ends by itself; its owners are told a week before.",
    epilog=examples(
        "weft waiver add owner-is-named fleet.aircraft --until 2026-12-31 --reason 'the team is being formed'",
        "weft waiver list",
        "weft waiver revoke w-0f3a99c2b1d4",
    ),
)
def command() -> None:
    pass


for verb in (add, list_, revoke):
    command.add_command(verb)
