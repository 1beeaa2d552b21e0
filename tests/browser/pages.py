"""All pages of the portal over the example mesh, each with a person who may see it."""

from __future__ import annotations

from tests.browser.company import CONSUMER, LEAD, OPERATOR, OWNER, READER, STRANGER
from weft.model.violations import violation_id

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
    "/access": CONSUMER,
    "/access/inbox": CONSUMER,
    "/access/readers": CONSUMER,
    "/access/review": CONSUMER,
    "/access/request": STRANGER,
    "/access/request?port=crew.roster.assignments&port=fleet.aircraft.planes": OWNER,
    "/access/request?port=crew.roster.nothing": OWNER,
    "/access/requests/a-unknown": CONSUMER,
    "/governance": LEAD,
    "/governance?x=1": OWNER,
    "/governance/violations": OWNER,
    "/governance/violations?state=resolved": LEAD,
    f"/governance/violations/{violation_id('licence-is-stated', 'fleet.aircraft.planes@1')}": LEAD,
    f"/governance/violations/{violation_id('licence-is-stated', 'weather.observations.hourly@1')}": LEAD,
    "/governance/waivers?ended=true": LEAD,
    "/governance/approvals": OWNER,
    "/governance/debt": LEAD,
    "/governance/policies": LEAD,
    "/governance/policies/licence-is-stated?run=true": LEAD,
    "/governance/policies/nothing": OWNER,
    "/governance/classification": OWNER,
    "/governance/audit": LEAD,
    "/governance/audit?own=true": STRANGER,
    "/governance/audit/chains": LEAD,
    "/governance/reports": LEAD,
    "/governance/reports?regulation=gdpr&at=": LEAD,
    "/governance/reports?x=1": STRANGER,
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
    "/notices": OWNER,
    "/notices?unread=true": OWNER,
}
"""What is walked for accessibility, markup, width and speed: whoever adds a page adds it here."""


def weight_limit(path: str) -> int:
    """How many bytes a first view may bring, compressed: more where a page draws or edits."""
    return 700_000 if path.startswith(("/lineage", "/workbench")) else 250_000
