"""A process that has imported everything once, and forks a child for each command line: `weft` without its start-up.

The child is a process of its own, with its own folder, environment, clock and streams, that ends as `weft` ends; only
its modules are there already. Run as a program, with the path of a socket, it serves until its input ends.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

_OWN = ("PYTHON", "LC_", "LANG")
"""What an interpreter reads once, when it starts."""


class Running:
    """A command that runs, as `subprocess.Popen` shows one."""

    def __init__(
        self, connection: socket.socket, words: Sequence[str], stdout: IO[str] | None, stderr: IO[str] | None
    ) -> None:
        self.args = ["weft", *words]
        self.returncode: int | None = None
        self.stdout, self.stderr = stdout, stderr
        self._connection = connection
        self._told = connection.makefile("r", encoding="utf-8")
        self.pid = int(self._told.readline())

    def poll(self) -> int | None:
        """How it ended, or None."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, once it has: its exit code, or the signal that ended it as a negative number."""
        if self.returncode is None:
            if timeout is not None:
                with selectors.DefaultSelector() as ready:
                    ready.register(self._connection, selectors.EVENT_READ)
                    if not ready.select(timeout):
                        raise subprocess.TimeoutExpired(self.args, timeout)
            status = self._told.readline()
            assert status, "the server of commands has ended"
            self.returncode = os.waitstatus_to_exitcode(int(status))
            self._told.close()
            self._connection.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that is left of what it writes into pipes, once it has ended."""
        told = {id(stream): "" for stream in (self.stdout, self.stderr)}

        def read(stream: IO[str]) -> None:
            with stream:
                told[id(stream)] = stream.read()

        readers = [
            threading.Thread(target=read, args=(s,), daemon=True) for s in (self.stdout, self.stderr) if s is not None
        ]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        return told[id(self.stdout)], told[id(self.stderr)]

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Asks it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it."""
        self.send_signal(signal.SIGKILL)


class CommandServer:
    """The process, as whoever runs commands in it sees it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="weft-commands-")
        self.path = str(Path(self._folder.name) / "socket")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.command_server", self.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            # threads of a library would not live on in a fork
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._folder.cleanup()

    def start(
        self,
        words: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        stdout: IO[Any] | int | None = None,
        stderr: IO[Any] | int | None = None,
        today: str | None = None,
        script: str | None = None,
        start_new_session: bool = False,
    ) -> Running:
        """Starts a command.

        Args:
            words: the words of its line.
            cwd: its folder.
            env: its environment; that of this process if none is given.
            stdout: a file, `subprocess.PIPE`, or where this process writes.
            stderr: the same.
            today: the day that its clock shows, at noon UTC.
            script: a program that runs instead of `weft`.
            start_new_session: whether it leads a process group of its own.
        """
        job = {"words": words, "cwd": str(cwd), "env": dict(os.environ if env is None else env), "today": today}
        job |= {"script": script, "session": start_new_session}
        pipes: dict[int, IO[str]] = {}
        given, ours = [], []
        for number, stream in ((1, stdout), (2, stderr)):
            if stream == subprocess.PIPE:
                reading, writing = os.pipe()
                pipes[number] = os.fdopen(reading, encoding="utf-8")
                ours.append(writing)
                given.append(writing)
            else:
                given.append(number if stream is None or isinstance(stream, int) else stream.fileno())
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.path)
        with open(os.devnull, "rb") as nothing:
            socket.send_fds(connection, [b"\n"], [nothing.fileno(), *given])
        connection.sendall(json.dumps(job).encode() + b"\n")
        for number in ours:
            os.close(number)
        return Running(connection, words, pipes.get(1), pipes.get(2))

    def run(
        self, words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float, today: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, and gives what it wrote."""
        with tempfile.TemporaryFile("w+b") as out, tempfile.TemporaryFile("w+b") as err:
            running = self.start(words, cwd=cwd, env=env, stdout=out, stderr=err, today=today)
            try:
                code = running.wait(timeout)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
                raise
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(running.args, code, out.read().decode(), err.read().decode())

    def program(self, path: Path) -> None:
        """Writes a program that runs its words as a command, for shells."""
        path.write_text(_PROGRAM.format(python=sys.executable, socket=self.path), encoding="utf-8")
        path.chmod(0o755)


_PROGRAM = """\
#!{python} -IS
import json, os, signal, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect({socket!r})
socket.send_fds(connection, [b"\\n"], [0, 1, 2])
job = {{"words": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}
connection.sendall(json.dumps(job).encode() + b"\\n")
told = connection.makefile()
child = int(told.readline())
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os.kill(child, number))
code = os.waitstatus_to_exitcode(int(told.readline()))
sys.exit(code if code >= 0 else 128 - code)
"""

_STARTING = threading.Lock()


def command_server() -> CommandServer:
    """The one of this process."""
    with _STARTING:
        return _started()


@cache
def _started() -> CommandServer:
    made = CommandServer()
    atexit.register(made.close)
    return made


def starts_alike(env: Mapping[str, str]) -> bool:
    """Whether an interpreter with this environment starts as this one's children do."""
    return all(env.get(name) == os.environ.get(name) for name in {*env, *os.environ} if name.startswith(_OWN))


# --- the process itself -----------------------------------------------------------------------------------------------


def serve(path: str) -> NoReturn:
    """Forks a child for each connection, and tells there how it ended, until the input ends."""
    prepare()
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as door, selectors.DefaultSelector() as ready:
        door.bind(path)
        door.listen(64)
        for source in (door.fileno(), told, 0):
            ready.register(source, selectors.EVENT_READ)
        os.write(1, b"ready\n")
        while True:
            sources = {key.fd for key, _ in ready.select()}
            if told in sources:
                os.read(told, 4096)
                _tell_of_ended(running)
            if door.fileno() in sources:
                connection, _ = door.accept()
                child = os.fork()
                if child == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for closed in (door, *running.values()):
                        closed.close()
                    ready.close()
                    os.close(told)
                    os.close(tell)
                    _become(connection)
                running[child] = connection
                connection.sendall(f"{child}\n".encode())
            if 0 in sources and not os.read(0, 4096):
                break
    for child in running:
        os.kill(child, signal.SIGKILL)
    os._exit(0)  # DuckDB would complain of what is left of it


def _tell_of_ended(running: dict[int, socket.socket]) -> None:
    while running:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        with running.pop(child) as connection:
            try:
                connection.sendall(f"{status}\n".encode())
            except OSError:  # nobody waits for it any more
                continue


def _become(connection: socket.socket) -> NoReturn:
    """The child is `weft` with the words, the folder, the environment and the streams that the connection says."""
    code = 70
    try:
        _, streams, _, _ = socket.recv_fds(connection, 1, 3)
        with connection.makefile("r", encoding="utf-8") as asked:
            job = json.loads(asked.readline())
        connection.close()
        for number, given in enumerate(streams):
            os.dup2(given, number)
            os.close(given)
        os.environ.clear()
        os.environ.update(job["env"])
        time.tzset()
        os.chdir(job["cwd"])
        sys.stdin = os.fdopen(0, encoding="utf-8")
        sys.stdout = os.fdopen(1, "w", encoding="utf-8")
        sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace")
        sys.argv = ["weft", *job["words"]]
        sys.path[0] = ""
        if job.get("session"):
            os.setsid()
        if job.get("today"):
            import datetime as dt

            import weft.wiring

            noon = dt.datetime.fromisoformat(f"{job['today']}T12:00Z")
            weft.wiring.clock = lambda: noon
        if job.get("script"):
            exec(compile(job["script"], "<script>", "exec"), {"__name__": "__main__"})
            raise SystemExit
        from weft.cli.main import main

        main()
    except SystemExit as e:
        code = _ended(e)
    except BaseException:  # noqa: BLE001 - as an interpreter ends
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        code = 1
    os._exit(code)


def _ended(wish: SystemExit) -> int:
    """Ends as an interpreter does, and gives the exit code."""
    if wish.code is not None and not isinstance(wish.code, int):
        print(wish.code, file=sys.stderr)
    threading._shutdown()  # type: ignore[attr-defined]  # waits for what still runs
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return wish.code if isinstance(wish.code, int) else int(wish.code is not None)


def prepare() -> None:
    """Makes this process one whose forks have little to do."""
    import gc

    import_everything()
    assert alone(), "a fork would have this thread alone"
    gc.collect()
    gc.freeze()  # what all share is not copied because somebody counts it


def import_everything() -> None:
    """What any command imports, a server's too."""
    import importlib
    import pkgutil

    import weft

    for name in (
        "duckdb",
        "fastavro",
        "sqlglot",
        "jsonschema_rs",
        "pyarrow.compute",
        "pyarrow.parquet",
        "uvicorn",
        "uvloop",
    ):
        importlib.import_module(name)
    for found in pkgutil.walk_packages(weft.__path__, "weft."):
        importlib.import_module(found.name)


def alone() -> bool:
    """Whether a fork leaves no thread behind but that of the allocator, which begins again in a child."""
    names = [Path(f"/proc/self/task/{task}/comm").read_text().strip() for task in os.listdir("/proc/self/task")]
    return len([name for name in names if name != "jemalloc_bg_thd"]) == 1


if __name__ == "__main__":
    serve(sys.argv[1])
