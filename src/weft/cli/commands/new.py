"""`weft new`: a domain or a data product."""

from __future__ import annotations

from pathlib import Path

import click

from weft.cli.options import examples
from weft.cli.output import print_text
from weft.cli.render.written import written_text


@click.group(
    "new",
    help="Add a domain or a data product to the mesh.",
    epilog=examples("weft new domain fleet", "weft new product fleet.aircraft --from planes.csv"),
)
def command() -> None:
    pass


@command.command(
    "domain",
    help="Add a domain.\n\nNAME is made of a-z, 0-9 and _.",
    epilog=examples("weft new domain fleet"),
)
@click.argument("name")
def domain(name: str) -> int:
    from weft import api
    from weft.config import load_settings

    written = api.new_domain(Path(), name)
    after = f"weft new product {name}.NAME"
    if load_settings(Path()).mesh.server is not None:
        after = f"weft apply, which requisitions it, then {after}"
    print_text(written_text(written, f"next: {after}"))
    return 0


@command.command(
    "product",
    help="Add a data product.\n\n"
    "With --from a source file is read: its columns become a source contract, an input port, a model and a draft "
    "contract. Of a table of a connection the server's catalog is read, and no row.",
    epilog=examples(
        "weft new product fleet.aircraft",
        "weft new product fleet.aircraft --from data/planes.csv",
        "weft new product shop.sales --from ops_db.sales.orders",
    ),
)
@click.argument("address", metavar="DOMAIN.NAME")
@click.option(
    "--from",
    "source",
    metavar="FILE|TABLE",
    help="A CSV, JSON, NDJSON or Parquet file, or CONNECTION.TABLE, to begin with.",
)
def product(address: str, source: str | None) -> int:
    from weft import api

    written = api.new_product(Path(), address, source=source)
    print_text(written_text(written, f"next: weft check {address}"))
    return 0
