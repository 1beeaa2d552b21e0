"""The page of what somebody is told: each notice with the page on which to see to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from weft.model.address import is_slug

if TYPE_CHECKING:
    from weft.access.permissions import Caller
    from weft.api.platform import Platform

Document = dict[str, Any]
_PAGES = (
    ("incident", "/incidents/"),
    ("request", "/access/requests/"),
    ("violation", "/governance/violations/"),
    ("approval", "/governance/approvals/"),
)
"""Facts of notices that name something with a page of its own."""


def notices(platform: Platform, caller: Caller, cursor: str | None, *, unread: bool) -> Document:
    """A page of the caller's notices, newest first.

    Raises:
        UsageError: WFT-SRV-006, the cursor belongs to another list.
    """
    found = platform.own_notices.listed(caller, cursor=cursor, unread=unread)
    return {**found, "only_unread": unread, "notices": [{**one, "path": _path(one)} for one in found["notices"]]}


def _path(notice: Document) -> str | None:
    """Where one sees to what a notice tells; None of what has no page."""
    for fact, page in _PAGES:
        if isinstance(known := notice["facts"].get(fact), str):
            return f"{page}{quote(known, safe='')}"
    parts = notice["subject"].partition("@")[0].split(".")
    if len(parts) > 3 or not all(map(is_slug, parts)):
        return None
    kind = ("domains", "products", "ports")[len(parts) - 1]
    return f"/{kind}/{'/'.join(notice['subject'].split('.'))}"
