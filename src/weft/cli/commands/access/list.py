"""`weft access list`: requests and grants."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.render.access import grants_table, request_page, requests_table


@click.command(
    "list",
    help="List requests that you made or may decide, show one, or list grants.",
    epilog=examples(
        "weft access list",
        "weft access list --mine",
        "weft access list a-5f0c1d2e3b4a",
        "weft access list --grants --port fleet.aircraft.planes@1",
    ),
)
@click.argument("request_id", required=False, metavar="[REQUEST]")
@click.option("--mine", is_flag=True, help="Requests that wait for you.")
@click.option(
    "--state", type=click.Choice(("waiting", "approved", "declined", "withdrawn")), help="Requests in one state."
)
@click.option("--grants", is_flag=True, help="Grants instead of requests.")
@click.option("--port", metavar="ADDRESS", help="Grants on one port.")
@click.option("--reader", metavar="NAME", help="Grants of one reader.")
@format_option()
def list_(
    request_id: str | None,
    mine: bool,
    state: str | None,
    grants: bool,
    port: str | None,
    reader: str | None,
    form: str,
) -> int:
    from weft.api.access.elsewhere import access_at_hand

    with access_at_hand() as (access, caller):
        if grants or port is not None or reader is not None:
            granted = access.granted(caller, port, reader)
            if form == "json":
                print_json({"grants": granted})
            else:
                print_text(grants_table(granted) if granted else "nothing is granted")
            return 0
        if request_id is not None:
            one = access.one(caller, request_id)
            if form == "json":
                print_json(one)
            else:
                print_text(request_page(one))
            return 0
        found = access.listed(caller, state, mine=mine)
    if form == "json":
        print_json({"requests": found})
    else:
        print_text(requests_table(found) if found else "there is no request")
    return 0
