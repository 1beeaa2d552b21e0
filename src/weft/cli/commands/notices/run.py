"""`weft notices run`: looks for incidents, tells what happened, and sends what is due."""

from __future__ import annotations

import threading
from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "run",
    help="Look for what is late or failed, put what happened into the outbox, and send what is due.",
    epilog=examples("weft notices run --once", "weft notices run --every 60"),
)
@click.option("--once", is_flag=True, help="Once, as cron wants it.")
@click.option(
    "--every", default=60, show_default=True, type=click.IntRange(1), help="Else again after so many seconds."
)
@format_option()
def run(once: bool, every: int, form: str) -> int:
    from weft.api.platform import open_platform

    pause = threading.Event()
    with closing(open_platform()) as platform:
        while True:
            done = platform.notices_step()
            if form == "json":
                print_json(done)
            else:
                print_text(
                    f"{done['opened']} opened, {done['closed']} closed, {done['told']} told; "
                    f"{done['sent']} sent, {done['later']} later, {done['dead']} given up"
                )
            if once or pause.wait(every):
                return 0
