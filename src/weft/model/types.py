"""Types: what a contract says against what DuckDB has."""

from __future__ import annotations

import re

from weft.model.odcs import Property
from weft.model.type_text import TypeText, parse_type

_SIGNED = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128}
_UNSIGNED = {"UTINYINT": 8, "USMALLINT": 16, "UINTEGER": 32, "UBIGINT": 64, "UHUGEINT": 128}
INTEGERS = frozenset({*_SIGNED, *_UNSIGNED})
"""Whole numbers of a fixed size."""
LISTS = ("LIST", "ARRAY")
"""Types whose values have items."""
_WHOLE = INTEGERS | {"BIGNUM"}
NUMBERS = _WHOLE | {"FLOAT", "DOUBLE", "DECIMAL"}
"""All that can be reckoned with, BIGNUM among them."""
_LOCAL_TIMESTAMPS = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"})
_TEXTS = frozenset({"VARCHAR", "ENUM", "UUID", "BLOB", "BIT", "INTERVAL", "JSON"})

_FAMILIES: dict[str, frozenset[str]] = {
    "string": _TEXTS,
    "integer": _WHOLE,
    "number": NUMBERS,
    "boolean": frozenset({"BOOLEAN"}),
    "date": frozenset({"DATE"}),
    "timestamp": _LOCAL_TIMESTAMPS | {"TIMESTAMPTZ", "TIMESTAMPTZ_NS"},
    "time": frozenset({"TIME", "TIME_NS", "TIMETZ"}),
    "object": frozenset({"STRUCT", "JSON", "MAP", "UNION", "VARIANT"}),
    "array": frozenset(LISTS),
    "map": frozenset({"MAP"}),
    "vector": frozenset(LISTS),
}
_INTEGER_FORMATS = {f"i{bits}": name for name, bits in _SIGNED.items()} | {
    f"u{bits}": name for name, bits in _UNSIGNED.items()
}
_NUMBER_FORMATS = {"f32": "FLOAT", "f64": "DOUBLE"}
_VECTOR_ELEMENTS = {"float32": "FLOAT", "float64": "DOUBLE", "int8": "TINYINT", "uint8": "UTINYINT"}
_PRECISION = re.compile(r"[0-9]{1,2}")
_SIMPLE = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time": "TIME",
}


def normalise(type_text: str) -> str:
    """DuckDB's name of a type, in one spelling.

    >>> normalise("int"), normalise("TIMESTAMP WITH TIME ZONE"), normalise("struct(a int4, \\"B\\" text[])")
    ('INTEGER', 'TIMESTAMPTZ', 'STRUCT(a INTEGER, "B" VARCHAR[])')
    """
    tree = parse_type(type_text)
    return type_text.strip().upper() if tree is None else str(tree)


def logical_type(duck_type: str) -> str:
    """The ODCS v3.1 logical type of a DuckDB type.

    >>> logical_type("DECIMAL(10,2)"), logical_type("HUGEINT"), logical_type("VARCHAR[]")
    ('number', 'integer', 'array')
    """
    tree = parse_type(duck_type)
    name = tree.name if tree else ""
    for logical in ("integer", "number", "boolean", "date", "timestamp", "time", "array"):
        if name in _FAMILIES[logical]:
            return logical
    return "object" if name in _FAMILIES["object"] else "string"


def duck_type(prop: Property) -> str | None:
    """The DuckDB type as which a column of a contract is read or made; None when the contract names no type.

    The physical type decides when it is understood, completed by what the logical type says (zone, precision,
    fields). A `timestamp` is with a zone only if the contract says so (`logicalTypeOptions.timezone: true` or the
    physical type); otherwise it is local.
    """
    tree = _wanted(prop)
    return None if tree is None else str(tree)


def fits(prop: Property, actual: str) -> bool:
    """Whether a DuckDB type keeps what a contract says of a column, nested fields included."""
    return misfit(prop, actual) is None


def misfit(prop: Property, actual: str) -> str | None:
    """Why a DuckDB type does not keep what a contract says of a column, in words; None when it does.

    The logical type is a family (an integer is a number too). A physical type must be the same after
    normalising; what it leaves open (`decimal`, `array`, `struct`) is open.
    """
    tree = parse_type(actual)
    if tree is None:
        return None if actual == prop.physical_type else f"{actual} is an unknown type"
    return _misfit(prop, tree)


def widens(old: str, new: str) -> bool:
    """Whether Iceberg allows a column of one type to become the other without rewriting rows.

    >>> widens("INTEGER", "BIGINT"), widens("DECIMAL(10,2)", "DECIMAL(12,2)"), widens("BIGINT", "DOUBLE")
    (True, True, False)

    Source: Iceberg spec, schema evolution: int to long, float to double, more precision of a decimal.
    """
    before, after = parse_type(old), parse_type(new)
    return before is not None and after is not None and before != after and _same_or_wider(before, after)


def _same_or_wider(old: TypeText, new: TypeText) -> bool:
    if old == new or str(old) == str(new):
        return True
    if old.name == "DECIMAL" and new.name == "DECIMAL":
        before, after = (*old.parameters, 0)[:2], (*new.parameters, 0)[:2]
        return len(before) == 2 == len(after) and after[1] == before[1] and after[0] >= before[0]
    if old.name in _WHOLE and new.name in _WHOLE:
        return new.name in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", *_UNSIGNED) and _within(old.name, new.name)
    if (old.name, new.name) == ("FLOAT", "DOUBLE"):
        return True
    if old.name == new.name and len(old.parts) == len(new.parts) and old.parameters == new.parameters and old.parts:
        return all(
            label == other and _same_or_wider(part, wider)
            for (label, part), (other, wider) in zip(old.parts, new.parts, strict=True)
        )
    return False


def _within(narrow: str, wide: str) -> bool:
    """Whether every value of one integer type is a value of the other."""
    if narrow in _SIGNED:
        return wide in _SIGNED and _SIGNED[narrow] <= _SIGNED[wide]
    bits = _UNSIGNED.get(narrow)
    if bits is None:
        return narrow == wide
    return bits <= _UNSIGNED[wide] if wide in _UNSIGNED else wide in _SIGNED and bits < _SIGNED[wide]


def _physical(prop: Property) -> TypeText | None:
    """The physical type as far as it is understood."""
    text = prop.physical_type
    tree = parse_type(text) if isinstance(text, str) else None
    if tree is not None and tree.name == "ARRAY" and prop.logical_type == "string" and tree.element is not None:
        tree = tree.element  # `varchar[15]`, as official examples write a length
    return tree if tree is not None and tree.known else None


def _zone(prop: Property) -> bool | None:
    """Whether the contract wants a zone; None when it says nothing.

    A zone named in `weft.timezone` is where a local timestamp lives, so the column itself carries none.
    """
    stated = prop.options.get("timezone")
    if isinstance(stated, bool):
        return stated
    physical = _physical(prop)
    if physical is not None and physical.name in _LOCAL_TIMESTAMPS | {"TIMESTAMPTZ", "TIME", "TIMETZ", "TIME_NS"}:
        return physical.name in ("TIMESTAMPTZ", "TIMETZ")
    return None


def _wanted(prop: Property) -> TypeText | None:
    logical, physical = prop.logical_type, _physical(prop)
    if logical in ("timestamp", "time") and (physical is None or physical.name in _FAMILIES[logical]):
        return _wanted_time(prop, logical, physical)
    if physical is not None and physical.name not in ("NUMBER", "STRUCT", "LIST", "MAP", "DECIMAL"):
        return physical
    if physical is not None and (physical.parts or physical.parameters):
        return physical
    if physical is not None and physical.name == "DECIMAL":
        custom = prop.custom
        precision = _digits(custom.get("precision"))
        if precision is not None:
            return TypeText("DECIMAL", (precision, _digits(custom.get("scale")) or 0))
        return TypeText("DECIMAL", (18, 3))
    if logical == "object" or (logical is None and physical is not None and physical.name == "STRUCT"):
        return _wanted_object(prop)
    if logical == "array" or (logical is None and physical is not None and physical.name == "LIST"):
        element = _wanted(prop.items) if prop.items is not None else None
        return TypeText("LIST", parts=(("", element or TypeText("VARCHAR")),))
    if logical == "map" or (logical is None and physical is not None and physical.name == "MAP"):
        return TypeText("MAP", parts=_map_parts(prop))
    if logical == "vector":
        element = TypeText(_VECTOR_ELEMENTS.get(str(prop.options.get("elementType", "float32")), "FLOAT"))
        size = prop.options.get("dimensions")
        sized = isinstance(size, int)
        return TypeText("ARRAY" if sized else "LIST", (size,) if isinstance(size, int) else (), (("", element),))
    if logical is None:
        return TypeText("DECIMAL", (18, 3)) if physical is not None and physical.name == "NUMBER" else None
    stated = str(prop.options.get("format", ""))
    formats = {"integer": _INTEGER_FORMATS, "number": _NUMBER_FORMATS}.get(logical, {})
    name = formats.get(stated) or _SIMPLE.get(logical)
    return None if name is None else TypeText(name)


def _digits(value: object) -> int | None:
    """The precision or scale that a custom property names."""
    return int(str(value)) if _PRECISION.fullmatch(str(value)) else None


def _wanted_time(prop: Property, logical: str, physical: TypeText | None) -> TypeText:
    if _zone(prop):
        return TypeText("TIMESTAMPTZ" if logical == "timestamp" else "TIMETZ")
    if physical is not None and physical.name not in ("TIMESTAMPTZ", "TIMETZ"):
        return physical
    return TypeText("TIMESTAMP" if logical == "timestamp" else "TIME")


def _wanted_object(prop: Property) -> TypeText:
    fields = tuple((field.name, _wanted(field) or TypeText("VARCHAR")) for field in prop.fields)
    return TypeText("STRUCT", parts=fields) if fields else TypeText("JSON")


def _map_parts(prop: Property) -> tuple[tuple[str, TypeText], ...]:
    found = []
    for label, part in (("key", prop.key), ("value", prop.value)):
        tree = _wanted(part) if part is not None else None
        found.append((label, tree or TypeText("VARCHAR")))
    return tuple(found)


def _misfit(prop: Property, actual: TypeText) -> str | None:
    logical = prop.logical_type
    if logical in _FAMILIES and not (
        actual.name in _FAMILIES[logical] or _whole(logical, actual) or _dated(prop, actual)
    ):
        return f"{actual} is no {logical}"
    if actual.name in _FAMILIES["timestamp"] | _FAMILIES["time"] and logical in ("timestamp", "time", None):
        zoned = actual.name in ("TIMESTAMPTZ", "TIMESTAMPTZ_NS", "TIMETZ")
        wanted = _zone(prop)
        if wanted is None and logical is not None:
            wanted = False
        if wanted is not None and wanted != zoned:
            has, says = ("a", "without") if zoned else ("no", "with")
            return f"{actual} has {has} time zone, the contract says {says}"
    reason = _format_misfit(prop, actual) or _physical_misfit(prop, actual)
    if reason:
        return reason
    if actual.name == "STRUCT":
        for field in prop.fields:
            part = actual.part(field.name)
            if part is None:
                return f"there is no field `{'.'.join(field.path)}`"
            reason = _misfit(field, part)
            if reason:
                return f"field `{'.'.join(field.path)}`: {reason}"
    if prop.items is not None and actual.element is not None:
        reason = _misfit(prop.items, actual.element)
        if reason:
            return f"items: {reason}"
    if actual.name == "MAP":
        for label, end in (("key", prop.key), ("value", prop.value)):
            inner = actual.part(label)
            reason = _misfit(end, inner) if end is not None and inner is not None else None
            if reason:
                return f"{label}s: {reason}"
    return _vector_misfit(prop, actual) if logical == "vector" else None


def _vector_misfit(prop: Property, actual: TypeText) -> str | None:
    """What a vector holds, and how many of them where the type says so (Source: ODCS 3.2, `vector`)."""
    wanted = _wanted(prop)
    if wanted is None or wanted.element is None or actual.element is None:
        return None
    if wanted.element != actual.element and prop.options.get("elementType") in (None, *_VECTOR_ELEMENTS):
        return f"{actual.element} is not {wanted.element}"
    if wanted.name == actual.name == "ARRAY" and wanted.parameters != actual.parameters:
        return f"{actual} has not {wanted.parameters[0]} dimensions"
    return None


def _whole(logical: str, actual: TypeText) -> bool:
    """A decimal without scale holds integers: other systems have no other name for them."""
    return logical == "integer" and actual.name == "DECIMAL" and (*actual.parameters, 0, 0)[1] == 0


def _dated(prop: Property, actual: TypeText) -> bool:
    """ODCS 3.0 has one logical type, `date`, for dates and times; the physical type says which it is."""
    physical = _physical(prop)
    times = _FAMILIES["timestamp"] | _FAMILIES["time"]
    return prop.logical_type == "date" and physical is not None and physical.name in times and actual.name in times


def _format_misfit(prop: Property, actual: TypeText) -> str | None:
    stated = prop.options.get("format")
    physical = _physical(prop)
    if physical is not None and physical.name == actual.name:
        return None  # it decides, where the two contradict each other
    if prop.logical_type == "integer" and stated in _INTEGER_FORMATS:
        wanted = _INTEGER_FORMATS[stated]
        if actual.name in _WHOLE and not _within(actual.name, wanted):
            return f"{actual} holds more than format {stated} ({wanted})"
    if prop.logical_type == "number" and stated == "f32" and actual.name == "DOUBLE":
        return "DOUBLE holds more than format f32 (FLOAT)"
    return None


def _physical_misfit(prop: Property, actual: TypeText) -> str | None:
    wanted = _physical(prop)
    if wanted is None or _matches(wanted, actual):
        return None
    if prop.logical_type in ("timestamp", "time") and wanted.name in _FAMILIES[prop.logical_type]:
        return None  # the zone is already judged, and `timezone: true` beside `timestamp` says more than the name
    return f"{actual} is not {prop.physical_type}"


def _matches(wanted: TypeText, actual: TypeText) -> bool:
    """Whether a type is the wanted one as far as the wanted one says anything."""
    if wanted.name == "NUMBER":
        return actual.name in NUMBERS
    if wanted.name == "LIST" and actual.name in ("LIST", "ARRAY"):
        element = wanted.element
        return element is None or (actual.element is not None and _matches(element, actual.element))
    if wanted.name != actual.name:
        return False
    if wanted.name == "DECIMAL":
        return not wanted.parameters or str(wanted) == str(actual)
    if wanted.name == "ARRAY":
        return wanted.parameters == actual.parameters and _matches(wanted.parts[0][1], actual.parts[0][1])
    if not wanted.parts:
        return True
    return [label for label, _ in wanted.parts] == [label for label, _ in actual.parts] and all(
        _matches(part, other) for (_, part), (_, other) in zip(wanted.parts, actual.parts, strict=True)
    )
