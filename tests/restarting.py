"""A PostgreSQL of a test's own, that it may take away and bring back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.servers import _folder, _port, _run, program


class Restartable:
    """A server with its data folder. It keeps its promises to the disk, and is stopped without warning."""

    def __init__(self, folder: Path, user: str | None, port: int) -> None:
        self._data, self._user, self._folder, self._port = folder / "data", user, folder, port
        self.url = f"postgresql://weft@127.0.0.1:{port}/postgres"

    def make(self) -> None:
        """Makes its data folder."""
        initdb = str(program("initdb"))
        made = [initdb, "-D", str(self._data), "-U", "weft", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]
        _run(made, self._user)

    def start(self) -> None:
        """Starts it, and returns when it answers."""
        options = f"-c listen_addresses=127.0.0.1 -c port={self._port} -c unix_socket_directories={self._folder}"
        log = str(self._folder / "log")
        _run([str(program("pg_ctl")), "-D", str(self._data), "-w", "-l", log, "-o", options, "start"], self._user)
        while True:
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url).close()
                return
            time.sleep(0.05)

    def stop(self) -> None:
        """Stops it as a power cut would."""
        _run([str(program("pg_ctl")), "-D", str(self._data), "-w", "-m", "immediate", "stop"], self._user)


@contextmanager
def restartable_postgres() -> Iterator[Restartable]:
    """PostgreSQL that runs, with an empty database."""
    with _folder("postgres") as (folder, user), _port() as port:
        server = Restartable(folder, user, port)
        server.make()
        server.start()
        try:
            yield server
        finally:
            with suppress(AssertionError):
                server.stop()
