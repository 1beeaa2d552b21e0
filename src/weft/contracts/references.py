"""References: how a relationship names columns of its own and of another table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from weft.model.odcs import Contract, SchemaObject

_QUALIFIED = re.compile(r"(?:(?P<file>[^#]+)#)?/?schema/(?P<table>[^/]+)/properties/(?P<rest>.+)")


class Reference(Struct, frozen=True):
    """One column as a relationship names it; `table` is None when the text names the column alone."""

    table: str | None
    column: str


def parse_reference(text: str, contract: Contract) -> Reference:
    """The column that a reference names (Source: ODCS, references).

    `planes.tailnum` is the shorthand; `/schema/planes/properties/tailnum` names ids (a name does as well), which are
    looked up in this contract; with `other.odcs.yaml#` before it the table is `other.odcs.yaml#planes`.
    """
    match = _QUALIFIED.fullmatch(text.strip())
    if match is None:
        table, dot, column = text.strip().partition(".")
        return Reference(table, column) if dot else Reference(None, table)
    names = match["rest"].split("/properties/")
    table = match["table"]
    if match["file"]:
        return Reference(f"{match['file']}#{table}", ".".join(names))
    found = _by_id(contract, table)
    if found is None:
        return Reference(table, ".".join(names))
    known = {prop.id: prop.name for prop in found.properties if prop.id}
    return Reference(found.name, ".".join([known.get(names[0], names[0]), *names[1:]]))


def _by_id(contract: Contract, key: str) -> SchemaObject | None:
    by_id = next((t for t in contract.objects if t.data.get("id") == key), None)
    return by_id or next((t for t in contract.objects if t.name == key), None)


def referenced(entry: Mapping[str, Any], side: str, contract: Contract) -> tuple[Reference, ...]:
    """The columns on one side (`from` or `to`) of a relationship."""
    value = entry.get(side)
    texts = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return tuple(parse_reference(str(text), contract) for text in texts if text is not None)


def other_tables(contract: Contract, table: SchemaObject | None = None) -> tuple[str, ...]:
    """Names of the tables that relationships of a table refer to; its own name where it refers to itself."""
    table = table or contract.table
    entries = [*table.relationships, *(entry for prop in table.properties for entry in prop.relationships)]
    found: dict[str, None] = {}
    for entry in entries:
        for reference in referenced(entry, "to", contract):
            found[reference.table or table.name] = None
    return tuple(found)
