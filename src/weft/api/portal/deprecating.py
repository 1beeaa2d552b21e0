"""Deprecations that touch somebody: what their products and they themselves read, and who still reads what ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from weft.access.permissions import Caller
from weft.api.catalog import Filters
from weft.model.address import parse_address
from weft.registry.lifecycle import registered_end
from weft.registry.readers import readers_of

if TYPE_CHECKING:
    from weft.api.platform import Platform

_MOST = 50
"""Deprecated ports that are looked at: those of the first addresses."""


def touching(platform: Platform, caller: Caller) -> Iterator[dict[str, Any]]:
    """Deprecated ports that the caller's products or the caller read, and those of their domains that are read."""
    from msgspec.json import decode

    reader, hidden = platform.rooms.production, platform.catalog.hidden(caller)
    found = platform.catalog.listed(caller, "port", Filters(status="deprecated"), _MOST, None)["items"]
    if not found:
        return
    granted = {one["address"] for one in platform.access.granted(caller, reader=caller.name) if one["holds"]}
    today = platform.rooms.now().date()
    for address in (str(decode(bytes(item))["address"]) for item in found):
        state = reader.port(parse_address(address))
        end = registered_end(reader, state) if state is not None else None
        if state is None or end is None or end.passed(today):
            continue
        readers = [str(product) for product in readers_of(reader, state.address) if not hidden.hide(str(product))]
        mine = [product for product in readers if product.partition(".")[0] in caller.domains]
        shown = {"address": address, "end": end.day.isoformat() if end.day else None, "days": end.days_left(today)}
        successor = f"; {end.successor} takes its place" if end.successor else ""
        for product in mine:
            yield {**shown, "title": f"{product} reads {address}, which is deprecated{successor}"}
        if not mine and address in granted:
            yield {**shown, "title": f"You read {address}, which is deprecated{successor}"}
        if readers and state.address.domain in caller.domains:
            many = (
                f"{len(readers)} product{'' if len(readers) == 1 else 's'} still read{'s' if len(readers) == 1 else ''}"
            )
            yield {**shown, "title": f"{many} {address}, which is deprecated"}
