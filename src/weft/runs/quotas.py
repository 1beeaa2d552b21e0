"""How much a domain may keep on a server, and how many products it may have."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from weft.errors import GateRefused, error
from weft.model.address import ProductAddress

if TYPE_CHECKING:
    from weft.runs.context import Context

_HOLDS_S = 60.0
"""How long the bytes of a domain are remembered; what is published meanwhile is added."""


class Weights:
    """What lies in the folders of domains: all their data versions, quarantines and kept tables, until they are swept.

    It is what the disk has, not what the registry shows: a domain that publishes often keeps its history too.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[float, int]] = {}

    def of(self, folder: Path, *, anew: bool = False) -> int:
        """Bytes under a folder."""
        at, size = self._known.get(folder, (float("-inf"), 0))
        if anew or time.monotonic() - at > _HOLDS_S:
            size = _bytes_under(folder)
            self._known[folder] = time.monotonic(), size
        return size

    def add(self, folder: Path, size: int) -> None:
        """Remembers what has just come."""
        if folder in self._known:
            at, before = self._known[folder]
            self._known[folder] = at, before + size


class Room(Struct, frozen=True):
    """What a domain may keep.

    Attributes:
        products: how many products it has.
        weights: of what lies on the disk.
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
    folder = Path(context.storage.root) / product.domain
    if room.weights.of(folder) + fresh <= room.most_bytes:
        room.weights.add(folder, fresh)
        return
    held = room.weights.of(folder, anew=True)
    if held + fresh > room.most_bytes:
        raise no_room(product.domain, fresh, held, room.most_bytes)


def require_another(domain: str, products: int, most: int) -> None:
    """Refuses a product to a domain that may have no more.

    Raises:
        GateRefused: WFT-SRV-039.
    """
    if products >= most:
        what = f"domain `{domain}` has {products:,} products, and may have no more"
        raise GateRefused(error("WFT-SRV-039", what, fix="ask an operator for more"))


def no_room(domain: str, fresh: int, held: int, most: int) -> GateRefused:
    """That a domain has no room for what comes."""
    return GateRefused(
        error(
            "WFT-SRV-039",
            f"domain `{domain}` has no room for {fresh:,} bytes more",
            why=f"it keeps {held:,} bytes, and may keep {most:,}",
            fix="let data versions expire that nobody needs, or ask an operator for more",
        )
    )


def _bytes_under(folder: Path) -> int:
    size, folders = 0, [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:  # a sweep was faster
            continue
    return size
