"""What a list says of products and ports beside their names: how fresh, how confidential, and whether one has them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from weft.access.principals import PrincipalKind
from weft.access.rights import ROLE_READS

if TYPE_CHECKING:
    from weft.access.permissions import Caller
    from weft.api.platform import Platform

GRANTED, ASKED, OWN = "granted", "asked for", "your domain's"
"""How somebody stands to a product or port, in a list."""

NOTHING = {"classification": None, "freshness": None, "access": None}
"""What a list says of a domain, a column, or a term."""


def glances(platform: Platform, caller: Caller, addresses: Collection[str]) -> dict[str, dict[str, Any]]:
    """What lists say of products and ports, by address; domains, columns and terms are passed over.

    Access is what the caller has been given, has asked for, or has by their role. What policies make of that is asked
    when a product is looked at: for each line of a list it would take longer than the list.
    """
    who = platform.access.principal_of(caller)
    granted = _with_products(platform.access.grant_lists.ports_of(who.consumers, platform.rooms.now()))
    asked = _with_products(platform.access.requests.ports_awaited(who.consumers))
    owns = {d for d, roles in who.roles.items() if ROLE_READS.keys() & roles}

    def access(address: str) -> str | None:
        if who.kind is PrincipalKind.OWNER or address.partition(".")[0] in owns:
            return OWN
        return GRANTED if address in granted else ASKED if address in asked else None

    return {
        address: {"classification": level, "freshness": freshness, "access": access(address)}
        for address, (level, freshness) in platform.catalog.standings(addresses).items()
    }


def _with_products(ports: Collection[str]) -> set[str]:
    """Ports as lists name them, with major and without, and their products."""
    return {name for port in ports for name in (port, port.partition("@")[0], port.rpartition(".")[0])}
