"""`weft access request`: asking to read ports."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.render.access import request_page


@click.command(
    "request",
    help="Ask to read ports, for a purpose.\n\n"
    "What is public, and what the mesh's policy says, is granted at once; the rest waits for its owners.",
    epilog=examples(
        'weft access request fleet.aircraft.planes --purpose "delay model"',
        'weft access request sales.customers.customer sales.orders.orders --purpose "churn" --until 2027-06-30',
        'weft access request sales.customers.customer --columns id,country --for team:crm --purpose "campaigns"',
    ),
)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("--purpose", required=True, metavar="TEXT", help="What the data is for; whoever decides reads it.")
@click.option("--until", metavar="DATE", help="The last day on which it is needed, like 2027-06-30.")
@click.option("--columns", metavar="NAMES", help="Some columns, parted by commas; all of them without it.")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="A role of the ports' contracts.")
@click.option(
    "--for", "reader", metavar="PRINCIPAL", help="Who is to read: ada, team:crm, service:loader or domain.product."
)
@format_option()
def request(
    addresses: tuple[str, ...],
    purpose: str,
    until: str | None,
    columns: str | None,
    roles: tuple[str, ...],
    reader: str | None,
    form: str,
) -> int:
    from weft.api.access.elsewhere import access_at_hand

    named = [name.strip() for name in columns.split(",") if name.strip()] if columns is not None else None
    with access_at_hand() as (access, caller):
        made = access.ask(caller, addresses, purpose, until=until, columns=named, roles=roles, reader=reader)
    if form == "json":
        print_json(made)
    else:
        print_text(request_page(made))
    return 0
