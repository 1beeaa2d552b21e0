"""Bounds of columns in Iceberg's single-value form (spec, appendix D), from the text in which DuckDB gives them."""

from __future__ import annotations

import datetime as dt
import decimal
import re
import struct

from weft.storage.schemas import Type

_LONGEST = 16
_EPOCH = dt.date(1970, 1, 1)
_EPOCH_TIME = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EXACT = decimal.Context(prec=80, traps=[decimal.Inexact])
_MICROSECOND = dt.timedelta(microseconds=1)


def bound(text: str, kind: Type) -> bytes | None:
    """A bound; None when in doubt: one that is missing only costs a scan."""
    try:
        return _bytes(text, kind) if isinstance(kind, str) else None
    except (ValueError, ArithmeticError, struct.error):
        return None


def _bytes(text: str, kind: str) -> bytes | None:
    match kind:
        case "int":
            return struct.pack("<i", int(text))
        case "long":
            return struct.pack("<q", int(text))
        case "float" | "double":
            number = float(text)
            return struct.pack("<f" if kind == "float" else "<d", number) if number == number else None
        case "boolean":
            return {"1": b"\x01", "true": b"\x01", "0": b"\x00", "false": b"\x00"}.get(text)
        case "string":
            # A longer one would have to be cut, and an upper bound then raised: not worth it.
            encoded = text.encode()
            return encoded if len(encoded) <= _LONGEST else None
        case "date":
            return struct.pack("<i", (dt.date.fromisoformat(text) - _EPOCH).days)
        case "timestamp" | "timestamptz":
            time = dt.datetime.fromisoformat(text)
            time = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
            return struct.pack("<q", (time - _EPOCH_TIME) // _MICROSECOND)
    if found := re.fullmatch(r"decimal\(\d+, (\d+)\)", kind):
        unscaled = int(_EXACT.to_integral_exact(_EXACT.scaleb(decimal.Decimal(text), int(found[1]))))
        bits = (unscaled if unscaled >= 0 else ~unscaled).bit_length()
        return unscaled.to_bytes(bits // 8 + 1, "big", signed=True)
    return None
