"""The documents that the registry holds, as values: contracts of ports, members of domains, majors of a port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.model.document import Document
from weft.model.odcs import Contract, contract
from weft.model.publication import PortState
from weft.registry.base import RegistryReader


def registered_contract(reader: RegistryReader, state: PortState) -> Mapping[str, Any]:
    """The contract document of a port as published; the header need not carry it."""
    if state.contract:
        return state.contract
    publication = reader.publication(state.address)
    return publication.contract if publication else {}


def contract_of(document: Mapping[str, Any]) -> Contract:
    """The contract that a registered document holds. It has no file any more, so its places are without one."""
    return contract(Document(file="", data=document))


def sibling_majors(reader: RegistryReader, state: PortState) -> list[PortState]:
    """All majors of a port, the newest first."""
    found = [s for s in reader.ports_of(state.address.of_product) if s.address.unpinned == state.address.unpinned]
    return sorted(found, key=lambda s: s.address.major or 0, reverse=True)
