"""Real database servers for tests: on loopback, on a free port, with a data folder that goes with them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

_PATIENCE_S = 60.0


def program(name: str) -> str | None:
    """The path of a server's program, which Debian keeps apart from what is for everybody."""
    places = [*sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True), "/usr/sbin", "/usr/bin"]
    return shutil.which(name, path=os.pathsep.join(places)) or shutil.which(name)


@contextmanager
def postgres_running() -> Iterator[str]:
    """PostgreSQL; gives the URL of an empty database, whose user is its owner."""
    with postgres_to_stop() as server:
        yield server.url


class StoppedAndStarted:
    """A PostgreSQL that a test may stop and start again, on the same port with the same data."""

    def __init__(self, command: Sequence[str], user: str | None, folder: Path, port: int) -> None:
        self.url = f"postgresql://weft@127.0.0.1:{port}/postgres"
        self._command, self._user, self._folder = command, user, folder
        self._running: AbstractContextManager[subprocess.Popen[bytes]] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        import psycopg

        self._running = _started(self._command, self._user, self._folder, lambda: psycopg.connect(self.url).close())
        self._process = self._running.__enter__()

    def stop(self) -> None:
        """Stops it: whoever is connected is sent away."""
        if self._running is not None:
            assert self._process is not None
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20)
            self._running.__exit__(None, None, None)
            self._running = None

    def crash(self) -> None:
        """Ends it without a word to anybody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(20)
        self.stop()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Lets it answer nothing, as a host that is too busy, without closing a connection."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        every = [self._process.pid, *map(int, children)]
        for pid in every:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in every:
                os.kill(pid, signal.SIGCONT)


@contextmanager
def postgres_to_stop(fsync: str = "off") -> Iterator[StoppedAndStarted]:
    """PostgreSQL, running, which can be stopped and started.

    Args:
        fsync: whether a commit waits for the disk; only a measurement wants that.
    """
    made = program("postgres")
    assert made is not None, "the caller looked for it"
    with _folder("postgres") as (folder, user), _port() as port:
        data = folder / "data"
        initdb = str(program("initdb"))
        _run([initdb, "-D", str(data), "-U", "weft", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"], user)
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": fsync}
        command = [made, "-D", str(data), *(part for n, v in settings.items() for part in ("-c", f"{n}={v}"))]
        server = StoppedAndStarted(command, user, folder, port)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def empty_database(url: str, like: str = "template1") -> Iterator[str]:
    """The URL of a new database of a PostgreSQL, which goes when it is left.

    Args:
        like: the database that it is a copy of.
    """
    import psycopg

    name = f"weft_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        try:
            yield f"{url.rpartition('/')[0]}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def registry_database(url: str) -> Iterator[str]:
    """The URL of a new database of a PostgreSQL that holds an empty registry."""
    with empty_database(url, like=_with_a_registry(url)) as made:
        yield made


@cache
def _with_a_registry(url: str) -> str:
    """The name of a database that others are copied from: a copy takes a tenth of what the upgrades take."""
    import psycopg

    from weft.registry import migrations

    name = "weft_registry"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    migrations.upgrade(migrations.of_postgres(f"{url.rpartition('/')[0]}/{name}"))
    return name


@contextmanager
def mariadb_running() -> Iterator[str]:
    """MariaDB; gives the URL of an empty database, whose user may do everything in it."""
    import pymysql

    made = program("mariadbd")
    assert made is not None, "the caller looked for it"
    with _folder("mysql") as (folder, user), _port() as port:
        data = folder / "data"
        install = [str(program("mariadb-install-db")), "--no-defaults", f"--datadir={data}", "--skip-test-db"]
        _run([*install, "--auth-root-authentication-method=normal"], user)
        command = [made, "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1"]
        command += [f"--socket={folder}/socket", f"--pid-file={folder}/pid", "--innodb-flush-log-at-trx-commit=0"]
        at: dict[str, Any] = {"unix_socket": f"{folder}/socket", "user": "root", "autocommit": True}
        with _started(command, user, folder, lambda: pymysql.connect(**at).close()):
            with pymysql.connect(**at) as connection, connection.cursor() as cursor:
                cursor.execute("CREATE DATABASE weft")
                cursor.execute("CREATE USER 'weft'@'127.0.0.1' IDENTIFIED BY 'sesame'")
                cursor.execute("GRANT ALL ON *.* TO 'weft'@'127.0.0.1'")
            yield f"mariadb://weft:sesame@127.0.0.1:{port}/weft"


@contextmanager
def _folder(account: str) -> Iterator[tuple[Path, str | None]]:
    """A folder that a server may use, and as whom it runs: servers refuse to be root."""
    folder = Path(tempfile.mkdtemp(prefix="weft-server-"))
    user = None
    if os.geteuid() == 0:
        known = {entry.pw_name for entry in pwd.getpwall()}
        user = account if account in known else "nobody"
        shutil.chown(folder, user)
    try:
        yield folder, user
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _port() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        number = held.getsockname()[1]
    yield number


def _run(command: Sequence[str], user: str | None) -> None:
    done = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout}{done.stderr}"


@contextmanager
def _started(
    command: Sequence[str], user: str | None, folder: Path, ready: Callable[[], None]
) -> Iterator[subprocess.Popen[bytes]]:
    version = subprocess.run([command[0], "--version"], capture_output=True, text=True, user=user).stdout.strip()
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(command, user=user, cwd="/", stdout=log, stderr=log)
        print(f"{version}: process {process.pid}")
        try:
            deadline = time.monotonic() + _PATIENCE_S
            while True:
                try:
                    ready()
                    break
                except Exception as problem:
                    if process.poll() is not None or time.monotonic() > deadline:
                        log.seek(0)
                        raise AssertionError(f"{command[0]} does not answer:\n{log.read()}") from problem
                    time.sleep(0.1)
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            if process.poll() is None:
                process.kill()
                process.wait()
