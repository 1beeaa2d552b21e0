"""All pages of the portal over the example mesh, each with a person who may see it."""

from __future__ import annotations

from tests.browser.company import CONSUMER, LEAD, OWNER, READER

PAGES: dict[str, str] = {
    "/": OWNER,
    "/search?q=delay": CONSUMER,
    "/search?q=nothing+like+that": CONSUMER,
    "/products": CONSUMER,
    "/domains/operations": CONSUMER,
    "/domains/nowhere": CONSUMER,
    "/products/operations/on_time": CONSUMER,
    **{
        f"/products/operations/on_time?tab={tab}": OWNER
        for tab in ("quality", "lineage", "runs", "consumers", "usage", "compliance", "changes", "questions", "connect")
    },
    "/products/operations/on_time?tab=usage#others": CONSUMER,
    "/products/operations/nothing": CONSUMER,
    "/ports/operations/on_time/flights": CONSUMER,
    "/ports/operations/on_time/flights?tab=sample": CONSUMER,
    "/ports/operations/on_time/flights?tab=profile": CONSUMER,
    "/ports/operations/on_time/flights?tab=profile&all": OWNER,
    "/ports/crew/roster/assignments@1": READER,
    "/ports/crew/roster/assignments@1?tab=sample": READER,
    "/ports/crew/roster/assignments@1?tab=profile&counted=true": READER,
    "/ports/operations/on_time/flights?tab=contract": CONSUMER,
    "/ports/operations/on_time/flights?tab=contract&old=1.0.0&new=1.0.0": CONSUMER,
    **{
        f"/ports/operations/on_time/flights?tab={tab}": OWNER
        for tab in ("quality", "lineage", "runs", "consumers", "changes", "connect")
    },
    "/teams/Operations%20Control": CONSUMER,
    f"/people/{OWNER}": OWNER,
    f"/people/{LEAD}": CONSUMER,
    "/tags/flights": CONSUMER,
    "/glossary": CONSUMER,
}
"""What is walked for accessibility, markup, width and speed: whoever adds a page adds it here."""
