"""All pages of the portal over the example mesh, each with a person who may see it."""

from __future__ import annotations

from tests.browser.company import CONSUMER, OPERATOR, OWNER, STRANGER

PAGES: dict[str, str] = {
    "/": OWNER,
    "/search?q=delay": CONSUMER,
    "/search?q=nothing+like+that": CONSUMER,
    "/products": CONSUMER,
    "/domains/operations": CONSUMER,
    "/domains/nowhere": CONSUMER,
    "/runs": OWNER,
    "/runs?hours=168&state=failed": OWNER,
    "/runs?product=operations.on_time&hours=720": STRANGER,
    "/runs/nothing": STRANGER,
    "/incidents": OWNER,
    "/incidents/nothing": OWNER,
    "/schedule": OWNER,
    "/administration": OPERATOR,
    "/administration/domains": STRANGER,
    "/administration/tokens": OWNER,
    "/administration/notices": OWNER,
    "/administration/users": OPERATOR,
    "/administration/connections": OPERATOR,
    "/administration/health": OPERATOR,
    "/feeds": CONSUMER,
}
"""What is walked for accessibility, markup, width and speed: whoever adds a page adds it here."""
