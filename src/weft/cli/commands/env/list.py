"""`weft env list`: which environments there are."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import table


@click.command("list", help="List environments, with what was built in each.", epilog=examples("weft env list"))
@format_option()
def list_(form: str) -> int:
    from weft import api

    with api.open() as mesh:
        found = mesh.environments.list()
    if form == "json":
        print_json({"environments": [e.as_json() for e in found]})
    elif not found:
        print_text("there is no environment; `weft apply --env NAME` makes one")
    else:
        rows = [
            [
                e.name,
                str(len(e.ports)),
                f"{e.used_at:%Y-%m-%d %H:%M}" if e.used_at else "never",
                f"{e.ends_at:%Y-%m-%d %H:%M}",
            ]
            for e in found
        ]
        print_text(table(["environment", "ports of its own", "last used (UTC)", "goes (UTC)"], rows, right=[1]))
    return 0
