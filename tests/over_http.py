"""A registry behind a server, for the suite that every registry passes: read over HTTP, written beside it."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from weft.access.permissions import Role
from weft.api.platform import Platform, open_platform
from weft.registry.http import HttpRegistry
from weft.registry.sqlite import SqliteRegistry
from weft.server.app import create_app


class ReadOverHttp:
    """Asks the server; changes go to its database, as those of its own processes do."""

    _ASKED = frozenset({"ports", "port", "publication", "publication_at", "history", "kept_tables", "products"})
    _ASKED |= {"domains", "consumers", "lineage", "nodes_of", "runs", "run", "checks", "events", "last_event"}
    _ASKED |= {"verify_log"}

    _WATCHED = frozenset({"events", "verify_log"})
    """What is for those who watch over the mesh; the domain of the suite reads the rest."""

    def __init__(self, url: str, path: Path, domain: str, operator: str) -> None:
        self._over = HttpRegistry(url, token=domain)
        self._watch = HttpRegistry(url, token=operator)
        self._own = SqliteRegistry(path)

    def __getattr__(self, name: str) -> object:
        if name in self._WATCHED:
            return getattr(self._watch, name)
        return getattr(self._over if name in self._ASKED else self._own, name)

    def close(self) -> None:
        self._over.close()
        self._watch.close()
        self._own.close()


@contextmanager
def over_http(root: Path) -> Iterator[Callable[[], ReadOverHttp]]:
    """Opens the registry of one server, as often as it is asked."""
    (root / "weft.toml").write_text('[mesh]\nname = "company"\n')
    platform = open_platform(root)
    domain, operator = _tokens(platform)
    server = uvicorn.Server(uvicorn.Config(create_app(platform), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    number = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield lambda: ReadOverHttp(f"http://127.0.0.1:{number}", root / ".weft/registry.db", domain, operator)
    finally:
        server.should_exit = True
        thread.join()
        platform.close()


def _tokens(platform: Platform) -> tuple[str, str]:
    """A token of the domain of the suite, and one of an operator."""
    platform.identity.user_verbs.add("ann", None, [Role.OPERATOR.value], actor="ann")
    now = platform.rooms.now()
    made = [
        platform.identity.tokens.create(
            kind=kind,
            owner="ann",
            label="suite",
            domain=domain,
            actions=None,
            at=now,
            expires_at=now + dt.timedelta(hours=1),
        )[1]
        for kind, domain in (("domain", "sales"), ("personal", None))
    ]
    with platform.database.writing() as statements:
        statements.run("DELETE FROM events")  # the suite begins with an empty log
    return made[0], made[1]
