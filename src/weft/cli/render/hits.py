"""Search results as text."""

from __future__ import annotations

from weft.catalog.search import SearchResult
from weft.cli.text import counted


def hits_text(words: str, found: SearchResult) -> str:
    """One entry for each hit: address, kind, title, and why it was found."""
    if not found.results:
        return f"nothing found for “{words}”"
    lines = []
    for hit in found.results:
        title = "" if hit.title == hit.address.rpartition(".")[2] else f"  {hit.title}"
        lines.append(f"{hit.address}  ({hit.kind}){title}")
        if hit.why:
            lines.append(f"    {hit.why}")
        if hit.mark:
            lines.append(f"    {hit.mark}")
    kinds = ", ".join(counted(n, kind) for kind, n in found.facets["kind"].items())
    more = "" if found.complete else "more than "
    shown = f"the first {len(found.results)} of {more}" if len(found.results) < found.total or more else ""
    lines += ["", f"{shown}{counted(found.total, 'hit')}: {kinds}"]
    return "\n".join(lines)
