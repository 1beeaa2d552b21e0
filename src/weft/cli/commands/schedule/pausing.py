"""`weft schedule pause` and `resume`."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import utc_minute


@click.command(
    "pause",
    help="Queue nothing by the schedule of a product until it is resumed.",
    epilog=examples("weft schedule pause operations.on_time"),
)
@click.argument("product")
@format_option()
def pause(product: str, form: str) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        standing = verbs.jobs.pause(product)
    if form == "json":
        print_json(standing)
    else:
        print_text(f"the schedule of {product} is paused")
    return 0


@click.command(
    "resume",
    help="Let the schedule of a product count again. Times that it missed meanwhile do not come after.",
    epilog=examples("weft schedule resume operations.on_time"),
)
@click.argument("product")
@format_option()
def resume(product: str, form: str) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        standing = verbs.jobs.resume(product)
    if form == "json":
        print_json(standing)
    else:
        after = f"; it comes next at {utc_minute(standing['next_due'])} UTC" if standing["next_due"] else ""
        print_text(f"the schedule of {product} counts again{after}")
    return 0
