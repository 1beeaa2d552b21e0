"""`weft policy`: what is asked of products, and who does not do it."""

from __future__ import annotations

import click

from weft.cli.commands.policy.dry_run import dry_run
from weft.cli.commands.policy.explain import explain
from weft.cli.commands.policy.list import list_
from weft.cli.commands.policy.scan import scan
from weft.cli.commands.policy.test import test
from weft.cli.options import examples


@click.group(
    "policy",
    help="List, test and try policies, and show which hold for an address.\n\n"
    "Policies are files: `governance/policies/*.yaml` for all, and `policies/*.yaml` in the folder of a domain or "
    "product, which add to those and tighten them.",
    epilog=examples("weft policy list", "weft policy test", "weft policy explain fleet.aircraft.planes@1"),
)
def command() -> None:
    pass


for verb in (list_, test, explain, dry_run, scan):
    command.add_command(verb)
