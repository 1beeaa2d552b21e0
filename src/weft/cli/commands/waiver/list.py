"""`weft waiver list`: who is let off, until when and why."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import table


@click.command(
    "list",
    help="List waivers, newest first.",
    epilog=examples("weft waiver list", "weft waiver list --policy owner-is-named --ended"),
)
@click.option("--policy", metavar="ID", help="Those of one policy.")
@click.option("--ended", is_flag=True, help="Also those that have ended or were revoked.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="How many.")
@format_option()
def list_(policy: str | None, ended: bool, limit: int, form: str) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        found = verbs.governance.waivers(policy=policy, ended=ended, limit=limit)
    if form == "json":
        print_json(found)
        return 0
    rows = [
        [
            one["waiver_id"], one["state"], one["policy"], one["subject"], one["until"], one["given_by"],
            one["reason"] if one["reason"] is not None else "(erased)",
        ]
        for one in found["items"]
    ]  # fmt: skip
    heads = ["waiver", "state", "policy", "subject", "until", "given by", "reason"]
    print_text(table(heads, rows) if rows else "nobody is let off")
    return 0
