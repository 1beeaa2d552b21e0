"""`weft init`: a new mesh."""

from __future__ import annotations

from pathlib import Path

import click

from weft.cli.options import examples
from weft.cli.output import print_text
from weft.cli.render.written import written_text


@click.command(
    "init",
    help="Make a new mesh.\n\nWrites weft.toml and what belongs to it into DIR; nothing that is there is overwritten.",
    epilog=examples("weft init", "weft init my_mesh --name my_mesh", "weft init --ci none"),
)
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", metavar="NAME", help="The mesh's name; without it the folder's.")
@click.option(
    "--ci",
    type=click.Choice(["github", "gitlab", "none"]),
    default="github",
    show_default=True,
    help="Whose CI is to check and plan each change, and to comment on it.",
)
def command(folder: Path, name: str | None, ci: str) -> int:
    from weft import api
    from weft.model.address import slugify

    written = api.init(folder, name or slugify(folder.absolute().name), ci)
    into = "" if folder == Path() else f"cd {folder} && "
    print_text(written_text(written, f"next: {into}weft new domain NAME"))
    return 0
