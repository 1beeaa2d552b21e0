"""Reads the fenced blocks of a Markdown page and runs those that are shell. Needs the standard library alone.

What a fence says after its language:

    accept          only in a fresh clone and environment (`make accept`)
    file=PATH       what the reader is told to save there is saved there
    model           SQL as it stands in a model, where tables are ports and models of one product

In a `console` block a line that begins with `$ ` is a command and what follows is what it prints, where `…` stands for
anything and times, ids and dates are not compared. `# exit 1` behind a command says how it ends; else it ends with 0.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

RUN = frozenset({"sh", "console"})
CHECKED = frozenset({"python", "sql", "yaml", "toml", "json", "diff"})
SHOWN = frozenset({"text", "mermaid"})

_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<info>[^`]*)$")
_EXIT = re.compile(r"\s+#\s*exit (?P<code>\d+)\s*$")
_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?( UTC)?"), "<when>"),
    (re.compile(r"\b(just now|(\d+|an?) (second|minute|hour|day)s? ago)\b"), "<when>"),
    (re.compile(r"\b\d+(\.\d+)?\s?(ms|s|min|seconds?|minutes?)\b"), "<time>"),
    (re.compile(r"\b(?=[0-9a-z-]*\d)[0-9a-z]{8,}(-[0-9a-z]+)*\b"), "<id>"),
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it begins, what it is written in, and its text."""

    file: Path
    line: int
    language: str
    flags: tuple[str, ...]
    text: str

    @property
    def accept_only(self) -> bool:
        """Whether it needs a fresh clone and environment."""
        return "accept" in self.flags

    @property
    def saved_as(self) -> str | None:
        """The file that the reader is told to make of it."""
        return next((f.removeprefix("file=") for f in self.flags if f.startswith("file=")), None)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a session, the exit code it should have, and what it should print (None: not said)."""

    text: str
    exit_code: int
    output: str | None
    line: int


class BlockFailed(AssertionError):
    """A block does not do what its page says."""


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start, opening, body = 0, None, []
    for number, line in enumerate(lines, start=1):
        fence = _FENCE.match(line)
        if opening is None and fence:
            start, opening, body = number, fence, []
        elif opening is not None and fence and fence["ticks"] == opening["ticks"] and not fence["info"].strip():
            language, *flags = opening["info"].split() or [""]
            yield Block(page, start, language, tuple(flags), "".join(f"{text}\n" for text in body))
            opening = None
        elif opening is not None:
            body.append(line.removeprefix(opening["indent"]))
    if opening is not None:
        raise BlockFailed(f"{page}:{start}: the block is never closed")


def commands(block: Block) -> Iterator[Command]:
    """The commands of a shell block: a script is one, a session has one for each `$ `."""
    if block.language == "sh":
        yield Command(block.text, 0, None, block.line)
        return
    pending: list[tuple[int, list[str], list[str]]] = []
    for number, line in enumerate(block.text.splitlines(), start=block.line + 1):
        if line.startswith("$ "):
            pending.append((number, [line[2:]], []))
        elif not pending:
            raise BlockFailed(f"{block}: a session begins with `$ `, not with {line!r}")
        elif line.startswith("> ") and not pending[-1][2]:
            pending[-1][1].append(line[2:])
        else:
            pending[-1][2].append(line)
    for number, typed, printed in pending:
        text = "\n".join(typed)
        ending = _EXIT.search(text)
        output = "\n".join(printed).strip()
        yield Command(_EXIT.sub("", text), int(ending["code"]) if ending else 0, output or None, number)


class Shell:
    """A reader's shell: folder and exported variables live from one command to the next."""

    def __init__(self, folder: Path, environment: Mapping[str, str], state: Path, timeout_s: float = 300) -> None:
        self.folder = folder
        self._environment = dict(environment)
        self._state = state
        self._timeout_s = timeout_s

    def run(self, block: Block) -> None:
        """Runs a block's commands.

        Raises:
            BlockFailed: one ends with another exit code, or prints something else, than its page says.
        """
        for command in commands(block):
            code, printed = self._one(command.text)
            place = f"{block.file}:{command.line}"
            if code != command.exit_code:
                raise BlockFailed(f"{place}: ended with {code}, not {command.exit_code}\n$ {command.text}\n{printed}")
            if command.output is not None and not same_output(command.output, printed):
                raise BlockFailed(
                    f"{place}: prints something else\n$ {command.text}\n--- the page says\n{command.output}\n"
                    f"--- it prints\n{printed}"
                )

    def _one(self, text: str) -> tuple[int, str]:
        script = (
            f'if [ -f "$STATE" ]; then source "$STATE"; fi\nset -eo pipefail\n'
            f'trap \'status=$?; {{ export -p; printf "cd %q\\n" "$PWD"; }} > "$STATE"; exit $status\' EXIT\n{text}\n'
        )
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env={**self._environment, "STATE": str(self._state)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=self._timeout_s,
            check=False,
        )
        return done.returncode, done.stdout


def same_output(expected: str, printed: str) -> bool:
    """Whether a command printed what a page says, `…` and what varies from run to run left aside."""
    pattern = []
    for line in _lines(expected):
        if line == "…":
            pattern.append(r"(?:.*\n)*?")
        else:
            pattern.append(".*".join(re.escape(part) for part in line.split("…")) + r"\n")
    return re.fullmatch("".join(pattern), "".join(f"{line}\n" for line in _lines(printed))) is not None


def reader_environment(*bin_folders: Path) -> dict[str, str]:
    """The environment of a reader: no colours, a fixed width, our commands first on the path."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("WEFT_", "PYTEST_", "COV_"))}
    path = os.pathsep.join([*map(str, bin_folders), kept.get("PATH", "")])
    return {**kept, "PATH": path, "NO_COLOR": "1", "COLUMNS": "120", "TERM": "dumb"}


def _lines(text: str) -> list[str]:
    found = []
    for line in text.splitlines():
        for varying, name in _VARYING:
            line = varying.sub(name, line)
        line = " ".join(line.split())
        if line:
            found.append(line)
    return found
