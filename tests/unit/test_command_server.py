"""Commands that are forked end, write and are told to stop as those of a process of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.command_server import CommandServer, command_server, starts_alike
from tests.meshes import TestMesh, command, two_products


@pytest.fixture(scope="module")
def commands() -> CommandServer:
    return command_server()


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["--help"],
        ["nothing"],
        ["plan", "--nothing"],
        ["plan"],
        ["plan", "--format", "json"],
        ["query", "select 1/0 as x from missing.port.here"],
        ["new", "domain", "Fleet"],
    ],
    ids=" ".join,
)
def test_a_command_writes_and_ends_as_in_an_interpreter_of_its_own(words: list[str], tmp_path: Path) -> None:
    env = {**os.environ, "NO_COLOR": "1"}
    forked, own = two_products(tmp_path / "mesh"), two_products(tmp_path / "own")

    found = forked.weft(*words)

    expected = subprocess.run(command(*words), cwd=own.root, env=env, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (expected.returncode, expected.stdout, expected.stderr)


def test_many_commands_at_once_get_what_is_theirs(tmp_path: Path) -> None:
    mesh = TestMesh(tmp_path)

    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(lambda number: mesh.weft(f"nothing{number}"), range(8)))

    assert [f"`nothing{n}`" in done.stderr for n, done in enumerate(ended)] == [True] * 8
    assert {done.returncode for done in ended} == {2}


def test_a_command_that_takes_too_long_is_ended(commands: CommandServer, tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        commands.run(["serve", "--port", "0"], cwd=tmp_path, env=os.environ, timeout=0)


def test_a_command_knows_the_signal_that_ended_it_and_may_be_told_to_stop(
    commands: CommandServer, tmp_path: Path
) -> None:
    (tmp_path / "weft.toml").write_text('[mesh]\nname = "company"\n')
    codes = []
    for how in (signal.SIGKILL, signal.SIGTERM):
        with (tmp_path / "log").open("w") as log:
            words = ["serve", "--port", "0"]
            running = commands.start(words, cwd=tmp_path, env=os.environ, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while "listens on" not in (tmp_path / "log").read_text():
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)

        running.send_signal(how)

        codes.append(running.wait(60))
        running.kill()  # it has ended: nothing is struck
    assert codes == [-signal.SIGKILL, 0]


def test_a_shell_runs_the_program_like_any_other(commands: CommandServer, tmp_path: Path) -> None:
    commands.program(tmp_path / "weft")
    script = "./weft --version | tr a-z A-Z; ./weft nothing 2>err && echo never; echo $?; wc -l < err"

    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)

    version, code, lines = done.stdout.split("\n")[:3]
    assert version.startswith("WEFT 0")
    assert (code, int(lines) > 0, done.stderr) == ("2", True, "")


def test_what_an_interpreter_reads_when_it_starts_needs_one_of_its_own() -> None:
    assert starts_alike({**os.environ, "WEFT_TOKEN": "x"})
    assert not starts_alike({**os.environ, "PYTHONHASHSEED": "1"})
    assert not starts_alike({**os.environ, "LC_ALL": f"not {os.environ.get('LC_ALL')}"})


def test_nothing_that_was_imported_has_begun_something_that_a_fork_would_lose() -> None:
    program = "from tests.command_server import alone, import_everything; import_everything(); assert alone()"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}

    subprocess.run([sys.executable, "-c", f"{program}; import os; os._exit(0)"], env=env, check=True)
