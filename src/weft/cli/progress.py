"""Progress of a run on standard error: a moving line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from weft.cli.text import number, seconds_text

_PLANNED = frozenset({"build", "describe", "verify", "publish", "retire"})

_published = 0


def published_so_far() -> int:
    """How many ports this process has published: what an interrupted command may truthfully say."""
    return _published


class PlainProgress:
    """One line for each finished port."""

    def started(self, total_stages: int) -> None:
        """Says nothing: the first line is the first result."""

    def stage(self, address: str, kind: str) -> None:
        """Says nothing: a log wants results."""

    def finished(self, address: str, outcome: str, rows: int | None, seconds: float) -> None:
        """Prints what came of a port."""
        _count(outcome)
        self._print(finished_text(address, outcome, rows, seconds))

    def note(self, text: str) -> None:
        """Prints a remark."""
        self._print(text)

    def _print(self, text: str) -> None:
        click.echo(text, err=True)


class TerminalProgress(PlainProgress):
    """The same lines, and below them what is being done now. Nothing moves before the run starts: it may ask."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._task: Any = None

    def started(self, total_stages: int) -> None:
        """Shows a bar of that length."""
        self._task = self._bar.add_task("", total=total_stages)
        self._bar.start()

    def stage(self, address: str, kind: str) -> None:
        """Names what is being done; steps that the plan counts move the bar."""
        if self._task is not None:
            self._bar.update(self._task, advance=kind in _PLANNED, description=f"{kind} {address}")

    def _print(self, text: str) -> None:
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def progress() -> Iterator[PlainProgress]:
    """The progress that fits where standard error goes."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield PlainProgress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, no_color=bool(os.environ.get("NO_COLOR")))
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    bar = Progress(*columns, console=console, transient=True)
    try:
        yield TerminalProgress(bar)
    finally:
        bar.stop()


def finished_text(address: str, outcome: str, rows: int | None, seconds: float) -> str:
    """What came of a port, as one line.

    >>> finished_text("fleet.aircraft.planes@1", "published", 3322, 0.41)
    'published fleet.aircraft.planes@1 · 3,322 rows · 0.4 s'
    """
    figures = [] if rows is None else [f"{number(rows)} {'row' if rows == 1 else 'rows'}"]
    return " · ".join([f"{outcome} {address}", *figures, seconds_text(seconds)])


def _count(outcome: str) -> None:
    global _published
    if outcome in ("published", "updated"):
        _published += 1
