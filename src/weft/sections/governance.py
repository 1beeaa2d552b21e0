"""The section of policies: when the whole mesh is held against them."""

from __future__ import annotations

from dataclasses import dataclass

from weft.sections.forms import duration, setting


@dataclass(frozen=True, slots=True)
class GovernanceSettings:
    """`[governance]`: when workers scan the mesh."""

    scan_every: str = setting("24h", "how often a worker holds the mesh against its policies; 0s: never", duration)
    samples: bool = setting(
        False, "whether scans look for data about people in samples of published rows; no value is kept"
    )
