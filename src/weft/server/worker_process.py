"""The worker that a server starts beside itself: spawned, started again when it dies, stopped with the server."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_log = logging.getLogger("weft.server")
_LONGEST_PAUSE_S = 30.0
_LIVED_S = 60.0
"""A worker that lived so long did not die of its start."""


class WorkerProcess:
    """A worker as a child process. Its input ends when the server does, however that ends, and it stops by that.

    Attributes:
        pid: the process that runs now; None between two.
        starts: how often one was started.
    """

    def __init__(self, root: Path, patience_s: float = 60.0, domains: Sequence[str] = ()) -> None:
        """Takes the mesh's folder, how long a worker may take to end what it runs, and whose jobs it takes."""
        self._command = [sys.executable, "-m", "weft.cli.main", "-C", str(root), "worker", "--until-input-ends"]
        # by this a worker knows what the one before it, which is gone for certain, was at
        self._command += ["--family", uuid.uuid4().hex[:12]]
        self._command += [word for name in domains for word in ("--domain", name)]
        self._patience_s = patience_s
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._watch = threading.Thread(target=self._keep, name="worker", daemon=True)
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Tells the worker to end what it runs, and returns when it has."""
        self._stop.set()
        self._watch.join()

    def _keep(self) -> None:
        failures = 0
        while not self._stop.is_set():
            began = time.monotonic()
            # a session of its own: Ctrl-C at the server is not meant for what the worker runs
            try:
                process = subprocess.Popen(self._command, stdin=subprocess.PIPE, start_new_session=True)
            except OSError as e:  # no memory, or too many processes: that passes, and without a worker nothing runs
                failures += 1
                _log.error("no worker could be started: %s", e.strerror)
                self._stop.wait(min(_LONGEST_PAUSE_S, 0.5 * 2**failures))
                continue
            self._process = process
            self.starts += 1
            while process.poll() is None and not self._stop.wait(0.2):
                pass
            if process.poll() is None:
                self._end(process)
                return
            _log.warning("the worker has ended with %s, and is started again", process.returncode)
            failures = 1 if time.monotonic() - began > _LIVED_S else failures + 1
            self._stop.wait(min(_LONGEST_PAUSE_S, 0.5 * 2**failures))

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None, "it is a pipe"
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(self._patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
