"""`weft search`: find things by words."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option, mesh_at, server_option
from weft.cli.output import print_json, print_text


@click.command(
    "search",
    help="Find domains, products, ports and columns.\n\n"
    "Names, titles, descriptions, columns, tags and owners are searched, also under the synonyms of the glossary; "
    "small typing errors are put right. Without words everything is listed.",
    epilog=examples(
        "weft search delay",
        "weft search tail number --kind column",
        "weft search --kind port --classification confidential --freshness late",
    ),
)
@click.argument("words", nargs=-1)
@click.option(
    "--kind", metavar="KIND", help="Only domain, product, port or column; or term, among those of the glossary."
)
@click.option("--domain", metavar="DOMAIN", help="Only what belongs to this domain.")
@click.option("--status", metavar="STATUS", help="Only what is proposed, draft, active, deprecated or retired.")
@click.option(
    "--classification", metavar="LEVEL", help="Only public, internal, confidential or restricted: the highest column's."
)
@click.option("--owner", metavar="TEAM", help="Only what this team answers for.")
@click.option("--tag", metavar="TAG", help="Only what carries this tag.")
@click.option("--freshness", metavar="STATE", help="Only what is fresh, late or not_promised.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="How many hits.")
@server_option
@format_option()
def command(words: tuple[str, ...], limit: int, server: str | None, form: str, **narrowed: str | None) -> int:
    from weft import api
    from weft.cli.render.hits import hits_text

    text = " ".join(words)
    with api.open(mesh_at(server)) as mesh:
        found = mesh.search(text, limit=limit, **narrowed)
    if form == "json":
        print_json(found.as_json())
    else:
        print_text(hits_text(text, found))
    return 0
