"""Values of unit tests beside the types that they are read as: what would become another value on the way."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import Any

from weft.model.type_text import TypeText

_WHOLE = frozenset(f"{sign}{size}" for sign in ("", "U") for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT"))
_WHOLE |= {"HUGEINT", "UHUGEINT", "BIGNUM"}
_MIDNIGHT = frozenset("0:. ")


def altered(value: Any, kind: TypeText) -> bool:
    """Whether a cast to the type takes the value and gives another one: digits are rounded, or the time of a day goes.

    What no cast takes is not told here: the engine refuses it.

    >>> from weft.model.type_text import parse_type
    >>> [altered(value, parse_type("DECIMAL(4,2)")) for value in ("1.50", 1.5, "1.505")]
    [False, False, True]
    >>> altered([1, 1.5], parse_type("BIGINT[]")), altered("2026-01-01 12:00", parse_type("DATE"))
    (True, True)
    """
    if isinstance(value, list):
        return kind.element is not None and any(altered(v, kind.element) for v in value)
    if isinstance(value, dict):
        return any((part := _part(kind, name)) is not None and altered(v, part) for name, v in value.items())
    if value is None or isinstance(value, bool):
        return False
    if kind.name in _WHOLE:
        return _rounded(value, 0)
    if kind.name == "DECIMAL":
        return _rounded(value, (*kind.parameters, 0)[1] if kind.parameters else 3)
    return kind.name == "DATE" and not set(str(value).strip()[10:].lstrip("Tt")) <= _MIDNIGHT


def _part(kind: TypeText, name: str) -> TypeText | None:
    if kind.name == "MAP" and len(kind.parts) == 2:
        return kind.parts[1][1]
    return kind.part(name) if kind.name == "STRUCT" else None


def _rounded(value: Any, digits: int) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return False
    if not number.is_finite():
        return False
    exponent = number.normalize().as_tuple().exponent
    return isinstance(exponent, int) and exponent < -digits
