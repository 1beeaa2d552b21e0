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
    epilog=examples(
        "weft init", "weft init my_mesh --name my_mesh", "weft init --ci none", "weft init --governance standard"
    ),
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
@click.option(
    "--governance",
    type=click.Choice(["standard"]),
    help="Begin with weft's policies, in governance/; a mesh that is there gets those that it lacks.",
)
def command(folder: Path, name: str | None, ci: str, governance: str | None) -> int:
    from weft import api
    from weft.config import FILE_NAME
    from weft.model.address import slugify

    grown = governance is not None and (folder / FILE_NAME).exists()
    written = api.init(folder, name or slugify(folder.absolute().name), ci, governance)
    into = "" if folder == Path() else f"cd {folder} && "
    print_text(written_text(_listed(written), f"next: {into}weft {'check' if grown else 'new domain NAME'}"))
    return 0


def _listed(written: list[Path]) -> list[Path | str]:
    """The files written; the many policies of a set in one line."""
    policies = [path for path in written if path.parent.name == "policies"]
    others: list[Path | str] = [path for path in written if path not in policies]
    return [*others, f"{policies[0].parent}: {len(policies)} policies"] if policies else others
