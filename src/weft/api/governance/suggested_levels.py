"""Which columns should have another classification, after what they are made from and what samples of them show."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from weft.access.permissions import Caller
from weft.api.cursors import cursor_of, place_of
from weft.api.drafts import Drafts

if TYPE_CHECKING:
    from weft.registry.base import RegistryReader
    from weft.runs.mesh_book import MeshBook

Document = dict[str, Any]
_LEVELS = ("public", "internal", "confidential", "restricted")
_BELOW = """
SELECT c."column", c.port, c.domain, c.level, c.inherited_level FROM columns c WHERE c.inherited_level > c.level
"""
_SHOWN = """
SELECT f."column", f.port, f.domain, c.level, f.level, f.kind, f.share, f.confidence, f.tag
FROM samples_findings f LEFT JOIN columns c ON c."column" = f."column"
WHERE f.level > coalesce(c.level, 1)
"""
_Found = dict[str, Document]


class SuggestedLevels:
    """Follows the book of the mesh: what it says is looked for again when the registry has moved."""

    def __init__(self, reader: RegistryReader, book: Callable[[], MeshBook]) -> None:
        self._reader = reader
        self._book = book
        self._lock = threading.Lock()
        self._known: tuple[object, _Found] = (None, {})

    def listed(
        self, caller: Caller, *, domain: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Document:
        """A page of columns with the level that they have and the one that is suggested, and why; those of drafts of
        others are left out.

        Raises:
            UsageError: WFT-SRV-006, the cursor belongs to another list.
        """
        of = f"suggested levels {domain}"
        place = place_of(of, cursor, str)
        after = place[0] if place else ""
        found = [
            one
            for column, one in sorted(self._current().items())
            if column > after and (domain is None or one["domain"] == domain)
        ]
        drafts = Drafts(self._reader, caller)
        last = found[limit - 1]["column"] if len(found) > limit else None
        return {
            "items": [one for one in found[:limit] if not drafts.hide(one["column"])],
            "next": cursor_of(of, [last]) if last is not None else None,
        }

    def _current(self) -> _Found:
        with self._book().current() as book:
            samples = book.ours("SELECT count(*), max(snapshot_id) FROM samples_findings")[0]
            mark = (self._reader.last_event(), tuple(samples))
            with self._lock:
                if self._known[0] == mark:
                    return self._known[1]
            below, shown = book.ours(_BELOW), book.ours(_SHOWN)
        found: _Found = {}
        for column, port, of, level, inherited in below:
            _suggest(found, column, port, of, level, inherited, {"kind": "lineage"})
        for column, port, of, level, wanted, kind, share, confidence, tag in shown:
            why = {"kind": "samples", "found": kind, "share": share, "confidence": confidence, "tag": tag}
            _suggest(found, column, port, of, level, wanted, why)
        with self._lock:
            self._known = (mark, found)
        return found


def _suggest(found: _Found, column: str, port: str, domain: str, level: int | None, wanted: int, why: Document) -> None:
    one = found.setdefault(
        column, {"column": column, "port": port, "domain": domain, "level": _word(level), "suggested": 0, "why": []}
    )
    one["why"].append(why)
    if isinstance(one["suggested"], int) or _LEVELS.index(one["suggested"]) < wanted:
        one["suggested"] = _word(wanted)


def _word(level: int | None) -> str:
    return _LEVELS[level] if level is not None else "internal"
