"""Figures beside what they are to reach: printed as they are found, and kept for the page of results."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

KEPT_AT = "WEFT_BENCH_FIGURES"
"""The environment variable that names the file in which figures are kept, a line of JSON each."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure is to reach: at most `limit`, or at least that."""

    text: str
    figure: float
    limit: float
    unit: str
    least: bool = False

    @property
    def verdict(self) -> str:
        """Reached or MISSED."""
        good = self.figure >= self.limit if self.least else self.figure <= self.limit
        return "reached" if good else "MISSED"

    @property
    def bound(self) -> str:
        """The limit with its side and unit."""
        return f"{'≥' if self.least else '≤'} {self.limit:g}{self.unit}"


def told(text: str, figure: float, limit: float, unit: str, *, least: bool = False) -> Target:
    """Prints a figure beside what it is to reach, and keeps it where `WEFT_BENCH_FIGURES` says."""
    found = Target(text, figure, limit, unit if unit.startswith(" ") or not unit else f" {unit}", least)
    print(f"{found.verdict:8} {figure:8.2f}{found.unit}  ({found.bound})  {text}", flush=True)
    if KEPT_AT in os.environ:
        with Path(os.environ[KEPT_AT]).open("a", encoding="utf-8") as kept:
            kept.write(json.dumps(asdict(found)) + "\n")
    return found


def kept(file: Path) -> list[Target]:
    """The figures that a benchmark has kept."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [Target(**json.loads(line)) for line in lines]
