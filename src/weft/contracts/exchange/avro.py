"""Avro schemas (Source: Apache Avro 1.12, specification; logical types included)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from weft.contracts.exchange.documents import malformed, parsed_json, unwritable
from weft.contracts.exchange.kinds import Header, Read, Written
from weft.contracts.exchange.notes import LIMITS, Notes
from weft.model.shape import UNSET, Field, Table

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PRIMITIVES = {
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "bytes": "BLOB",
    "string": "VARCHAR",
}
_LOGICAL = {
    ("int", "date"): "DATE",
    ("int", "time-millis"): "TIME",
    ("long", "time-micros"): "TIME",
    ("long", "timestamp-millis"): "TIMESTAMPTZ",
    ("long", "timestamp-micros"): "TIMESTAMPTZ",
    ("long", "timestamp-nanos"): "TIMESTAMPTZ",
    ("long", "local-timestamp-millis"): "TIMESTAMP_MS",
    ("long", "local-timestamp-micros"): "TIMESTAMP",
    ("long", "local-timestamp-nanos"): "TIMESTAMP_NS",
    ("string", "uuid"): "UUID",
}
_USUAL = {
    "DATE": {"type": "int", "logicalType": "date"},
    "TIME": {"type": "long", "logicalType": "time-micros"},
    "TIMESTAMPTZ": {"type": "long", "logicalType": "timestamp-micros"},
    "TIMESTAMP": {"type": "long", "logicalType": "local-timestamp-micros"},
    "TIMESTAMP_MS": {"type": "long", "logicalType": "local-timestamp-millis"},
    "TIMESTAMP_NS": {"type": "long", "logicalType": "local-timestamp-nanos"},
    "UUID": {"type": "string", "logicalType": "uuid"},
}
_BACK = {duck: avro for avro, duck in _PRIMITIVES.items()}
_WIDER = {
    "TINYINT": "int",
    "SMALLINT": "int",
    "UTINYINT": "int",
    "USMALLINT": "int",
    "UINTEGER": "long",
    "TIME_NS": "long",
    "TIMESTAMP_S": "long",
}
_DIGITS = {"UBIGINT": 20, "HUGEINT": 39, "UHUGEINT": 39}
_KEPT = "avro"
"""Custom property that keeps what only Avro knows of a field: names, namespace, aliases, a logical type of its own."""


def imported(text: str, name: str) -> Read:
    """The table that a record schema describes.

    Raises:
        SourceError: WFT-IMP-003, it is no Avro schema of a record.
    """
    import fastavro

    data = parsed_json(text, name)
    if not isinstance(data, dict):
        raise malformed(name, "an Avro schema of a record", "the schema of a table is a record")
    try:
        fastavro.parse_schema(data, _write_hint=False)
    except (fastavro.schema.SchemaParseException, fastavro.schema.UnknownType) as e:
        raise malformed(name, "an Avro schema", str(e)) from e
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as e:
        raise malformed(name, "an Avro schema", f"{type(e).__name__} {e}") from e
    if data.get("type") not in ("record", "error"):
        raise malformed(name, "an Avro schema of a record", "the schema of a table is a record")
    reader = _Reader(name)
    try:
        record = reader.record(data, data["name"], None)
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
    ) as e:  # what fastavro lets pass and the specification does not
        raise malformed(name, "an Avro schema", f"{type(e).__name__} {e}") from e
    kept = dict(record.custom)
    simple = str(data["name"]).rpartition(".")[2]
    kept[_KEPT] = {k: v for k, v in kept[_KEPT].items() if k != "doc" and (k, v) != ("name", simple)}
    table = Table(simple, record.fields, data.get("doc"), custom={k: v for k, v in kept.items() if v})
    return Read((table,), notes=reader.notes.lines)


class _Reader:
    """Reads a schema; named types are remembered, for they may be used again by name."""

    def __init__(self, source: str) -> None:
        self.notes = Notes()
        self._source = source
        self._named: dict[str, Field] = {}
        self._open: list[str] = []

    def record(self, data: Mapping[str, Any], place: str, namespace: str | None) -> Field:
        full, space = _full_name(data, namespace)
        self._open.append(full)
        fields = tuple(self._field(f, f"{place}.{f['name']}", space) for f in data["fields"])
        self._open.pop()
        found = Field("", "STRUCT", fields=fields, custom=_kept(data, name=data["name"]))
        self._named[full] = found
        return found

    def _field(self, data: Mapping[str, Any], place: str, namespace: str | None) -> Field:
        place = place.partition(".")[2]
        found = self.type(data["type"], f".{place}", namespace)
        custom = dict(found.custom)
        extra = {k: v for k, v in data.items() if k not in ("name", "type", "doc", "default")}
        if extra:
            custom[_KEPT] = {**custom.get(_KEPT, {}), "field": extra}
        default = data.get("default", UNSET)
        if isinstance(data["type"], list) and data["type"][0] != "null" and not found.required:
            custom[_KEPT] = {**custom.get(_KEPT, {}), "null": "last"}
        doc = data.get("doc")
        if doc is None and custom.get(_KEPT, {}).get("doc") is not None:
            doc = custom[_KEPT]["doc"]
            custom[_KEPT] = {**custom[_KEPT], "docFrom": "type"}
        return replace(found, name=data["name"], description=doc, default=default, custom=custom)

    def type(self, schema: Any, place: str, namespace: str | None) -> Field:
        """The type of a schema, without name; required unless null is a branch."""
        if isinstance(schema, str):
            return self._name(schema, place, namespace)
        if isinstance(schema, list):
            return self._union(schema, place, namespace)
        kind = schema["type"]
        if isinstance(kind, dict | list):
            return self.type(kind, place, namespace)
        if kind in ("record", "error"):
            found = self.record(schema, place, namespace)
            return replace(found, required=True)
        if kind == "enum":
            full, _ = _full_name(schema, namespace)
            found = Field(
                "",
                "VARCHAR",
                required=True,
                values=tuple(schema["symbols"]),
                custom=_kept(schema, name=schema["name"], default=schema.get("default")),
            )
            self._named[full] = found
            return found
        if kind == "array":
            return Field(
                "",
                "LIST",
                required=True,
                items=replace(self.type(schema["items"], f"{place}[]", namespace), name="items"),
            )
        if kind == "map":
            value = replace(self.type(schema["values"], f"{place}{{}}", namespace), name="value")
            return Field("", "MAP", required=True, key=Field("key", "VARCHAR", required=True), items=value)
        logical = schema.get("logicalType")
        if logical == "decimal":
            found = Field("", "DECIMAL", (schema["precision"], schema.get("scale", 0)), required=True)
            if found.parameters[0] > 38:
                self.notes.add(place[1:], f"DECIMAL has at most 38 digits, not {found.parameters[0]}")
            if kind == "fixed":
                found = replace(found, custom=_kept(schema, name=schema["name"], fixed=schema["size"]))
                self._named[_full_name(schema, namespace)[0]] = found
            return found
        if kind == "fixed":
            duck = "UUID" if logical == "uuid" else "INTERVAL" if logical == "duration" else "BLOB"
            found = Field("", duck, required=True, custom=_kept(schema, name=schema["name"], fixed=schema["size"]))
            self._named[_full_name(schema, namespace)[0]] = found
            return found
        known = _LOGICAL.get((kind, logical)) if logical is not None else None
        if known is None:
            if logical is not None:
                self.notes.add(place[1:], f"the logical type `{logical}` of {kind} is not understood")
            return self._name(kind, place, namespace)
        usual = _USUAL[known]
        other = (
            {} if usual == {"type": kind, "logicalType": logical} else {_KEPT: {"logicalType": logical, "type": kind}}
        )
        return Field("", known, required=True, custom=other)

    def _name(self, schema: str, place: str, namespace: str | None) -> Field:
        if schema in _PRIMITIVES:
            return Field("", _PRIMITIVES[schema], required=True)
        if schema == "null":
            self.notes.add(place[1:], "the type null has no column: a text that is always null is taken")
            return Field("", "VARCHAR")
        full = schema if "." in schema or not namespace else f"{namespace}.{schema}"
        full = full if full in self._named or full in self._open else schema
        if full in self._open:
            raise malformed(self._source, "a table", f"`{full}` contains itself: a column has an end")
        return replace(self._named[full], required=True)

    def _union(self, branches: list[Any], place: str, namespace: str | None) -> Field:
        others = [b for b in branches if b != "null"]
        nullable = len(others) < len(branches)
        if len(others) == 1:
            return replace(self.type(others[0], place, namespace), required=not nullable)
        if not others:
            return self._name("null", place, namespace)
        self.notes.add(place[1:], f"a union of {len(others)} types has no column type: JSON is taken")
        return Field("", "JSON", required=not nullable, custom={_KEPT: {"union": others}})


def _full_name(schema: Mapping[str, Any], namespace: str | None) -> tuple[str, str | None]:
    name = schema["name"]
    if "." in name:
        return name, name.rpartition(".")[0]
    space = schema.get("namespace", namespace)
    return (f"{space}.{name}" if space else name), space


def _kept(schema: Mapping[str, Any], **extra: Any) -> dict[str, Any]:
    known = {k: schema[k] for k in ("namespace", "aliases", "doc") if schema.get(k)}
    return {_KEPT: {**known, **{k: v for k, v in extra.items() if v is not None}}}


def exported(tables: tuple[Table, ...], header: Header) -> Written:
    """The record schema of a table; several tables are a union of records.

    Raises:
        UsageError: WFT-IMP-006, a name is none in Avro.
    """
    import fastavro

    writer = _Writer()
    records = [writer.table(table, f"{table.name}." if len(tables) > 1 else "") for table in tables]
    schema: Any = records[0] if len(records) == 1 else records
    try:
        fastavro.parse_schema(json.loads(json.dumps(schema)), _write_hint=False)
    except (fastavro.schema.SchemaParseException, fastavro.schema.UnknownType, ValueError, TypeError, KeyError) as e:
        raise unwritable(header.name, "an Avro schema", str(e)) from e
    return Written(json.dumps(schema, ensure_ascii=False, indent=2) + "\n", writer.notes.lines, schema)


class _Writer:
    """Writes schemas; a named type is written once and then called by its name."""

    def __init__(self) -> None:
        self.notes = Notes()
        self._names: dict[str, Field | None] = {}

    def table(self, table: Table, prefix: str) -> dict[str, Any]:
        kept = _kept_of(table.custom)
        name = kept.get("name") or _name(table.name, "a record")
        self._names[name] = None
        schema: dict[str, Any] = {"type": "record", "name": name}
        schema |= {k: kept[k] for k in ("namespace", "aliases") if k in kept}
        if table.description is not None:
            schema["doc"] = table.description
        schema["fields"] = [self._field(f, f"{prefix}{f.name}") for f in table.fields]
        if table.references or table.unique_sets:
            self.notes.add(table.name, "Avro cannot say foreign keys or sets of columns that are unique together")
        return schema

    def _field(self, field: Field, place: str) -> dict[str, Any]:
        kept = _kept_of(field.custom)
        self.notes.lost(place, field, "Avro", "primary key", "unique")
        entry: dict[str, Any] = {"name": _name(field.name, "a field"), "type": self._type(field, place)}
        if field.description is not None and (kept.get("docFrom") != "type" or field.description != kept.get("doc")):
            entry["doc"] = field.description
        default = field.default
        if default is not UNSET:
            last = kept.get("null") == "last" or (default is not None and not field.required)
            if last and isinstance(entry["type"], list) and entry["type"][0] == "null" and default is not None:
                entry["type"] = [*entry["type"][1:], "null"]
            if _fits(entry["type"], default):
                entry["default"] = default
            else:
                self.notes.add(place, f"the default {json.dumps(default, default=str)} is none of its type in Avro")
        elif kept.get("null") == "last" and isinstance(entry["type"], list):
            entry["type"] = [*entry["type"][1:], "null"]
        return {**entry, **kept.get("field", {})}

    def _type(self, field: Field, place: str) -> Any:
        limits = [n for n in LIMITS if n not in ("maxLength", "minLength") or field.type != "BLOB"]
        self.notes.lost(place, field, "Avro", "format", *limits)
        found = self._plain(field, place)
        return found if field.required else ["null", found] if not isinstance(found, list) else ["null", *found]

    def _plain(self, field: Field, place: str) -> Any:
        kept = _kept_of(field.custom)
        if "union" in kept:
            return list(kept["union"])
        if field.type == "STRUCT":
            return self._record(field, place, kept)
        if field.type == "LIST" or (field.type == "ARRAY" and field.items is not None):
            assert field.items is not None, "a list has an element"
            if field.type == "ARRAY":
                self.notes.add(place, f"Avro cannot say that there are always {field.parameters[0]} items")
            self.notes.lost(f"{place}[]", field.items, "Avro", "description", "default")
            return {"type": "array", "items": self._type(field.items, f"{place}[]")}
        if field.type == "MAP":
            assert field.items is not None and field.key is not None, "a map has a key and a value"
            if field.key.type != "VARCHAR" or field.key.values or field.key.options:
                self.notes.add(place, f"the keys of a map are texts in Avro, not {field.key.type} or limited ones")
            self.notes.lost(f"{place}{{}}", field.items, "Avro", "description", "default")
            return {"type": "map", "values": self._type(field.items, f"{place}{{}}")}
        if field.type == "DECIMAL":
            return self._decimal(field, kept)
        if (field.type == "ENUM" or field.values) and field.type in ("ENUM", "VARCHAR"):
            return self._enum(field, place, kept)
        if field.values:
            self.notes.add(place, "Avro has enumerations of texts alone")
        if "fixed" in kept and field.type in ("BLOB", "UUID", "INTERVAL"):
            logical = {"UUID": {"logicalType": "uuid"}, "INTERVAL": {"logicalType": "duration"}}.get(field.type, {})
            return self._once(
                field, kept, lambda name: {"type": "fixed", "name": name, "size": kept["fixed"], **logical}, place
            )
        if isinstance(kept.get("logicalType"), str) and isinstance(kept.get("type"), str):
            return {"type": kept["type"], "logicalType": kept["logicalType"]}
        if field.type in _USUAL:
            return dict(_USUAL[field.type])
        if field.type in _BACK:
            return _BACK[field.type]
        if field.type in _DIGITS:
            self.notes.add(place, f"Avro has no {field.type}: written as a decimal of {_DIGITS[field.type]} digits")
            return {"type": "bytes", "logicalType": "decimal", "precision": _DIGITS[field.type], "scale": 0}
        if field.type == "TIMESTAMP_S":
            self.notes.add(place, "Avro has no TIMESTAMP_S: written with milliseconds")
            return {"type": "long", "logicalType": "local-timestamp-millis"}
        wider = _WIDER.get(field.type, "string")
        self.notes.add(place, f"Avro has no {field.type}: written as {wider}")
        return wider

    def _record(self, field: Field, place: str, kept: Mapping[str, Any]) -> Any:
        def written(name: str) -> dict[str, Any]:
            head = {"type": "record", "name": name}
            return {**head, "fields": [self._field(f, f"{place}.{f.name}") for f in field.fields]}

        return self._once(field, kept, written, place)

    def _enum(self, field: Field, place: str, kept: Mapping[str, Any]) -> Any:
        symbols = [str(v) for v in field.values]
        if not all(_NAME.fullmatch(s) for s in symbols) or not all(isinstance(v, str) for v in field.values):
            self.notes.add(place, "Avro cannot say its values: a symbol has letters, digits and _ alone")
            return "string"
        extra = {"default": kept["default"]} if kept.get("default") in symbols else {}
        return self._once(field, kept, lambda name: {"type": "enum", "name": name, "symbols": symbols, **extra}, place)

    def _decimal(self, field: Field, kept: Mapping[str, Any]) -> Any:
        precision, scale = (*field.parameters, 0)[:2] if field.parameters else (18, 3)
        logical = {"logicalType": "decimal", "precision": precision, "scale": scale}
        if "fixed" in kept:
            return self._once(
                field, kept, lambda name: {"type": "fixed", "name": name, "size": kept["fixed"], **logical}, ""
            )
        return {"type": "bytes", **logical}

    def _once(self, field: Field, kept: Mapping[str, Any], written: Callable[[str], dict[str, Any]], place: str) -> Any:
        """A named type, called as it was, or by the words that lead to it; once written, its name alone."""
        wanted = kept.get("name") or re.sub(r"[^A-Za-z0-9_]+", "_", place).strip("_") or "item"
        wanted = wanted if re.match(r"[A-Za-z_]", wanted) else f"_{wanted}"
        name, n = wanted, 1
        same = _type_alone(field)
        space = kept.get("namespace")
        while (full := f"{space}.{name}" if space else name) in self._names:
            if self._names[full] == same:
                return full
            n += 1
            name = f"{wanted}_{n}"
        self._names[full] = same
        extra = {k: kept[k] for k in ("namespace", "aliases", "doc") if k in kept and name == wanted}
        schema = written(name)
        return {"type": schema.pop("type"), "name": schema.pop("name"), **extra, **schema}


def _kept_of(custom: Mapping[str, Any]) -> dict[str, Any]:
    """What this module has kept of a field, as far as it has the shapes that it writes."""
    found = custom.get(_KEPT)
    shapes: dict[str, type] = {"fixed": int, "aliases": list, "union": list, "field": dict}
    shapes |= dict.fromkeys(("name", "namespace", "doc", "default", "docFrom", "null", "type", "logicalType"), str)
    known = found.items() if isinstance(found, Mapping) else ()
    return {k: v for k, v in known if k in shapes and isinstance(v, shapes[k])}


def _type_alone(field: Field) -> Field:
    """What decides the type of a field, and not how it is used here."""
    kept = {k: v for k, v in _kept_of(field.custom).items() if k not in ("field", "null", "docFrom")}
    return Field("", field.type, field.parameters, values=field.values, fields=field.fields, custom={_KEPT: kept})


def _name(name: str, what: str) -> str:
    if not _NAME.fullmatch(name):
        raise unwritable(name, f"the name of {what} in Avro", "letters, digits and _ alone, and no digit first")
    return name


def _fits(schema: Any, default: Any) -> bool:
    """Whether a default is one of the first branch, as Avro wants it."""
    from fastavro.validation import validate

    first = schema[0] if isinstance(schema, list) else schema
    kind = first["type"] if isinstance(first, dict) else first
    if kind in ("bytes", "fixed"):
        return isinstance(default, str) and all(ord(c) < 256 for c in default)
    plain = {k: v for k, v in first.items() if k != "logicalType"} if isinstance(first, dict) else first
    try:
        return bool(validate(default, json.loads(json.dumps(plain)), raise_errors=False))
    except Exception:  # noqa: BLE001 - fastavro fails in many ways on values that are none of the type
        return False
