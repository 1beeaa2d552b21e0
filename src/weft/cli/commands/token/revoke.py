"""`weft token revoke`: ends tokens."""

from __future__ import annotations

import click

from weft.cli.commands.token.server import server_option, signed_in
from weft.cli.options import examples
from weft.cli.output import print_text


@click.command("revoke", help="End tokens at once.", epilog=examples("weft token revoke 3f9c2a7b11d04e58"))
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@server_option
def revoke(ids: tuple[str, ...], url: str | None) -> int:
    server = signed_in(url)
    for one in ids:
        server.revoke_token(one)
        print_text(f"revoked {one}")
    return 0
