"""Parsing: how values of text formats are read as the types that a contract promises; never by a silent cast."""

from __future__ import annotations

import json

from msgspec import Struct
from msgspec.structs import replace

from weft.contracts.checks import Unusable
from weft.contracts.written_dates import written_date
from weft.model.odcs import Contract, Property, SchemaObject
from weft.model.type_text import TypeText, parse_type
from weft.model.types import INTEGERS, LISTS, duck_type, normalise
from weft.sql.quoting import ident, literal

_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_NUMBERS = INTEGERS | _FLOATS | {"DECIMAL"}
_TIMES = frozenset({"DATE", "TIME", "TIMETZ", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_NS"})
_WRITTEN_AS_TEXT = _TIMES | {"UUID", "ENUM", "BLOB", "TIME_NS", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMPTZ_NS"}
"""Types whose values are texts in JSON."""
_JSON = TypeText("JSON")
_TEXT = TypeText("VARCHAR")

_DAY = "[0-9]{4,}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_CLOCK = "[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?"
_ZONE = " ?([Zz]|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?|[A-Za-z]+(/[A-Za-z_+-]+)+)"
_WRITTEN = {
    "DATE": f"{_DAY}([ T]00:00(:00([.]0+)?)?)?",
    "TIME": _CLOCK,
    "TIME_NS": _CLOCK,
    "TIMETZ": f"{_CLOCK}{_ZONE}",
    "TIMESTAMP": f"{_DAY}([ T]{_CLOCK})?",
    "TIMESTAMP_NS": f"{_DAY}([ T]{_CLOCK})?",
    "TIMESTAMP_MS": f"{_DAY}([ T]{_CLOCK})?",
    "TIMESTAMP_S": f"{_DAY}([ T]{_CLOCK})?",
    "TIMESTAMPTZ": f"{_DAY}[ T]{_CLOCK}{_ZONE}",
    "TIMESTAMPTZ_NS": f"{_DAY}[ T]{_CLOCK}{_ZONE}",
}
"""How dates and times are written. DuckDB would take `01-02-03` for the year 1, cut the clock off a date, forget the
zone of a local time and put UTC where an instant has none."""


class Parsed(Struct, frozen=True):
    """A value read as the type that is wanted.

    Attributes:
        value: SQL of the value, null where it is none of the type; nested, only the part that is none is null.
        broken: SQL that is true where it, or a part of it, is none.
        type: what it then is.
    """

    value: str
    broken: str
    type: TypeText


class ParsedColumn(Struct, frozen=True):
    """A column of a text format that is judged after parsing.

    Attributes:
        raw: the name under which it is still as it was.
        given: the type that it was of.
        text: SQL of what was written.
        broken: SQL that is true for a row in which it is no value of its promised type.
        unread: why it could not be parsed, so that nothing can be said of its values; it is null throughout.
    """

    raw: str
    given: TypeText
    text: str
    broken: str
    unread: str | None = None


def parsed_value(value: str, given: TypeText, wanted: TypeText, depth: int = 0) -> Parsed | None:
    """How a value is read as the wanted type; None when nothing is to be parsed.

    Args:
        value: an expression of the type `given`: text, or what JSON has: numbers, lists, objects, and JSON where its
            values are of several kinds.
    """
    if given == wanted:
        return None
    if given.name == "STRUCT":
        return _object(value, given, wanted, depth) if wanted.name == "STRUCT" else None
    if given.name in LISTS and given.element is not None:
        return _list(value, given.element, wanted, depth)
    if given.name == "MAP":
        return _map(value, given, wanted, depth)
    cast = _scalar(value, given, wanted)
    if cast is not None:
        return Parsed(cast, f"({value} IS NOT NULL AND {cast} IS NULL)", wanted)
    if given.name == "JSON" and wanted.name in ("STRUCT", "MAP", *LISTS) and wanted.parts:
        return _from_json(value, wanted, depth)
    return None


def json_shape(given: TypeText, wanted: TypeText | None) -> TypeText:
    """As what a value of JSON files is read, so that each single one can then be parsed as the contract wants it.

    JSON knows texts, numbers and truth values. Where all values are of the wanted kind they are read as such; else as
    they stand, so that the ones that are not can be told from the others. Dates and times are texts.

    Args:
        given: the type that all values have in common.
    """
    if wanted is not None and given.name == "STRUCT" and wanted.name == "MAP" and len(wanted.parts) == 2:
        return TypeText("MAP", parts=(("key", _TEXT), ("value", _JSON)))
    if given.name == "MAP" and len(given.parts) == 2 and (wanted is None or wanted.name == "MAP"):
        return TypeText("MAP", parts=(("key", _TEXT), ("value", _JSON if wanted else given.parts[1][1])))
    if given.parts:
        inner = {
            n: (wanted.part(n) if given.name == "STRUCT" else wanted.element) if wanted else None
            for n, _ in given.parts
        }
        return replace(given, parts=tuple((n, json_shape(part, inner[n])) for n, part in given.parts))
    text = given.name == "VARCHAR" or given.name in _TIMES | {"UUID"}
    if wanted is None:
        return _TEXT if text else given
    if text and (wanted.name == "VARCHAR" or wanted.name in _WRITTEN_AS_TEXT or not _parses(wanted)):
        return _TEXT
    if given.name in INTEGERS and wanted.name in _NUMBERS:
        return given
    if given.name in _FLOATS and wanted.name in _FLOATS:
        return given
    return _JSON if _parses(wanted) and given.name != wanted.name else given


def parsed_relation(
    contract: Contract, table: SchemaObject, relation: str, types: dict[str, str]
) -> tuple[str, dict[str, ParsedColumn]]:
    """A relation whose columns are of the promised types, and by name the columns that were parsed.

    Args:
        types: the types of the relation's columns; those of parsed columns are replaced.
    """
    parsed: dict[str, ParsedColumn] = {}
    casts, raws = [], []
    for prop in table.properties:
        wanted = parse_type(duck_type(prop) or "")
        given = parse_type(types.get(prop.name, ""))
        if wanted is None or given is None:
            continue
        unread = None
        try:
            read = _as_stated(contract, prop, given, wanted) or parsed_value(ident(prop.name), given, wanted)
        except Unusable as problem:
            unread = str(problem)
            read = Parsed(f"CAST(NULL AS {wanted})", "true", wanted)
        if read is None:
            continue
        raw = f"{prop.name} (as it was)"
        broken = f"{ident(raw)} IS NOT NULL AND {ident(prop.name)} IS NULL"
        if given.parts or wanted.parts:
            # a part may be none while the whole is there
            nested = parsed_value(ident(raw), given, wanted)
            assert nested is not None, "it was parsed a moment ago"
            broken = nested.broken
        text = f"({ident(raw)} ->> '$')" if given.name == "JSON" else f"CAST({ident(raw)} AS VARCHAR)"
        parsed[prop.name] = ParsedColumn(raw, given, text, broken, unread)
        casts.append(f"{read.value} AS {ident(prop.name)}")
        raws.append(f", {ident(prop.name)} AS {ident(raw)}")
        types[prop.name] = normalise(str(read.type))
    if casts:
        relation = f"(SELECT * REPLACE ({', '.join(casts)}){''.join(raws)} FROM {relation})"
    return relation, parsed


def _as_stated(contract: Contract, prop: Property, given: TypeText, wanted: TypeText) -> Parsed | None:
    """A text in the form that the contract states for its dates or times."""
    value = ident(prop.name)
    text = {"VARCHAR": value, "JSON": f"({value} ->> '$')", "BLOB": f"TRY(decode({value}))"}.get(given.name)
    written = written_date(text, contract, prop, wanted) if text is not None else None
    if written is None:
        return None
    if given.name == "JSON":
        written = f"CASE WHEN json_type({value}) = 'VARCHAR' THEN {written} END"
    return Parsed(written, f"({value} IS NOT NULL AND {written} IS NULL)", wanted)


def _parses(wanted: TypeText) -> bool:
    """Whether a single value of JSON can be read as the type."""
    nested = wanted.name in ("STRUCT", "MAP", *LISTS) and bool(wanted.parts)
    return nested or wanted.name in _NUMBERS | _WRITTEN_AS_TEXT | {"VARCHAR", "BOOLEAN"}


def _scalar(value: str, given: TypeText, wanted: TypeText) -> str | None:
    if given.name in INTEGERS:
        return f"TRY_CAST({value} AS {wanted})" if wanted.name in _NUMBERS else None
    if (given.name, wanted.name) == ("DOUBLE", "FLOAT"):  # a number of JSON is as long as it is written
        return f"TRY_CAST({value} AS FLOAT)"
    if given.name == "JSON":
        return scalar_of_json(value, wanted)
    if given.name == "BLOB":
        return _of_bytes(value, wanted)
    return scalar_of_text(value, wanted) if given.name == "VARCHAR" else None


def scalar_of_text(value: str, wanted: TypeText) -> str:
    """A text read as a type, null where it is no value of it.

    DuckDB would read `1.5` as the integer 2 and cut a decimal's digits off: what would be rounded is none.
    """
    cast = f"TRY_CAST({value} AS {wanted})"
    if wanted.name in INTEGERS:
        pattern = "[+-]?[0-9]+"
    elif wanted.name == "DECIMAL":
        scale = wanted.parameters[1] if len(wanted.parameters) > 1 else 0
        pattern = f"[+-]?([0-9]+([.][0-9]{{0,{scale}}}0*)?|[.][0-9]{{1,{scale}}}0*)" if scale else "[+-]?[0-9]+([.]0*)?"
    elif wanted.name in _FLOATS:
        return f"CASE WHEN NOT contains({value}, '_') THEN {cast} END"  # which DuckDB leaves out between digits
    elif wanted.name in _WRITTEN:
        pattern = _WRITTEN[wanted.name]
    else:
        return cast
    return f"CASE WHEN regexp_full_match({value}, {literal(pattern)}) THEN {cast} END"


def _of_bytes(value: str, wanted: TypeText) -> str:
    """Bytes of a file that is not UTF-8 throughout: a value that is not is none of any type."""
    text = f"TRY(decode({value}))"
    return text if wanted.name == "VARCHAR" else scalar_of_text(text, wanted)


def scalar_of_json(value: str, wanted: TypeText) -> str | None:
    """A value as it stands in JSON, if it is of the kind: the text "1" is no number, and the number 1 no text."""
    if wanted.name in _NUMBERS:
        kinds, text = "'BIGINT', 'UBIGINT', 'DOUBLE'", f"CAST({value} AS VARCHAR)"
    elif wanted.name == "BOOLEAN":
        kinds, text = "'BOOLEAN'", f"CAST({value} AS VARCHAR)"
    elif wanted.name == "VARCHAR" or wanted.name in _WRITTEN_AS_TEXT:
        kinds, text = "'VARCHAR'", f"({value} ->> '$')"
    else:
        return None
    read = f"TRY_CAST({text} AS {wanted})" if wanted.name in _FLOATS else scalar_of_text(text, wanted)
    return f"CASE WHEN json_type({value}) IN ({kinds}) THEN {read} END"


def _object(value: str, given: TypeText, wanted: TypeText, depth: int) -> Parsed | None:
    fields, types, broken, moved = [], [], [], False
    for name, part in given.parts:
        field = f"struct_extract({value}, {literal(name)})"
        goal = wanted.part(name)
        read = parsed_value(field, part, goal, depth) if goal is not None else None
        fields.append(f"{ident(name)} := {read.value if read else field}")
        types.append((name, read.type if read else part))
        broken += [read.broken] if read else []
        moved = moved or read is not None
    if not moved:
        return None
    made = f"CASE WHEN {value} IS NOT NULL THEN struct_pack({', '.join(fields)}) END"
    return Parsed(made, f"({' OR '.join(broken)})", TypeText("STRUCT", parts=tuple(types)))


def _list(value: str, element: TypeText, wanted: TypeText, depth: int) -> Parsed | None:
    if wanted.name not in LISTS or wanted.element is None:
        return None
    item = f"part{depth}"
    read = parsed_value(item, element, wanted.element, depth + 1)
    if read is None:
        return None
    return Parsed(
        f"list_transform({value}, lambda {item}: {read.value})",
        f"coalesce(len(list_filter({value}, lambda {item}: {read.broken})) > 0, false)",
        TypeText("LIST", parts=(("", read.type),)),
    )


def _map(value: str, given: TypeText, wanted: TypeText, depth: int) -> Parsed | None:
    if wanted.name != "MAP" or len(wanted.parts) != 2 or len(given.parts) != 2:
        return None
    entry = f"part{depth}"
    types, parts, broken = [], [], []
    for (label, part), (_, goal) in zip(given.parts, wanted.parts, strict=True):
        own = f"struct_extract({entry}, '{label}')"
        read = parsed_value(own, part, goal, depth + 1)
        types.append((label, read.type if read else part))
        parts.append(read.value if read else own)
        broken += [read.broken] if read else []
    if not broken:
        return None
    # a map has no null key: an entry whose key is none goes, and is counted
    kept = f"list_filter(map_entries({value}), lambda {entry}: {parts[0]} IS NOT NULL)"
    made = (
        f"map_from_entries(list_transform({kept}, lambda {entry}: struct_pack(key := {parts[0]}, value := {parts[1]})))"
    )
    return Parsed(
        f"CASE WHEN {value} IS NOT NULL THEN {made} END",
        f"coalesce(len(list_filter(map_entries({value}), lambda {entry}: {' OR '.join(broken)})) > 0, false)",
        TypeText("MAP", parts=tuple(types)),
    )


def _from_json(value: str, wanted: TypeText, depth: int) -> Parsed:
    """A list, an object or a map among values that are none."""
    shape = _open(wanted)
    kind = "ARRAY" if wanted.name in LISTS else "OBJECT"
    made = f"CASE WHEN json_type({value}) = '{kind}' THEN json_transform({value}, {literal(_as_json(shape))}) END"
    read = parsed_value(made, shape, wanted, depth)
    wrong = f"({value} IS NOT NULL AND json_type({value}) <> '{kind}')"
    if read is None:
        return Parsed(made, wrong, shape)
    return Parsed(read.value, f"({wrong} OR {read.broken})", read.type)


def _open(wanted: TypeText) -> TypeText:
    """The type with JSON in the place of each single value."""
    if wanted.name == "STRUCT" and wanted.parts:
        return TypeText("STRUCT", parts=tuple((name, _open(part)) for name, part in wanted.parts))
    if wanted.name in LISTS and wanted.element is not None:
        return TypeText("LIST", parts=(("", _open(wanted.element)),))
    if wanted.name == "MAP" and len(wanted.parts) == 2:
        return TypeText("MAP", parts=(("key", _TEXT), ("value", _JSON)))
    return _JSON


def _as_json(shape: TypeText) -> str:
    """The structure as DuckDB's `json_transform` takes it."""

    def tree(part: TypeText) -> object:
        if part.name == "STRUCT":
            return {name: tree(inner) for name, inner in part.parts}
        if part.element is not None:
            return [tree(part.element)]
        return str(part)

    return json.dumps(tree(shape))
