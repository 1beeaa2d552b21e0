"""The entrance: help, exit codes, what goes where."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from weft import __version__
from weft.cli.group import COMMANDS, weft

SOURCES = str(Path(__file__).resolve().parents[3] / "src")
HEAVY = ("duckdb", "fastavro", "sqlglot", "rich", "yaml", "ruamel", "pyarrow", "jsonschema_rs", "sqlite3")


def run(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`weft WORDS…` as its own process."""
    return subprocess.run(
        [sys.executable, "-m", "weft.cli.main", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": SOURCES, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def imported(words: list[str]) -> set[str]:
    """The packages that a command line imports."""
    code = (
        "import atexit, sys\nfrom weft.cli.main import main\n"
        "atexit.register(lambda: print(*{m.partition('.')[0] for m in sys.modules}, file=sys.stderr))\n"
        f"main({words!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        check=False,
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["apply", "--help"], ["query", "--help"], ["nonsense"]])
def test_version_and_help_import_nothing_heavy(words: list[str]) -> None:
    assert imported(words).isdisjoint(HEAVY)


def test_version_imports_not_even_the_command_library() -> None:
    assert "click" not in imported(["--version"])


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    command = importlib.import_module(f"weft.cli.commands.{name.replace('-', '_')}").command

    assert (command.help or "").split("\n")[0] == COMMANDS[name]


def every_command() -> list[tuple[str, click.Command]]:
    found = []
    for name in COMMANDS:
        command = importlib.import_module(f"weft.cli.commands.{name.replace('-', '_')}").command
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {n}", c) for n, c in command.commands.items()]
    return found


@pytest.mark.parametrize(("name", "command"), every_command())
def test_every_command_has_examples_that_call_it(name: str, command: click.Command) -> None:
    assert "Examples:" in (command.epilog or "")
    assert f"weft {name}" in (command.epilog or "")


@pytest.mark.parametrize(("name", "command"), every_command())
def test_every_option_is_explained(name: str, command: click.Command) -> None:
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]

    assert [o.name for o in options if not o.help] == []


def test_the_files_of_commands_are_the_commands() -> None:
    folder = Path(SOURCES) / "weft" / "cli" / "commands"

    packages = {f.parent.name for f in folder.glob("*/__init__.py")}
    files = {f.stem for f in folder.glob("*.py")} - {"__init__"} | packages
    assert files == {name.replace("-", "_") for name in COMMANDS}


def test_version_is_printed(tmp_path: Path) -> None:
    done = run("--version", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, f"weft {__version__}\n")


def test_a_mistyped_command_is_answered_with_the_nearest(tmp_path: Path) -> None:
    done = run("aply", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "did you mean `apply`?" in done.stderr


def test_wrong_use_is_exit_2_and_names_the_help(tmp_path: Path) -> None:
    done = run("query", cwd=tmp_path)

    assert done.returncode == 2
    assert "WFT-CLI-001" in done.stderr
    assert "weft query --help" in done.stderr


def test_outside_a_mesh_commands_end_with_2_and_say_where_to_go(tmp_path: Path) -> None:
    done = run("plan", cwd=tmp_path)

    assert done.returncode == 2
    assert "WFT-CFG-001" in done.stderr


def test_json_diagnostics_are_the_only_thing_on_standard_output(tmp_path: Path) -> None:
    done = run("plan", "--format", "json", cwd=tmp_path)

    assert done.returncode == 2
    assert [d["code"] for d in json.loads(done.stdout)["diagnostics"]] == ["WFT-CFG-001"]
    assert done.stderr == ""


def test_wrong_use_is_json_too_when_json_is_asked_for(tmp_path: Path) -> None:
    done = run("plan", "--format=json", "--bogus", cwd=tmp_path)

    assert [d["code"] for d in json.loads(done.stdout)["diagnostics"]] == ["WFT-CLI-001"]


def test_another_folder_must_be_there(tmp_path: Path) -> None:
    assert run("-C", "nowhere", "plan", cwd=tmp_path).returncode == 2


def test_broken_settings_are_all_reported_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "weft.toml").write_text("[mesh]\nnam = 'x'\n[engine]\nthreads = 'many'\n")

    done = run("-C", str(tmp_path), "plan", cwd=Path("/"))

    assert done.returncode == 2
    assert "did you mean `name`?" in done.stderr
    assert "WFT-CFG-004" in done.stderr
    assert "Traceback" not in done.stderr


def broken_module(folder: Path, body: str) -> str:
    """A path on which every verb meets an interface that fails."""
    (folder / "sitecustomize.py").write_text(
        "import sys, types\n"
        "api = types.ModuleType('weft.api')\n"
        f"def open(*a, **k):\n    {body}\n"
        "api.open = open\n"
        "sys.modules['weft.api'] = api\n"
        "import weft\n"
        "weft.api = api\n"
    )
    return f"{folder}{os.pathsep}{SOURCES}"


def test_a_fault_of_weft_is_exit_5_without_traceback_or_its_text(tmp_path: Path) -> None:
    path = broken_module(tmp_path, "raise KeyError('ada@example.org')")

    done = run("plan", cwd=tmp_path, PYTHONPATH=path)

    assert done.returncode == 5
    assert "WFT-CLI-003" in done.stderr
    assert "Traceback" not in done.stderr
    assert "ada@example.org" not in done.stderr


def test_the_traceback_of_a_fault_is_shown_on_request(tmp_path: Path) -> None:
    path = broken_module(tmp_path, "raise KeyError('x')")

    done = run("plan", cwd=tmp_path, PYTHONPATH=path, WEFT_DEBUG="1")

    assert "Traceback" in done.stderr


def test_interrupting_is_exit_130_and_says_what_was_published(tmp_path: Path) -> None:
    path = broken_module(tmp_path, "raise KeyboardInterrupt")

    done = run("plan", cwd=tmp_path, PYTHONPATH=path)

    assert (done.returncode, done.stdout) == (130, "")
    assert "interrupted; nothing was published" in done.stderr


def test_a_reader_who_leaves_early_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m weft.cli.main --help | true"

    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env={**os.environ, "PYTHONPATH": SOURCES},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_complete_weft(tmp_path: Path, shell: str) -> None:
    assert "_WEFT_COMPLETE" in run("completion", shell, cwd=tmp_path).stdout


def test_completion_knows_the_verbs(tmp_path: Path) -> None:
    done = run(cwd=tmp_path, _WEFT_COMPLETE="bash_complete", COMP_WORDS="weft li", COMP_CWORD="1")

    assert done.stdout.split() == ["plain,lineage"]


def test_help_of_the_group_is_what_click_itself_would_list() -> None:
    context = click.Context(weft, info_name="weft", **weft.context_settings)

    text = weft.get_help(context)

    assert all(f"\n  {name} " in text for name in COMMANDS)
