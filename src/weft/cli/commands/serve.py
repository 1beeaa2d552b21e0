"""`weft serve`: registry and API over HTTP."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples


@click.command(
    "serve",
    help="Serve the mesh to a company: registry and API over HTTP.",
    epilog=examples("weft serve", "weft serve --host 0.0.0.0 --port 443"),
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8080, show_default=True, help="The port to listen on.")
def command(host: str, port: int) -> int:
    from weft.api.platform import open_platform
    from weft.cli.first_start import make_administrator
    from weft.server.serving import serve

    with closing(open_platform()) as platform:
        make_administrator(platform)
        serve(platform, host, port)
    return 0
