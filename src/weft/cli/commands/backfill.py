"""`weft backfill`: a stretch of time again, in pieces, on workers."""

from __future__ import annotations

import time
from contextlib import closing

import click

from weft.cli.options import examples, format_option, window_of, window_options
from weft.cli.output import print_json, print_line, print_text


@click.command(
    "backfill",
    help="Compute a stretch of time of a product again, piece by piece, on workers.\n\n"
    "Each piece is a job of its own, and is published when it is done. Called again with the same words it goes on "
    "with what an earlier call has left.",
    epilog=examples(
        "weft backfill operations.on_time --start 2026-01-01 --end 2026-02-01",
        "weft backfill operations.on_time --start 2026-01-01 --end 2026-02-01 --by 7d --wait",
    ),
)
@click.argument("address")
@window_options
@click.option("--by", default="1d", show_default=True, metavar="DURATION", help="How long each piece is: 12h, 7d.")
@click.option("--wait", is_flag=True, help="Stay until all pieces are over, and tell how far it is.")
@format_option()
def command(address: str, start: str | None, end: str | None, by: str, wait: bool, form: str) -> int:
    from weft.api.verbs import is_backfill_over, open_verbs
    from weft.cli.render.jobs import backfill_text
    from weft.config import duration

    window = window_of(start, end)
    if window is None:
        raise click.UsageError("a backfill has a beginning and an end: give --start and --end")
    try:
        piece = duration(by)
    except ValueError as e:
        raise click.UsageError(f"--by {e}") from None
    with closing(open_verbs()) as verbs:
        found = verbs.jobs.backfill(address, window, piece)
        shown = ""
        while wait and not is_backfill_over(found):
            if (text := backfill_text(found)) != shown:
                print_line(shown := text)
            time.sleep(0.5)
            found = {**verbs.jobs.progress(found["backfill"]), "resumed": found["resumed"]}
    if form == "json":
        print_json(found)
    else:
        print_text(backfill_text(found))
    return 1 if is_backfill_over(found) and set(found["states"]) - {"succeeded"} else 0
