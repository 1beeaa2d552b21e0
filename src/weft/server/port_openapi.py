"""The OpenAPI document of one port, made from its contract, as its reader sees it."""

from __future__ import annotations

from typing import Any

from weft.api.wires.data_pages import MOST_ROWS, Seen
from weft.model.odcs import Property, published_contract
from weft.model.publication import PortState
from weft.server.negotiating import MEDIA
from weft.server.problems import MEDIA_TYPE
from weft.sql.literals import Kind, kind_of

_FORMATS = {Kind.DATE: "date", Kind.MOMENT: "date-time", Kind.ZONED: "date-time", Kind.ID: "uuid"}
_SAFE = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER")


def document(state: PortState, seen: Seen) -> dict[str, Any]:
    """The document; columns that the reader does not see do not stand in it."""
    contract = published_contract(state)
    table = contract.table if contract.objects else None
    properties = {p.name: p for p in table.properties} if table is not None else {}
    row = {
        "type": "object",
        "properties": {name: _schema(type_, properties.get(name)) for name, type_ in seen.columns.items()},
    }
    address = str(state.address)
    told = contract.name or address
    page = {
        "type": "object",
        "required": ["address", "snapshot", "rows", "next", "masked", "filtered", "diagnostics"],
        "properties": {
            "address": {"type": "string", "const": address},
            "snapshot": {"type": "string"},
            "rows": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}},
            "next": {"type": ["string", "null"], "description": "the cursor of the next page"},
            "masked": {"type": "object", "additionalProperties": {"type": "string"}},
            "filtered": {"type": "boolean", "description": "whether some rows are left out for the caller"},
            "diagnostics": {"type": "array", "items": {"type": "object"}},
        },
    }
    problem = {"description": "What went wrong", "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
    content: dict[str, Any] = {media: {} for media in MEDIA}
    content["application/json"] = {"schema": {"$ref": "#/components/schemas/Page"}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": told,
            "version": contract.version_text or "1",
            "description": f"Pages of the port `{address}`",
        },
        "paths": {
            f"/api/v1/data/{address}": {
                "get": {
                    "operationId": "page",
                    "summary": f"A page of {told}",
                    "parameters": _parameters(),
                    "responses": {
                        "200": {"description": "The page", "content": content},
                        "304": {"description": "What the caller has is still so"},
                        "default": problem,
                    },
                }
            }
        },
        "components": {
            "schemas": {"Row": row, "Page": page},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}],
    }


def _parameters() -> list[dict[str, Any]]:
    texts = {
        "select": "columns, with commas between; without it all",
        "where": "a filter: a column, an operator and a value, with and, or, not, in, like, between, is null",
        "order": "columns, with commas between; `-` before one that falls",
        "cursor": "`next` of the page before",
        "at": "a snapshot or a time",
        "purpose": "what the rows are for",
    }
    found: list[dict[str, Any]] = [
        {"name": name, "in": "query", "description": told, "schema": {"type": "string"}} for name, told in texts.items()
    ]
    limit = {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": 100}
    return [*found, {"name": "limit", "in": "query", "description": "how many rows at most", "schema": limit}]


def _schema(type_: str, of: Property | None) -> dict[str, Any]:
    kind = kind_of(type_)
    made: dict[str, Any] = {}
    if type_ in _SAFE:
        made["type"] = ["integer", "null"]
    elif kind is Kind.INTEGER:
        made["type"] = ["integer", "string", "null"]  # beyond 2^53 a number is not the same in every JSON
    elif type_ in ("FLOAT", "DOUBLE"):
        made["type"] = ["number", "null"]
    elif kind is Kind.TRUTH:
        made["type"] = ["boolean", "null"]
    elif kind is not None:
        made["type"] = ["string", "null"]
        if kind in _FORMATS:
            made["format"] = _FORMATS[kind]
    made["description"] = f"{of.description} ({type_})" if of is not None and of.description else type_
    return made
