"""The section of policies: when the whole mesh is held against them."""

from __future__ import annotations

from dataclasses import dataclass

from weft.sections.forms import duration, mail, setting


@dataclass(frozen=True, slots=True)
class GovernanceSettings:
    """`[governance]`: when workers scan the mesh, and who is told of what nobody mends."""

    scan_every: str = setting("24h", "how often a worker holds the mesh against its policies; 0s: never", duration)
    escalate_after: str = setting(
        "7d", "how long a violation is overdue until those who lead governance are told: 7d, 48h", duration
    )
    contact: str = setting("", "the address of mail of those who lead governance; empty: none", mail)
    samples: bool = setting(
        False, "whether scans look for data about people in samples of published rows; no value is kept"
    )
