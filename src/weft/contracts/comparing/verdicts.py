"""The table of verdicts: one example for each rule by which two contracts are compared.

The reference page is made from it, and a test holds each line to its word.
"""

from __future__ import annotations

from typing import Any

from weft.contracts.comparing.column_verdicts import COLUMNS
from weft.contracts.comparing.contract_verdicts import CONTRACTS
from weft.contracts.comparing.verdict_examples import Example, Fragment

GROUPS: dict[str, tuple[Example, ...]] = {**COLUMNS, **CONTRACTS}


def contracts(example: Example) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two documents of an example: a table `t` with a column `k`, and `c` when it is about that."""
    return _document(example, example.old), _document(example, example.new)


def _document(example: Example, fields: Fragment | None) -> dict[str, Any]:
    key: dict[str, Any] = {"name": "k", "logicalType": "string"}
    column: dict[str, Any] = {"name": "c"}
    table: dict[str, Any] = {"name": "t", "properties": [key]}
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "example",
        "version": "1.2.3",
        "status": "active",
        "schema": [table],
    }
    if example.of == "contract":
        return document | dict(fields or {})
    if example.of == "table":
        by_name, said = {"k": key, "c": {**column, "required": True}}, fields or {}
        table["properties"] = [by_name[name] for name in str(said.get("order", "k, c")).split(", ")]
        for position, name in enumerate(str(said.get("key", "")).split(", "), start=1):
            if name:
                by_name[name] |= {"primaryKey": True, "primaryKeyPosition": position}
    elif fields is not None:
        table["properties"] = [key, {**column, **fields}]
    return document
