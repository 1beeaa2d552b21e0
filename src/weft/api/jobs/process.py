"""The child process that runs one job, as its worker sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from weft.model.jobs import Job

_WIDEST = 2000
"""Characters of a line that are kept."""
_MOST = 20_000
"""Lines that wait to be kept; what is told beyond is dropped."""


class JobProcess:
    """A job that runs. It is in a session of its own: what it starts ends with it.

    Attributes:
        job: what it works on.
        run_id: the run that it has begun, once it has said so; `noted` is the one that the registry knows of.
        said: its last word, once it has said it: `done` with what came of it, or `failed` with diagnostics.
        ending: why it is to end: `cancelled`, `timeout` or `stopping`; None: it is not.
    """

    def __init__(self, job: Job, root: Path, now: Callable[[], datetime], own_python: Collection[str] = ()) -> None:
        """Starts it.

        Args:
            own_python: folders of products, from the root, whose Python models may run as the user of the worker.
        """
        self.job = job
        self.run_id: str | None = None
        self.noted: str | None = None
        self.said: dict[str, Any] | None = None
        self.ending: str | None = None
        self.began = self.heard = time.monotonic()
        self._ended_at: float | None = None
        self._now = now
        self._lines: list[tuple[datetime, str]] = []
        self._guard = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "weft.cli.job"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=root,
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr, "they are pipes"
        asked = {"root": str(root), "subject": job.subject, "window": job.payload.get("window")}
        asked["own_python"] = sorted(own_python)
        with suppress(OSError):  # it died at once: its exit code says so
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            self._process.stdin.flush()
        # its own words come whole, however long: half a last word would read as none
        readers = ((self._process.stdout, self._heard, -1), (self._process.stderr, self._printed, _WIDEST * 50))
        self._readers = [threading.Thread(target=_each_line, args=reader, daemon=True) for reader in readers]
        for reader in self._readers:
            reader.start()

    @property
    def exit_code(self) -> int | None:
        """How it ended; None: it has not."""
        code = self._process.poll()
        if code is not None:
            for reader in self._readers:
                reader.join(5)  # a grandchild may hold the pipe open
        return code

    def lines(self) -> list[tuple[datetime, str]]:
        """What it has told and nobody has kept yet."""
        with self._guard:
            return list(self._lines)

    def kept(self, count: int) -> None:
        """The first lines are kept now."""
        with self._guard:
            del self._lines[:count]

    def end(self, why: str, grace_s: float) -> None:
        """Tells it to end, and ends it when it has not after a time. To be called again until it has."""
        if self._ended_at is None:
            self.ending = why
            self._ended_at = time.monotonic() + grace_s
            self._signal(signal.SIGTERM)
        elif time.monotonic() > self._ended_at:
            self._signal(signal.SIGKILL)

    def kill(self) -> None:
        """Ends it at once, with all that it has started."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _heard(self, line: bytes) -> None:
        try:
            told = json.loads(line)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            self._printed(line)
            return
        if "line" in told:
            self._told(told["line"])
        if told.get("run") is not None:
            self.run_id = told["run"]
        if "done" in told or "failed" in told:
            self.said = told

    def _printed(self, line: bytes) -> None:
        self._told(line.decode("utf-8", "replace").rstrip("\r\n"))

    def _told(self, text: str) -> None:
        with self._guard:
            if len(self._lines) < _MOST:
                self._lines.append((self._now(), text.replace("\0", "")[:_WIDEST]))


def _each_line(stream: IO[bytes], heard: Callable[[bytes], None], longest: int) -> None:
    while line := stream.readline(longest):
        heard(line)
