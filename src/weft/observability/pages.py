"""Where one sees to what a notice tells: its page in the portal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from weft.model.address import is_slug

_PAGES = (
    ("incident", "/incidents/"),
    ("request", "/access/requests/"),
    ("violation", "/governance/violations/"),
    ("approval", "/governance/approvals/"),
)
"""Facts of notices that name something with a page of its own."""


def page_of(notice: Mapping[str, Any]) -> str | None:
    """The path of the page on which one sees to a notice, as receivers get it; None of what has none.

    >>> page_of({"subject": "sales.orders.orders@1", "facts": {"request": "r-1"}})
    '/access/requests/r-1'
    >>> page_of({"subject": "sales.orders.orders@1", "facts": {}})
    '/ports/sales/orders/orders@1'
    """
    for fact, page in _PAGES:
        if isinstance(known := notice["facts"].get(fact), str):
            return f"{page}{quote(known, safe='')}"
    parts = notice["subject"].partition("@")[0].split(".")
    if len(parts) > 3 or not all(map(is_slug, parts)):
        return None
    kind = ("domains", "products", "ports")[len(parts) - 1]
    return f"/{kind}/{'/'.join(notice['subject'].split('.'))}"
