"""Python models as another user: what they can do, and what a model that means harm cannot."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests import other_users
from weft.config import PythonSettings
from weft.engines.duckdb.engine import DuckDBEngine
from weft.engines.duckdb.session import DuckDBSession
from weft.engines.python.apart import processes_of
from weft.engines.python.rows import Run, select_rows
from weft.errors import UserCodeError, Where
from weft.model.mesh import Model, Reference
from weft.model.python_code import Form, PythonCode

pytestmark = pytest.mark.skipif(other_users.lacks() is not None, reason=str(other_users.lacks()))

PLACE = Path("/var/tmp")
SECRET = "kept-from-models"


@pytest.fixture(scope="module")
def users() -> Iterator[list[str]]:
    with other_users.user() as one, other_users.user() as another:
        yield [one, another]
        for name in (one, another):
            other_users.forget(name, PLACE)


@pytest.fixture(scope="module")
def session() -> Iterator[DuckDBSession]:
    with DuckDBEngine(threads=1).session() as opened:
        opened.namespace("models")
        opened.table("given", "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(id, name)")
        yield opened


@pytest.fixture(autouse=True)
def _an_interpreter_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    python = other_users.interpreter()
    assert python is not None, "else it is skipped"
    monkeypatch.setattr(sys, "executable", python)
    monkeypatch.setenv("PYTHONPATH", other_users.packages())
    monkeypatch.setenv("PASSWORD", SECRET)


class Apart:
    """Runs models as another user."""

    def __init__(self, session: DuckDBSession, folder: Path, place: Path, names: Sequence[str]) -> None:
        self.session, self.folder, self.place, self.names = session, folder, place, names
        self.notes: list[str] = []
        self.hidden: tuple[str, ...] = (str(folder),)
        self.settings: dict[str, object] = {}

    @property
    def uid(self) -> int:
        return pwd.getpwnam(self.names[0]).pw_uid

    @property
    def base(self) -> Path:
        return self.place / f"weft-python-{self.uid}"

    def rows(self, body: str, form: str = "", header: str = "", session: DuckDBSession | None = None) -> list[tuple]:
        """The rows of `def m()`, or of `def m(given)` where it is given in a form."""
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        source = f"import os, sys, json\nimport pyarrow as pa\n{header}def m({'given' if form else ''}):\n{lines}"
        forms = {"given": Form(form)} if form else {}
        references = tuple(Reference(name, Where("m.py")) for name in forms)
        code = PythonCode("m", 3, forms)
        model = Model("m", "domains/d/p/models/m.py", source, 1, {}, references, "", "", python=code)
        settings = PythonSettings(users=tuple(self.names), folder=str(self.place), **self.settings)
        how = Run(settings, self.folder, self.notes.append, None, self.hidden)
        used = session or self.session
        return used.rows(select_rows(used, model, None, how))

    def refused(self, body: str) -> str:
        """How a run is refused; nothing of what it says is secret."""
        with pytest.raises(UserCodeError) as raised:
            self.rows(body)
        text = str(raised.value)
        assert SECRET not in text + "".join(self.notes)
        return text

    def said_of(self, action: str) -> str:
        """What comes of an action that a model tries: the error that it meets."""
        body = f"try:\n    done = {action}\n    return pa.table({{'a': [repr(done)]}})\nexcept BaseException as e:\n"
        [(said,)] = self.rows(f"{body}    return pa.table({{'a': [type(e).__name__]}})")
        assert SECRET not in said
        return said


@pytest.fixture
def apart(session: DuckDBSession, tmp_path: Path, users: list[str]) -> Apart:
    tmp_path.chmod(0o700)
    return Apart(session, tmp_path, PLACE, users[:1])


@pytest.mark.parametrize(
    "form",
    [
        "pyarrow.Table",
        "pyarrow.RecordBatchReader",
        "duckdb.DuckDBPyRelation",
        "polars.DataFrame",
        "polars.LazyFrame",
        "pandas.DataFrame",
    ],
)
def test_an_honest_model_gets_and_gives_every_form(apart: Apart, form: str) -> None:
    assert apart.rows("print('as', os.getuid())\nreturn given", form) == [(1, "a"), (2, "b")]
    assert apart.notes == [f"m: as {apart.uid}"]


def test_a_model_has_a_home_a_folder_for_temporary_files_and_no_variable_of_weft(apart: Apart) -> None:
    body = (
        "import tempfile, pathlib\npathlib.Path.home().joinpath('x').write_text('x')\n"
        "tempfile.NamedTemporaryFile().write(b'x')\n"
        "return pa.table({'home': [str(pathlib.Path.home())], 'seen': [json.dumps(dict(os.environ))]})"
    )

    [(home, seen)] = apart.rows(body)

    assert home.startswith(f"{apart.base}/run-")
    assert SECRET not in seen
    assert not list(apart.base.glob("run-*")), "what a run needed is gone"


def test_an_error_shows_the_line_of_the_model(apart: Apart) -> None:
    text = apart.refused("x = 1\nraise ValueError(os.listdir('.'))")

    assert "WFT-PYM-009" in text
    assert "domains/d/p/models/m.py:5" in text


@pytest.mark.parametrize("name", [".weft/registry.db", ".weft/warehouse/data.parquet", "weft.toml", "secrets/password"])
def test_no_file_of_the_mesh_can_be_read_written_or_linked(apart: Apart, name: str) -> None:
    file = apart.folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(SECRET)
    file.chmod(0o666)

    assert apart.said_of(f"open({str(file)!r}).read()") == "PermissionError"
    assert apart.said_of(f"open({str(file)!r}, 'a').write('x')") == "PermissionError"
    assert apart.said_of(f"os.link({str(file)!r}, 'output.parquet')") == "PermissionError"
    assert apart.said_of(f"os.listdir({str(apart.folder)!r})") == "PermissionError"
    assert file.read_text() == SECRET


@pytest.mark.parametrize("name", ["environ", "mem", "maps", "fd", "cwd/x", "root/etc/shadow"])
def test_nothing_of_the_process_that_has_started_it_can_be_read(apart: Apart, name: str) -> None:
    place = f"'/proc/' + str(os.getppid()) + '/{name}'"

    assert apart.said_of(f"os.listdir({place})" if name == "fd" else f"open({place}).read()") == "PermissionError"


def test_the_process_that_has_started_it_can_be_neither_ended_stopped_nor_traced(apart: Apart) -> None:
    assert apart.said_of("os.kill(os.getppid(), 9)") == "PermissionError"
    assert apart.said_of("os.killpg(os.getpgid(os.getppid()), 19)") == "PermissionError"
    traced = "__import__('ctypes').CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0)"
    assert apart.said_of(traced) == "-1"


def test_it_becomes_nobody_else(apart: Apart) -> None:
    assert apart.said_of("os.setuid(0)") == "PermissionError"
    assert apart.said_of("os.setgroups([0])") == "PermissionError"
    assert apart.said_of("os.setresuid(0, 0, 0)") == "PermissionError"
    assert apart.said_of("os.chown('.', 0, 0)") == "PermissionError"
    # a program that gives root's rights to whoever starts it gives none to this one
    privileged = "__import__('subprocess').run(['su', '-c', 'id -u'], capture_output=True).stdout"
    assert apart.said_of(privileged) in ("b''", "FileNotFoundError")
    status = "[l.split()[1] for l in open('/proc/self/status') if l.startswith(('CapPrm', 'CapEff', 'NoNewPrivs'))]"
    assert apart.said_of(status) == repr(["0" * 16, "0" * 16, "1"])


def test_it_has_no_open_file_of_the_process_that_has_started_it(apart: Apart) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)
    try:
        said = apart.said_of("sorted(os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')[:3])")
        kinds = apart.said_of(
            "[p for p in (os.readlink(f'/proc/self/fd/{n}') for n in range(3, 200) "
            "if os.path.lexists(f'/proc/self/fd/{n}')) if 'anon_inode' not in p]"
        )
    finally:
        os.close(reader)
        os.close(writer)

    assert "/dev/null" in said
    assert kinds == "[]"


def test_another_runs_folder_cannot_be_read_while_it_runs(apart: Apart, users: list[str]) -> None:
    other = Apart(apart.session, apart.folder, apart.place, users[1:])
    with in_background(other, "import time\nopen('mine', 'w').write('x')\ntime.sleep(6)\nreturn pa.table({'a': [1]})"):
        [run] = until(lambda: list(other.base.glob("run-*/out/mine")))
        job = run.parent.parent / "job.json"

        for path in (run, job):
            assert apart.said_of(f"open({str(path)!r}).read()") == "PermissionError"
        assert apart.said_of(f"os.listdir({str(other.base)!r})") == "PermissionError"
        [victim] = processes_of(other.uid)
        assert apart.said_of(f"os.kill({victim}, 9)") == "PermissionError"


def test_of_two_runs_as_one_user_the_second_waits_and_finds_nothing_of_the_first(apart: Apart) -> None:
    body = "import time\ntime.sleep(3)\nopen('/var/tmp/left', 'w').write('x')\nreturn pa.table({'a': [1]})"
    with in_background(Apart(apart.session, apart.folder, apart.place, apart.names), body):
        until(lambda: processes_of(apart.uid))
        began = time.monotonic()

        assert apart.said_of("os.path.exists('/var/tmp/left')") == "False"

    assert time.monotonic() - began > 1
    assert apart.notes[0] == "m: waits for a user that Python models run as: all of `python.users` are taken"


def test_two_meshes_that_work_in_different_folders_do_not_have_one_user_at_once(apart: Apart) -> None:
    with folder_for_everybody() as elsewhere:
        other = Apart(apart.session, apart.folder, elsewhere, apart.names)
        other.rows("return pa.table({'a': [1]})")
        with in_background(apart, "import time\ntime.sleep(3)\nreturn pa.table({'a': [1]})"):
            until(lambda: processes_of(apart.uid))

            assert other.said_of(f"os.listdir({str(apart.base)!r})") == "PermissionError"
            assert list(apart.base.iterdir()) == []

    assert other.notes == ["m: waits for a user that Python models run as: all of `python.users` are taken"]


@contextlib.contextmanager
def folder_for_everybody() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=PLACE) as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_nothing_runs_where_users_cannot_be_locked(apart: Apart, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr("weft.engines.python.apart._LOCKS", tmp_path / "not-there")

    text = apart.refused("return pa.table({'a': [1]})")

    assert "WFT-PYM-016" in text
    assert f"let the worker write to `{tmp_path / 'not-there'}`" in text


def test_a_second_user_is_taken_where_the_first_is_busy(apart: Apart, users: list[str]) -> None:
    with in_background(apart, "import time\ntime.sleep(5)\nreturn pa.table({'a': [1]})"):
        until(lambda: processes_of(apart.uid))
        both = Apart(apart.session, apart.folder, apart.place, users)

        assert both.rows("return pa.table({'a': [os.getuid()]})") == [(pwd.getpwnam(users[1]).pw_uid,)]


DAEMON = """if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        import ctypes
        ctypes.CDLL(None).prctl(4, 0)
        os.closerange(0, 100)
        import time
        while True:
            time.sleep(0.1)
    os._exit(0)
os.wait()
"""


def test_a_process_that_has_left_its_session_ends_with_the_run(apart: Apart) -> None:
    assert apart.rows(f"{DAEMON}return pa.table({{'a': [1]}})") == [(1,)]

    assert processes_of(apart.uid) == []


LEADERLESS = """
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 100)
    import ctypes, threading, time
    threading.Thread(target=time.sleep, args=(60,)).start()
    ctypes.CDLL(None).pthread_exit(None)
import time
time.sleep(1)
"""


def test_threads_whose_process_looks_ended_end_with_the_run(apart: Apart) -> None:
    assert apart.rows(f"{LEADERLESS}return pa.table({{'a': [1]}})") == [(1,)]

    assert threads_of(apart.uid) == []


def threads_of(uid: int) -> list[str]:
    """Threads of a user that have not ended, whatever the state of their process."""
    found = []
    for status in Path("/proc").glob("[0-9]*/task/*/status"):
        with contextlib.suppress(OSError):
            told = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
            if str(uid) in told["Uid"].split() and told["State"].split()[0] not in "ZX":
                found.append(str(status))
    return found


def test_processes_that_multiply_without_end_end_with_the_run(apart: Apart) -> None:
    bomb = (
        "if os.fork() == 0:\n    os.setsid()\n    import time\n    end = time.time() + 60\n"
        "    while time.time() < end:\n        try:\n            if os.fork():\n                os._exit(0)\n"
        "            os.fork()\n        except OSError:\n            pass\n    os._exit(0)\n"
    )

    assert apart.rows(f"{bomb}import time\ntime.sleep(0.5)\nreturn pa.table({{'a': [1]}})") == [(1,)]

    assert processes_of(apart.uid) == []


def test_a_folder_of_any_depth_and_any_rights_goes_with_the_run(apart: Apart) -> None:
    deep = "for n in range(3000):\n    os.mkdir('d')\n    open('f', 'w').close()\n    os.chdir('d')\n"

    assert apart.rows(f"home = os.getcwd()\n{deep}os.chdir(home)\nos.chmod('d', 0)\nreturn pa.table({{'a': [1]}})") == [
        (1,)
    ]

    assert list(apart.base.iterdir()) == []


def test_a_user_as_which_something_else_runs_already_is_refused_and_it_goes_on(apart: Apart) -> None:
    with other_users.user() as name:
        apart.names = [name]
        service = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(1000)"], cwd="/", user=apart.uid, extra_groups=[]
        )
        try:
            until(lambda: service.pid in processes_of(apart.uid))
            text = apart.refused("return pa.table({'a': [1]})")
            assert service.poll() is None
        finally:
            service.kill()
            service.wait()

    assert f"something runs as the user `{name}` already" in text


def test_what_a_run_left_whose_worker_was_killed_is_ended_before_the_next(apart: Apart) -> None:
    apart.rows("return pa.table({'a': [1]})")
    left = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(1000)"],
        cwd="/", user=apart.uid, group=apart.uid, extra_groups=[], start_new_session=True,
    )  # fmt: skip
    try:
        until(lambda: left.pid in processes_of(apart.uid))
        assert apart.said_of(f"os.path.exists('/proc/{left.pid}/cwd')") == "False"
        assert left.wait(10) == -9
    finally:
        left.kill()


FORGED = "open('result.json', 'w').write(json.dumps({'rows': 1, 'untyped': []}))\nsys.stdout.flush()\nos._exit(0)"


@pytest.mark.parametrize(
    ("left", "told"),
    [
        ("os.symlink('/etc/shadow', 'output.parquet')", "something that is no file"),
        ("os.symlink('/proc/self/environ', 'output.parquet')", "something that is no file"),
        ("os.mkfifo('output.parquet')", "something that is no file"),
        ("os.mkdir('output.parquet')", "something that is no file"),
        ("open('x', 'w').write('x'); os.link('x', 'output.parquet')", "a file that is not its own"),
        ("open('output.parquet', 'w').write('id,name')", "a file that is no Parquet"),
        ("pass", "no file of rows"),
    ],
)
def test_what_is_no_file_of_rows_is_not_taken_for_one(apart: Apart, left: str, told: str) -> None:
    text = apart.refused(f"{left}\n{FORGED}")

    assert "WFT-PYM-019" in text
    assert told in text


@pytest.mark.parametrize(
    "word",
    [
        "'x'",
        "json.dumps({'rows': '1', 'untyped': []})",
        "json.dumps({'rows': 1, 'untyped': [1]})",
        "json.dumps({'failed': 'else'})",
        "json.dumps({'failed': 'raised', 'line': -1})",
        "json.dumps({'failed': 'raised', 'message': 'x' * 3000})",
        "'[' * 100_000",
        "' ' * 2_000_000",
    ],
)
def test_a_forged_word_of_its_end_is_not_believed(apart: Apart, word: str) -> None:
    body = f"open('result.json', 'w').write({word})\nsys.stdout.flush()\nos._exit(0)"

    text = apart.refused(body)

    assert "WFT-PYM-019" in text
    assert "a report of its end" in text


def test_a_word_of_its_end_is_not_read_through_a_link(apart: Apart) -> None:
    text = apart.refused("os.symlink('/etc/passwd', 'result.json')\nos._exit(0)")

    assert "WFT-PYM-019" in text
    assert "something that is no file" in text


def test_a_file_larger_than_allowed_is_not_written(apart: Apart) -> None:
    apart.settings = {"file_size": "1MB"}

    text = apart.refused("return pa.table({'a': [os.urandom(3_000_000)]})")

    assert "WFT-PYM-019" in text
    assert "a file of more than 1MB" in text


def test_nothing_runs_where_the_user_can_reach_what_is_hidden(apart: Apart, tmp_path: Path) -> None:
    reachable = Path(f"/var/tmp/weft-open-{os.getpid()}")
    reachable.write_text(SECRET)
    reachable.chmod(0o644)
    try:
        apart.hidden = (str(tmp_path), str(reachable))
        text = apart.refused("print('ran')\nreturn pa.table({'a': [1]})")
    finally:
        reachable.unlink()

    assert "WFT-PYM-018" in text
    assert str(reachable) in text
    assert apart.notes == []


def test_nothing_runs_where_the_user_cannot_read_the_interpreter(apart: Apart, monkeypatch, tmp_path: Path) -> None:
    private = tmp_path / "python"
    private.symlink_to(sys.executable)
    tmp_path.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(private))

    text = apart.refused("return pa.table({'a': [1]})")

    assert "WFT-PYM-016" in text
    assert f"let the user read and run `{private}`" in text


def test_nothing_runs_where_the_user_cannot_read_the_packages(apart: Apart, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    text = apart.refused("return pa.table({'a': [1]})")

    assert "WFT-PYM-016" in text
    assert "No module named" in text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no-such-user-here", "there is no user `no-such-user-here`"),
        ("root", "or root"),
        ("nobody", "other services run as `nobody`"),
    ],
)
def test_a_user_that_others_use_runs_nothing(apart: Apart, name: str, told: str) -> None:
    apart.names = [name]

    text = apart.refused("return pa.table({'a': [1]})")

    assert "WFT-PYM-016" in text
    assert told in text


def test_a_place_of_somebody_elses_making_is_refused(apart: Apart, tmp_path: Path) -> None:
    apart.place = tmp_path
    apart.base.mkdir()
    apart.base.chmod(0o777)

    assert "is no folder that only this user can write to" in apart.refused("return pa.table({'a': [1]})")


WITHOUT_ROOT = """
import sys
from pathlib import Path
from weft.config import PythonSettings
from weft.engines.duckdb.engine import DuckDBEngine
from weft.engines.python.rows import Run, select_rows
from weft.errors import UserCodeError
from weft.model.mesh import Model
from weft.model.python_code import PythonCode
source = "import os\\nimport pyarrow as pa\\ndef m():\\n    status = open('/proc/self/status').read()\\n" \\
    "    return pa.table({'uid': [os.getuid()], 'cap': [status.split('CapEff:')[1].split()[0]]})\\n"
model = Model("m", "models/m.py", source, 1, {}, (), "", "", python=PythonCode("m", 3, {}))
settings = PythonSettings(users=(sys.argv[1],), folder=sys.argv[2])
with DuckDBEngine(threads=1).session() as session:
    try:
        print(session.rows(select_rows(session, model, None, Run(settings, Path(sys.argv[2]), print))))
    except UserCodeError as e:
        print(e)
"""


def as_weft(users: list[str], folder: Path, *capabilities: str) -> str:
    """What comes of a model where weft runs as a user that is not root."""
    weft = pwd.getpwnam(users[1])
    os.chown(folder, weft.pw_uid, weft.pw_gid)
    words = ["setpriv", f"--reuid={weft.pw_uid}", f"--regid={weft.pw_gid}", "--clear-groups"]
    if capabilities:
        listed = ",".join(f"+{name}" for name in capabilities)
        words += [f"--inh-caps={listed}", f"--ambient-caps={listed}"]
    command = [*words, sys.executable, "-c", WITHOUT_ROOT, users[0], str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def place() -> Iterator[Path]:
    folder = Path(f"/var/tmp/weft-place-{os.getpid()}")
    folder.mkdir(0o755)
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_without_the_right_to_change_users_nothing_runs_as_the_own_one(users: list[str], place: Path) -> None:
    said = as_weft(users, place)

    assert "WFT-PYM-016" in said
    assert "without CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_KILL, CAP_SETGID, CAP_SETUID" in said


def test_the_capabilities_of_a_worker_that_is_not_root_are_not_handed_on(users: list[str], place: Path) -> None:
    said = as_weft(users, place, "chown", "dac_override", "fowner", "kill", "setgid", "setuid")

    assert said == f"[({pwd.getpwnam(users[0]).pw_uid}, '{'0' * 16}')]\n"


@contextlib.contextmanager
def in_background(apart: Apart, body: str) -> Iterator[None]:
    """Runs a model beside the block, which it outlives."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with DuckDBEngine(threads=1).session() as own:
                apart.rows(body, session=own)
        except BaseException as e:  # noqa: BLE001  told when the block is over
            failed.append(e)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert failed == []


def until(asked: Callable[[], object]) -> object:
    deadline = time.monotonic() + 30
    while not (found := asked()):
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)
    return found
