"""A mesh that is served: web process, worker and Flight beside it, until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.config import duration
from weft.errors import UsageError, error

if TYPE_CHECKING:
    from weft.api.platform import Platform


def _told(url: str) -> None:
    click.echo(f"weft listens on {url}\nthe portal is at {url}/", err=True)


def serve_platform(
    platform: Platform,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    *,
    dev_tls: bool = False,
    no_worker: bool = False,
    domains: Sequence[str] = (),
    ready: Callable[[str], None] = _told,
) -> None:
    """Serves a platform until SIGINT or SIGTERM.

    Args:
        dev_tls: over TLS, with a certificate that is made for this machine.
        no_worker: whether others see to the jobs.
        domains: those whose jobs its worker takes; empty: all.
        ready: is told the server's address as soon as it listens.

    Raises:
        UsageError: WFT-CLI-002 a package is missing, WFT-SRV-010 it cannot listen there, WFT-RUN-049 no such domain.
        ProjectError: WFT-PYM-016, 018: its worker's Python models cannot run as the users that are to run them.
    """
    try:
        from weft.api.jobs.served import check_start
        from weft.cli.first_start import make_administrator
        from weft.cli.own_files import keep_private
        from weft.server.dev_tls import certificate
        from weft.server.flight_process import FlightProcess
        from weft.server.serving import Certificate, serve
        from weft.server.worker_process import WorkerProcess
    except ImportError as e:
        why = f"`{e.name}` is not installed" if e.name else str(e)
        raise UsageError(
            error("WFT-CLI-002", "`weft serve` needs packages of its own", why=why, fix="pip install 'weft[server]'")
        ) from e
    keep_private(platform.rooms.settings.state)
    tls = Certificate(tls_cert, tls_key) if tls_cert is not None and tls_key is not None else None
    if dev_tls:
        tls, fingerprint = certificate(platform.rooms.settings.state / "server", platform.rooms.now())
        click.echo(f"certificate for this machine: {tls.cert}\nSHA-256 fingerprint: {fingerprint}", err=True)
    if not no_worker:
        check_start(platform.rooms.settings, domains)  # its worker tells what is not wrong, and would begin for ever
    make_administrator(platform)
    settings = platform.rooms.settings
    patience_s = duration(settings.scheduler.grace).total_seconds() + 20
    with ExitStack() as beside:
        if settings.server.flight_port:
            flight = beside.enter_context(FlightProcess(settings.root, settings.server, tls))
            click.echo(f"Flight SQL listens on {flight.url}", err=True)
        worker = None if no_worker else WorkerProcess(settings.root, patience_s, domains)
        serve(platform, tls=tls, beside=worker, ready=ready)
