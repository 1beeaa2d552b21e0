"""The documents that the registry holds, as values: contracts of ports, members of domains, majors of a port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.model.document import Document
from weft.model.odcs import Contract, contract
from weft.model.publication import PortState
from weft.model.records import DomainRecord
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


def domain_members(domain: DomainRecord | None) -> list[tuple[str, tuple[str, ...]]]:
    """The people of a domain with their roles; whoever has asked for it owns it where nobody else is named."""
    entries = (domain.document.get("members") or ()) if domain else ()
    found = [
        (str(m["user"]), tuple(str(r) for r in m.get("roles") or ()))
        for m in entries
        if isinstance(m, Mapping) and m.get("user")
    ]
    asked = domain.requisitioned_by if domain else None
    if asked is not None and not any(r in ("owner", "domain_owner", "domain owner") for _, rs in found for r in rs):
        found.append((asked, ("owner",)))
    return found


def sibling_majors(reader: RegistryReader, state: PortState) -> list[PortState]:
    """All majors of a port, the newest first."""
    found = [s for s in reader.ports_of(state.address.of_product) if s.address.unpinned == state.address.unpinned]
    return sorted(found, key=lambda s: s.address.major or 0, reverse=True)
