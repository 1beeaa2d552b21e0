"""`weft access review`: grants that somebody has to look at again."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.render.access import review_table


@click.command(
    "review",
    help="List grants whose review is due or that nobody uses, and keep those that are still needed.\n\n"
    "A grant whose review is due and that nobody keeps ends by itself.",
    epilog=examples("weft access review", "weft access review --keep 3f9c2a7b11d04e58"),
)
@click.option("--keep", multiple=True, metavar="GRANT", help="This grant is still needed; may be repeated.")
@format_option()
def review(keep: tuple[str, ...], form: str) -> int:
    from weft.api.access.elsewhere import access_at_hand

    with access_at_hand() as (access, caller):
        kept = [access.keep(caller, grant) for grant in keep]
        found = access.review(caller)
    if form == "json":
        print_json({"kept": kept, "grants": found})
        return 0
    for one in kept:
        print_text(f"kept {one['grant_id']}; its next review is on {one['review_at'][:10]}")
    if found:
        print_text(review_table(found))
    elif not kept:
        print_text("no grant has to be looked at")
    return 0
