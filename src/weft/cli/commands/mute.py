"""`weft mute`: sparing owners what they are told without asking."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "mute",
    help="Spare the owners of a domain what they are told without asking; their own subscriptions stay.",
    epilog=examples("weft mute operations fleet.aircraft", "weft mute operations fleet.aircraft --off"),
)
@click.argument("domain")
@click.argument("subject")
@click.option("--off", is_flag=True, help="Tell them again.")
@format_option()
def command(domain: str, subject: str, off: bool, form: str) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        verbs.notices.mute(domain, subject, off=off)
    if form == "json":
        print_json({"domain": domain, "subject": subject, "muted": not off})
    else:
        print_text(f"owners of {domain} are {'told of' if off else 'spared'} {subject}{' again' if off else ''}")
    return 0
