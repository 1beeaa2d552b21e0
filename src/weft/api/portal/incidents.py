"""What is wrong in the mesh, as pages show it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from weft.access.permissions import Action, Caller, may
from weft.errors import UsageError

if TYPE_CHECKING:
    from weft.api.platform import Platform

Document = dict[str, Any]
_RUN = re.compile(r"\brun (\d{8}T\d{6}-[0-9a-f]+)")
"""How timelines name a run."""


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
    ran = [run for entry in found["timeline"] for run in _RUN.findall(entry["text"])]
    return {
        **found,
        "product": product,
        "run": ran[-1] if ran else None,
        "root_of": _subject(platform, caller, found["root"]) if found["root"] else None,
        "may_change": found["state"] != "closed" and may(caller, Action.RUN, found["domain"]),
    }


def _subject(platform: Platform, caller: Caller, incident_id: str) -> str | None:
    """What another incident is about, as far as the caller may know."""
    try:
        return str(platform.incidents.one_shown_to(caller, incident_id)["subject"])
    except UsageError:
        return None
