"""`weft runs`: what ran."""

from __future__ import annotations

import sys

import click

from weft.cli.options import environment_option, examples, format_option
from weft.cli.output import print_json, print_text, width_of


@click.command("runs", help="List what ran.", epilog=examples("weft runs", "weft runs fleet.aircraft.planes --limit 5"))
@click.argument("address", required=False)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="How many runs.")
@environment_option("Of an environment instead of production.")
@format_option()
def command(address: str | None, limit: int, environment: str | None, form: str) -> int:
    from datetime import UTC, datetime

    from weft import api
    from weft.catalog.run_pages import run_json
    from weft.cli.render.runs import runs_table

    with api.open(environment=environment) as mesh:
        found = mesh.runs(address, limit=limit)
        jobs = mesh.jobs_without_run(limit) if address is None and environment is None else []
    if form == "json":
        print_json({"runs": [run_json(r) for r in found], "jobs": list(jobs)})
        return 0
    if jobs:
        from weft.cli.render.jobs import jobs_table

        print_text(jobs_table(jobs, datetime.now(UTC), columns_wide=width_of(sys.stdout)) + "\n")
    print_text(runs_table(found, datetime.now(UTC), columns_wide=width_of(sys.stdout)))
    return 0
