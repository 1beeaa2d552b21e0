"""`weft demo`: the example mesh, built on real data and shown."""

from __future__ import annotations

from pathlib import Path

import click

from weft.cli.options import examples


@click.command(
    "demo",
    help="Build the example mesh on real data and show what weft does.\n\n"
    "Writes the mesh to DIR (a former demo there is begun anew), applies it on the flights from New York in 2013, "
    "then lets a colleague rename a column and bad data arrive, three people ask the same query, a stranger ask for "
    "access, and applies again. It ends in the portal, with people to sign in as, until Ctrl-C.",
    epilog=examples("weft demo", "weft demo my_demo --step", "weft demo --no-serve"),
)
@click.argument("folder", metavar="[DIR]", default="weft-demo", type=click.Path(path_type=Path, file_okay=False))
@click.option("--step", is_flag=True, help="Wait for a key between the steps.")
@click.option("--no-serve", is_flag=True, help="End with the story: serve no portal, and make nobody to sign in as.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port of the portal; 8080 or else a free one.")
def command(folder: Path, step: bool, no_serve: bool, port: int | None) -> int:
    from weft.cli.demo import tell

    return tell(folder, wait=step, serves=not no_serve, port=port)
