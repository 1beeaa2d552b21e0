"""Arrow schemas (Source: Apache Arrow, columnar format); what Arrow cannot say stands in the metadata of a field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from msgspec.structs import replace

from weft.contracts.exchange.documents import malformed
from weft.contracts.exchange.kinds import Header, Read, Written
from weft.contracts.exchange.notes import Notes
from weft.model.shape import UNSET, Field, Table, tree_of
from weft.model.type_text import KNOWN, parse_type

_DESCRIPTION = b"description"
_SAID = b"weft"
"""Metadata with what a contract says beyond Arrow's types, as JSON."""
_KEPT = "arrow"
"""Custom property that keeps which of several Arrow types for one kind of value a field has."""

_USUAL: dict[str, Any] = {
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "UTINYINT": pa.uint8(),
    "USMALLINT": pa.uint16(),
    "UINTEGER": pa.uint32(),
    "UBIGINT": pa.uint64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "VARCHAR": pa.string(),
    "BLOB": pa.binary(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIME_NS": pa.time64("ns"),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP_S": pa.timestamp("s"),
    "TIMESTAMP_MS": pa.timestamp("ms"),
    "TIMESTAMP_NS": pa.timestamp("ns"),
    "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
    "INTERVAL": pa.month_day_nano_interval(),
    "UUID": pa.uuid(),
    "JSON": pa.json_(),
    "ENUM": pa.dictionary(pa.int32(), pa.string()),
}
_OTHERS: dict[str, tuple[Any, ...]] = {
    "VARCHAR": (pa.large_string(), pa.string_view()),
    "BLOB": (pa.large_binary(), pa.binary_view()),
    "FLOAT": (pa.float16(),),
    "DATE": (pa.date64(),),
    "TIME": (pa.time32("s"), pa.time32("ms")),
    "INTERVAL": (pa.duration("s"), pa.duration("ms"), pa.duration("us"), pa.duration("ns")),
}
_DUCK = {str(t): duck for duck, t in _USUAL.items() if duck != "ENUM"} | {
    str(t): duck for duck, types in _OTHERS.items() for t in types
}
_BY_TEXT = {str(t): t for types in _OTHERS.values() for t in types}
_ZONED = re.compile(r"timestamp\[(s|ms|us|ns), tz=(.+)\]")
_FIXED = re.compile(r"fixed_size_binary\[([0-9]{1,9})\]")
_WIDE = re.compile(r"decimal(32|64|256)")
_DICTIONARY = re.compile(r"dictionary<values=string, indices=(u?int(?:8|16|32|64)), ordered=([01])>")
_WIDER = {"HUGEINT": pa.decimal256(39, 0), "UHUGEINT": pa.decimal256(39, 0)}


def imported(source: bytes | pa.Schema, name: str) -> Read:
    """The table of an Arrow schema, or of an IPC file or stream (Feather is one), of which only the schema is read.

    Raises:
        SourceError: WFT-IMP-003, the bytes are no Arrow file.
    """
    schema = source if isinstance(source, pa.Schema) else _schema(source, name)
    reader = _Reader()
    fields = tuple(reader.field(f, f.name) for f in schema)
    said = _said(schema.metadata)
    table = Table(
        str(said.get("name") or name),
        fields,
        _text(schema.metadata, _DESCRIPTION),
        _said_of(said).get("title"),
        tuple(tuple(map(str, names)) for names in said.get("unique_sets") or () if isinstance(names, list)),
    )
    return Read((table,), notes=reader.notes.lines)


def _schema(content: bytes, name: str) -> Any:
    try:
        return pa.ipc.open_file(pa.BufferReader(content)).schema
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError):
        pass
    try:
        return pa.ipc.open_stream(pa.BufferReader(content)).schema
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as e:
        raise malformed(name, "an Arrow file", str(e)) from e


class _Reader:
    def __init__(self) -> None:
        self.notes = Notes()

    def field(self, given: Any, place: str) -> Field:
        found = self._type(given.type, place)
        said = _said(given.metadata)
        told = parse_type(said["type"]) if isinstance(said.get("type"), str) else None
        if told is not None and told.name in KNOWN and not told.parts:
            found = Field("", told.name, told.parameters)
        custom = {**(said["custom"] if isinstance(said.get("custom"), dict) else {}), **found.custom}
        key = found.key
        if key is not None and isinstance(said.get("key"), dict):
            key = replace(key, **_said_of(said["key"]))
        return replace(
            found,
            name=given.name,
            required=not given.nullable,
            custom=custom,
            key=key,
            **{**_said_of(said), "description": _text(given.metadata, _DESCRIPTION)},
        )

    def _type(self, t: Any, place: str) -> Field:
        text = str(t)
        if pa.types.is_struct(t):
            return Field("", "STRUCT", fields=tuple(self.field(f, f"{place}.{f.name}") for f in t))
        if pa.types.is_map(t):
            key = replace(self._type(t.key_type, f"{place}{{key}}"), name="key", required=True)
            return Field("", "MAP", key=key, items=self._element(t.item_field, f"{place}{{}}", "value"))
        if pa.types.is_fixed_size_list(t):
            inner = self._element(t.value_field, f"{place}[]", "items")
            return Field("", "ARRAY", (t.list_size,), items=inner, custom=_list_kept(t, None))
        if pa.types.is_list(t) or pa.types.is_large_list(t):
            large = "large_list" if pa.types.is_large_list(t) else None
            return Field(
                "", "LIST", items=self._element(t.value_field, f"{place}[]", "items"), custom=_list_kept(t, large)
            )
        if pa.types.is_decimal(t):
            if t.precision > 38:
                self.notes.add(place, f"DECIMAL has at most 38 digits, not {t.precision}")
            other = _WIDE.match(text)
            return Field("", "DECIMAL", (t.precision, t.scale), custom={_KEPT: other[0]} if other else {})
        if text in _DUCK:
            duck = _DUCK[text]
            return Field("", duck, custom={} if _USUAL[duck] == t else {_KEPT: text})
        if pa.types.is_timestamp(t):
            return Field("", "TIMESTAMPTZ", custom={_KEPT: text})
        if pa.types.is_fixed_size_binary(t):
            return Field("", "BLOB", custom={_KEPT: text})
        if pa.types.is_dictionary(t):
            if _DICTIONARY.fullmatch(text):
                return Field("", "VARCHAR", custom={_KEPT: text})
            self.notes.add(place, f"the values of {text} are read as {t.value_type}")
            return self._type(t.value_type, place)
        if isinstance(t, pa.BaseExtensionType):
            self.notes.add(place, f"the extension {t.extension_name} is read as {t.storage_type}")
            return self._type(t.storage_type, place)
        self.notes.add(place, f"{text} has no column type: a text is taken")
        return Field("", "VARCHAR")

    def _element(self, given: Any, place: str, name: str) -> Field:
        return replace(self.field(given, place), name=name)


def _list_kept(t: Any, large: str | None) -> dict[str, Any]:
    usual = "item"
    kept = {
        k: v for k, v in (("list", large), ("item", t.value_field.name if t.value_field.name != usual else None)) if v
    }
    return {_KEPT: kept} if kept else {}


def _said(metadata: Any) -> dict[str, Any]:
    raw = (metadata or {}).get(_SAID)
    try:
        found = json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _said_of(said: dict[str, Any]) -> dict[str, Any]:
    """What is said of a field, as far as it has the shape that this module writes."""
    shapes: dict[str, Callable[[Any], bool]] = {
        "title": lambda v: isinstance(v, str),
        "default": lambda v: True,
        "key_position": lambda v: isinstance(v, int),
        "unique": lambda v: isinstance(v, bool),
        "options": lambda v: isinstance(v, dict),
        "description": lambda v: isinstance(v, str),
        "values": lambda v: isinstance(v, list),
    }
    found = {k: v for k, v in said.items() if k in shapes and shapes[k](v)}
    return {k: tuple(v) if k == "values" else v for k, v in found.items()}


def _text(metadata: Any, name: bytes) -> str | None:
    found = (metadata or {}).get(name, (metadata or {}).get(b"comment"))
    return None if found is None else found.decode("utf-8", "replace")


def exported(tables: tuple[Table, ...], header: Header) -> Written:
    """The schema of a table; of several, a mapping of schemas by name.

    The text is for people; `value` is the `pyarrow.Schema`.
    """
    notes = Notes()
    schemas = {t.name: _table(t, notes, f"{t.name}." if len(tables) > 1 else "") for t in tables}
    if len(schemas) == 1:
        ((_, schema),) = schemas.items()
        return Written(_shown(schema), notes.lines, schema)
    text = "\n".join(f"# {name}\n{_shown(schema)}" for name, schema in schemas.items())
    return Written(text, notes.lines, schemas)


def _shown(schema: Any) -> str:
    return str(schema.to_string(truncate_metadata=False)) + "\n"


def _table(table: Table, notes: Notes, prefix: str) -> Any:
    said: dict[str, Any] = {"name": table.name}
    if table.title is not None:
        said["title"] = table.title
    if table.unique_sets:
        said["unique_sets"] = [list(names) for names in table.unique_sets]
    metadata = {_SAID: json.dumps(said, ensure_ascii=False).encode()}
    if table.description is not None:
        metadata[_DESCRIPTION] = table.description.encode()
    if table.references:
        notes.add(table.name, "an Arrow schema cannot say foreign keys")
    return pa.schema([_field(f, f.name, notes, f"{prefix}{f.name}") for f in table.fields], metadata)


def _field(field: Field, name: str, notes: Notes, place: str) -> Any:
    arrow, exact = _type(field, notes, place)
    said = _beyond(field)
    if not exact:
        said["type"] = "ENUM" if field.type == "ENUM" else str(tree_of(field))
    if field.key is not None:
        of_key = _beyond(field.key) | ({"description": field.key.description} if field.key.description else {})
        if of_key:
            said["key"] = of_key
    metadata = {_DESCRIPTION: field.description.encode()} if field.description is not None else {}
    if said:
        metadata[_SAID] = json.dumps(said, ensure_ascii=False, default=str).encode()
    return pa.field(name, arrow, nullable=not field.required, metadata=metadata or None)


def _beyond(field: Field) -> dict[str, Any]:
    """What a contract says of a field and Arrow's types do not."""
    said: dict[str, Any] = {}
    if field.title is not None:
        said["title"] = field.title
    if field.default is not UNSET:
        said["default"] = field.default
    if field.key_position:
        said["key_position"] = field.key_position
    if field.unique:
        said["unique"] = True
    if field.values:
        said["values"] = list(field.values)
    if field.options:
        said["options"] = dict(field.options)
    custom = {k: v for k, v in field.custom.items() if k != _KEPT}
    if custom:
        said["custom"] = custom
    return said


def _type(field: Field, notes: Notes, place: str) -> tuple[Any, bool]:
    """The Arrow type, and whether it alone says what the field's type is."""
    kept = field.custom.get(_KEPT)
    if field.type == "STRUCT":
        return pa.struct([_field(f, f.name, notes, f"{place}.{f.name}") for f in field.fields]), True
    if field.type == "MAP" and field.key is not None and field.items is not None:
        key, exact = _type(field.key, notes, f"{place}{{key}}")
        if not exact:
            notes.add(place, f"Arrow has no {field.key.type} for the keys: written as {key}")
        return pa.map_(pa.field("key", key, nullable=False), _field(field.items, "value", notes, f"{place}{{}}")), True
    if field.type in ("LIST", "ARRAY") and field.items is not None:
        details = kept if isinstance(kept, dict) else {}
        inner = _field(field.items, str(details.get("item", "item")), notes, f"{place}[]")
        if field.type == "ARRAY":
            return pa.list_(inner, field.parameters[0]), True
        return (pa.large_list(inner) if details.get("list") == "large_list" else pa.list_(inner)), True
    if field.type == "DECIMAL":
        return _decimal(field, kept)
    if isinstance(kept, str):
        other = _other(field.type, kept)
        if other is not None:
            return other, True
    if field.type in _USUAL:
        return _USUAL[field.type], field.type != "ENUM"
    wider = _WIDER.get(field.type, pa.string())
    notes.add(place, f"Arrow has no {field.type}: written as {wider}, and the type stands in the metadata")
    return wider, False


def _decimal(field: Field, kept: Any) -> tuple[Any, bool]:
    precision, scale = (*field.parameters, 0)[:2] if field.parameters else (18, 3)
    made = {"decimal32": (pa.decimal32, 9), "decimal64": (pa.decimal64, 18), "decimal256": (pa.decimal256, 76)}
    if isinstance(kept, str) and kept in made and precision <= made[kept][1]:
        return made[kept][0](precision, scale), True
    return (pa.decimal128 if precision <= 38 else pa.decimal256)(precision, scale), True


def _other(duck: str, text: str) -> Any:
    """The Arrow type of a text that this module has written, if it holds values of the type."""
    if text in _BY_TEXT:
        return _BY_TEXT[text] if _DUCK[text] == duck else None
    zoned, fixed, listed = _ZONED.fullmatch(text), _FIXED.fullmatch(text), _DICTIONARY.fullmatch(text)
    if zoned and duck == "TIMESTAMPTZ":
        return pa.timestamp(zoned[1], tz=zoned[2])
    if fixed and duck == "BLOB":
        return pa.binary(int(fixed[1]))
    if listed and duck == "VARCHAR":
        return pa.dictionary(getattr(pa, listed[1])(), pa.string(), ordered=listed[2] == "1")
    return None


def ipc(schema: Any) -> bytes:
    """An IPC file of a schema, without rows."""
    out = pa.BufferOutputStream()
    with pa.ipc.new_file(out, schema):
        pass
    return bytes(out.getvalue().to_pybytes())
