"""JSON Schema (Source: draft 2020-12; drafts from 4 on are read)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from weft.contracts.exchange.documents import DEEPEST, MOST_FIELDS, malformed, parsed_json
from weft.contracts.exchange.kinds import Header, Read, Written
from weft.contracts.exchange.notes import LIMITS, Notes
from weft.errors import SourceError, Where, error
from weft.model.shape import UNSET, Field, Table
from weft.model.type_text import parse_type

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TYPE = "x-weft-type"
"""Annotation that tells the column's type where JSON has one for several."""
_SIMPLE = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
_FORMATS = {"date": "DATE", "date-time": "TIMESTAMPTZ", "time": "TIME", "uuid": "UUID", "duration": "INTERVAL"}
_BITS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128}
_UNSIGNED = {"UTINYINT": 8, "USMALLINT": 16, "UINTEGER": 32, "UBIGINT": 64, "UHUGEINT": 128}
_TEXTUAL = {
    "VARCHAR": {},
    "ENUM": {},
    "UUID": {"format": "uuid"},
    "DATE": {"format": "date"},
    "TIMESTAMPTZ": {"format": "date-time"},
    "TIMESTAMP": {},
    "TIME": {"format": "time"},
    "INTERVAL": {"format": "duration"},
    "BLOB": {"contentEncoding": "base64"},
}
_READ = frozenset(
    {*LIMITS, "type", "format", "description", "title", "default", "enum", "const", "properties", "required", "items"}
    | {"additionalProperties", "$ref", "$defs", "definitions", "$schema", "$id", "id", "$comment", "contentEncoding"}
    | {"anyOf", "oneOf", "allOf", "nullable", "examples", "prefixItems", "deprecated", "readOnly", "writeOnly"}
)


def imported(text: str, name: str) -> Read:
    """The table whose rows a schema describes; an array of objects is read as its objects.

    Raises:
        SourceError: WFT-IMP-003, it is no JSON Schema; WFT-IMP-005, it refers to itself or outside.
    """
    import jsonschema_rs

    data = parsed_json(text, name)
    if not isinstance(data, dict):
        raise malformed(name, "a JSON Schema of a table", "a schema is an object")
    try:
        jsonschema_rs.meta.validate({**data, "$schema": data.get("$schema", _DRAFT)})
    except jsonschema_rs.ValidationError as e:
        at = "/".join(str(p) for p in e.instance_path)
        raise malformed(name, "a JSON Schema", f"{at}: {e.message}") from e
    except (ValueError, jsonschema_rs.ReferencingError) as e:
        raise malformed(name, "a JSON Schema", str(e)) from e
    reader = _Reader(data, name)
    root = reader.resolved(data, ())[0]
    if "array" in _types(root) and isinstance(root.get("items"), dict):
        root = reader.resolved(root["items"], ())[0]
    if "object" not in _types(root) and "properties" not in root:
        raise malformed(name, "a JSON Schema of a table", "the schema of a row is an object with properties")
    fields = reader.fields(root, "", ())
    wanted = str(data.get("title") or name)
    simple = wanted if re.fullmatch(r"\w+", wanted) else re.sub(r"\W+", "_", wanted).strip("_") or "table"
    key = tuple(k for k in _listed(root, "x-weft-key") if isinstance(k, str))
    if key:
        fields = tuple(replace(f, key_position=key.index(f.name) + 1 if f.name in key else 0) for f in fields)
    together = _listed(root, "x-weft-unique-together")
    sets = tuple(tuple(map(str, names)) for names in together if isinstance(names, list))
    title = None if simple == data.get("title") else data.get("title")
    return Read((Table(simple, fields, root.get("description"), title, sets),), notes=reader.notes.lines)


def _listed(schema: Mapping[str, Any], name: str) -> list[Any]:
    """What stands in a list of ours; nobody else's words are held to its shape, so anything may stand there."""
    found = schema.get(name)
    return found if isinstance(found, list) else []


class _Reader:
    def __init__(self, root: Mapping[str, Any], source: str) -> None:
        self.notes = Notes()
        self._root = root
        self._source = source
        self._count = 0

    def resolved(self, schema: Any, chain: tuple[str, ...]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """The schema with `$ref` followed and one-branch and null unions opened; and the references on the way."""
        if not isinstance(schema, Mapping):
            return {}, chain
        if "$ref" in schema:
            reference = str(schema["$ref"])
            if reference in chain or len(chain) > DEEPEST:
                raise _endless(self._source, reference, "refers to itself: a column has an end")
            found, chain = self.resolved(self._target(reference), (*chain, reference))
            return {**found, **{k: v for k, v in schema.items() if k != "$ref"}}, chain
        for name in ("anyOf", "oneOf"):
            branches = schema.get(name)
            if isinstance(branches, list):
                others = [b for b in branches if not (isinstance(b, Mapping) and b.get("type") == "null")]
                if len(others) == 1:
                    inner, chain = self.resolved(others[0], chain)
                    rest = {k: v for k, v in schema.items() if k != name}
                    kinds = _types(inner)
                    if len(others) < len(branches) and kinds:
                        rest["type"] = [*kinds, "null"]
                    return {**inner, **rest}, chain
        merged = schema.get("allOf")
        if isinstance(merged, list):
            whole: dict[str, Any] = {k: v for k, v in schema.items() if k != "allOf"}
            for part in merged:
                inner, chain = self.resolved(part, chain)
                whole = _both(whole, inner)
            return whole, chain
        return schema, chain

    def _target(self, reference: str) -> Any:
        if not reference.startswith("#"):
            raise _endless(self._source, reference, "lies outside the document, and weft opens nothing else")
        found: Any = self._root
        for part in reference.removeprefix("#").strip("/").split("/") if reference.strip("#/") else ():
            word = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and word in found:
                found = found[word]
            elif isinstance(found, list) and word.isdigit() and int(word) < len(found):
                found = found[int(word)]
            else:
                raise _endless(self._source, reference, "is not there")
        return found

    def fields(self, schema: Mapping[str, Any], place: str, chain: tuple[str, ...]) -> tuple[Field, ...]:
        properties = schema.get("properties") or {}
        required = set(schema.get("required") or ())
        found = []
        for name, inner in properties.items():
            field = self.field(inner, f"{place}.{name}" if place else name, chain)
            null = field.default is not UNSET and field.default is None
            found.append(replace(field, name=name, required=field.required and name in required and not null))
        return tuple(found)

    def field(self, given: Any, place: str, chain: tuple[str, ...]) -> Field:
        """A field without name; required unless null is allowed."""
        self._count += 1
        if self._count > MOST_FIELDS:
            raise malformed(self._source, "a JSON Schema of a table", f"it describes more than {MOST_FIELDS} fields")
        schema, chain = self.resolved(given, chain)
        left = sorted(k for k in schema if k not in _READ and not k.startswith("x-"))
        if left:
            self.notes.add(place, f"{', '.join(left)} cannot be said in a contract's columns")
        kinds = _types(schema)
        nullable = "null" in kinds or not kinds or schema.get("nullable") is True
        kinds = [k for k in kinds if k != "null"]
        field = self._typed(schema, kinds, place, chain)
        values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
        if any(isinstance(v, dict | list) for v in values):
            self.notes.add(place, "values that are objects or lists cannot be listed in a contract")
            values = []
        if None in values:
            nullable = True
        unique = schema.get("x-weft-unique") is True
        return replace(
            field,
            required=not nullable,
            description=schema.get("description"),
            title=schema.get("title"),
            default=schema.get("default", UNSET),
            unique=unique,
            values=tuple(v for v in values if v is not None) or field.values,
        )

    def _typed(self, schema: Mapping[str, Any], kinds: list[str], place: str, chain: tuple[str, ...]) -> Field:
        options = {
            k: schema[k]
            for k in LIMITS
            if (k in schema and not isinstance(schema[k], bool | dict))
            or (k == "uniqueItems" and schema.get(k) is True)
        }
        tree = parse_type(schema[_TYPE]) if isinstance(schema.get(_TYPE), str) else None
        if not kinds:
            kinds = _implied(schema)
        if len(kinds) != 1 and tree is not None and tree.name == "JSON":
            return Field("", "JSON")
        if len(kinds) != 1:
            said = " or ".join(kinds) if kinds else "nothing"
            self.notes.add(place, f"its type is {said}: JSON is taken")
            return Field("", "JSON")
        kind = kinds[0]
        if kind == "object":
            return self._object(schema, place, chain, tree)
        if kind == "array":
            items = schema.get("items")
            if not isinstance(items, Mapping):
                self.notes.add(place, "the schema does not say what the items are: JSON is taken")
                inner = Field("items", "JSON")
            else:
                inner = replace(self.field(items, f"{place}[]", chain), name="items")
            kept = {k: v for k, v in options.items() if k in ("minItems", "maxItems", "uniqueItems")}
            if tree is not None and tree.name == "ARRAY":
                kept = {k: v for k, v in kept.items() if k == "uniqueItems"}
                return Field("", "ARRAY", tree.parameters, items=inner, options=kept)
            return Field("", "LIST", items=inner, options=kept)
        if tree is not None and not tree.parts:
            return Field("", tree.name, tree.parameters, values=tree.labels, options=_own(tree.name, options, schema))
        if kind == "string":
            form = schema.get("format")
            name = _FORMATS.get(str(form), "VARCHAR")
            if schema.get("contentEncoding") == "base64":
                name = "BLOB"
            found = {k: v for k, v in options.items() if k in ("minLength", "maxLength", "pattern")}
            if name != "VARCHAR":
                return Field("", name, options={})
            return Field("", name, options=found | ({"format": form} if isinstance(form, str) else {}))
        return Field("", _SIMPLE[kind], options={k: v for k, v in options.items() if k in _NUMERIC})

    def _object(self, schema: Mapping[str, Any], place: str, chain: tuple[str, ...], tree: Any) -> Field:
        if schema.get("properties"):
            return Field("", "STRUCT", fields=self.fields(schema, place, chain))
        values = schema.get("additionalProperties")
        if isinstance(values, Mapping) and values:
            key = Field("key", "VARCHAR", required=True)
            if tree is not None and tree.name == "MAP":
                from weft.model.shape import field_of

                key = field_of("key", tree.parts[0][1], required=True)
            return Field("", "MAP", key=key, items=replace(self.field(values, f"{place}{{}}", chain), name="value"))
        if _TYPE not in schema:
            self.notes.add(place, "an object without properties: JSON is taken")
        return Field("", "JSON")


_NUMERIC = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


def _own(name: str, options: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The limits that a person has set, without those that the type itself has."""
    implied = _implied_limits(name)
    kept = {k: v for k, v in options.items() if implied.get(k) != v}
    if name in ("VARCHAR", "ENUM") and isinstance(schema.get("format"), str):
        kept["format"] = schema["format"]
    elif name not in ("VARCHAR", "ENUM"):
        kept = {k: v for k, v in kept.items() if k in _NUMERIC}
    return kept


def _types(schema: Mapping[str, Any]) -> list[str]:
    found = schema.get("type")
    return [found] if isinstance(found, str) else [str(t) for t in found] if isinstance(found, list) else []


def _implied(schema: Mapping[str, Any]) -> list[str]:
    """The type that the values or the keywords of a schema without one have."""
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    kinds = {_kind_of(v) for v in values if v is not None}
    if len(kinds) == 1:
        return list(kinds)
    return ["object"] if "properties" in schema else ["array"] if "items" in schema else []


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return {int: "integer", float: "number", str: "string", dict: "object", list: "array"}[type(value)]


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """What two schemas say together."""
    found = {**other, **one}
    if isinstance(one.get("properties"), Mapping) and isinstance(other.get("properties"), Mapping):
        found["properties"] = {**other["properties"], **one["properties"]}
    if one.get("required") and other.get("required"):
        found["required"] = [*other["required"], *one["required"]]
    return found


def _endless(source: str, reference: str, why: str) -> SourceError:
    return SourceError(
        error(
            "WFT-IMP-005",
            f"the reference `{reference}` of `{source}` cannot be followed",
            Where(source),
            why=f"it {why}",
        )
    )


def exported(tables: tuple[Table, ...], header: Header) -> Written:
    """The schema of one row of a table; of several tables, each under `$defs`."""
    import jsonschema_rs

    writer = _Writer()
    schemas = [writer.table(t, f"{t.name}." if len(tables) > 1 else "") for t in tables]
    if len(schemas) == 1:
        schema: dict[str, Any] = {"$schema": _DRAFT, **schemas[0]}
    else:
        schema = {
            "$schema": _DRAFT,
            "title": header.name,
            "$defs": {t.name: s for t, s in zip(tables, schemas, strict=True)},
        }
        schema["oneOf"] = [{"$ref": f"#/$defs/{_pointer(t.name)}"} for t in tables]
    jsonschema_rs.meta.validate(schema)
    return Written(json.dumps(schema, ensure_ascii=False, indent=2, default=str) + "\n", writer.notes.lines, schema)


def _pointer(name: str) -> str:
    from urllib.parse import quote

    return quote(name.replace("~", "~0").replace("/", "~1"), safe="~")


class _Writer:
    def __init__(self) -> None:
        self.notes = Notes()

    def table(self, table: Table, prefix: str) -> dict[str, Any]:
        schema: dict[str, Any] = {"title": table.title or table.name, "type": "object"}
        if table.description is not None:
            schema["description"] = table.description
        if table.key:
            schema["x-weft-key"] = list(table.key)
        if table.unique_sets:
            schema["x-weft-unique-together"] = [list(names) for names in table.unique_sets]
        if table.references:
            self.notes.add(table.name, "JSON Schema cannot say foreign keys")
        return schema | self._fields(table.fields, prefix)

    def _fields(self, fields: tuple[Field, ...], prefix: str) -> dict[str, Any]:
        found: dict[str, Any] = {"properties": {f.name: self.field(f, f"{prefix}{f.name}") for f in fields}}
        required = [f.name for f in fields if f.required]
        return found | ({"required": required} if required else {}) | {"additionalProperties": False}

    def field(self, field: Field, place: str) -> dict[str, Any]:
        typed = self._typed(field, place)
        kind = typed.pop("type", None)
        schema: dict[str, Any] = {}
        if kind is not None:
            schema["type"] = kind if field.required else [kind, "null"]
        told = {"title": field.title, "description": field.description}
        schema |= {name: value for name, value in told.items() if value is not None}
        schema |= typed
        if field.values:
            schema["enum"] = [*field.values, *(() if field.required else (None,))]
        if field.default is not UNSET:
            schema["default"] = field.default
        if field.unique:
            schema["x-weft-unique"] = True
        return schema

    def _typed(self, field: Field, place: str) -> dict[str, Any]:
        options = {k: v for k, v in field.options.items() if k in LIMITS}
        if field.type == "STRUCT":
            return {"type": "object", **self._fields(field.fields, f"{place}.")}
        if field.type == "MAP" and field.items is not None and field.key is not None:
            found = {"type": "object", "additionalProperties": self.field(field.items, f"{place}{{}}")}
            if field.key.type != "VARCHAR":
                found[_TYPE] = f"MAP({field.key.type}, VARCHAR)"
                self.notes.add(place, f"keys of JSON objects are texts, not {field.key.type}")
            if field.key.values or field.key.options or field.key.description:
                self.notes.add(place, "what is said of the keys is not written")
            return found
        if field.type in ("LIST", "ARRAY") and field.items is not None:
            found = {"type": "array", "items": self.field(field.items, f"{place}[]"), **options}
            if field.type == "ARRAY":
                size = field.parameters[0]
                sized: dict[str, Any] = {_TYPE: f"VARCHAR[{size}]", "minItems": size, "maxItems": size}
                return found | sized
            return found
        return self._simple(field, options, place)

    def _simple(self, field: Field, options: dict[str, Any], place: str) -> dict[str, Any]:
        name = field.type
        if name in _BITS or name in _UNSIGNED:
            found = {"type": "integer", **(_implied_limits(name) if name != "BIGINT" else {}), **options}
            return found if name == "BIGINT" else {**found, _TYPE: name}
        if name in ("DOUBLE", "FLOAT"):
            return {"type": "number", **options, **({_TYPE: "FLOAT"} if name == "FLOAT" else {})}
        if name == "DECIMAL":
            precision, scale = (*field.parameters, 0)[:2] if field.parameters else (18, 3)
            return {"type": "number", **_implied_limits(name), **options, _TYPE: f"DECIMAL({precision},{scale})"}
        if name == "BOOLEAN":
            return {"type": "boolean"}
        if name == "JSON":
            return (
                {_TYPE: "JSON"}
                if not field.required
                else {"type": ["array", "boolean", "number", "object", "string"], _TYPE: "JSON"}
            )
        found = {"type": "string", **_TEXTUAL.get(name, {})}
        if name in ("VARCHAR", "ENUM"):
            form = field.options.get("format")
            found |= options | ({"format": form} if form else {})
            typed = name == "ENUM" or form in _FORMATS
            labels = ", ".join("'" + str(v).replace("'", "''") + "'" for v in field.values)
            return {**found, _TYPE: f"ENUM({labels})" if name == "ENUM" else name} if typed else found
        self.notes.lost(place, field, "JSON Schema", *_NUMERIC)
        return found if name in _FORMATS.values() or name == "BLOB" else {**found, _TYPE: name}


def _implied_limits(name: str) -> dict[str, Any]:
    if name in _BITS:
        bound = 2 ** (_BITS[name] - 1)
        return {"minimum": -bound, "maximum": bound - 1}
    if name in _UNSIGNED:
        return {"minimum": 0, "maximum": 2 ** _UNSIGNED[name] - 1}
    return {}
