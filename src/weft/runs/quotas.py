"""How much a domain may keep on a server, and how many products it may have."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from weft.errors import GateRefused, error
from weft.model.address import ProductAddress

if TYPE_CHECKING:
    from weft.runs.context import Context

_HOLDS_S = 60.0
"""How long the bytes of a domain are remembered; what is published meanwhile is added."""


class Weights:
    """What rests in the folders of domains: all their data versions, quarantines and kept tables, until they are swept.

    It is what the warehouse has, not what the registry shows: a domain that publishes often keeps its history too.
    """

    def __init__(self, measured: Callable[[str], int]) -> None:
        """`measured`: bytes that rest in a domain's folder, as they are now."""
        self._measured = measured
        self._known: dict[str, tuple[float, int]] = {}

    def of(self, domain: str, *, anew: bool = False) -> int:
        """Bytes of a domain."""
        at, size = self._known.get(domain, (float("-inf"), 0))
        if anew or time.monotonic() - at > _HOLDS_S:
            size = self._measured(domain)
            self._known[domain] = time.monotonic(), size
        return size

    def add(self, domain: str, size: int) -> None:
        """Remembers what has just come."""
        if domain in self._known:
            at, before = self._known[domain]
            self._known[domain] = at, before + size


class Room(Struct, frozen=True):
    """What a domain may keep.

    Attributes:
        products: how many products it has.
        weights: of what rests in the warehouse.
    """

    most_bytes: int
    most_products: int
    products: Callable[[], int]
    weights: Weights


def require_room(room: Room, product: ProductAddress, fresh: int, context: Context) -> None:
    """Refuses what a domain has no room for.

    Args:
        fresh: bytes that come.

    Raises:
        GateRefused: WFT-SRV-039.
    """
    if context.registry.product(product) is None:
        require_another(product.domain, room.products(), room.most_products)
    require_bytes(room, product.domain, fresh)
    room.weights.add(product.domain, fresh)


def require_bytes(room: Room, domain: str, fresh: int) -> int:
    """Refuses bytes that a domain has no room for; looks again before it does, since what expires makes room.

    Returns:
        Bytes that it keeps.

    Raises:
        GateRefused: WFT-SRV-039.
    """
    held = room.weights.of(domain)
    if held + fresh > room.most_bytes:
        held = room.weights.of(domain, anew=True)
    if held + fresh > room.most_bytes:
        raise _no_room(domain, fresh, held, room.most_bytes)
    return held


def require_another(domain: str, products: int, most: int) -> None:
    """Refuses a product to a domain that may have no more.

    Raises:
        GateRefused: WFT-SRV-039.
    """
    if products >= most:
        what = f"domain `{domain}` has {products:,} products, and may have no more"
        raise GateRefused(
            error("WFT-SRV-039", what, fix=f"ask an operator for more: `weft quota {domain} --products NUMBER`")
        )


def _no_room(domain: str, fresh: int, held: int, most: int) -> GateRefused:
    """That a domain has no room for what comes."""
    return GateRefused(
        error(
            "WFT-SRV-039",
            f"domain `{domain}` has no room for {fresh:,} bytes more",
            why=f"it keeps {held:,} bytes, and may keep {most:,}",
            fix=f"let data versions expire that nobody needs, or ask an operator: `weft quota {domain} --size SIZE`",
        )
    )
