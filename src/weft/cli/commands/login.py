"""`weft login`: signs the command line in to a server."""

from __future__ import annotations

import os
import platform
import sys

import click

from weft.cli.options import examples
from weft.cli.output import print_line, print_text


@click.command(
    "login",
    help="Sign in to a server.\n\n"
    "A browser opens; when you agree there, the server gives this command line a token of its own, which is kept in "
    "your folder of settings and readable by nobody else.",
    epilog=examples(
        "weft login https://mesh.example.com",
        "weft login https://mesh.example.com --no-browser",
        'echo "$WEFT_TOKEN" | weft login https://mesh.example.com --token',
    ),
)
@click.argument("url")
@click.option("--token", "by_token", is_flag=True, help="Take a token from standard input, as a CI does.")
@click.option(
    "--no-browser", is_flag=True, help="Print the address, for a browser on another machine, and ask for its code."
)
def command(url: str, by_token: bool, no_browser: bool) -> int:
    from weft.api.client.browser_login import BrowserLogin
    from weft.api.client.servers import Server
    from weft.errors import UsageError, error
    from weft.registry.credentials import Credentials, default_folder

    server = Server(url)
    if by_token:
        secret = sys.stdin.readline().strip()
        if not secret:
            raise UsageError(error("WFT-CLI-001", "standard input holds no token", fix="echo $TOKEN | weft login …"))
        credential = Server(server.url, secret).credential()
    else:
        login = BrowserLogin(server, f"weft on {platform.node() or 'a machine'}")
        if no_browser:
            credential = login.by_hand(_told, lambda: str(click.prompt("code", err=True, hide_input=True)))
        else:
            credential = login.by_loopback(_opened)
    file = Credentials(default_folder(os.environ)).keep(credential)
    print_text(f"signed in to {server.url} as {credential.user}")
    print_line(f"the token is kept in {file}")
    return 0


def _told(address: str) -> None:
    print_line(f"open this address in a browser:\n\n  {address}\n")


def _opened(address: str) -> None:
    import webbrowser

    _told(address)
    webbrowser.open(address)
