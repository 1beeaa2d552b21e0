"""`weft glossary suggest`: terms that columns may mean."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import counted, table


@click.command(
    "suggest",
    help="Suggest terms for columns that are bound to none, by name, synonyms, type, unit and code list.\n\n"
    "SELECT is an address or a prefix of one, or tag:NAME; without it all ports are looked at.",
    epilog=examples("weft glossary suggest", "weft glossary suggest operations --least 0.8 --format json"),
)
@click.argument("select", nargs=-1, metavar="[SELECT]...")
@click.option(
    "--least",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="The confidence from which on a term is suggested.",
)
@format_option()
def suggest(select: tuple[str, ...], least: float, form: str) -> int:
    from weft.api.governance.glossary import open_glossary

    with closing(open_glossary()) as glossary:
        found = glossary.suggested(select, least)
    if form == "json":
        print_json(found)
        return 0
    rows = [[one["column"], one["term"], f"{one['confidence']:.2f}", one["why"]] for one in found["suggestions"]]
    if rows:
        print_text(table(["column", "term", "confidence", "why"], rows))
    print_text(f"{counted(len(rows), 'suggestion')}")
    return 0
