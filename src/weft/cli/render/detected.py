"""What detection suggests, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft.cli.text import counted, table

if TYPE_CHECKING:
    from weft.api.governance.detecting import Detected, Suggestion


def detected_text(found: Detected) -> str:
    """A table for each port: column, kind, share, confidence, what the contract says and what to write."""
    looked = f"{counted(found.ports, 'port')} looked at"
    if found.ports and not found.read:
        looked += ", as they were when they were read"
    parts = []
    ports = dict.fromkeys(s.address for s in found.suggestions)
    for address in ports:
        rows = [_row(s) for s in found.suggestions if s.address == address]
        header = ["column", "kind", "share", "confidence", "contract", "suggested"]
        parts.append(f"{address}\n{table(header, rows, right=[2, 3])}")
    open_ones = sum(1 for s in found.suggestions if not s.agreed)
    parts.append(f"{looked}; {counted(open_ones, 'suggestion')}")
    return "\n\n".join(parts)


def _row(suggestion: Suggestion) -> list[str]:
    finding = suggestion.finding
    kind = finding.kind + (f" ({', '.join(finding.contains)})" if finding.contains else "")
    says = " ".join([suggestion.declared or "-", *suggestion.tags])
    level = [] if suggestion.classification is None else [str(suggestion.classification)]
    wanted = " ".join([*level, *suggestion.add_tags]) or "-"
    return [finding.column, kind, f"{finding.share:.1%}", f"{finding.confidence:.2f}", says, wanted]
