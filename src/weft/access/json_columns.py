"""Columns of rows as JSON has their values: as whole columns where Arrow can, value by value where it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from weft.access.result import EXACT_IN_JSON, Result, json_value
from weft.access.values import Texts, beyond_python, python_values
from weft.model.type_text import TypeText, parse_type

_IN_TEXT = frozenset({"HUGEINT", "UHUGEINT", "BIGNUM"})
"""Integers that come as texts or decimals."""
_SECOND = {"s": 1, "ms": 10**3, "us": 10**6}


def json_rows(result: Result) -> Iterator[tuple[Any, ...]]:
    """The rows of a result with the values that `json_value` gives; a tenth of its work for the usual types."""
    columns = [
        [value for chunk in column.chunks for value in _values(chunk, parse_type(told.type), result.texts)]
        for column, told in zip(result.table.columns, result.columns, strict=True)
    ]
    return zip(*columns, strict=True)


def _values(array: Any, kind: TypeText | None, texts: Texts) -> list[Any]:
    found: list[Any]
    if _is_json(array, kind):
        found = array.to_pylist()
    elif (written := _times(array)) is not None:
        found = written.to_pylist()
    else:
        found = [json_value(value) for value in python_values(array, kind, texts)]
    return found


def _is_json(array: Any, kind: TypeText | None) -> bool:
    """Whether each value of an array is the same in JSON."""
    import pyarrow as pa
    from pyarrow import compute as pc

    arrow = array.type
    if kind is not None and kind.name in _IN_TEXT:
        return False
    if pa.types.is_string(arrow) or pa.types.is_boolean(arrow) or pa.types.is_null(arrow):
        return True
    if pa.types.is_integer(arrow):
        if arrow.bit_width <= 32:
            return True
        least, most = (pc.min_max(array)[name].as_py() for name in ("min", "max"))
        return least is None or (least >= -EXACT_IN_JSON and most <= EXACT_IN_JSON)
    return bool(pa.types.is_float64(arrow) and pc.all(pc.is_finite(array)).as_py() is not False)


def _times(array: Any) -> Any:
    """Dates and timestamps in ISO 8601; None where some value has no such text, or a fraction of a second."""
    import pyarrow as pa
    from pyarrow import compute as pc

    arrow = array.type
    if pa.types.is_date32(arrow):
        return None if pc.any(beyond_python(array)).as_py() else array.cast(pa.string())
    if not pa.types.is_timestamp(arrow) or arrow.unit not in _SECOND or arrow.tz not in (None, "UTC"):
        return None
    if pc.any(beyond_python(array)).as_py():
        return None
    numbers, second = array.view(pa.int64()), _SECOND[arrow.unit]
    seconds = pc.divide(numbers, second)
    if pc.any(pc.not_equal(pc.multiply(seconds, second), numbers)).as_py():
        return None
    written = pc.replace_substring(seconds.view(pa.timestamp("s")).cast(pa.string()), " ", "T", max_replacements=1)
    return written if arrow.tz is None else pc.binary_join_element_wise(written, "+00:00", "")
