"""`weft serve`: registry and API over HTTP."""

from __future__ import annotations

from contextlib import closing, nullcontext

import click

from weft.cli.options import examples


@click.command(
    "serve",
    help="Serve the mesh to a company: registry and API over HTTP.",
    epilog=examples("weft serve", "weft serve --host 0.0.0.0 --port 443"),
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8080, show_default=True, help="The port to listen on.")
@click.option("--no-worker", is_flag=True, help="Start no worker beside: others see to the jobs.")
def command(host: str, port: int, no_worker: bool) -> int:
    from weft.api.platform import open_platform
    from weft.cli.first_start import make_administrator
    from weft.config import duration
    from weft.server.serving import serve
    from weft.server.worker_process import WorkerProcess

    with closing(open_platform()) as platform:
        make_administrator(platform)
        settings = platform.rooms.settings
        patience_s = duration(settings.scheduler.grace).total_seconds() + 20
        with nullcontext() if no_worker else WorkerProcess(settings.root, patience_s):
            serve(platform, host, port)
    return 0
