"""`weft schedule pause` and `resume`."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "pause",
    help="Queue nothing by the schedule of a product until it is resumed.",
    epilog=examples("weft schedule pause operations.on_time"),
)
@click.argument("product")
@format_option()
def pause(product: str, form: str) -> int:
    from weft.api.platform import open_platform

    with closing(open_platform()) as platform:
        standing = platform.jobs.pause(product, platform.rooms.actor)
    if form == "json":
        print_json(standing.as_json())
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
    from weft.api.platform import open_platform

    with closing(open_platform()) as platform:
        standing = platform.jobs.resume(product, platform.rooms.actor)
    if form == "json":
        print_json(standing.as_json())
    else:
        after = f"; it comes next at {standing.next_due:%Y-%m-%d %H:%M} UTC" if standing.next_due else ""
        print_text(f"the schedule of {product} counts again{after}")
    return 0
