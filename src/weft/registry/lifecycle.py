"""The end of a deprecated port, as what is registered says it."""

from __future__ import annotations

from weft.model.lifecycle import EndOfLife, end_of_life
from weft.model.publication import PortState
from weft.registry.base import RegistryReader


def registered_end(reader: RegistryReader, state: PortState) -> EndOfLife | None:
    """The end of a port that is published as deprecated or retired; None for every other, without a look-up."""
    if not state.retired and state.status != "deprecated":
        return None
    product = reader.product(state.address.of_product)
    majors = {s.address: "retired" if s.retired else s.status for s in reader.ports_of(state.address.of_product)}
    return end_of_life(state.address, state.contract, product.document if product else {}, majors)
