"""A reader process as whoever has started it sees it. Imports neither DuckDB nor PyArrow."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from weft.access.reading.shared_memory import Lender
from weft.access.reading.wire import (
    Asked,
    Begun,
    Cancel,
    Ended,
    Laid,
    Limits,
    LostError,
    Parse,
    Parsed,
    Relation,
    Run,
    Said,
    lend,
    said,
    send,
)
from weft.engines.python.process import environment
from weft.errors import AccessDenied, TransientError, UserCodeError, error
from weft.registry import processes

_SESSIONS = 64
"""Sessions that a process keeps open: one takes 4.4 MB, and some 22 ms of processor time to open (record 0092)."""

_ALLOCATING = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MIMALLOC_ARENA_RESERVE": "65536"}
"""Addresses are bounded, so nothing may reserve a gigabyte of them in advance (mimalloc counts in KiB)."""

_YIELDS = 19
"""The priority of a process that lets others go first."""

_START_S = 60.0
_PARSE_S = 10.0
_CANCEL_S = 1.0
_SOCKET_BYTES = 1 << 20

_LENT_FROM = 1 << 20
"""Bytes of an answer that come over the socket; for what is beyond them memory is lent, which has its price too."""

_KEPT_S = 1.0
"""How long nothing comes because all that was lent is kept, until the rest comes over the socket."""


class ReaderProcess:
    """One process. Used by one thread at a time; only `kill` may be called by any.

    Attributes:
        sessions: the principals of the sessions that it keeps open by their keys, the one last used at the end.
    """

    def __init__(self, limits: Limits) -> None:
        self._folder = tempfile.mkdtemp(prefix=_prefix(), dir=limits.temp_folder)
        self._socket, other = socket.socketpair()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BYTES)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        text = msgspec.json.encode(replace(limits, temp_folder=self._folder)).decode()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "weft.access.reading.child", text],
                stdin=other.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self._folder,
                env={**environment(os.environ), **_ALLOCATING},
            )
        finally:
            other.close()
        self._ready = False
        self._came, self._waited = 0, 0.0
        self._number, self._begun, self._key = 0, False, ""
        self._lender: Lender | None = None
        self._dead = threading.Event()
        self.sessions: OrderedDict[str, str] = OrderedDict()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return not self._dead.is_set() and self._process.poll() is None

    def parse(self, sql: str) -> Parsed:
        """What a text reads, and what of it is refused.

        Raises:
            LostError: the process has ended.
        """
        self.start()
        self._ask(Parse(sql))
        answer = self.next(_PARSE_S)
        if not isinstance(answer, Parsed):
            raise self._lost()
        return answer

    def sessions_of(self, principal: str) -> int:
        """How many sessions somebody has here."""
        return list(self.sessions.values()).count(principal)  # a copy: whoever has the process may open one meanwhile

    def begin(self, principal: str, run: Run, relations: Sequence[Relation], paths: Sequence[str]) -> None:
        """Begins a query of somebody; `next` gives what comes of it.

        Raises:
            LostError: the process has ended.
        """
        self.start()
        known = run.key in self.sessions
        drop = []
        if not run.once:
            self.sessions[run.key] = principal
            self.sessions.move_to_end(run.key)
        while len(self.sessions) > _SESSIONS:
            drop.append(self.sessions.popitem(last=False)[0])
        opened = {} if known else {"relations": tuple(relations), "paths": tuple(paths)}
        self._came, self._waited = 0, 0.0
        self._number, self._begun, self._key = self._number + 1, False, run.key
        self._ask(replace(run, drop=tuple(drop), number=self._number, **opened))

    def next(self, seconds: float) -> Said | bytearray | memoryview | None:
        """What comes next: the head, bytes, the end; None where nothing came in so many seconds.

        A part of the bytes that is a `memoryview` is to be let go soon: only so many of them come at once.

        Raises:
            LostError: the process has ended.
        """
        if self._socket.gettimeout() != seconds:
            self._socket.settimeout(seconds)
        try:
            found = said(self._socket)
            self._waited = 0.0
            self._expect(found)
            if isinstance(found, bytearray):
                self._lend(len(found))
            elif isinstance(found, Laid):
                lender = self._lender  # `close` may take it away at any time
                if lender is None:
                    raise LostError
                return lender.part(*found)
            elif isinstance(found, Ended):
                self._lend_no_more()
                self._lender = None
                if found.unopened:
                    self.sessions.pop(self._key, None)
        except TimeoutError:
            self._waited += seconds
            lender = self._lender
            if lender is not None and lender.all_held and self._waited >= _KEPT_S:
                self._lend_no_more()  # whoever keeps all of it wants more all the same
            return None
        except (LostError, ValueError, msgspec.DecodeError):
            raise self._lost() from None
        return found

    def _expect(self, found: Said | bytearray | Laid) -> None:
        """Looks whether what came is of the query that runs: bytes of another one may be another reader's.

        Raises:
            ValueError: it is not.
        """
        if isinstance(found, Begun):
            if found.number != self._number or self._begun:
                raise ValueError("the head is of another query")
            self._begun = True
        elif isinstance(found, bytearray | Laid) and not self._begun:
            raise ValueError("bytes came before a head")
        elif isinstance(found, Ended):
            self._begun = False

    def _lend(self, came: int) -> None:
        """Lends memory for the rest of an answer that turns out to be large."""
        before, self._came = self._came, self._came + came
        if before < _LENT_FROM <= self._came:
            with contextlib.suppress(OSError):  # it goes over the socket without it
                lender = Lender()
                try:
                    self._socket.settimeout(_PARSE_S)
                    lend(self._socket, (lender.memory, lender.given_back))
                except LostError:
                    lender.close()
                    raise
                finally:
                    lender.handed_over()
                self._lender = lender

    def _lend_no_more(self) -> None:
        lender = self._lender
        if lender is not None:
            lender.close()

    def cancel(self) -> bool:
        """Stops what runs; False where that did not help in time, and the process was ended."""
        deadline = time.monotonic() + _CANCEL_S
        self._lend_no_more()  # it may wait for a part that somebody keeps
        try:
            self._ask(Cancel())
            while time.monotonic() < deadline:
                if isinstance(self.next(max(deadline - time.monotonic(), 0.01)), Ended):
                    return True
        except LostError:
            return False
        self.kill()
        return False

    def slow_down(self) -> None:
        """Lets others go first, with each of its threads."""
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.pid, _YIELDS)  # of its main thread where it has threads already
            for thread in Path(f"/proc/{self.pid}/task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(thread.name), _YIELDS)

    def kill(self) -> None:
        """Ends the process at once; from any thread."""
        self._dead.set()
        with contextlib.suppress(OSError):
            self._process.kill()

    def close(self) -> None:
        """Ends the process and takes away what it has left on the disk."""
        self.kill()
        self._lend_no_more()
        self._lender = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Waits until a new process can be asked.

        Raises:
            LostError: it does not start.
        """
        if not self._ready:
            if not isinstance(self.next(_START_S), Begun):
                raise self._lost()
            self._ready = True

    def _ask(self, message: Asked) -> None:
        self._socket.settimeout(_PARSE_S)
        try:
            send(self._socket, message)
        except LostError:
            raise self._lost() from None

    def _lost(self) -> LostError:
        self._dead.set()
        return LostError()


def lost() -> UserCodeError:
    """The error of a query whose process has ended."""
    return UserCodeError(
        error(
            "WFT-ACC-042",
            "the process that runs this query has ended",
            why="it took more memory or time than a reader has, or the engine failed; other queries go on",
            fix="read fewer columns or rows, or aggregate before joining",
        )
    )


def revoked() -> AccessDenied:
    """The error of an answer whose reader may not have it any more."""
    return AccessDenied(
        error(
            "WFT-ACC-040",
            "the answer was ended: the right to read it was taken away or has changed",
            fix="ask again; what may be read now is decided anew",
        )
    )


def untaken() -> TransientError:
    """The error of an answer whose place others waited for, while nobody took it."""
    return TransientError(
        error(
            "WFT-ACC-041",
            "the answer was ended: others waited, and it was not taken",
            fix="ask again and take it as fast as it comes, or ask for less at once",
        )
    )


def unwanted() -> UserCodeError:
    """The error of an answer that nobody takes."""
    return UserCodeError(error("WFT-ENG-003", "the query was stopped: nobody waits for its answer"))


def temp_folder(state: Path) -> Path:
    """Where reader processes spill: a folder under `.weft` that is made when it is missing.

    What those have left there who were started by a process that died goes.
    """
    folder = state / "reading"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.iterdir():
        started_by = left.name.partition("~")[0].replace("+", ":")
        if processes.here(started_by) and not processes.alive(started_by):
            shutil.rmtree(left, ignore_errors=True)
    return folder


def _prefix() -> str:
    """What the name of a folder begins with that this process is to remove."""
    return f"{processes.identity().replace(':', '+')}~"
