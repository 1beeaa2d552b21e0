"""`weft serve`: registry and API over HTTP."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from weft.cli.options import examples
from weft.errors import UsageError, error


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
@click.option("--domain", "domains", multiple=True, metavar="NAME", help="Its worker takes jobs of this domain alone.")
@click.option("--no-worker", is_flag=True, help="Start no worker beside: others see to the jobs.")
def command(
    host: str | None,
    port: int | None,
    flight_port: int | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    dev_tls: bool,
    domains: tuple[str, ...],
    no_worker: bool,
) -> int:
    from weft.api.platform import open_platform

    if (tls_cert is None) != (tls_key is None) or (dev_tls and tls_cert is not None):
        what = "`--tls-cert` and `--tls-key` belong together, and `--dev-tls` stands alone"
        raise UsageError(error("WFT-CLI-001", what))
    if domains and no_worker:
        raise UsageError(error("WFT-CLI-001", "`--domain` is for the worker, which `--no-worker` leaves out"))
    flags = {"server.host": host, "server.port": port, "server.flight_port": flight_port}
    from weft.cli.serving import serve_platform

    with closing(open_platform(flags={key: value for key, value in flags.items() if value is not None})) as platform:
        serve_platform(platform, tls_cert, tls_key, dev_tls=dev_tls, no_worker=no_worker, domains=domains)
    return 0
