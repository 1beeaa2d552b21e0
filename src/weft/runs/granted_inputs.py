"""Whether a product may read what the rows that it hands in were made from."""

from __future__ import annotations

from collections.abc import Callable

from weft.errors import AccessDenied, error
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.records import Publish


def require_granted(publish: Publish, product: ProductAddress, may_read: Callable[[Address], bool]) -> None:
    """Refuses rows that were made from what the product may not read, or may not read any more.

    Raises:
        AccessDenied: WFT-SRV-040, naming each port.
    """
    kept = set(publish.kept)
    names = {n for p in publish.publications if p.address not in kept for n in p.upstream if ":" not in n}
    refused = [address for address in map(parse_address, sorted(names)) if not may_read(address)]
    if refused:
        raise AccessDenied(
            *(
                error(
                    "WFT-SRV-040",
                    f"`{product}` has no grant to read `{address}`",
                    why="rows that are made from it would be published",
                    fix=f"ask the owners of `{address.domain}`",
                )
                for address in refused
            )
        )
