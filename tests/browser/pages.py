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
    "/lineage": OWNER,
    "/lineage?node=operations.on_time&depth=2&lens=freshness": CONSUMER,
    "/lineage?node=operations.on_time.flights.dep_delay&lens=classification": CONSUMER,
    "/lineage?node=operations.on_time.flights.dep_delay&view=impact": OWNER,
    "/lineage?node=fleet.aircraft&view=path&to=crew.roster&open=punctuality.performance": CONSUMER,
    "/lineage?node=nowhere.at_all": CONSUMER,
    "/workbench": OWNER,
    "/workbench?sql=select+*+from+crew.roster.assignments": CONSUMER,
    "/workbench?saved=nobody/nothing": CONSUMER,
}
"""What is walked for accessibility, markup, width and speed: whoever adds a page adds it here."""
