"""`weft token list`: which tokens there are."""

from __future__ import annotations

import click

from weft.cli.commands.token.server import server_option, signed_in
from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import table


@click.command(
    "list",
    help="List your tokens, or those of a domain that you manage, without their secrets.",
    epilog=examples("weft token list", "weft token list --domain sales"),
)
@click.option("--domain", metavar="NAME", help="Tokens of this domain.")
@server_option
@format_option()
def list_(domain: str | None, url: str | None, form: str) -> int:
    found = signed_in(url).tokens(domain)
    if form == "json":
        print_json({"tokens": found})
    elif not found:
        print_text("there is no token; `weft token create` makes one")
    else:
        rows = [
            [
                one["id"],
                one["label"],
                ", ".join(one["actions"]) if one["actions"] is not None else "everything",
                "revoked" if one["revoked_at"] else one["expires_at"][:10],
                (one["used_at"] or "never")[:10],
            ]
            for one in found
        ]
        print_text(table(["token", "for", "may do", "until", "last used"], rows))
    return 0
