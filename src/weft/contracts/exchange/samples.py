"""Contracts of rows (Parquet, CSV, JSON): a profile of all rows, and the draft that it is a ground for."""

from __future__ import annotations

from typing import Any

from weft.contracts.draft import draft
from weft.contracts.evaluator import Evaluator
from weft.contracts.exchange.exchange import Made
from weft.contracts.profile import profile


def drafted(evaluator: Evaluator, relation: str, *, name: str, contract_id: str) -> Made:
    """The contract that rows keep; each rule in it that rows alone suggest is named in a note.

    Raises:
        WeftError: the rows cannot be read.
    """
    document = draft(profile(evaluator, relation), None, name=name, contract_id=contract_id)
    return Made(document, tuple(_proposals(document)))


def _proposals(document: dict[str, Any]) -> list[str]:
    found = []
    for prop in document["schema"][0]["properties"]:
        custom = {c["property"]: c["value"] for c in prop.get("customProperties") or ()}
        if "weft.proposed" in custom:
            found.append(f"`{prop['name']}`: proposed from the rows that are there: {custom['weft.proposed']}")
    return found
