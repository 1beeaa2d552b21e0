"""Who commits handovers, as the process sees it in which they are handed in: a child that is started when needed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Protocol

from weft.api.publishing.committing import failure_of, log
from weft.errors import TransientError, WeftError, error
from weft.observability import spans


class Committer(Protocol):
    """Commits handovers that wait in the registry's database."""

    def commit(self, run_id: str, product: str, timeout_s: float) -> None:
        """Sees to it that a handover is committed or refused; comes back when it is, or when the time is over.

        Raises:
            PlatformError: it could not be done now, and can be asked for again.
        """
        ...

    def close(self) -> None:
        """Ends what it has started."""
        ...


class ProcessCommitter:
    """A child process that commits one handover after another; one that died is started again when it is needed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._waiting: dict[int, _Waiting] = {}
        self._last = 0

    def commit(self, run_id: str, product: str, timeout_s: float) -> None:
        """Hands one to the child and waits for it; one that it was handed already is waited for."""
        of = run_id, product
        with self._lock:
            process = self._running()
            waiting = next((one for one in self._waiting.values() if one.of == of), None)
            if waiting is None:
                waiting = self._handed(process, of)
        if waiting.event.wait(timeout_s) and waiting.failure is not None:
            raise waiting.failure

    def _handed(self, process: subprocess.Popen[str], of: tuple[str, str]) -> _Waiting:
        """Once, however often it is asked for: while the child is at something else, a pipe takes so many lines."""
        self._last += 1
        waiting = self._waiting[self._last] = _Waiting(of)
        assert process.stdin is not None, "it was opened with a pipe"
        try:
            asked = {"number": self._last, "run": of[0], "product": of[1], "under": spans.carried()}
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
        except OSError as e:
            del self._waiting[self._last]
            raise _lost() from e
        return waiting

    def close(self) -> None:
        """Lets the child finish what it does, and end."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None, "it was opened with a pipe"
            process.stdin.close()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._give_up()
            command = [sys.executable, "-m", "weft.api.publishing.committing", str(self._root)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=self._root
            )
            threading.Thread(target=self._answers, args=(self._process,), daemon=True).start()
        return self._process

    def _answers(self, process: subprocess.Popen[str]) -> None:
        """Wakes whoever waits for an answer; when the child has died, all of them."""
        assert process.stdout is not None, "it was opened with a pipe"
        for line in process.stdout:
            answer = json.loads(line)
            if "log" in answer:  # among the lines of this process, in its form
                log(answer["log"])
                continue
            with self._lock:
                waiting = self._waiting.pop(answer["number"], None)
            if waiting is not None:
                waiting.failure = failure_of(answer["failure"]) if answer["failure"] else None
                waiting.event.set()
        with self._lock:
            if self._process in (process, None):
                self._give_up()

    def _give_up(self) -> None:
        """Tells all who wait that the child has died."""
        left, self._waiting = list(self._waiting.values()), {}
        for one in left:
            one.failure = _lost()
            one.event.set()


class _Waiting:
    """What the child was handed, for whoever waits for it."""

    def __init__(self, of: tuple[str, str]) -> None:
        self.of = of
        self.event = threading.Event()
        self.failure: WeftError | None = None


def _lost() -> TransientError:
    return TransientError(
        error(
            "WFT-SRV-046",
            "the process that commits has ended in the middle",
            why="nothing is half done: a publication is there whole, or not at all",
            fix="try again",
        )
    )
