"""`weft jobs`: the queue."""

from __future__ import annotations

import sys
from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text, width_of

_STATES = ("queued", "running", "succeeded", "failed", "cancelled", "lost")


@click.command(
    "jobs",
    help="List what waits, runs and ran on workers.",
    epilog=examples("weft jobs", "weft jobs --state failed --state lost", "weft jobs operations.on_time"),
)
@click.argument("product", required=False)
@click.option("--state", "states", type=click.Choice(_STATES), multiple=True, help="Only jobs in this state.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="How many jobs.")
@format_option()
def command(product: str | None, states: tuple[str, ...], limit: int, form: str) -> int:
    from weft.api.verbs import open_verbs
    from weft.cli.render.jobs import jobs_table

    with closing(open_verbs()) as verbs:
        found = verbs.jobs.listed(states=states, product=product, limit=limit)
        now = verbs.now()
    if form == "json":
        print_json({"jobs": found})
    else:
        print_text(jobs_table(found, now, columns_wide=width_of(sys.stdout)))
    return 0
