"""All pages of the portal over the example mesh, each with a person who may see it."""

from __future__ import annotations

from tests.browser.company import CONSUMER, OWNER

PAGES: dict[str, str] = {
    "/": OWNER,
    "/search?q=delay": CONSUMER,
    "/search?q=nothing+like+that": CONSUMER,
    "/products": CONSUMER,
    "/domains/operations": CONSUMER,
    "/domains/nowhere": CONSUMER,
}
"""What is walked for accessibility, markup, width and speed: whoever adds a page adds it here."""
