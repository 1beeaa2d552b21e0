"""A child process with a deadline, a limit of memory, and nothing of weft's environment."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from weft.engines.python import left
from weft.engines.python.apart import Taken, as_user, end_all

_CHILD = Path(__file__).with_name("child.py")

_HANDED_ON = frozenset(
    {
        "HOME",
        "LANG",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "MPLCONFIGDIR",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "PATH",
        "POLARS_MAX_THREADS",
        "PYTHONPATH",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "TMPDIR",
        "VIRTUAL_ENV",
    }
)
"""Variables that a Python model sees; all others, which may be secrets, it does not."""

_MARK = "PYTHON_MODEL_RUN"
"""A variable that a child hands on to what it starts, so that this is found when it has left the child's session."""
_MOST_LINES, _LONGEST_LINE = 100, 500
"""What is kept of the lines that a model prints."""


class JobInput(Struct, frozen=True):
    """Rows of an input: a Parquet file, and as what the function wants them."""

    path: str
    form: str


class Job(Struct, frozen=True):
    """What a child has to do.

    Attributes:
        file: the model's file as a person knows it; the lines of its errors are those of `source`.
        output: the Parquet file to be written.
        temp: a folder for what the child spills.
        memory_limit: bytes beside those of the libraries.
        file_size: bytes that a file may have which it writes.
        user: user and group as which it has to run; None: those of weft.
        hidden: paths that such a user must not reach.
    """

    file: str
    source: str
    module: str
    function: str
    inputs: Mapping[str, JobInput]
    output: str
    temp: str
    memory_limit: int
    file_size: int = 1 << 40
    user: tuple[int, int] | None = None
    hidden: tuple[str, ...] = ()


class Ended(Struct, frozen=True):
    """How a child ended.

    Attributes:
        result: what it has told; None when it could not tell anything any more.
        signal: what killed it, 0 when nothing did.
        late: it was killed at its deadline.
        begun: it came as far as the model's own code.
        last_words: the last lines that it printed.
    """

    result: Mapping[str, Any] | None
    signal: int
    late: bool
    last_words: str
    status: int
    begun: bool = True


def run(job: Job, folder: Path, seconds: float, note: Callable[[str], None], apart: Taken | None = None) -> Ended:
    """Runs a job in a child; `note` is told the lines that it prints, up to a bound.

    Args:
        folder: where what it needs lies.
        apart: as which user it runs, and where it may write: `folder` else.

    Raises:
        OSError: the child cannot be started as that user.
        UnsoundError: what it has told of its end is no such thing.
    """
    file = folder / "job.json"
    begun, tells = os.pipe()
    mark = secrets.token_hex(8)
    try:
        file.write_text(json.dumps({**to_builtins(job), "parent": os.getpid(), "begun": tells}), encoding="utf-8")
        if apart is not None:
            apart.give(file)
        child = subprocess.Popen(
            [sys.executable, "-P", *(("-s",) if apart is not None else ()), str(_CHILD), str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder if apart is None else apart.out,
            env={**environment(os.environ), _MARK: mark} if apart is None else _environment_of(apart),
            pass_fds=(tells,),
            start_new_session=True,  # so that what it starts can be ended with it
            **as_user(apart.account if apart is not None else None),
        )
        lines = _Lines(note)
        try:
            late = _watch(child, time.monotonic() + seconds, lines)
        finally:
            _end(child)
            assert child.stdout is not None, "it was opened"
            child.stdout.close()
            if apart is not None:
                end_all(apart.account)
            else:
                _end_marked(mark)
        lines.close()
        os.set_blocking(begun, False)
        came_so_far = bool(_read(begun))
    finally:
        os.close(begun)
        os.close(tells)
    status = child.returncode
    killed_by = -status if status < 0 and not late else 0
    return Ended(left.told(Path(job.output).parent), killed_by, late, lines.last, status, came_so_far)


def environment(found: Mapping[str, str]) -> dict[str, str]:
    """What a child sees of the environment; hashes and the clock's zone are the same at every run."""
    kept = {k: v for k, v in found.items() if k in _HANDED_ON or k.startswith("LC_")}
    return {**kept, "PYTHONHASHSEED": "0", "TZ": "UTC", "PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}


def _environment_of(apart: Taken) -> dict[str, str]:
    """What a child of another user sees: its own home and folder for temporary files, nothing of weft's user."""
    own = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(apart.out / "temp"))
    home = str(apart.out / "home")
    kept = {k: v for k, v in environment(os.environ).items() if k not in ("HOME", "MPLCONFIGDIR")}
    return {**kept, **own, "HOME": home, "USER": apart.account.name, "LOGNAME": apart.account.name}


def _watch(child: subprocess.Popen[bytes], deadline: float, lines: _Lines) -> bool:
    """Reads what a child prints until it has ended; True when it had to be stopped at its deadline."""
    assert child.stdout is not None, "it was opened"
    os.set_blocking(child.stdout.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            ready = selector.select(min(0.05, max(deadline - time.monotonic(), 0)))
            content = _read(child.stdout.fileno()) if ready else None
            if content:
                lines.add(content)
                if time.monotonic() < deadline:
                    continue
            if child.poll() is not None:
                # what it has started may hold the pipe open: only what is there already is read
                while rest := _read(child.stdout.fileno()):
                    lines.add(rest)
                    if time.monotonic() >= deadline:
                        break
                return False
            if time.monotonic() >= deadline:
                return True
            if content == b"":
                # closed by the child itself: there is nothing more to be read, only its end to be waited for
                with contextlib.suppress(KeyError):
                    selector.unregister(child.stdout)


def _read(pipe: int) -> bytes | None:
    """What stands in a pipe; None when it is empty and still open."""
    try:
        return os.read(pipe, 1 << 16)
    except BlockingIOError:
        return None


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends a child and all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _end_marked(mark: str) -> None:
    """Ends what a child has started and what is in its session no more. Only where the system lists processes."""
    sought = f"{_MARK}={mark}".encode()
    deadline = time.monotonic() + 5
    while found := _marked(sought):
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return  # they multiply, or wait for a disk: accidents are kept small, no wall is promised
        time.sleep(0.01)


def _marked(sought: bytes) -> list[int]:
    """The processes that have a variable with its value."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for number in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208  looked through once in each run
            # one that has ended has no environment any more, that of another user cannot be read
            with contextlib.suppress(OSError), open(f"/proc/{number}/environ", "rb") as file:  # noqa: PTH123
                if sought in file.read().split(b"\0"):
                    found.append(int(number))
    return found


class _Lines:
    """What a child prints, line by line, up to a bound."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._rest = b""
        self._told = 0
        self._left_out = 0
        self._last: list[str] = []

    @property
    def last(self) -> str:
        return "\n".join(self._last)

    def add(self, content: bytes) -> None:
        *whole, self._rest = (self._rest + content).split(b"\n")
        for line in whole:
            self._line(line)
        if len(self._rest) > _LONGEST_LINE * 8:
            self._rest = self._rest[: _LONGEST_LINE * 8]  # a line without end

    def close(self) -> None:
        if self._rest:
            self._line(self._rest)
        if self._left_out:
            self._note(f"… and {self._left_out:,} more lines")

    def _line(self, line: bytes) -> None:
        text = "".join(c if c.isprintable() or c == "\t" else "?" for c in line.decode("utf-8", "replace").rstrip("\r"))
        self._last = [*self._last[-4:], text[:_LONGEST_LINE]]
        if self._told < _MOST_LINES:
            self._told += 1
            self._note(text if len(text) <= _LONGEST_LINE else f"{text[:_LONGEST_LINE]}…")
        else:
            self._left_out += 1
