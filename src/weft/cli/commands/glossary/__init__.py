"""`weft glossary`: what columns mean."""

from __future__ import annotations

import click

from weft.cli.commands.glossary.list import list_
from weft.cli.commands.glossary.show import show
from weft.cli.commands.glossary.suggest import suggest
from weft.cli.options import examples


@click.group(
    "glossary",
    help="List the terms that columns share, show one, and suggest which columns mean them.",
    epilog=examples("weft glossary list", "weft glossary show currency", "weft glossary suggest operations"),
)
def command() -> None:
    pass


for verb in (list_, show, suggest):
    command.add_command(verb)
