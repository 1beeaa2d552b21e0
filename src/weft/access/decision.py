"""The one decision: what a principal may read of a port. Pure; denies by default."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import TYPE_CHECKING

from msgspec import Struct

from weft.access.principals import Principal, PrincipalKind
from weft.model.address import Address
from weft.model.lifecycle import open_to
from weft.model.publication import PortState

if TYPE_CHECKING:
    from weft.model.lifecycle import EndOfLife


class Decision(Struct, frozen=True):
    """What a principal may read of a port, and the reason.

    Attributes:
        columns: names of the columns that may be read; empty when `allowed` is false.
        code: of the error when it is.
    """

    allowed: bool
    columns: tuple[str, ...]
    reason: str
    code: str = "WFT-ACC-002"


def decide_quarantine(principal: Principal, port: PortState) -> Decision:
    """Whether a principal may read the rows that were left out of a port: its owner alone, and no product."""
    if principal.kind is PrincipalKind.OWNER and not port.retired:
        columns = tuple(c.name for c in port.quarantine.manifest.columns) if port.quarantine else ()
        return Decision(True, columns, f"`{principal.name}` owns this mesh")
    if port.retired:
        return Decision(False, (), f"`{port.address}` is retired")
    return Decision(False, (), f"rows in quarantine are for the owner of `{port.address}` alone")


def decide(
    principal: Principal,
    port: PortState,
    reads: Collection[Address] = (),
    end: EndOfLife | None = None,
    today: dt.date = dt.date.min,
) -> Decision:
    """What a principal may read of a port.

    Args:
        reads: the input ports that a product has declared; a product reads these and nothing else.
        end: the end of a deprecated port: nobody reads it afterwards, but its own product while that is built.
        today: the day of the read.
    """
    every = tuple(c.name for c in port.columns)
    if port.retired:
        return Decision(False, (), f"`{port.address}` is retired: nobody reads it any more, its snapshots are kept")
    own = principal.kind is PrincipalKind.PRODUCT and principal.name == str(port.address.of_product)
    if end is not None and end.passed(today) and not own:
        reason = f"`{port.address}` is deprecated, {end.in_words(today)}; its snapshots are kept"
        return Decision(False, (), reason, "WFT-ACC-007")
    if principal.kind is PrincipalKind.OWNER:
        return Decision(True, every, f"`{principal.name}` owns this mesh")
    if principal.domain is not None and not open_to(port.status, port.address, principal.domain):
        return Decision(False, (), f"`{port.address}` is a draft, which is for its own domain, {port.address.domain}")
    if principal.kind is PrincipalKind.PRODUCT and port.address in reads:
        return Decision(True, every, f"`{port.address}` is an input port of `{principal.name}`")
    return Decision(False, (), f"`{principal.name}` has no grant on `{port.address}`")
