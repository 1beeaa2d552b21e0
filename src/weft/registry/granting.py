"""What is granted with a publication: its product goes on reading its inputs that are public or internal."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from weft.model.classification import Classification, parse_classification
from weft.model.records import Publish
from weft.registry import codec
from weft.registry.tables import Tables

PUBLICATION = "publication"
"""The basis of a grant that a publication has given."""


def classification_of(contract: Mapping[str, Any]) -> Classification:
    """The highest level of a contract's columns, nested ones included."""
    found = [Classification.PUBLIC]
    for table in contract.get("schema") or ():
        if isinstance(table, Mapping):
            found += [_highest(p) for p in table.get("properties") or () if isinstance(p, Mapping)]
    return max(found)


def granted_with(tables: Tables, publish: Publish) -> list[tuple[str, dict[str, str | None]]]:
    """Gives a product its grants; returns each new one as the port and the body of its event.

    What an owner has ended stays ended: another publication does not give it again.
    """
    product = str(publish.product.address)
    known = tables.granted(product)
    given = []
    for port in publish.product.reads:
        row = tables.port(port)
        if port in known or row is None or port.partition(".")[0] == publish.product.address.domain:
            continue
        if classification_of(codec.unpacked(tables.contract(port, row.revision))) > Classification.INTERNAL:
            continue
        grant_id = secrets.token_hex(8)
        tables.put_grant((grant_id, port, "product", product, _text(publish.at), None, PUBLICATION))
        given.append((port, {"grant": grant_id, "product": product, "basis": PUBLICATION, "until": None}))
    return given


def _text(at: datetime) -> str:
    return codec.time_text(at)


def _highest(entry: Mapping[str, Any]) -> Classification:
    level = parse_classification(entry.get("classification"))
    inner = [entry["items"]] if isinstance(entry.get("items"), Mapping) else []
    inner += [p for p in entry.get("properties") or () if isinstance(p, Mapping)]
    return max([level, *(_highest(p) for p in inner)])
