"""What is wrong in the mesh, as pages show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weft.access.permissions import Action, Caller, may

if TYPE_CHECKING:
    from weft.api.platform import Platform

Document = dict[str, Any]


def listed(platform: Platform, caller: Caller, domain: str | None, closed: bool) -> Document:
    """Incidents, newest first."""
    return {
        "incidents": platform.incidents.shown_to(caller, domain=domain, closed=closed),
        "domain": domain,
        "closed": closed,
        "own": sorted(caller.domains),
    }


def one(platform: Platform, caller: Caller, incident_id: str) -> Document:
    """An incident with its timeline, and the newest runs of what it is about.

    Raises:
        UsageError: WFT-OBS-008, there is none, or it is of a draft that is somebody else's.
    """
    found = platform.incidents.one_shown_to(caller, incident_id)
    product = ".".join(found["subject"].partition("@")[0].split(".")[:2])
    return {
        **found,
        "product": product,
        "may_change": found["state"] != "closed" and may(caller, Action.RUN, found["domain"]),
    }
