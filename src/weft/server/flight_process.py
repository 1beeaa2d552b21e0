"""The process that speaks Flight SQL beside the web process, as its server sees it. Imports no PyArrow."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from weft.errors import UsageError, error
from weft.sections.server import ServerSettings
from weft.server.serving import Certificate

_LONGEST_PAUSE_S = 30.0
_LIVED_S = 60.0
"""A process that lived so long did not die of its start."""

_START_S = 60.0
_END_S = 10.0


class FlightProcess:
    """The process: started with the server, again when it dies, and ended with it.

    Attributes:
        url: where clients on this machine reach it.
    """

    def __init__(self, root: Path, settings: ServerSettings, tls: Certificate | None) -> None:
        self._where: dict[str, Any] = {
            "root": str(root),
            "host": settings.host,
            "port": settings.flight_port,
            "cert": str(tls.cert) if tls is not None else None,
            "key": str(tls.key) if tls is not None else None,
        }
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.url = f"{'grpc+tls' if tls else 'grpc'}://{host}:{settings.flight_port}"
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._watch = threading.Thread(target=self._keep, name="flight", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def __enter__(self) -> Self:
        """Starts it, and returns when it listens.

        Raises:
            UsageError: WFT-SRV-083, it cannot.
        """
        self._start()
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._watch.join()
        self._end()

    def _start(self) -> None:
        command = [sys.executable, "-P", "-m", "weft.server.flight.process", json.dumps(self._where)]
        # a session of its own: Ctrl-C at the server ends it by its input, after the answers that are on their way
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self._process = process
        assert process.stdout is not None, "it is a pipe"
        late = threading.Timer(_START_S, process.kill)
        late.start()
        line = process.stdout.readline()
        late.cancel()
        told = json.loads(line) if line else {}
        if "port" not in told:
            self._end()
            raise UsageError(
                error(
                    "WFT-SRV-083",
                    f"Flight SQL cannot listen on {self.url}",
                    why=told.get("failed", "its process has ended"),
                    fix="choose another `--flight-port`",
                )
            )

    def _keep(self) -> None:
        failures, began = 0, time.monotonic()
        while not self._stop.wait(0.2):
            assert self._process is not None, "it was started"
            if self._process.poll() is None:
                continue
            failures = 1 if time.monotonic() - began > _LIVED_S else failures + 1
            if self._stop.wait(min(_LONGEST_PAUSE_S, 0.5 * 2**failures)):
                return
            began = time.monotonic()
            with suppress(UsageError):  # it is tried again
                self._start()

    def _end(self) -> None:
        process = self._process
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None, "they are pipes"
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
