"""The page of what somebody is told: each notice with the page on which to see to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weft.observability.pages import page_of

if TYPE_CHECKING:
    from weft.access.permissions import Caller
    from weft.api.platform import Platform

Document = dict[str, Any]


def notices(platform: Platform, caller: Caller, cursor: str | None, *, unread: bool) -> Document:
    """A page of the caller's notices, newest first.

    Raises:
        UsageError: WFT-SRV-006, the cursor belongs to another list.
    """
    found = platform.own_notices.listed(caller, cursor=cursor, unread=unread)
    return {**found, "only_unread": unread, "notices": [{**one, "path": page_of(one)} for one in found["notices"]]}
