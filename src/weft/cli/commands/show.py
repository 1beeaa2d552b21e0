"""`weft show`: one page of the catalog."""

from __future__ import annotations

import sys

import click

from weft.cli.options import examples, format_option, mesh_at, server_option
from weft.cli.output import print_json, print_text, width_of


@click.command(
    "show",
    help="Show a domain, a product or a port.",
    epilog=examples("weft show operations", "weft show operations.on_time", "weft show fleet.aircraft.planes@1"),
)
@click.argument("address")
@server_option
@format_option()
def command(address: str, server: str | None, form: str) -> int:
    from datetime import UTC, datetime

    from weft import api
    from weft.cli.render.pages import page_text

    with api.open(mesh_at(server)) as mesh:
        page = mesh.show(address)
    if form == "json":
        print_json(page.as_json())
    else:
        print_text(page_text(page, datetime.now(UTC), columns_wide=width_of(sys.stdout)))
    return 0
