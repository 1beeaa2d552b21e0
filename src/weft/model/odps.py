"""The Open Data Product Standard: a product's descriptor as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from weft.errors import Where
from weft.model.document import Document, Pointer, custom_properties


@dataclass(frozen=True, slots=True)
class InputPortEntry:
    """One input port as the descriptor lists it (Source: ODPS v1.0.0, `inputPorts`)."""

    name: str
    version: str
    contract_id: str | None
    custom: Mapping[str, Any]
    pointer: Pointer


@dataclass(frozen=True, slots=True)
class OutputPortEntry:
    """One output port as the descriptor lists it (Source: ODPS v1.0.0, `outputPorts`)."""

    name: str
    version: str
    contract_id: str | None
    description: str | None
    type: str | None
    custom: Mapping[str, Any]
    pointer: Pointer


@dataclass(frozen=True, slots=True)
class Descriptor:
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
    document: Document = field(repr=False)

    def where(self, pointer: Pointer = ()) -> Where:
        """The place of a part of the descriptor."""
        return self.document.where(pointer)


def descriptor(document: Document) -> Descriptor:
    """The descriptor that a schema-valid ODPS document holds."""
    data = document.data
    described = data.get("description") or {}
    if isinstance(described, str):
        described = {"purpose": described}
    team = data.get("team")
    return Descriptor(
        id=str(data.get("id", "")),
        name=data.get("name"),
        version=_text(data.get("version")),
        status=str(data.get("status", "draft")),
        domain=data.get("domain"),
        purpose=described.get("purpose"),
        limitations=described.get("limitations"),
        usage=described.get("usage"),
        tags=tuple(str(t) for t in data.get("tags") or ()),
        inputs=tuple(
            InputPortEntry(
                name=str(entry.get("name", "")),
                version=_text(entry.get("version")) or "",
                contract_id=_text(entry.get("contractId")),
                custom=custom_properties(entry),
                pointer=("inputPorts", i),
            )
            for i, entry in enumerate(data.get("inputPorts") or ())
        ),
        outputs=tuple(
            OutputPortEntry(
                name=str(entry.get("name", "")),
                version=_text(entry.get("version")) or "",
                contract_id=_text(entry.get("contractId")),
                description=entry.get("description"),
                type=entry.get("type"),
                custom=custom_properties(entry),
                pointer=("outputPorts", i),
            )
            for i, entry in enumerate(data.get("outputPorts") or ())
        ),
        team=team if isinstance(team, Mapping) else {"members": list(team or ())},
        custom=custom_properties(data),
        document=document,
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
