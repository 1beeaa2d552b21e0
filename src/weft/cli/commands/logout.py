"""`weft logout`: ends the token of the command line."""

from __future__ import annotations

import os

import click

from weft.cli.options import examples
from weft.cli.output import print_line, print_text


@click.command(
    "logout",
    help="Sign out of a server: its token is revoked and forgotten.",
    epilog=examples("weft logout", "weft logout https://mesh.example.com"),
)
@click.argument("url", required=False)
def command(url: str | None) -> int:
    from weft.api.client.servers import Server
    from weft.errors import WeftError
    from weft.registry.credentials import Credentials, default_folder

    credentials = Credentials(default_folder(os.environ))
    credential = credentials.of(url)
    assert credential.token is not None, "whoever is signed in has a token"
    try:
        Server(credential.server, credential.token).revoke_token(credential.token.split("_")[1:2][0])
    except (WeftError, IndexError):
        print_line("the server could not be told: the token holds there until it is revoked or over")
    credentials.drop(credential.server)
    print_text(f"signed out of {credential.server}")
    return 0
