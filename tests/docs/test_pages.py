"""Every code block of the documentation runs, or is checked by whatever reads its language."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.command_server import command_server
from tests.docs.blocks import CHECKED, RUN, SHOWN, Block, Shell, blocks, reader_environment
from tests.docs.pages import ROOT, pages

WITH_CODE = [page for page in pages() if any(b.language not in SHOWN for b in blocks(page))]
IN_MESH = frozenset({"python", "sql", "diff"})
EMPTY_FOLDER = re.compile(r"<!-- begins in an empty folder -->")

pytestmark = pytest.mark.slow


def name(page: Path) -> str:
    """A page's path, for messages."""
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A reader's environment in which `weft` and `python` are the ones under test."""
    commands = tmp_path_factory.mktemp("bin")
    command_server().program(commands / "weft")
    found = reader_environment(commands, Path(sys.executable).parent)
    return {**found, "PYTHONPATH": str(ROOT / "src")}


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> tuple[Path, Path]:
    """The example mesh, applied once: the folder where it lives, and a copy to put it back from.

    It is always put back into the same folder, since tables know where their files lie.
    """
    folder = tmp_path_factory.mktemp("example") / "weft-demo"
    kept = folder.with_name("kept")
    shutil.copytree(ROOT / "examples" / "flights", folder, ignore=shutil.ignore_patterns(".weft"))
    subprocess.run(["weft", "-C", str(folder), "apply", "--yes"], env=environment, check=True, capture_output=True)
    shutil.copytree(folder, kept)
    return folder, kept


@pytest.fixture
def folder(page: Path, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where a page's reader stands: in an empty folder if the page says so, else in the applied example."""
    in_mesh = any(b.language in RUN | IN_MESH and not b.accept_only for b in blocks(page))
    if EMPTY_FOLDER.search(page.read_text(encoding="utf-8")) or not in_mesh:
        empty = tmp_path / "empty"
        empty.mkdir()
        return empty
    folder, kept = request.getfixturevalue("applied")
    shutil.rmtree(folder)
    shutil.copytree(kept, folder)
    return Path(folder)


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_block_says_what_it_is_written_in(page: Path) -> None:
    unknown = [f"{b.line}: {b.language!r}" for b in blocks(page) if b.language not in RUN | CHECKED | SHOWN]

    assert unknown == []


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_every_block_of_the_page_runs_in_order(
    page: Path, folder: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    shell = Shell(folder, environment, tmp_path / "state")

    for block in blocks(page):
        if block.accept_only or block.language in SHOWN:
            continue
        if block.language in RUN:
            shell.run(block)
        elif block.saved_as is not None:
            saved = shell.folder / block.saved_as
            saved.parent.mkdir(parents=True, exist_ok=True)
            saved.write_text(block.text, encoding="utf-8")
        else:
            _checked(block, shell, environment)


def test_the_readme_shows_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert "make demo" in readme
    assert "make test" in readme


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    text = page.read_text(encoding="utf-8")

    named = set(re.findall(r"(?:^|`)make ((?:[a-z-]+ ?)+)(?=`|$)", text, re.MULTILINE))

    assert {word for words in named for word in words.split()} <= targets


def _checked(block: Block, shell: Shell, environment: dict[str, str]) -> None:
    match block.language:
        case "python":
            _run([sys.executable, "-c", block.text], block, shell.folder, environment)
        case "sql" if "model" in block.flags:
            _admitted(block)
        case "sql":
            _run(["weft", "query", block.text], block, shell.folder, environment)
        case "yaml":
            from weft.project.yaml12 import read

            read(block.text, str(block))
        case "toml":
            _settings(block, shell.folder.parent)
        case "json":
            json.loads(block.text)
        case "diff":
            _run(["git", "apply", "--check", "-"], block, shell.folder, environment, given=block.text)


def _run(words: list[str], block: Block, folder: Path, environment: dict[str, str], given: str | None = None) -> None:
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, input=given, check=False)

    assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"


def _admitted(block: Block) -> None:
    from weft.engines.duckdb.engine import DuckDBEngine
    from weft.sql.analysis import analyse

    with DuckDBEngine(memory_limit="512MB", threads=1).session() as session:
        analysis = analyse(block.text, session.parse(block.text))

    assert [p.what for p in analysis.problems] == [], str(block)


_SECTIONS = {"mesh", "storage", "engine", "sources", "notices", "identity", "server", "scheduler", "publishing"}


def _settings(block: Block, scratch: Path) -> None:
    from weft.config import load_settings

    if not set(tomllib.loads(block.text)) <= _SECTIONS:
        return
    folder = scratch / "settings"
    folder.mkdir(exist_ok=True)
    (folder / "weft.toml").write_text(block.text, encoding="utf-8")
    load_settings(folder, environ=os.environ)
