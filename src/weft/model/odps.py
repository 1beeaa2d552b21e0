"""The Open Data Product Standard: a product's descriptor as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from weft.errors import Where
from weft.model.document import Document, Pointer, custom_properties, entries, group, text, words


class InputPortEntry(Struct, frozen=True):
    """One input port as the descriptor lists it (Source: ODPS v1.0.0, `inputPorts`)."""

    name: str
    version: str
    contract_id: str | None
    custom: Mapping[str, Any]
    pointer: Pointer


class OutputPortEntry(Struct, frozen=True):
    """One output port as the descriptor lists it (Source: ODPS v1.0.0, `outputPorts`)."""

    name: str
    version: str
    contract_id: str | None
    description: str | None
    type: str | None
    custom: Mapping[str, Any]
    pointer: Pointer


class Descriptor(Struct, frozen=True):
    """A data product's descriptor (Source: ODPS v0.9.0 and v1.0.0, kind DataProduct). The document is kept whole."""

    id: str
    name: str | None
    version: str | None
    status: str
    domain: str | None
    purpose: str | None
    limitations: str | None
    usage: str | None
    tags: tuple[str, ...]
    inputs: tuple[InputPortEntry, ...]
    outputs: tuple[OutputPortEntry, ...]
    team: Mapping[str, Any]
    custom: Mapping[str, Any]
    document: Document

    def where(self, pointer: Pointer = ()) -> Where:
        """The place of a part of the descriptor."""
        return self.document.where(pointer)


def descriptor(document: Document) -> Descriptor:
    """The descriptor that an ODPS document holds; parts that violate the schema are left out."""
    data = document.data
    described = group(data, "description")
    members = data.get("team")
    return Descriptor(
        id=text(data, "id") or "",
        name=text(data, "name"),
        version=text(data, "version"),
        status=text(data, "status") or "draft",
        domain=text(data, "domain"),
        purpose=text(described, "purpose") or text(data, "description"),
        limitations=text(described, "limitations"),
        usage=text(described, "usage"),
        tags=words(data, "tags"),
        inputs=tuple(
            InputPortEntry(
                name=text(entry, "name") or "",
                version=text(entry, "version") or "",
                contract_id=text(entry, "contractId"),
                custom=custom_properties(entry),
                pointer=("inputPorts", i),
            )
            for i, entry in entries(data, "inputPorts")
        ),
        outputs=tuple(
            OutputPortEntry(
                name=text(entry, "name") or "",
                version=text(entry, "version") or "",
                contract_id=text(entry, "contractId"),
                description=text(entry, "description"),
                type=text(entry, "type"),
                custom=custom_properties(entry),
                pointer=("outputPorts", i),
            )
            for i, entry in entries(data, "outputPorts")
        ),
        team=members if isinstance(members, Mapping) else {"members": [m for _, m in entries(data, "team")]},
        custom=custom_properties(data),
        document=document,
    )
