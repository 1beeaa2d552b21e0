"""What a publication would change, told to whoever has to agree to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.contracts.comparing.compatibility import changes
from weft.model.document import Document
from weft.model.odcs import Contract, contract
from weft.model.publication import PortState, Publication
from weft.model.records import Publish
from weft.registry.base import RegistryReader

MOST = 100
"""So many changes of a contract are kept of each port."""


def asked_content(publish: Publish, reader: RegistryReader) -> list[dict[str, Any]]:
    """What each port of a product becomes by a publication: its version before and after, and what moves.

    Ports that stay as they are are left out. Columns and texts of contracts are told, which whoever sees the port can
    read anyway, and the names of models; no rows.
    """
    states = {state.address: state for state in reader.ports_of(publish.product.address)}
    found = [_port(one, states.get(one.address), reader) for one in publish.publications]
    gone = [
        {"port": str(address), "what": "retired", "before": states[address].version}
        for address in publish.retire
        if address in states
    ]
    none: dict[str, Any] = {"before": None, "version": None, "verdict": None, "changes": [], "more": 0, "models": []}
    return [{**none, **one} for one in (*found, *gone) if one is not None]


def _port(one: Publication, before: PortState | None, reader: RegistryReader) -> dict[str, Any] | None:
    said: dict[str, Any] = {"port": str(one.address), "version": one.version}
    if before is None:
        return {**said, "what": "new"}
    was = before.contract or getattr(reader.publication(before.address), "contract", {})
    moved = changes(_contract(was), _contract(one.contract))
    models = [
        name
        for name, digest in one.model_digests.items()
        if before.model_digests and before.model_digests.get(name) != digest
    ]
    if not moved.changes and not models and one.version == before.version and one.status == before.status:
        return None
    return {
        **said,
        "what": "changed",
        "before": before.version,
        "verdict": moved.verdict,
        "changes": [change.as_json() for change in moved.changes[:MOST]],
        "more": max(0, len(moved.changes) - MOST),
        "models": sorted(models),
    }


def _contract(document: Mapping[str, Any]) -> Contract:
    return contract(Document(file="", data=document))
