"""What a run tells while it goes on; entrances draw it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """Listens to a run. Called in the run's own thread, before a step begins and after a port is done."""

    def started(self, total_stages: int) -> None:
        """The run begins."""
        ...

    def stage(self, address: str, kind: str) -> None:
        """A step of a product or port begins: read, build, stage, verify, commit, publish, follow, retire."""
        ...

    def finished(self, address: str, outcome: str, rows: int | None, seconds: float) -> None:
        """A port is done: published, updated, failed, skipped, retired."""
        ...

    def note(self, text: str) -> None:
        """Something worth a line."""
        ...


class Silent:
    """Listens and says nothing."""

    def started(self, total_stages: int) -> None:
        """Says nothing."""

    def stage(self, address: str, kind: str) -> None:
        """Says nothing."""

    def finished(self, address: str, outcome: str, rows: int | None, seconds: float) -> None:
        """Says nothing."""

    def note(self, text: str) -> None:
        """Says nothing."""


class Noting(Silent):
    """Hands remarks on, and says nothing else."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told

    def note(self, text: str) -> None:
        """Hands it on."""
        self._told(text)
