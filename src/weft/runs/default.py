"""Moving the default major of a port: what the address without one means."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from weft.access.principals import Principal, require_owner
from weft.errors import AccessDenied, Diagnostic, UsageError, did_you_mean, error, warning
from weft.model.address import Address
from weft.registry.lifecycle import registered_end
from weft.runs.context import Context


class DefaultMoved(Struct, frozen=True):
    """A port whose address without major means another one now.

    Attributes:
        from_: what it meant before; the same address when nothing moved.
        diagnostics: what the owner should know of the major that was chosen.
    """

    address: Address
    from_: Address | None
    diagnostics: tuple[Diagnostic, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft default --format json`."""
        return {
            "address": str(self.address),
            "default": True,
            "from": str(self.from_) if self.from_ else None,
            "diagnostics": [d.as_json() for d in self.diagnostics],
        }


def move_default(address: Address, mesh: str, principal: Principal, context: Context) -> DefaultMoved:
    """Makes a major the default of its port. Only its owner may, in the mesh that owns the product.

    Raises:
        UsageError: WFT-ACC-001 no such port, WFT-PLN-013 it is retired or its end of life has passed.
        AccessDenied: WFT-ACC-002 the principal does not own the port, WFT-PLN-004 another mesh owns the product.
    """
    require_owner(principal, f"say what `{address.unpinned}` means", "only the owner of a port may")
    registry = context.registry
    state = registry.port(address)
    if state is None:
        known = [str(a) for a, s in registry.ports().items() if not s.retired]
        raise UsageError(
            error(
                "WFT-ACC-001",
                f"there is no published port `{address}`",
                fix=did_you_mean(str(address), known, otherwise="`weft search` finds ports by words"),
            )
        )
    record = registry.products().get(address.of_product)
    if record is not None and record.owner != mesh:
        raise AccessDenied(
            error(
                "WFT-PLN-004",
                f"`{address.of_product}` belongs to mesh `{record.owner}`",
                why="what an address without major means is moved by the owner of the product alone",
                fix=f"ask the owner, or write `{address}` where you read it",
            )
        )
    end = registered_end(registry, state)
    today = context.now().date()
    if state.retired or (end is not None and end.passed(today)):
        reason = "is retired" if state.retired or end is None else f"is deprecated, {end.in_words(today)}"
        raise UsageError(
            error(
                "WFT-PLN-013",
                f"`{address.unpinned}` cannot mean `{state.address}`, which {reason}",
                why="nobody could read the address without a major any more",
                fix=f"`weft show {address.unpinned}` lists its majors",
            )
        )
    before = registry.port(Address(address.domain, address.product, address.port))
    if before is None or before.address != state.address:
        registry.set_default(state.address, actor=context.actor, at=context.now())
    diagnostics: tuple[Diagnostic, ...] = ()
    if end is not None:
        diagnostics = (
            warning(
                "WFT-ACC-006",
                f"`{state.address}` is deprecated, {end.in_words(today)}",
                fix=f"move the default on: `weft default {end.successor}`" if end.successor else None,
            ),
        )
    return DefaultMoved(state.address, before.address if before else None, diagnostics)
