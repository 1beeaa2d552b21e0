"""`weft waiver add` and `weft waiver revoke`."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "add",
    help="Let a subject off a policy until a day, which is the last one.\n\n"
    "SUBJECT is the address of a domain, product, port or column, which stands for all that lies under it, or a glob.",
    epilog=examples(
        "weft waiver add owner-is-named fleet.aircraft --until 2026-12-31 --reason 'the team is being formed'",
        "weft waiver add units-declared 'fleet.*.planes@1' --until 2026-06-30 --reason 'units come with version 2'",
    ),
)
@click.argument("policy", metavar="POLICY")
@click.argument("subject", metavar="SUBJECT")
@click.option("--reason", required=True, metavar="TEXT", help="Why; stands beside the violation.")
@click.option("--until", required=True, metavar="DATE", help="The last day on which it holds.")
@format_option()
def add(policy: str, subject: str, reason: str, until: str, form: str) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        made = verbs.governance.waive(policy, subject, reason=reason, until=until)
    if form == "json":
        print_json(made)
    else:
        print_text(f"{made['waiver_id']}: {made['subject']} is let off {made['policy']} up to and with {until}")
    return 0


@click.command(
    "revoke",
    help="End a waiver before its time: what it let off stands open again.",
    epilog=examples("weft waiver revoke w-0f3a99c2b1d4"),
)
@click.argument("waiver", metavar="ID")
@format_option()
def revoke(waiver: str, form: str) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        found = verbs.governance.revoke(waiver)
    if form == "json":
        print_json(found)
    else:
        print_text(f"{found['waiver_id']} is revoked: {found['policy']} holds for {found['subject']} again")
    return 0
