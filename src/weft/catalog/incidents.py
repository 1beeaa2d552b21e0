"""What is wrong with what a page shows."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from weft.catalog.pages import Page
from weft.registry.base import RegistryReader
from weft.registry.incidents import Incident, IncidentStore
from weft.registry.sql import SqlRegistry


def with_incidents(page: Page, registry: RegistryReader) -> Page:
    """A page with the open incidents of its address; a registry that is elsewhere keeps them there."""
    found = open_incidents(IncidentStore(registry.database), page.address) if isinstance(registry, SqlRegistry) else []
    return replace(page, body={**page.body, "incidents": found})


def open_incidents(store: IncidentStore, address: str) -> list[dict[str, Any]]:
    """Open incidents of a domain, product or port, or by which one suffers."""
    product = ".".join(address.partition("@")[0].split(".")[:2]) if address.count(".") == 2 else address
    within = (f"{address}.", f"{address}@")

    def about(one: Incident) -> bool:
        return any(name in (address, product) or name.startswith(within) for name in (one.subject, *one.affected))

    return [incident_line(one) for one in store.listed() if about(one)]


def incident_line(one: Incident) -> dict[str, Any]:
    """An incident in a list, without its timeline."""
    return {key: value for key, value in one.as_json().items() if key != "timeline"}
