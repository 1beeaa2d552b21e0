"""What is wrong with what a page shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from weft.catalog.pages import Page
from weft.registry.incidents import Incident, IncidentStore


def with_incidents(page: Page, listed: Sequence[dict[str, Any]]) -> Page:
    """A page with those of some incidents that are of its address."""
    return replace(page, body={**page.body, "incidents": of_address(page.address, listed)})


def open_incidents(store: IncidentStore, address: str) -> list[dict[str, Any]]:
    """Open incidents of a domain, product or port, or by which one suffers."""
    return of_address(address, [incident_line(one) for one in store.listed()])


def of_address(address: str, listed: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of some incidents that are of a domain, product or port, or by which one suffers."""
    product = ".".join(address.partition("@")[0].split(".")[:2]) if address.count(".") == 2 else address
    within = (f"{address}.", f"{address}@")

    def about(one: dict[str, Any]) -> bool:
        return any(name in (address, product) or name.startswith(within) for name in (one["subject"], *one["affected"]))

    return [one for one in listed if about(one)]


def incident_line(one: Incident) -> dict[str, Any]:
    """An incident in a list, without its timeline."""
    return {key: value for key, value in one.as_json().items() if key != "timeline"}
