"""`weft schedule list`: which products have a schedule, and when each comes next."""

from __future__ import annotations

import sys
from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text, width_of


@click.command(
    "list", help="List schedules, what comes next first.", epilog=examples("weft schedule list --format json")
)
@format_option()
def list_(form: str) -> int:
    from weft.api.verbs import open_verbs
    from weft.cli.render.jobs import schedules_table

    with closing(open_verbs()) as verbs:
        found = verbs.jobs.schedules()
    if form == "json":
        print_json({"schedules": found})
    else:
        print_text(schedules_table(found, columns_wide=width_of(sys.stdout)))
    return 0
