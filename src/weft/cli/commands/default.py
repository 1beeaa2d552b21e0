"""`weft default`: which major an address without one means."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_diagnostics, print_json, print_text


@click.command(
    "default",
    help="Move the default major of a port.\n\n"
    "The default major is what the address without @MAJOR means. It is the first one that was published until its "
    "owner moves it, and the log keeps who did. Products that read the port are not touched: they always pin a major.",
    epilog=examples("weft default operations.on_time.flights@2"),
)
@click.argument("address", metavar="ADDRESS@MAJOR")
@format_option()
def command(address: str, form: str) -> int:
    from weft import api
    from weft.model.address import parse_address

    wanted = parse_address(address)
    if wanted.major is None:
        raise click.UsageError(f"name the major: {address}@1")
    with api.open() as mesh:
        moved = mesh.set_default(address)
    if form == "json":
        print_json(moved.as_json())
        return 0
    print_diagnostics(moved.diagnostics)
    if moved.from_ == moved.address:
        print_text(f"{wanted.unpinned} means {wanted} already")
    else:
        print_text(f"{wanted.unpinned} now means {wanted}" + (f", it meant {moved.from_}" if moved.from_ else ""))
    return 0
