"""Python values of Arrow columns, without loss: what Python cannot hold is the engine's text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from weft.engines.arrow import entries, leaves
from weft.model.type_text import TypeText

Texts = Callable[[Any], Any]
"""Makes a `pyarrow.Table` of the engine's texts from another."""

_FIRST_DAY, _LAST_DAY = -719162, 2932896  # 0001-01-01 and 9999-12-31, in days since 1970
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY_S = 86_400
_WHOLE = frozenset({"HUGEINT", "UHUGEINT", "BIGNUM"})
_LONGEST_INTEGER = 4_000
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(\+00)?")


class TimeText(str):
    """A date or time that Python's `datetime` cannot hold, as the engine writes it."""

    __slots__ = ()

    def isoformat(self) -> str:
        """ISO 8601 where the year has four digits, else the text as it is.

        >>> TimeText("2024-01-01 10:00:00.123456789+00").isoformat(), TimeText("infinity").isoformat()
        ('2024-01-01T10:00:00.123456789+00:00', 'infinity')
        """
        found = _MOMENT.fullmatch(self)
        return str(self) if found is None else f"{found[1]}T{found[2]}{'+00:00' if found[3] else ''}"


def python_values(array: Any, kind: TypeText | None, texts: Texts) -> list[Any]:
    """The values of a `pyarrow` array of a type: lists, dicts for structs and maps, `TimeText` where needed.

    A 32-bit float is the number with the shortest text that reads back as it. A map with nested keys is a list of
    pairs.
    """
    import pyarrow as pa
    from pyarrow import compute as pc

    arrow = array.type
    if pa.types.is_map(arrow) or pa.types.is_list(arrow) or pa.types.is_fixed_size_list(arrow):
        return _lists(array, kind, texts)
    if pa.types.is_struct(arrow):
        fields = [
            python_values(child, part, texts)
            for child, part in zip(array.flatten(), _parts(kind, arrow.num_fields), strict=True)
        ]
        names = [field.name for field in arrow]
        rows = zip(*fields, strict=True)
        return [dict(zip(names, row, strict=True)) if ok else None for row, ok in zip(rows, _valid(array), strict=True)]
    if pa.types.is_temporal(arrow):
        return _times(array, texts)
    if pa.types.is_float32(arrow):
        found: list[Any] = pc.cast(pc.cast(array, pa.string()), pa.float64()).to_pylist()
        return found
    values: list[Any] = array.to_pylist()
    if kind is not None and kind.name in _WHOLE:
        return [None if v is None else _integer(v) for v in values]
    return values


def beyond_frames(array: Any) -> bool:
    """Whether some date or time in an array, nested ones included, is none that pandas can hold: it has nanoseconds."""
    return _some_time(array, _beyond_nanoseconds)


def beyond_parquet(array: Any) -> bool:
    """Whether some timestamp in whole seconds, nested ones included, has no milliseconds, which Parquet counts."""
    return _some_time(array, _beyond_milliseconds)


def _some_time(array: Any, test: Callable[[Any], Any]) -> bool:
    """Whether a test is true of some date or time in an array, nested ones included."""
    import pyarrow as pa
    from pyarrow import compute as pc

    return any(pa.types.is_temporal(leaf.type) and pc.any(test(leaf)).as_py() for leaf in leaves(array))


def _lists(array: Any, kind: TypeText | None, texts: Texts) -> list[Any]:
    import pyarrow as pa
    from pyarrow import compute as pc

    if pa.types.is_map(array.type):
        keyed, valued = _parts(kind, 2)
        pairs = entries(array)
        keys = python_values(pairs.field(0), keyed, texts)
        inner: list[Any] = list(zip(keys, python_values(pairs.field(1), valued, texts), strict=True))
        as_dict = not pa.types.is_nested(array.type.key_type)
        lengths = pc.fill_null(pc.subtract(array.offsets[1:], array.offsets[:-1]), 0).to_pylist()
        lengths = [n if ok else 0 for n, ok in zip(lengths, _valid(array), strict=True)]
    else:
        inner, as_dict = python_values(array.flatten(), _parts(kind, 1)[0], texts), False
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_pylist()
    found: list[Any] = []
    at = 0
    for length, ok in zip(lengths, _valid(array), strict=True):
        items = inner[at : at + length]
        found.append((dict(items) if as_dict else items) if ok else None)
        at += length
    return found


def _times(array: Any, texts: Texts) -> list[Any]:
    import pyarrow as pa
    from pyarrow import compute as pc

    beyond = beyond_python(array)
    if not pc.any(beyond).as_py():
        return _datetimes(array)
    values = _datetimes(pc.if_else(beyond, pa.scalar(None, array.type), array))
    written = texts(pa.table({"t": array.filter(beyond)})).column(0).to_pylist()
    places = [i for i, out in enumerate(beyond.to_pylist()) if out]
    for i, text in zip(places, written, strict=True):
        values[i] = TimeText(text)
    return values


def _datetimes(array: Any) -> list[Any]:
    """Python's values; nanoseconds are whole microseconds here, and would become pandas' values."""
    import pyarrow as pa

    if pa.types.is_timestamp(array.type) and array.type.unit == "ns":
        array = array.cast(pa.timestamp("us", array.type.tz))
    found: list[Any] = array.to_pylist()
    return found


def beyond_python(array: Any) -> Any:
    """Where an array of dates, times or timestamps has a value that Python cannot hold."""
    import pyarrow as pa
    from pyarrow import compute as pc

    arrow = array.type
    if pa.types.is_date(arrow):
        return _outside(array.view(pa.int32()), _FIRST_DAY, _LAST_DAY + 1)
    numbers = array.view(pa.int64())
    second = _UNITS[arrow.unit]
    if pa.types.is_time(arrow):
        beyond = _outside(numbers, 0, _DAY_S * second)
    elif arrow.unit == "ns":
        beyond = pa.scalar(False)  # its infinities are no whole microseconds
    else:
        beyond = _outside(numbers, _FIRST_DAY * _DAY_S * second, (_LAST_DAY + 1) * _DAY_S * second)
    if arrow.unit == "ns":
        whole = pc.multiply(pc.divide(numbers, 1000), 1000)
        beyond = pc.or_(beyond, pc.fill_null(pc.not_equal(whole, numbers), False))
    return beyond


def _beyond_nanoseconds(array: Any) -> Any:
    """Where a value is beyond Python's years, or an infinity, or a time of day with nanoseconds."""
    import pyarrow as pa
    from pyarrow import compute as pc

    if pa.types.is_timestamp(array.type) and array.type.unit == "ns":
        return pc.fill_null(pc.equal(pc.abs(array.view(pa.int64())), 2**63 - 1), False)
    return beyond_python(array)


def _beyond_milliseconds(array: Any) -> Any:
    import pyarrow as pa

    if not pa.types.is_timestamp(array.type) or array.type.unit != "s":
        return pa.array([], pa.bool_())
    return _outside(array.view(pa.int64()), -(2**63) // 1000 + 1, 2**63 // 1000)


def _outside(numbers: Any, first: int, end: int) -> Any:
    from pyarrow import compute as pc

    return pc.fill_null(pc.or_(pc.less(numbers, first), pc.greater_equal(numbers, end)), False)


def _integer(value: Any) -> Any:
    """An integer from Arrow's decimal or from text; a text that is too long for Python to read stays one."""
    return value if isinstance(value, str) and len(value) > _LONGEST_INTEGER else int(value)


def _parts(kind: TypeText | None, count: int) -> list[TypeText | None]:
    parts = [part for _, part in kind.parts] if kind is not None else []
    return [*parts] if len(parts) == count else [None] * count


def _valid(array: Any) -> list[bool]:
    found: list[bool] = array.is_valid().to_pylist()
    return found
