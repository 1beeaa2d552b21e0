"""A registry behind a server, for the suite that every registry passes: read over HTTP, written beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from weft.access.permissions import Caller, Role
from weft.api.platform import open_platform
from weft.registry.http import HttpRegistry
from weft.registry.sqlite import SqliteRegistry
from weft.server.app import create_app

SOMEBODY = Caller("ann", "user", frozenset({Role.OPERATOR}), {"sales": frozenset({Role.DOMAIN_OWNER})})


class Known:
    """Whoever shows a token is an operator, and owns the domain of the suite."""

    def of_bearer(self, secret: str) -> Caller:
        return SOMEBODY


class ReadOverHttp:
    """Asks the server; changes go to its database, as those of its own processes do."""

    _ASKED = frozenset({"ports", "port", "publication", "publication_at", "history", "kept_tables", "products"})
    _ASKED |= {"domains", "consumers", "lineage", "nodes_of", "runs", "run", "checks", "events", "last_event"}
    _ASKED |= {"verify_log"}

    def __init__(self, url: str, path: Path) -> None:
        self._over = HttpRegistry(url, token="x")
        self._own = SqliteRegistry(path)

    def __getattr__(self, name: str) -> object:
        return getattr(self._over if name in self._ASKED else self._own, name)

    def close(self) -> None:
        self._over.close()
        self._own.close()


@contextmanager
def over_http(root: Path) -> Iterator[Callable[[], ReadOverHttp]]:
    """Opens the registry of one server, as often as it is asked."""
    (root / "weft.toml").write_text('[mesh]\nname = "company"\n')
    platform = open_platform(root)
    platform.__dict__["identity"] = Known()
    server = uvicorn.Server(uvicorn.Config(create_app(platform), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    number = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield lambda: ReadOverHttp(f"http://127.0.0.1:{number}", root / ".weft/registry.db")
    finally:
        server.should_exit = True
        thread.join()
        platform.close()
