"""`weft subscriptions`: who is told of what."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import table


@click.command(
    "subscriptions",
    help="List your subscriptions, and what owners are spared.",
    epilog=examples("weft subscriptions", "weft subscriptions --everybody"),
)
@click.option("--everybody", is_flag=True, help="Those of everybody, without their targets.")
@format_option()
def command(everybody: bool, form: str) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        found = verbs.notices.subscriptions(everybody=everybody)
        muted = verbs.notices.mutes()
    if form == "json":
        print_json({"subscriptions": found, "muted": muted})
        return 0
    if not found:
        print_text("there is no subscription; `weft subscribe` makes one")
    else:
        rows = [
            [
                one["subscription_id"],
                one["subject"],
                ", ".join(one["kinds"]) or "all",
                one["channel"],
                one["target"],
                one["digest"] or "at once",
            ]
            for one in found
        ]
        print_text(table(["subscription", "subject", "kinds", "by", "to", "when"], rows))
    for one in muted:
        print_text(f"owners of {one['domain']} are spared {one['subject']}")
    return 0
