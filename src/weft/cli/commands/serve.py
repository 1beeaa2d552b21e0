"""`weft serve`: registry and API over HTTP."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli.options import examples
from weft.config import duration
from weft.errors import UsageError, error

if TYPE_CHECKING:
    from weft.api.platform import Platform


@click.command(
    "serve",
    help="Serve the mesh to a company: registry and API over HTTP.",
    epilog=examples(
        "weft serve", "weft serve --host 0.0.0.0 --tls-cert server.crt --tls-key server.key", "weft serve --dev-tls"
    ),
)
@click.option("--host", help="The address to listen on; `server.host` else.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on, 0 a free one; `server.port` else.")
@click.option("--flight-port", type=click.IntRange(0, 65535), help="The port of Flight SQL; `server.flight_port` else.")
@click.option("--tls-cert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Certificate (PEM).")
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its key (PEM).")
@click.option("--dev-tls", is_flag=True, help="Serve over TLS with a certificate that is made for this machine.")
@click.option("--no-worker", is_flag=True, help="Start no worker beside: others see to the jobs.")
def command(
    host: str | None,
    port: int | None,
    flight_port: int | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    dev_tls: bool,
    no_worker: bool,
) -> int:
    from weft.api.platform import open_platform

    if (tls_cert is None) != (tls_key is None) or (dev_tls and tls_cert is not None):
        what = "`--tls-cert` and `--tls-key` belong together, and `--dev-tls` stands alone"
        raise UsageError(error("WFT-CLI-001", what))
    flags = {"server.host": host, "server.port": port, "server.flight_port": flight_port}
    with closing(open_platform(flags={key: value for key, value in flags.items() if value is not None})) as platform:
        _serve(platform, tls_cert, tls_key, dev_tls, no_worker)
    return 0


def _serve(platform: Platform, tls_cert: Path | None, tls_key: Path | None, dev_tls: bool, no_worker: bool) -> None:
    try:
        from weft.cli.first_start import make_administrator
        from weft.server.dev_tls import certificate
        from weft.server.flight_process import FlightProcess
        from weft.server.serving import Certificate, serve
        from weft.server.worker_process import WorkerProcess
    except ImportError as e:
        why = f"`{e.name}` is not installed" if e.name else str(e)
        raise UsageError(
            error("WFT-CLI-002", "`weft serve` needs packages of its own", why=why, fix="pip install 'weft[server]'")
        ) from e
    tls = Certificate(tls_cert, tls_key) if tls_cert is not None and tls_key is not None else None
    if dev_tls:
        tls, fingerprint = certificate(platform.rooms.settings.state / "server", platform.rooms.now())
        click.echo(f"certificate for this machine: {tls.cert}\nSHA-256 fingerprint: {fingerprint}", err=True)
    make_administrator(platform)
    settings = platform.rooms.settings
    patience_s = duration(settings.scheduler.grace).total_seconds() + 20
    with ExitStack() as beside:
        if settings.server.flight_port:
            flight = beside.enter_context(FlightProcess(settings.root, settings.server, tls))
            click.echo(f"Flight SQL listens on {flight.url}", err=True)
        worker = None if no_worker else WorkerProcess(settings.root, patience_s)
        serve(platform, tls=tls, beside=worker, ready=lambda url: click.echo(f"weft listens on {url}", err=True))
