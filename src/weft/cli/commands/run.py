"""`weft run`: one run with its checks, or what it tells."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "run",
    help="Show one run with its checks, or with --log what it told on its worker.\n\n"
    "The beginning of a RUN_ID is enough where only one run has it; --log takes the id of a job as well.",
    epilog=examples("weft runs", "weft run 20261121-0904", "weft run job-17 --log --follow"),
)
@click.argument("run_id")
@click.option("--log", is_flag=True, help="What the run told, if a worker ran it.")
@click.option("--follow", is_flag=True, help="Go on until the run is over; the exit code is 1 when it did not succeed.")
@format_option()
def command(run_id: str, log: bool, follow: bool, form: str) -> int:
    from datetime import UTC, datetime

    from weft import api
    from weft.cli.render.runs import run_text

    if log or follow:
        return _log(run_id, follow, form)
    with api.open() as mesh:
        page = mesh.run(run_id)
    if form == "json":
        print_json(page.as_json())
    else:
        print_text(run_text(page, datetime.now(UTC)))
    return 0


def _log(run_id: str, follow: bool, form: str) -> int:
    from datetime import datetime

    from weft.api.verbs import open_verbs

    kept = []
    with closing(open_verbs()) as verbs:
        job = verbs.jobs.one(run_id)
        for line in verbs.jobs.log(job["job_id"], follow=follow):
            if form == "json":
                kept.append(line)
            else:
                print_text(f"{datetime.fromisoformat(line['at']):%H:%M:%S} {line['line']}")
        job = verbs.jobs.one(job["job_id"])
    if form == "json":
        print_json({"job": job, "lines": kept})
    elif follow:
        print_text(f"{job['job_id']}: {job['state']}")
    return 1 if follow and job["state"] != "succeeded" else 0
