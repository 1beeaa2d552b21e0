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
    from weft.api.platform import open_platform
    from weft.cli.render.jobs import backfill_text

    with closing(open_platform()) as platform:
        actor = platform.rooms.actor
        if job.startswith("backfill-"):
            ended = platform.jobs.cancel_backfill(job, actor)
            if form == "json":
                print_json(ended.as_json())
            else:
                print_text(backfill_text(ended))
            return 0
        found = platform.jobs.cancel(job, actor)
    if form == "json":
        print_json(found.as_json())
    elif found.state.is_over:
        print_text(f"{found.job_id} is cancelled")
    else:
        print_text(f"{found.job_id} runs; its worker ends it")
    return 0
