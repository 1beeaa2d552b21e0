"""Files that a command wrote, as text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def written_text(written: Iterable[Path | str] | None, then: str) -> str:
    """One line for each file, then what to do next."""
    here = Path.cwd()
    lines = []
    for file in written or ():
        path = Path(file)
        lines.append(f"wrote {path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path}")
    return "\n".join([*lines, then])
