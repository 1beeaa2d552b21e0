"""`weft violations`: what violates policies, since when, and until when it has to be mended."""

from __future__ import annotations

import click

from weft.cli.commands.violations.list import listed, listing
from weft.cli.commands.violations.show import show
from weft.cli.options import examples


@click.group(
    "violations",
    invoke_without_command=True,
    help="List what violates policies, and show one with its history.\n\n"
    "Scans open and close violations: `weft policy scan` on a mesh of your own, the server's worker on a server.",
    epilog=examples(
        "weft violations",
        "weft violations --domain fleet --state overdue",
        "weft violations --policy owner-is-named --format json",
        "weft violations show v-0fb9b7a55a3e3a33",
    ),
)
@listing
@click.pass_context
def command(
    context: click.Context,
    domain: str | None,
    policy: str | None,
    states: tuple[str, ...],
    mine: bool,
    limit: int,
    form: str,
) -> int | None:
    if context.invoked_subcommand is not None:
        return None
    return listed(domain, policy, states, mine=mine, limit=limit, form=form)


command.add_command(show)
