"""`weft jobs`: the queue."""

from __future__ import annotations

import sys
from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text, width_of

_STATES = ("queued", "running", "succeeded", "failed", "cancelled", "lost")


@click.command(
    "jobs",
    help="List what waits, runs and ran on workers.\n\nOf a product, of a domain, or of all.",
    epilog=examples("weft jobs", "weft jobs --state failed --state lost", "weft jobs operations.on_time"),
)
@click.argument("address", required=False)
@click.option("--state", "states", type=click.Choice(_STATES), multiple=True, help="Only jobs in this state.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="How many jobs.")
@format_option()
def command(address: str | None, states: tuple[str, ...], limit: int, form: str) -> int:
    from weft.api.verbs import open_verbs
    from weft.cli.render.jobs import jobs_table

    with closing(open_verbs()) as verbs:
        product, domain = _about(address)
        found = verbs.jobs.listed(states=states, product=product, domain=domain, limit=limit)
        now = verbs.now()
    if form == "json":
        print_json({"jobs": found})
    elif not found:
        print_text(_none(address, states))
    else:
        print_text(jobs_table(found, now, columns_wide=width_of(sys.stdout)))
    return 0


def _about(address: str | None) -> tuple[str | None, str | None]:
    """The product that an address lies in, or the domain that it names."""
    if address is None:
        return None, None
    domain, _, rest = address.partition("@")[0].partition(".")
    return (f"{domain}.{rest.partition('.')[0]}", None) if rest else (None, domain)


def _none(address: str | None, states: tuple[str, ...]) -> str:
    """That there is no job of what was asked for."""
    if address is None and not states:
        return "no job was queued yet"
    of = f" of `{address}`" if address is not None else ""
    that = f" that is {' or '.join(states)}" if states else ""
    return f"there is no job{of}{that}"
