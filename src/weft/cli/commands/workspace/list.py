"""`weft workspace list`: which tables one has."""

from __future__ import annotations

import click

from weft.cli.commands.token.server import server_option, signed_in
from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import table


@click.command(
    "list",
    help="List your tables on a server: how large they are, what they were made from, until when they are kept.",
    epilog=examples("weft workspace list", "weft workspace list --format json"),
)
@server_option
@format_option()
def list_(url: str | None, form: str) -> int:
    found = signed_in(url).workspace()
    if form == "json":
        print_json({"tables": found})
    elif not found:
        print_text("there is no table; `weft workspace upload` and `weft workspace make` keep one")
    else:
        rows = [
            [
                one["address"],
                f"{one['rows']:,}",
                f"{one['size_bytes']:,}",
                one["level"] or "",
                ", ".join(source["port"] for source in one["sources"]) or "an upload",
                one["ends_at"][:10],
            ]
            for one in found
        ]
        print_text(table(["table", "rows", "bytes", "level", "made from", "until"], rows))
    return 0
