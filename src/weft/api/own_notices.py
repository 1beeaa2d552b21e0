"""What somebody is told in the portal: their own list alone, page by page, and what of it they have read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from weft.access.permissions import Caller
from weft.api.cursors import cursor_of, place_of
from weft.api.notices import absent
from weft.registry.database import Database
from weft.registry.portal_notices import MOST, PortalNotices, Told

Document = dict[str, Any]


class OwnNotices:
    """The verbs on one's own list."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._lists = PortalNotices(database)
        self._now = now

    def listed(self, caller: Caller, limit: int = 50, cursor: str | None = None, *, unread: bool = False) -> Document:
        """A page of the caller's notices, newest first.

        Args:
            unread: those alone that they have not read.

        Raises:
            UsageError: WFT-SRV-006, the cursor belongs to another list.
        """
        of = f"notices {unread}"
        place = place_of(of, cursor, int)
        found = self._lists.page(caller.name, limit + 1, place[0] if place else None, unread=unread)
        shown = found[:limit]
        return {
            "notices": [_notice(one) for one in shown],
            "unread": self.unread(caller),
            "next": cursor_of(of, [shown[-1].number]) if len(found) > limit else None,
        }

    def unread(self, caller: Caller) -> int:
        """How many notices the caller has not read."""
        return self._lists.unread(caller.name, MOST)

    def read(self, caller: Caller, number: int, *, older: bool = False) -> Document:
        """Notes that the caller has read a notice, and all that are `older`. Gives how many are left.

        Raises:
            UsageError: WFT-OBS-008, they have no such notice.
        """
        newest = self._lists.page(caller.name, 1, number + 1)
        if not newest or (newest[0].number != number and not older):
            raise absent("notice", str(number))
        self._lists.read(caller.name, number, self._now(), older=older)
        return {"unread": self.unread(caller)}


def _notice(one: Told) -> Document:
    return {
        "number": one.number,
        "kind": one.notice["kind"],
        "at": one.notice["at"],
        "subject": one.notice["subject"],
        "title": one.notice["title"],
        "text": one.notice["text"],
        "facts": one.notice["facts"],
        "read_at": one.read_at.isoformat() if one.read_at else None,
    }
