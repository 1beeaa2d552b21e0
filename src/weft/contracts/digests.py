"""Digests of a contract: what decides whether a port is built, verified or only described again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from weft.contracts.layouts import layout_wishes
from weft.model.document import Document
from weft.model.lifecycle import END_OF_LIFE, SUCCESSOR, date_of_life
from weft.model.odcs import Contract, Property
from weft.model.types import duck_type

_TEXTS = frozenset(
    {
        "description",
        "businessName",
        "businessImpact",
        "tags",
        "authoritativeDefinitions",
        "examples",
        "synonyms",
        "context",
        "dataGranularityDescription",
        "transformSourceObjects",
        "transformLogic",
        "transformDescription",
        "deprecated",
        "schedule",
        "scheduler",
        "driver",
    }
)
"""Fields on which no check depends, wherever they stand."""

_SAID = frozenset({"weft.proposed", END_OF_LIFE, SUCCESSOR})
"""Custom properties of our own on which no check depends."""


def physical_digest(contract: Contract) -> str:
    """SHA-256 of all that a table's files depend on: columns' names, ids, order, types, nullability; the layout."""
    shapes: list[Any] = [[_shape(prop) for prop in table.properties] for table in contract.objects]
    layouts = [layout_wishes(table) for table in contract.objects]
    return _digest([shapes, layouts] if any(layouts) else shapes)


def rules_digest(contract: Contract) -> str:
    """SHA-256 of all that checks depend on: schema, rules, severities, service levels, `weft.` settings."""
    data = contract.data
    return _digest(
        {
            "schema": _without_texts(data.get("schema") or ()),
            "slaProperties": _without_texts(
                [level for level in data.get("slaProperties") or () if not _of_life(level)]
            ),
            "slaDefaultElement": data.get("slaDefaultElement"),
            "customProperties": _settings(data.get("customProperties")),
        }
    )


def texts_digest(*documents: Document) -> str:
    """SHA-256 of whole documents; layout, comments and the order of keys do not count."""
    return _digest([document.data for document in documents])


def _shape(prop: Property) -> list[Any]:
    return [
        prop.name,
        prop.id,
        duck_type(prop),
        prop.required,
        [_shape(field) for field in prop.fields],
        _shape(prop.items) if prop.items else None,
        *(_shape(end) for end in (prop.key, prop.value) if end is not None),
    ]


def _without_texts(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {k: _without_texts(v) for k, v in value.items() if k not in _TEXTS and k != "customProperties"}
        settings = _settings(value.get("customProperties"))
        return {**kept, "customProperties": settings} if settings else kept
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_without_texts(v) for v in value]
    return value


def _of_life(level: Any) -> bool:
    return isinstance(level, Mapping) and date_of_life(level)


def _settings(entries: Any) -> dict[str, Any]:
    """The custom properties that checks read: our own, and those that complete a type."""
    if not isinstance(entries, Sequence):
        return {}
    return {
        name: entry.get("value")
        for entry in entries
        if isinstance(entry, Mapping) and (name := str(entry.get("property", ""))) not in _SAID
        if name.startswith("weft.") or name in ("precision", "scale")
    }


def _digest(value: Any) -> str:
    text = json.dumps(
        _with_text_keys(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=True, default=str
    )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _with_text_keys(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_with_text_keys(v) for v in value]
    return value
