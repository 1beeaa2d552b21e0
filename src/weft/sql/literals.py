"""Values that somebody gives, as literals of a column's type: checked here, so that no cast can fail later."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from decimal import Decimal
from enum import Enum

from weft.sql.quoting import literal

_INTEGERS = frozenset(
    f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")
) | {"INTEGER", "UINTEGER"}  # fmt: skip
_DECIMAL = re.compile(r"DECIMAL\((?P<width>\d+),\s?(?P<scale>\d+)\)")
_TIMESTAMPS = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"})
_MOST_DIGITS = 38


class Kind(Enum):
    """What values of a type are written as."""

    INTEGER = "a whole number"
    NUMBER = "a number"
    TEXT = "a text"
    TRUTH = "true or false"
    DATE = "a date like '2026-11-21'"
    MOMENT = "a time like '2026-11-21T09:30:00'"
    ZONED = "a time with its zone like '2026-11-21T09:30:00Z'"
    ID = "a UUID in '…'"


def kind_of(type_: str) -> Kind | None:
    """What values of a DuckDB type are written as; None where they have no form in a filter."""
    if type_ in _INTEGERS:
        return Kind.INTEGER
    if type_ in ("FLOAT", "DOUBLE") or _DECIMAL.fullmatch(type_):
        return Kind.NUMBER
    if type_ in _TIMESTAMPS:
        return Kind.MOMENT
    return {
        "VARCHAR": Kind.TEXT,
        "BOOLEAN": Kind.TRUTH,
        "DATE": Kind.DATE,
        "TIMESTAMP WITH TIME ZONE": Kind.ZONED,
        "UUID": Kind.ID,
    }.get(type_)


def written(given: str | bool, type_: str, kind: Kind, *, quoted: bool) -> str | None:
    """A value as a literal of SQL; None where it is none of the type.

    >>> written("7", "INTEGER", Kind.INTEGER, quoted=False), written("x", "DATE", Kind.DATE, quoted=True)
    ('7', None)
    """
    if isinstance(given, bool):
        return str(given).upper() if kind is Kind.TRUTH else None
    if kind in (Kind.INTEGER, Kind.NUMBER):
        return None if quoted else _number(given, whole=kind is Kind.INTEGER)
    if not quoted or "\x00" in given:
        return None
    try:
        match kind:
            case Kind.TEXT:
                return literal(given)
            case Kind.DATE:
                return f"CAST({literal(dt.date.fromisoformat(given).isoformat())} AS DATE)"
            case Kind.MOMENT:
                moment = dt.datetime.fromisoformat(given)
                plain = None if moment.tzinfo is not None else moment.isoformat(sep=" ")
                return f"CAST({literal(plain)} AS {type_})" if plain is not None else None
            case Kind.ZONED:
                zoned = dt.datetime.fromisoformat(given)
                if zoned.tzinfo is None:
                    return None
                return f"CAST({literal(zoned.astimezone(dt.UTC).isoformat(sep=' '))} AS TIMESTAMP WITH TIME ZONE)"
            case Kind.ID:
                return f"CAST({literal(str(uuid.UUID(given)))} AS UUID)"
    except (ValueError, OverflowError):
        pass
    return None


def _number(given: str, *, whole: bool) -> str | None:
    """A number in the form that DuckDB reads without a float between."""
    value = Decimal(given)
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or abs(exponent) > _MOST_DIGITS or len(digits) > _MOST_DIGITS:
        return None
    if whole and value != value.to_integral_value():
        return None
    plain = f"{value.to_integral_value():f}" if whole else f"{value:f}"
    return plain if len(plain.lstrip("-").replace(".", "")) <= _MOST_DIGITS else None
