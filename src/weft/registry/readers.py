"""Who reads a port: the one answer for plans, pages and rollbacks."""

from __future__ import annotations

from collections.abc import Mapping

from weft.model.address import Address, ProductAddress
from weft.model.publication import PortState
from weft.registry.base import RegistryReader


def readers_of(
    reader: RegistryReader, address: Address, ports: Mapping[Address, PortState] | None = None
) -> tuple[ProductAddress, ...]:
    """Other products that read a port, as they are registered; one whose ports are all retired reads nothing.

    Args:
        ports: every port that is registered, where somebody has read them; else those of the readers are asked for.
    """
    found = [p for p in reader.consumers(address) if p != address.of_product]
    if ports is None:
        return tuple(p for p in found if any(not s.retired for s in reader.ports_of(p)))
    alive = {a.of_product for a, s in ports.items() if not s.retired} if found else ()
    return tuple(p for p in found if p in alive)
