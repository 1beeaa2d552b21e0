"""`weft deliveries`: how messages went."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import Any

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import table, utc_minute


@click.command(
    "deliveries",
    help="List messages, newest first, or send one again that was given up.",
    epilog=examples("weft deliveries --state dead", "weft deliveries --resend d-4be1c07a9d2f4be1c07a"),
)
@click.option("--state", type=click.Choice(["waiting", "sent", "dead", "dropped"]), help="Those in one state.")
@click.option("--resend", metavar="DELIVERY", help="Try this one for another day; it keeps its id.")
@click.option(
    "--limit", default=100, type=click.IntRange(1, 1000), show_default=True, metavar="N", help="How many are listed."
)
@format_option()
def command(state: str | None, resend: str | None, limit: int, form: str) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        if resend is not None:
            verbs.notices.resend(resend)
        found, now = verbs.notices.deliveries(state=state, limit=limit), verbs.now()
    if form == "json":
        print_json({"deliveries": found})
    elif not found:
        print_text(f"there is no message that is {state}" if state else "there is no message")
    else:
        rows = [
            [
                one["delivery_id"],
                one["recipient"],
                f"{one['channel']} {one['host']}",
                one["state"],
                _when(one, now),
                str(one["attempts"]),
                one["problem"] or "",
            ]
            for one in found
        ]
        print_text(table(["delivery", "for", "by", "state", "when (UTC)", "tried", "problem"], rows, right=[5]))
    return 0


def _when(one: dict[str, Any], now: datetime) -> str:
    """When a message is tried next, or was sent or given up."""
    if one["ended_at"] is not None:
        return utc_minute(one["ended_at"])
    due = datetime.fromisoformat(one["due_at"])
    return "now" if due <= now else f"next {utc_minute(one['due_at'])}"
