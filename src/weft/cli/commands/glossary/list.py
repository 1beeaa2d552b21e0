"""`weft glossary list`: all terms."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import table


@click.command(
    "list",
    help="List the terms of the mesh and of its domains.",
    epilog=examples("weft glossary list", "weft glossary list --domain network", "weft glossary list --format json"),
)
@click.option("--domain", metavar="DOMAIN", help="Only the terms of this domain.")
@format_option()
def list_(domain: str | None, form: str) -> int:
    from weft.api.governance.glossary import open_glossary

    with closing(open_glossary()) as glossary:
        found = glossary.listed(domain)
    if form == "json":
        print_json(found)
        return 0
    if not found["terms"]:
        print_text("there are no terms: governance/glossary.yaml holds those of the mesh")
        return 0
    rows = [
        [
            one["name"],
            one["title"],
            one["physical_type"] or one["type"] or "-",
            one["unit"] or "-",
            one["classification"] or "-",
            one["owner"] or "-",
            one["status"],
        ]
        for one in found["terms"]
    ]
    print_text(table(["term", "title", "type", "unit", "level", "owner", "status"], rows))
    return 0
