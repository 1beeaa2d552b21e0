"""Samples: which columns of a failing row may be shown, and how."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from weft.model.classification import Classification, parse_classification
from weft.model.odcs import Contract, Property, SchemaObject, every_property
from weft.sql.quoting import ident

_LONGEST = 200
"""Characters of a text that a sample shows."""


class Showing(Struct, frozen=True):
    """What samples of a table may show.

    Attributes:
        keys: the columns that tell which row it is: the primary key, else unique columns.
        limit: columns classified above it are hashed (keys) or left out (others).
        salt: for the hashes; without one such keys are left out too.
    """

    table: SchemaObject
    keys: tuple[str, ...]
    limit: Classification
    salt: str | None

    def sensitive(self, prop: Property) -> bool:
        """Whether a column, a part of it, or what it is a part of, is classified above the limit."""
        top = self.table.property(prop.path[0]) or prop
        return any(p.classification > self.limit for p in every_property((top,)))

    def columns(self, properties: Sequence[Property], present: Sequence[str]) -> tuple[str, ...]:
        """Names of the columns that a sample reads: keys, then the offending ones."""
        names = [key for key in self.keys if self.salt is not None or not self._hidden(key)]
        names += [p.path[0] for p in properties if not self.sensitive(p)]
        return tuple(dict.fromkeys(name for name in names if name in present))

    def row(self, names: Sequence[str], values: Sequence[Any]) -> Mapping[str, Any]:
        """One failing row as it may be shown."""
        return {
            name: self._hashed(value) if self._hidden(name) else shown(value)
            for name, value in zip(names, values, strict=True)
        }

    def _hidden(self, name: str) -> bool:
        prop = self.table.property(name)
        return prop is None or self.sensitive(prop)

    def _hashed(self, value: Any) -> str | None:
        if value is None:
            return None
        return "#" + hashlib.sha256(f"{self.salt}\x00{value}".encode()).hexdigest()[:12]


def showing(contract: Contract, table: SchemaObject, salt: str | None) -> Showing:
    """What samples of a contract's table may show; `weft.sampleClassification` sets the limit, by default internal."""
    named = contract.custom.get("weft.sampleClassification")
    limit = parse_classification(None if named is None else str(named))
    if named is not None and str(named).strip().upper() not in Classification.__members__:
        limit = Classification.PUBLIC  # an unknown word shows nothing more than it must
    keys = table.key or tuple(p.name for p in table.properties if p.unique)
    return Showing(table, keys, limit, salt)


def select_list(names: Sequence[str], alias: str = "") -> str:
    """The columns of a sample as SQL."""
    return ", ".join(f"{alias}{ident(name)}" for name in names)


def shown(value: Any) -> Any:
    """A value as JSON can carry it: decimals, large integers, NaN and infinity as text, times in ISO 8601; long texts
    are cut.
    """
    match value:
        case bool() | None:
            return value
        case int():
            return value if abs(value) <= 2**53 else str(value)
        case float():
            return value if math.isfinite(value) else str(Decimal(value))
        case Decimal():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case str():
            return value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
        case bytes():
            return f"{len(value)} bytes"
        case list() | tuple():
            return [shown(v) for v in value]
        case dict():
            return {str(k): shown(v) for k, v in value.items()}
        case _:
            return str(value)
