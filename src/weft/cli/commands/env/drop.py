"""`weft env drop`: takes environments away."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import counted


@click.command(
    "drop",
    help="Drop environments, with the files that nothing else refers to.",
    epilog=examples("weft env drop dev"),
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@format_option()
def drop(names: tuple[str, ...], form: str) -> int:
    from weft import api

    with api.open() as mesh:
        removed = mesh.environments.drop(names)
    if form == "json":
        print_json({"dropped": list(names), "files": removed})
    else:
        print_text(f"dropped {', '.join(names)}: {counted(removed, 'file')} removed")
    return 0
