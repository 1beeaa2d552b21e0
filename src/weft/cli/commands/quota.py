"""`weft quota`: what a domain may keep."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import counted, size_text


@click.command(
    "quota",
    help="Show what a domain may keep and what it keeps; operators give it other bounds.\n\n"
    "A bound below what is there takes nothing away: nothing more is published until there is room.",
    epilog=examples("weft quota sales", "weft quota sales --size 2TB --products 200"),
)
@click.argument("domain")
@click.option("--size", metavar="SIZE", help="How much it may keep from now on, like 500GB or 2TB.")
@click.option("--products", type=click.IntRange(0), metavar="N", help="How many products it may have from now on.")
@format_option()
def command(domain: str, size: str | None, products: int | None, form: str) -> int:
    from weft.api.verbs import open_verbs

    most_bytes = _bytes(size) if size is not None else None
    with closing(open_verbs()) as verbs:
        if most_bytes is None and products is None:
            found = verbs.quota(domain)
        else:
            found = verbs.bound(domain, most_bytes=most_bytes, most_products=products)
    if form == "json":
        print_json(found)
    else:
        print_text(_told(found))
    return 0


def _bytes(size: str) -> int:
    from weft.config import size_bytes

    try:
        return size_bytes(size)
    except ValueError as e:
        raise click.BadParameter(str(e), param_hint="'--size'") from None


def _told(found: dict[str, Any]) -> str:
    kept = f"`{found['domain']}` keeps {size_text(found['held_bytes'])} in {counted(found['products'], 'product')}"
    if found["most_bytes"] is None:
        return f"{kept}, and has no bounds"
    return f"{kept}, and may keep {size_text(found['most_bytes'])} in {counted(found['most_products'], 'product')}"
