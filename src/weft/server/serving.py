"""The web process: one application behind one web server, until it is told to stop."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import uvicorn
from anyio import to_thread
from msgspec import Struct

from weft.api.platform import Platform
from weft.config import duration
from weft.errors import UsageError, error
from weft.server import logs
from weft.server.app import create_app
from weft.server.bounded_requests import BoundedRequests

log = logging.getLogger("weft.server")
_THREADS = 16
"""Requests that are worked on at once; each thread has connections with caches of their own."""


class Certificate(Struct, frozen=True):
    """Files of a certificate and its key, in PEM."""

    cert: Path
    key: Path


def serve(
    platform: Platform,
    *,
    tls: Certificate | None = None,
    beside: AbstractContextManager[object] | None = None,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serves until SIGINT or SIGTERM; what has begun is finished first, as long as `server.shutdown` lets it.

    Args:
        beside: what works beside the web process, like a worker: begun before it listens, ended after its last answer.
        ready: is told the server's address as soon as it listens.

    Raises:
        UsageError: WFT-SRV-010, it cannot listen there, or not with this certificate.
    """
    settings = platform.rooms.settings.server
    app = create_app(platform)
    logs.install(settings.log_level, settings.log_format)
    config = uvicorn.Config(
        app,
        http=BoundedRequests,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=int(duration(settings.shutdown).total_seconds()),
        ssl_certfile=str(tls.cert) if tls is not None else None,
        ssl_keyfile=str(tls.key) if tls is not None else None,
    )
    place = f"{settings.host}:{settings.port}"
    try:
        config.load()
    except OSError as e:  # nothing but the certificate is read here
        raise _no_certificate(tls, e) from e
    try:
        listening = _bound(settings.host, settings.port)
    except OSError as e:
        other = "--port" if e.errno in (errno.EADDRINUSE, errno.EACCES) else "--host"
        raise UsageError(
            error("WFT-SRV-010", f"the server cannot listen on {place}", why=str(e), fix=f"choose another `{other}`")
        ) from e
    host, port = listening.getsockname()[:2]
    url = settings.url or f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
    try:
        with beside or nullcontext(), platform.identity.confirming.beside():
            threading.Thread(target=_catch_up, args=(platform,), name="first index", daemon=True).start()
            _Server(config, lambda: ready(url), app.state.stopping).run(sockets=[listening])
    finally:
        listening.close()
        app.state.tracing.close()


def _no_certificate(tls: Certificate | None, e: OSError) -> UsageError:
    """That a certificate cannot be used: what OpenSSL says of it means little to people."""
    files = f"the certificate `{tls.cert}` with the key `{tls.key}`" if tls is not None else "the server's certificate"
    why = str(e)
    if "KEY_VALUES_MISMATCH" in why:
        why = "the key is that of another certificate"
    elif "PEM" in why:
        why = "one of the two files holds no PEM of its kind"
    fix = "`--tls-cert` takes the certificate with those above it (PEM), `--tls-key` its private key"
    return UsageError(error("WFT-SRV-010", f"the server cannot use {files}", why=why, fix=fix))


def _bound(host: str, port: int) -> socket.socket:
    """A socket at an address.

    It says itself that it is one of TCP: else asyncio does not see it, lets the system hold small parts back
    (Nagle's algorithm), and every answer takes 40 ms.
    """
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    made = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


def _catch_up(platform: Platform) -> None:
    """Begins with the index, and with a process for queries, before somebody asks."""
    platform.state()
    platform.querying.warm()


class _Server(uvicorn.Server):
    """A web server that ends by itself after a signal: that it was told to stop is no failure."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], stopping: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready
        self._stopping = stopping

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Listens, and says so."""
        to_thread.current_default_thread_limiter().total_tokens = _THREADS
        await super().startup(sockets=sockets)  # type: ignore[arg-type]
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends; answers that go on until something happens are told first."""
        self._stopping.set()
        await super().shutdown(sockets=sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Takes the signals that end a process, and does not raise them again when all is answered."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {s: signal.signal(s, self.handle_exit) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
