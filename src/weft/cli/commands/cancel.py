"""`weft cancel`: ends jobs."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "cancel",
    help="End a job, or a backfill with all its pieces.\n\n"
    "What waits is over at once. What runs is told to stop by its worker; nothing half is published.",
    epilog=examples("weft cancel job-17", "weft cancel backfill-20261121-4f2a9c"),
)
@click.argument("job")
@format_option()
def command(job: str, form: str) -> int:
    from weft.api.verbs import is_over, open_verbs
    from weft.cli.render.jobs import backfill_text

    with closing(open_verbs()) as verbs:
        is_backfill = job.startswith("backfill-")
        found = verbs.jobs.cancel_backfill(job) if is_backfill else verbs.jobs.cancel(job)
    if form == "json":
        print_json(found)
    elif is_backfill:
        print_text(backfill_text(found))
    elif is_over(found):
        print_text(f"{found['job_id']} is cancelled")
    else:
        print_text(f"{found['job_id']} runs; its worker ends it")
    return 0
