"""Documents of a server's API: one, or a list page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from weft.registry.remote import Server

API = "/api/v1"
_PAGE = 200


def paged(server: Server, path: str, asked: dict[str, Any], limit: int) -> dict[str, Any]:
    """The first entries of a list, at most `limit`, with the cursor of what follows."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = {**asked, "limit": min(limit - len(items), _PAGE), "cursor": cursor}
        found = server.get(f"{API}/{path}", dict[str, Any], page)
        items, cursor = items + found["items"], found["next"]
        if cursor is None or len(items) >= limit:
            return {"items": items, "next": cursor}


def part(name: str) -> str:
    """A name as one part of a path: what somebody types leads to no other route."""
    return quote(name, safe="") if name.strip(".") else "%2E" * len(name) or "%20"


def document(found: Any) -> dict[str, Any]:
    """An answer that is one document."""
    made: dict[str, Any] = found
    return made
