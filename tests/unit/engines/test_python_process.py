"""The child of a Python model: what it sees, what it may take, and how its end is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from weft.engines.python.process import Ended, Job, JobInput, environment, run

GIGABYTE = 10**9


class Child:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: list[str] = []
        pq.write_table(pa.table({"id": [1, 2, None], "name": ["a", "b", None]}), folder / "in.parquet")

    def run(self, body: str, form: str = "pyarrow.Table", seconds: float = 60, memory: int = 2 * GIGABYTE) -> Ended:
        """Runs `def m(given)` with a body."""
        source = "import os, sys\ndef m(given):\n" + "".join(f"    {line}\n" for line in body.splitlines())
        inputs = {"given": JobInput(str(self.folder / "in.parquet"), form)}
        job = Job(
            "models/m.py", source, "m_model", "m", inputs, str(self.folder / "out.parquet"), str(self.folder), memory
        )
        (self.folder / "result.json").unlink(missing_ok=True)
        return run(job, self.folder, seconds, self.notes.append)

    def rows(self) -> list[dict]:
        return pq.read_table(self.folder / "out.parquet").to_pylist()


@pytest.fixture
def child(tmp_path: Path) -> Child:
    return Child(tmp_path)


ROWS = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": None, "name": None}]


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("pyarrow.Table", "pyarrow.lib Table"),
        ("pyarrow.RecordBatchReader", "pyarrow.lib RecordBatchReader"),
        ("duckdb.DuckDBPyRelation", "duckdb._relation DuckDBPyRelation"),
        ("polars.DataFrame", "polars.dataframe.frame DataFrame"),
        ("polars.LazyFrame", "polars.lazyframe.frame LazyFrame"),
        ("pandas.DataFrame", "pandas DataFrame"),
    ],
)
def test_every_form_of_an_input_is_given_and_taken_back_with_its_rows(child: Child, form: str, kind: str) -> None:
    ended = child.run("print(type(given).__module__, type(given).__name__)\nreturn given", form)

    assert ended.result == {"rows": 3, "untyped": []}
    assert child.notes[0].split() == kind.split()
    assert child.rows() == ROWS


def test_whole_numbers_stay_whole_in_pandas_although_one_is_null(child: Child) -> None:
    ended = child.run("print(given.dtypes['id'])\nreturn given[['id']]", "pandas.DataFrame")

    assert ended.result == {"rows": 3, "untyped": []}
    assert child.notes == ["Int64"]
    assert pq.read_table(child.folder / "out.parquet").schema.field("id").type == pa.int64()


def test_decimals_and_dates_are_no_objects_of_python_in_pandas(child: Child) -> None:
    decimals = pa.array(["1.5", None]).cast(pa.decimal128(10, 1))
    table = pa.table({"d": decimals, "t": pa.array([1, None], pa.date32())})
    pq.write_table(table, child.folder / "in.parquet")

    ended = child.run("print(*given.dtypes)\nreturn given", "pandas.DataFrame")

    assert ended.result == {"rows": 2, "untyped": []}
    assert child.notes == ["decimal128(10, 1)[pyarrow] date32[day][pyarrow]"]
    assert pq.read_table(child.folder / "out.parquet").equals(table)


def test_an_error_names_the_users_line_and_its_message_goes_to_the_notes_alone(child: Child) -> None:
    ended = child.run("value = given['name'][0].as_py()\nraise ValueError(f'cannot read {value}-secret')")

    assert ended.result == {
        "failed": "raised",
        "type": "ValueError",
        "line": 4,
        "text": "raise ValueError(f'cannot read {value}-secret')",
        "message": None,
    }
    assert child.notes[0] == "Traceback (most recent call last):"
    assert child.notes[-1] == "ValueError: cannot read a-secret"
    assert not any("child.py" in line for line in child.notes)


def test_an_error_inside_a_library_names_the_users_line_that_called_it(child: Child) -> None:
    ended = child.run("import json\nreturn json.loads('{')")

    assert ended.result is not None
    assert (ended.result["type"], ended.result["line"]) == ("JSONDecodeError", 4)


def test_a_name_that_is_not_there_is_told_since_it_stands_in_the_code(child: Child) -> None:
    ended = child.run("return givn")

    assert ended.result is not None
    assert ended.result["message"] == "name 'givn' is not defined"


def test_a_model_that_runs_too_long_is_killed_with_what_it_has_started(child: Child, tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    script = tmp_path / "beat.py"
    script.write_text(
        "import pathlib, time\nwhile True:\n"
        f"    pathlib.Path({str(beat)!r}).write_text(str(time.time()))\n    time.sleep(0.05)\n"
    )
    body = f"import subprocess, time\nsubprocess.Popen([sys.executable, {str(script)!r}])\ntime.sleep(60)"
    began = time.monotonic()

    ended = child.run(body, seconds=3)

    assert (ended.late, ended.result) == (True, None)
    assert time.monotonic() - began < 20
    assert beat.exists()
    time.sleep(0.5)
    last = beat.read_text()
    time.sleep(0.5)
    assert beat.read_text() == last


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found by /proc alone")
@pytest.mark.parametrize(("end", "late"), [("time.sleep(60)", True), ("return given", False)])
def test_what_a_model_has_started_in_a_session_of_its_own_ends_with_it(
    child: Child, tmp_path: Path, end: str, late: bool
) -> None:
    beat, script = tmp_path / "beat", tmp_path / "beat.py"
    script.write_text(
        "import os, pathlib, time\nif os.fork(): os._exit(0)\nwhile True:\n"
        f"    pathlib.Path({str(beat)!r}).write_text(str(time.time()))\n    time.sleep(0.05)\n"
    )
    body = (
        "import pathlib, subprocess, time\n"
        f"subprocess.Popen([sys.executable, {str(script)!r}], start_new_session=True)\n"
        f"while not pathlib.Path({str(beat)!r}).exists(): time.sleep(0.05)\n{end}"
    )

    ended = child.run(body, seconds=5)

    assert (ended.late, ended.result is None) == (late, late)
    time.sleep(0.3)
    last = beat.read_text()
    time.sleep(0.5)
    assert beat.read_text() == last


def test_a_model_that_prints_without_end_is_killed_at_its_deadline_and_its_notes_are_bounded(child: Child) -> None:
    ended = child.run("while True: print('x' * 1000)", seconds=3)

    assert ended.late
    assert len(child.notes) <= 102
    assert max(map(len, child.notes)) <= 501
    assert child.notes[-1].endswith("more lines")


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("pyarrow.Table", "x = bytearray(3_000_000_000)\nreturn given"),
        ("pyarrow.Table", "import pyarrow as pa\nreturn pa.table({'a': pa.nulls(400_000_000, pa.int64())})"),
        ("duckdb.DuckDBPyRelation", "return given.query('g', 'select list(range) as l from range(900000000)')"),
    ],
)
def test_too_much_memory_is_told_as_such(child: Child, form: str, body: str) -> None:
    ended = child.run(body, form, memory=GIGABYTE)

    assert ended.result is not None, ended.last_words
    assert ended.result["failed"] == "memory"


def test_a_library_that_aborts_for_want_of_memory_leaves_words_that_say_so(child: Child) -> None:
    ended = child.run(
        "import polars as pl\nreturn pl.select(pl.repeat(1, 800_000_000))", "polars.DataFrame", memory=GIGABYTE
    )

    told = ended.result["failed"] if ended.result else ended.last_words
    assert told == "memory" or "memory allocation of" in told


def test_a_child_that_is_killed_tells_the_signal_and_one_that_leaves_its_status(child: Child) -> None:
    killed = child.run("os.kill(os.getpid(), 11)")
    left = child.run("os._exit(7)")

    assert (killed.result, killed.signal, killed.late) == (None, 11, False)
    assert (left.result, left.signal, left.status) == (None, 0, 7)


def test_an_exit_of_the_users_code_is_an_error_like_another(child: Child) -> None:
    ended = child.run("sys.exit(0)")

    assert ended.result is not None
    assert (ended.result["failed"], ended.result["type"]) == ("raised", "SystemExit")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return None", "a builtins.NoneType"),
        ("return [1]", "a builtins.list"),
        ("return given.select([])", "a table without columns"),
        ("import pyarrow as pa\nreturn pa.table([[1], [2]], ['a', 'A'])", "a table with two columns named `A`"),
        (
            "import pandas as pd\nreturn pd.DataFrame({'a': [1, 'secret']})",
            "a pandas data frame whose values are not of one type, column a",
        ),
        (
            "import pandas as pd\nreturn pd.DataFrame([[1]])",
            "a pandas data frame with columns whose names are no texts",
        ),
    ],
)
def test_what_is_no_table_is_told_without_a_value(child: Child, body: str, told: str) -> None:
    ended = child.run(body)

    assert ended.result is not None
    assert (ended.result["failed"], ended.result["message"]) == ("result", told)


def test_a_child_sees_nothing_of_wefts_environment_nor_of_secrets(child: Child, monkeypatch) -> None:
    monkeypatch.setenv("WEFT_STORAGE__WAREHOUSE", "elsewhere")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    child.run("print(sorted(os.environ))\nprint('weft' in sys.modules, sys.flags.safe_path)\nreturn given")

    assert "AWS_SECRET_ACCESS_KEY" not in child.notes[0]
    assert "WEFT_" not in child.notes[0]
    assert child.notes[1] == "False True"
    assert environment({"PATH": "/bin", "PGPASSWORD": "x"})["PATH"] == "/bin"
    assert environment({"PGPASSWORD": "x"})["PYTHONHASHSEED"] == "0"


def test_what_stands_on_standard_output_when_a_child_ends_is_told_without_a_newline_too(child: Child) -> None:
    child.run("print('one')\nsys.stderr.write('two')\nreturn given")

    assert child.notes == ["one", "two"]


def test_a_child_ends_with_the_process_that_has_started_it(child: Child, tmp_path: Path) -> None:
    parent = tmp_path / "parent.py"
    parent.write_text(
        "from pathlib import Path\nfrom tests.unit.engines.test_python_process import Child\n"
        f"Child(Path({str(tmp_path)!r})).run("
        f"\"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\\nimport time; time.sleep(60)\")\n"
    )
    path = os.pathsep.join(sys.path)
    started = subprocess.Popen([sys.executable, str(parent)], env={**os.environ, "PYTHONPATH": path})
    pid = tmp_path / "pid"
    until(lambda: pid.is_file() and pid.read_text() != "")

    started.kill()
    started.wait()

    until(lambda: not alive(int(pid.read_text())))


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
