"""`weft approvals approve` and `weft approvals decline`."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "approve",
    help="Agree to a publication, which goes on when it is applied again.",
    epilog=examples("weft approvals approve p-0f3a99c2b1d4 --reason 'the purpose is stated'"),
)
@click.argument("approval", metavar="ID")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is kept with the decision.")
@format_option()
def approve(approval: str, reason: str, form: str) -> int:
    return _decide(approval, reason, form, approved=True)


@click.command(
    "decline",
    help="Do not agree to a publication: the same content is refused from now on.",
    epilog=examples("weft approvals decline p-0f3a99c2b1d4 --reason 'who reads it is not named'"),
)
@click.argument("approval", metavar="ID")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is kept with the decision.")
@format_option()
def decline(approval: str, reason: str, form: str) -> int:
    return _decide(approval, reason, form, approved=False)


def _decide(approval: str, reason: str, form: str, *, approved: bool) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        one = verbs.governance.decide(approval, approved=approved, reason=reason)
    if form == "json":
        print_json(one)
    else:
        print_text(f"{one['approval_id']}: the publication of {one['product']} is {one['state']}")
    return 0
