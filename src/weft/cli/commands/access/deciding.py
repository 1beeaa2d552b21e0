"""`weft access approve`, `decline`, `withdraw` and `revoke`: deciding on requests, and ending grants."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.render.access import request_page

_port_option = click.option(
    "--port", "ports", multiple=True, metavar="ADDRESS", help="One of its ports; all that you may decide without it."
)


@click.command(
    "approve",
    help="Approve a request: whoever it is for may read from now on.",
    epilog=examples(
        "weft access approve a-5f0c1d2e3b4a",
        "weft access approve a-5f0c1d2e3b4a --port sales.orders.orders@1 --until 2026-12-31",
    ),
)
@click.argument("request_id", metavar="REQUEST")
@_port_option
@click.option("--until", metavar="DATE", help="The last day of the grant, where it is to end earlier.")
@click.option("--reason", default="", metavar="TEXT", help="Why.")
@format_option()
def approve(request_id: str, ports: tuple[str, ...], until: str | None, reason: str, form: str) -> int:
    from weft.api.access.elsewhere import access_at_hand

    with access_at_hand() as (access, caller):
        done = access.approve(caller, request_id, ports, until=until, reason=reason)
    if form == "json":
        print_json(done)
    else:
        print_text(request_page(done))
    return 0


@click.command(
    "decline",
    help="Decline a request, with a reason that whoever asked is told.",
    epilog=examples('weft access decline a-5f0c1d2e3b4a --reason "use sales.totals, which holds no persons"'),
)
@click.argument("request_id", metavar="REQUEST")
@_port_option
@click.option("--reason", required=True, metavar="TEXT", help="Why not.")
@format_option()
def decline(request_id: str, ports: tuple[str, ...], reason: str, form: str) -> int:
    from weft.api.access.elsewhere import access_at_hand

    with access_at_hand() as (access, caller):
        done = access.decline(caller, request_id, ports, reason=reason)
    if form == "json":
        print_json(done)
    else:
        print_text(request_page(done))
    return 0


@click.command(
    "withdraw",
    help="Take back a request of yours that nobody has decided yet.",
    epilog=examples("weft access withdraw a-5f0c1d2e3b4a"),
)
@click.argument("request_id", metavar="REQUEST")
@format_option()
def withdraw(request_id: str, form: str) -> int:
    from weft.api.access.elsewhere import access_at_hand

    with access_at_hand() as (access, caller):
        done = access.withdraw(caller, request_id)
    if form == "json":
        print_json(done)
    else:
        print_text(request_page(done))
    return 0


@click.command(
    "revoke",
    help="End grants at once, everywhere.",
    epilog=examples(
        "weft access list --grants",
        "weft access revoke 3f9c2a7b11d04e58",
        'weft access revoke 3f9c2a7b11d04e58 --reason "the project is over"',
    ),
)
@click.argument("grants", nargs=-1, required=True, metavar="GRANT...")
@click.option("--reason", default="", metavar="TEXT", help="Why; whoever had them can read it.")
def revoke(grants: tuple[str, ...], reason: str) -> int:
    from weft.api.access.elsewhere import access_at_hand

    with access_at_hand() as (access, caller):
        for grant in grants:
            access.revoke(caller, grant, reason=reason)
            print_text(f"revoked {grant}")
    return 0
