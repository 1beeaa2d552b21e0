"""Where a command's answer goes: one document on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from weft.errors import Diagnostic, Severity, UsageError, error

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def print_json(document: Mapping[str, Any] | list[Any]) -> None:
    """Prints one JSON document on standard output."""
    click.echo(json_text(document))


def json_text(document: Mapping[str, Any] | list[Any]) -> str:
    """A document as `--format json` prints it."""
    return json.dumps(document, ensure_ascii=False, indent=2, default=str)


def print_text(text: str) -> None:
    """Prints the answer for a person on standard output."""
    click.echo(text)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tells that a file which the user named cannot be written."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as e:
        what = f"`{path}` cannot be written: {(e.strerror or 'no such folder').lower()}"
        raise UsageError(error("WFT-CLI-001", what, fix="name a file in a folder that is there and yours")) from e


def print_line(text: str) -> None:
    """Prints a message on standard error."""
    click.echo(text, err=True)


def print_diagnostics(diagnostics: Iterable[Diagnostic], *, answer: bool = False) -> None:
    """Prints diagnostics: on standard output where they are the answer, else on standard error."""
    stream = sys.stdout if answer else sys.stderr
    for diagnostic in diagnostics:
        click.echo(diagnostic_text(diagnostic, coloured=coloured(stream)), file=stream)


def diagnostic_text(diagnostic: Diagnostic, *, coloured: bool = False) -> str:
    """A diagnostic as people read it, its severity in colour where colour is wanted."""
    text = str(diagnostic)
    if not coloured:
        return text
    head, _, rest = text.partition(":")
    return f"{click.style(head, fg=_COLOURS[diagnostic.severity], bold=True)}:{rest}"


def coloured(stream: IO[str]) -> bool:
    """Whether a stream shows colours: a terminal, and nobody has set NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width_of(stream: IO[str]) -> int | None:
    """Columns of the terminal that a stream writes to; None where there is none, so that nothing need be cut."""
    if not stream.isatty():
        return None
    import shutil

    return shutil.get_terminal_size((100, 24)).columns
