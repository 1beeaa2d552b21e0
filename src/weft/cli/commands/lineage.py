"""`weft lineage`: where columns come from and where they go."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option, mesh_at, server_option
from weft.cli.output import print_json, print_text


@click.command(
    "lineage",
    help="Show what a port or column is made from, and what is made from it.\n\n"
    "NODE is an address, or an address with a column: domain.product.port.column. A column name with a dot is quoted.",
    epilog=examples(
        "weft lineage operations.on_time.flights",
        "weft lineage punctuality.performance.carrier_daily.mean_delay --up",
        "weft lineage fleet.aircraft.planes.tailnum --down --depth 2",
    ),
)
@click.argument("node")
@click.option("--up", is_flag=True, help="Only what it is made from.")
@click.option("--down", is_flag=True, help="Only what is made from it.")
@click.option(
    "--depth", type=click.IntRange(min=1), default=5, show_default=True, metavar="N", help="How many ports away."
)
@click.option("--private", is_flag=True, help="Show private models too.")
@server_option
@format_option()
def command(node: str, up: bool, down: bool, depth: int, private: bool, server: str | None, form: str) -> int:
    from weft import api
    from weft.cli.render.lineage import lineage_tree

    with api.open(mesh_at(server)) as mesh:
        view = mesh.lineage(node, up=up, down=down, depth=depth, private=private)
    if form == "json":
        print_json(view.as_json())
    else:
        print_text(lineage_tree(view, up=up or not down, down=down or not up))
    return 0
