"""`weft history`: the snapshots of a port."""

from __future__ import annotations

import sys

import click

from weft.cli.options import environment_option, examples, format_option, mesh_at, server_option
from weft.cli.output import print_json, print_text, width_of


@click.command("history", help="List the snapshots of a port.", epilog=examples("weft history fleet.aircraft.planes"))
@click.argument("address")
@environment_option("Of an environment instead of production.")
@server_option
@format_option()
def command(address: str, environment: str | None, server: str | None, form: str) -> int:
    from datetime import UTC, datetime

    from weft import api
    from weft.cli.render.runs import history_table

    with api.open(mesh_at(server), environment=environment) as mesh:
        found = mesh.history(address)
    if form == "json":
        print_json(found.as_json())
    else:
        print_text(history_table(found, datetime.now(UTC), columns_wide=width_of(sys.stdout)))
    return 0
