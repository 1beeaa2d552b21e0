"""`weft unsubscribe`: being told no more."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "unsubscribe",
    help="End a subscription; what waits for it is not sent any more.",
    epilog=examples("weft unsubscribe s-0f3a99c2b1d4"),
)
@click.argument("subscription")
@format_option()
def command(subscription: str, form: str) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        verbs.notices.unsubscribe(subscription)
    if form == "json":
        print_json({"ended": subscription})
    else:
        print_text(f"{subscription} has ended")
    return 0
