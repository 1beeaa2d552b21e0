"""What clients of the registry send and get, for the OpenAPI document: described from the model's own values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from weft.model.document import Carried
from weft.model.handover import (
    AskedTable,
    Awaiting,
    ChecksAsked,
    Committed,
    Handover,
    Numbering,
    RollbackAsked,
    RunOpened,
    Scan,
    ScanAsked,
    Upload,
    UploadAddress,
)
from weft.model.lineage import LineageEdge
from weft.model.publication import KeptTable, PortState, Publication
from weft.model.records import DomainRecord, Event, ProductRecord, Run
from weft.registry.grants import Grant
from weft.registry.meters import MetersTold
from weft.registry.requisitions import Requisition

Schema = dict[str, Any]

_SENT = (AskedTable, ChecksAsked, Handover, MetersTold, RollbackAsked, Run, ScanAsked, Upload)
_TOLD = (
    Awaiting,
    Carried,
    Committed,
    DomainRecord,
    Event,
    Grant,
    KeptTable,
    LineageEdge,
    Numbering,
    PortState,
    ProductRecord,
    Publication,
    Requisition,
    RunOpened,
    Scan,
    Upload,
    UploadAddress,
)
_JSON = "application/json"
_PLACE = "#/components/schemas/registry."
DOMAIN_FILE: Schema = {"$ref": f"{_PLACE}DomainFile"}
"""The schema of `domain.yaml`."""


def one(kind: type) -> Schema:
    """A value of the model."""
    return {"$ref": f"{_PLACE}{kind.__name__}"}


def many(kind: type) -> Schema:
    """A list of values."""
    return {"type": "array", "items": one(kind)}


def maybe(kind: type) -> Schema:
    """A value, or null where there is none."""
    return {"anyOf": [one(kind), {"type": "null"}]}


def sent(schema: Schema) -> Schema:
    """The entry of a route whose body is of this shape."""
    return {"requestBody": {"required": True, "content": {_JSON: {"schema": schema}}}}


def told(schema: Schema, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The answer of a route that is of this shape."""
    return {status: {"content": {_JSON: {"schema": schema}}}}


@cache
def components() -> Mapping[str, Schema]:
    """All shapes by the names that the document has for them."""
    import msgspec

    from weft.project.schema import json_schema

    _, found = msgspec.json.schema_components((*_SENT, *_TOLD), ref_template=f"{_PLACE}{{name}}")
    made = {f"registry.{name}": _described(schema) for name, schema in found.items()}
    text = json.dumps({key: value for key, value in json_schema("domain").items() if key != "$schema"})
    domain = json.loads(text.replace('"#/$defs/', f'"{_PLACE}'))
    parts = {f"registry.{name}": part for name, part in domain.pop("$defs", {}).items()}
    return {**made, **parts, "registry.DomainFile": domain}


def _described(schema: Mapping[str, Any]) -> Schema:
    """A shape with the first paragraph of its description: what follows there is for who reads the code."""
    first = str(schema.get("description", "")).partition("\n\n")[0]
    return {**schema, "description": " ".join(first.split())}
