"""Limits: what a contract says of the values of a column, in one spelling, so that two versions can be compared."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from weft.model.odcs import Property
from weft.model.type_text import parse_type

_SIZED_TEXT = re.compile(
    r"(?:n?var)?char2?\s*\(\s*([0-9]{1,9})\s*(?:char|byte)?\s*\)"
    r"|(?:nvarchar2|character(?:\s+varying)?|national\s+character(?:\s+varying)?|string|text)\s*\(\s*([0-9]{1,9})\s*\)",
    re.IGNORECASE,
)
_SAYS_NOTHING = {"minLength": 0, "minItems": 0, "minProperties": 0}
"""Lower limits that every value keeps."""


def stated_limits(prop: Property) -> dict[str, Any]:
    """The logical type options of a column, without what says nothing.

    The length of `varchar(20)` is a `maxLength`, and between whole numbers `exclusiveMinimum: 0` is `minimum: 1`.
    """
    found = {k: v for k, v in prop.options.items() if v is not None and v is not False}
    for name, nothing in _SAYS_NOTHING.items():
        if found.get(name) == nothing:
            del found[name]
    if isinstance(found.get("required"), list):
        found["required"] = sorted(str(name) for name in found["required"])
    size = _size(prop.physical_type)
    if size is not None:
        stated = found.get("maxLength")
        found["maxLength"] = min(stated, size) if isinstance(stated, int) else size
    if prop.logical_type == "integer":
        _include(found, "minimum", "exclusiveMinimum", lower=True)
        _include(found, "maximum", "exclusiveMaximum", lower=False)
        if found.get("multipleOf") == 1:
            del found["multipleOf"]
    _keep_stricter(found, "minimum", "exclusiveMinimum", lower=True)
    _keep_stricter(found, "maximum", "exclusiveMaximum", lower=False)
    if prop.logical_type in ("integer", "number"):
        found.pop("format", None)  # it says a type, which is judged as one
    return found


def stated_values(prop: Property) -> list[Any] | None:
    """The values that a column may have: its `enum`, or the labels of its physical ENUM; None when all."""
    entries = prop.data.get("enum")
    if entries:
        return [e.get("value") if isinstance(e, Mapping) else e for e in entries]
    tree = parse_type(prop.physical_type) if isinstance(prop.physical_type, str) else None
    return list(tree.labels) if tree is not None and tree.name == "ENUM" and tree.labels else None


def _size(physical: str | None) -> int | None:
    match = _SIZED_TEXT.fullmatch(physical.strip()) if isinstance(physical, str) else None
    return int(match[1] or match[2]) if match else None


def _include(found: dict[str, Any], plain: str, exclusive: str, *, lower: bool) -> None:
    """Says an excluded limit of whole numbers as an included one."""
    limit = found.get(exclusive)
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
        return
    whole = math.floor(limit) + 1 if lower else math.ceil(limit) - 1
    stated = found.get(plain)
    if stated is not None and (isinstance(stated, bool) or not isinstance(stated, int | float)):
        return
    del found[exclusive]
    found[plain] = whole if stated is None else max(stated, whole) if lower else min(stated, whole)


def _keep_stricter(found: dict[str, Any], plain: str, exclusive: str, *, lower: bool) -> None:
    """Leaves out the limit of two that the other one implies."""
    included, excluded = found.get(plain), found.get(exclusive)
    if isinstance(included, bool) or isinstance(excluded, bool):
        return
    if isinstance(included, int | float) and isinstance(excluded, int | float):
        implied = included <= excluded if lower else included >= excluded
        del found[plain if implied else exclusive]
