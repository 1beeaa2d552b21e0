"""`weft backfill`: a stretch of time again, in pieces, on workers; and how far one is."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from weft.cli.options import examples, format_option, window_of, window_options
from weft.cli.output import print_json, print_line, print_text

if TYPE_CHECKING:
    from weft.api.verbs import Verbs


@click.command(
    "backfill",
    help="Compute a stretch of time of a product again, piece by piece, on workers.\n\n"
    "Each piece is a job of its own, and is published when it is done. Called again with the same words it goes on "
    "with what an earlier call has left. With the id of a backfill it says how far that is and what has failed, and "
    "with --list which there are: neither queues anything.",
    epilog=examples(
        "weft backfill sales.shop --start 2026-01-01 --end 2026-02-01",
        "weft backfill sales.shop --start 2026-01-01 --end 2026-02-01 --by 7d --wait",
        "weft backfill --list",
        "weft backfill backfill-20260301-3f9a1c --follow",
    ),
)
@click.argument("address", required=False)
@window_options
@click.option("--by", default="1d", show_default=True, metavar="DURATION", help="How long each piece is: 12h, 7d.")
@click.option("--wait", "--follow", is_flag=True, help="Stay until all pieces are over, and tell how far it is.")
@click.option("--list", "listed", is_flag=True, help="List backfills, of a product, of a domain or of all.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, metavar="N", help="How many.")
@format_option()
def command(
    address: str | None,
    start: str | None,
    end: str | None,
    by: str,
    wait: bool,
    listed: bool,
    limit: int,
    form: str,
) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        if listed:
            return _list(verbs, address, limit, form)
        if address is None:
            raise click.UsageError("name a product, or the id of a backfill; --list lists what there is")
        if "." not in address and start is None and end is None:
            found = verbs.jobs.progress(address)
        else:
            found = _begun(verbs, address, start, end, by)
        return _told(verbs, found, wait, form)


def _begun(verbs: Verbs, address: str, start: str | None, end: str | None, by: str) -> dict[str, Any]:
    from weft.config import duration

    window = window_of(start, end)
    if window is None:
        raise click.UsageError("a backfill has a beginning and an end: give --start and --end")
    try:
        piece = duration(by)
    except ValueError as e:
        raise click.UsageError(f"--by {e}") from None
    return verbs.jobs.backfill(address, window, piece)


def _told(verbs: Verbs, found: dict[str, Any], wait: bool, form: str) -> int:
    from weft.api.verbs import is_backfill_over
    from weft.cli.render.jobs import backfill_report, backfill_text

    shown = ""
    while wait and not is_backfill_over(found):
        if (text := backfill_text(found)) != shown:
            print_line(shown := text)
        time.sleep(0.5)
        found = {**verbs.jobs.progress(found["backfill"]), "resumed": found["resumed"]}
    if form == "json":
        print_json(found)
    else:
        print_text(backfill_report(found))
    return 1 if is_backfill_over(found) and set(found["states"]) - {"succeeded"} else 0


def _list(verbs: Verbs, address: str | None, limit: int, form: str) -> int:
    from weft.cli.render.jobs import backfill_text

    product, domain = (address, None) if address and "." in address else (None, address)
    found = verbs.jobs.backfills(product=product, domain=domain, limit=limit)
    if form == "json":
        print_json({"backfills": found})
    else:
        print_text("\n".join(backfill_text(one) for one in found) or "there is no backfill")
    return 0
