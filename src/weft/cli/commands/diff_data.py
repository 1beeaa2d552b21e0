"""`weft diff-data`: a port's rows in an environment against production."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "diff-data",
    help="Compare a port's rows in an environment with those in production.\n\n"
    "Rows are told apart by the primary key of the contract; without one they are compared as wholes. Ends with 0 "
    "whatever it finds.",
    epilog=examples("weft diff-data operations.on_time.flights --env dev"),
)
@click.argument("address")
@click.option("--env", "environment", required=True, metavar="NAME", help="The environment.")
@format_option()
def command(address: str, environment: str, form: str) -> int:
    from weft import api
    from weft.cli.render.data_diff import data_diff_text

    with api.open() as mesh:
        found = mesh.environments.diff(address, environment)
    if form == "json":
        print_json(found.as_json())
    else:
        print_text(data_diff_text(found))
    return 0
