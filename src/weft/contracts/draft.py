"""Drafts: a contract proposed from what rows are like, around what a person has written."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Mapping
from decimal import ROUND_UP, Decimal
from typing import Any

from weft.contracts.fresh import fresh_id
from weft.contracts.profile import ColumnProfile, Profile
from weft.model.classification import Classification
from weft.model.odcs import Contract, Property
from weft.model.type_text import TypeText, parse_type
from weft.model.types import logical_type

_RULES = frozenset({"required", "unique", "primaryKey", "logicalTypeOptions", "quality", "enum", "relationships"})
_ROWS_PER_VALUE = 10
"""A list of values is proposed only when each occurs this often on average."""
_LONGEST_CODE = 32
"""Texts that all have one length up to this are codes."""
_DIGITS = 15
"""A range is proposed for numbers with at most so many digits before or behind the point."""


def draft(
    profile: Profile,
    existing: Contract | None,
    *,
    name: str,
    contract_id: str | None = None,
    status: str = "draft",
) -> dict[str, Any]:
    """A whole ODCS document, v3.1.0 unless the existing one says another: what is written is kept, the rest proposed.

    Ids and types are filled in for every column. Rules are proposed only for columns on which a person has written
    none, each named in the column's `weft.proposed`. Nothing is proposed from values of a column that looks personal
    or is classified above internal, and no classification is. A contract without a status gets the one that is given.
    """
    data = dict(existing.data) if existing else {}
    table = dict(data["schema"][0]) if data.get("schema") else {"name": name, "physicalType": "table"}
    drafted: dict[str, Any] = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": contract_id or str(uuid.uuid4()),
        "name": name,
        "version": "1.0.0",
        "status": str(status),
        **{key: value for key, value in data.items() if value is not None},
    }
    table["properties"] = _properties(profile, existing)
    drafted["schema"] = [table, *(data.get("schema") or [])[1:]]
    return drafted


def _properties(profile: Profile, existing: Contract | None) -> list[dict[str, Any]]:
    written = {p.name: p for p in existing.table.properties} if existing and existing.objects else {}
    by_name = {c.name: c for c in profile.columns}
    has_key = any(p.primary_key for p in written.values())
    ids: set[str] = {p.id for p in written.values() if p.id}
    order = [*written, *(c.name for c in profile.columns if c.name not in written)]
    key = () if has_key or not profile.keys else _primary(profile)
    found = []
    for column in order:
        prop, seen = written.get(column), by_name.get(column)
        if seen is None:
            assert prop is not None, "a column is written or seen"
            found.append(dict(prop.data))  # the model does not give it: plan says so, not the draft
            continue
        found.append(_property(seen, prop, profile, key, ids))
    return found


def _primary(profile: Profile) -> tuple[str, ...]:
    """The key to propose: one that is called a key, else the first found."""
    named = [k for k in profile.keys if len(k) == 1 and re.search(r"(id|key|code|number|no)$", k[0], re.IGNORECASE)]
    return (*named, *profile.keys)[0]


def _property(
    seen: ColumnProfile, prop: Property | None, profile: Profile, key: tuple[str, ...], ids: set[str]
) -> dict[str, Any]:
    entry: dict[str, Any] = dict(prop.data) if prop else {"name": seen.name}
    if not entry.get("id"):
        entry = {"id": fresh_id(seen.name, ids), **entry}
    tree = parse_type(seen.type) or TypeText(seen.type)
    typed = prop is not None and (prop.logical_type or prop.physical_type)
    if not typed:
        entry |= _typed(tree)
    elif prop is not None and prop.logical_type is None:
        entry["logicalType"] = logical_type(seen.type)
    elif prop is not None and prop.physical_type is None and not _open(tree) and not _untold(tree):
        entry["physicalType"] = str(tree)
    if prop is not None and _RULES & {k for k in prop.data if k != "relationships"}:
        return entry
    proposed = _rules(seen, profile, key)
    closed = seen.personal or (prop is not None and prop.classification > Classification.INTERNAL)
    if not closed:
        proposed |= _from_values(seen, profile, entry)
    options = {**(entry.get("logicalTypeOptions") or {}), **proposed.pop("logicalTypeOptions", {})}
    names = [*proposed, *(n for n in options if n not in (entry.get("logicalTypeOptions") or {}))]
    entry |= proposed
    if options:
        entry["logicalTypeOptions"] = options
    if names:
        custom = [*(entry.get("customProperties") or ()), {"property": "weft.proposed", "value": ", ".join(names)}]
        entry["customProperties"] = custom
    return entry


def _open(tree: TypeText) -> bool:
    return tree.name in ("STRUCT", "LIST", "ARRAY")


def _untold(tree: TypeText) -> bool:
    return tree.name == "NULL" or any(_untold(part) for _, part in tree.parts)


def _typed(tree: TypeText) -> dict[str, Any]:
    """The types of a column; none where rows do not tell, since there is nothing but NULL in it."""
    if _untold(tree):
        return {}
    logical = logical_type(str(tree))
    entry: dict[str, Any] = {"logicalType": logical, "physicalType": str(tree)}
    if tree.name == "STRUCT":
        entry["physicalType"] = "STRUCT"
        entry["properties"] = [{"name": label, **_typed(part)} for label, part in tree.parts]
    elif tree.element is not None:
        entry["physicalType"] = "LIST" if tree.name == "LIST" else str(tree)
        entry["items"] = _typed(tree.element)
    elif tree.name in ("TIMESTAMPTZ", "TIMETZ"):
        entry["logicalTypeOptions"] = {"timezone": True}
    return entry


def _rules(seen: ColumnProfile, profile: Profile, key: tuple[str, ...]) -> dict[str, Any]:
    """Rules that tell no value: never null, unique, part of the key."""
    if profile.rows == 0:
        return {}
    found: dict[str, Any] = {}
    if seen.nulls == 0:
        found["required"] = True
    if seen.name in key:
        found["primaryKey"] = True
        found["primaryKeyPosition"] = key.index(seen.name) + 1
    elif (seen.name,) in profile.keys:
        found["unique"] = True
    return found


def _from_values(seen: ColumnProfile, profile: Profile, entry: Mapping[str, Any]) -> dict[str, Any]:
    """A list of values, a range or a length."""
    logical = entry.get("logicalType")
    keyed = any(seen.name in key for key in profile.keys if len(key) == 1)
    if logical == "string" and seen.values and not keyed and profile.rows >= _ROWS_PER_VALUE * len(seen.values):
        rule = {"metric": "invalidValues", "mustBe": 0, "arguments": {"validValues": list(seen.values)}}
        return {"quality": [{"id": f"{entry['id']}_values", **rule}]}
    if logical == "string" and seen.shortest and seen.shortest == seen.longest and seen.longest <= _LONGEST_CODE:
        return {"logicalTypeOptions": {"minLength": seen.shortest, "maxLength": seen.longest}}
    if logical in ("integer", "number") and not keyed and seen.minimum is not None:
        bounds = _wide(seen.minimum, lower=True), _wide(seen.maximum, lower=False)
        if seen.values and logical == "integer":
            bounds = int(seen.minimum), int(seen.maximum)  # few values: months, hours; they have the range they have
        if None not in bounds:
            return {"logicalTypeOptions": {"minimum": bounds[0], "maximum": bounds[1]}}
    return {}


def _wide(value: Any, *, lower: bool) -> int | float | None:
    """A bound a little beyond what was seen: one significant digit, away from zero; 0 where nothing is negative.

    None where a bound would say nothing to people: no number, or one that is very large or very near to zero.
    """
    if not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        return None
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if number == 0 or (lower and number > 0) or (not lower and number < 0):
        return 0
    if not -_DIGITS <= number.adjusted() < _DIGITS:
        return None
    step = Decimal(1).scaleb(number.adjusted())
    wide = (number / step).to_integral_value(ROUND_UP) * step
    return int(wide) if wide == int(wide) else float(wide)
