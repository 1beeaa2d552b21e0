"""`weft access explain`: what somebody sees of a port, and why."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.render.access import explanation_page


@click.command(
    "explain",
    help="Say what somebody sees of a port, and which rule or grant is behind each column, mask and filter.\n\n"
    "PRINCIPAL is ada, team:crm, service:loader or domain.product. A name that nobody knows is that of a stranger.",
    epilog=examples(
        "weft access explain ada fleet.aircraft.planes",
        "weft access explain team:crm sales.customers.customer --purpose churn --format json",
    ),
)
@click.argument("principal")
@click.argument("address")
@click.option("--purpose", metavar="TEXT", help="What it is for: then only grants for it count.")
@format_option()
def explain(principal: str, address: str, purpose: str | None, form: str) -> int:
    from weft.api.access.elsewhere import access_at_hand

    with access_at_hand() as (access, caller):
        found = access.explain(caller, principal, address, purpose)
    if form == "json":
        print_json(found)
    else:
        print_text(explanation_page(found))
    return 0
