"""`weft schedule run`: applies a product on a worker now."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "run",
    help="Apply a product on a worker now, whatever its schedule says.",
    epilog=examples("weft schedule run operations.on_time"),
)
@click.argument("product")
@format_option()
def run(product: str, form: str) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        job = verbs.jobs.start(product)
    if form == "json":
        print_json(job)
    else:
        print_text(f"{job['job_id']} is queued; `weft run {job['job_id']} --log --follow` shows how it goes")
    return 0
