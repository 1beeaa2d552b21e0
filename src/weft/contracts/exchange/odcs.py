"""Shapes as ODCS documents, and the tables of a contract as shapes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from weft.contracts.exchange.notes import LIMITS, Notes
from weft.contracts.fresh import fresh_id
from weft.contracts.references import referenced
from weft.model.document import group
from weft.model.odcs import Contract, Property, SchemaObject
from weft.model.shape import UNSET, Field, Reference, Table, field_of, tree_of
from weft.model.type_text import KNOWN, TypeText, parse_type
from weft.model.types import duck_type, logical_type

_LIMITS_OF = {
    "string": {"minLength", "maxLength", "pattern", "format"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "date": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"},
    "timestamp": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"},
    "time": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"},
    "array": {"minItems", "maxItems", "uniqueItems"},
}
_REFERABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def document_of(
    tables: Iterable[Table], *, name: str, contract_id: str, purpose: str | None, notes: Notes
) -> dict[str, Any]:
    """A whole ODCS v3.2.0 document of tables. What ODCS has no place for goes into custom properties."""
    document: dict[str, Any] = {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": contract_id,
        "name": name,
        "version": "1.0.0",
        "status": "draft",
    }
    if purpose:
        document["description"] = {"purpose": purpose}
    document["schema"] = [_object(table, notes) for table in tables]
    return document


def tables_of(contract: Contract, notes: Notes) -> tuple[Table, ...]:
    """The tables of a contract; what only a contract can say (quality rules, classifications) is noted by the kinds."""
    return tuple(_table(table, contract, notes) for table in contract.objects)


def _object(table: Table, notes: Notes) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": table.name, "physicalType": "table"}
    if table.title is not None:
        entry["businessName"] = table.title
    if table.description is not None:
        entry["description"] = table.description
    ids: set[str] = set()
    entry["properties"] = [_property(f, ids) for f in table.fields]
    if table.unique_sets:
        entry["quality"] = [
            {"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": list(names)}}
            for names in table.unique_sets
        ]
    relationships = []
    for reference in table.references:
        texts = [table.name, reference.table, *reference.columns, *reference.targets]
        if not all(_REFERABLE.fullmatch(t) for t in texts):
            notes.add(
                table.name, "ODCS cannot name the columns of a foreign key by names with other signs than [A-Za-z0-9_-]"
            )
            continue
        ends = [f"{table.name}.{c}" for c in reference.columns], [f"{reference.table}.{c}" for c in reference.targets]
        one = len(reference.columns) == 1
        relationships.append(
            {"type": "foreignKey", "from": ends[0][0] if one else ends[0], "to": ends[1][0] if one else ends[1]}
        )
    if relationships:
        entry["relationships"] = relationships
    if table.custom:
        entry["customProperties"] = _custom(table.custom)
    return entry


def _property(field: Field, ids: set[str] | None) -> dict[str, Any]:
    entry = _typed(field)
    head: dict[str, Any] = {}
    if ids is not None:
        head["id"] = fresh_id(field.name, ids)
    head["name"] = field.name
    return head | entry


def _typed(field: Field) -> dict[str, Any]:
    """Everything of a field but its name."""
    entry: dict[str, Any] = {}
    if field.title is not None:
        entry["businessName"] = field.title
    if field.description is not None:
        entry["description"] = field.description
    logical = logical_type(str(tree_of(field))) if field.type in KNOWN | {"ARRAY"} else "string"
    options: dict[str, Any] = {}
    if field.type == "STRUCT":
        entry |= {"logicalType": "object", "physicalType": "STRUCT"}
        inner: set[str] = set()
        entry["properties"] = [_property(f, inner) for f in field.fields]
    elif field.type == "MAP" and field.key is not None and field.items is not None:
        entry |= {"logicalType": "map", "map": {"key": _typed(field.key), "value": _typed(field.items)}}
    elif field.type in ("LIST", "ARRAY") and field.items is not None:
        entry |= {"logicalType": "array", "physicalType": "LIST" if field.type == "LIST" else str(tree_of(field))}
        entry["items"] = _typed(field.items)
    else:
        entry |= {"logicalType": logical, "physicalType": str(tree_of(field))}
    logical = entry["logicalType"]
    if field.type in ("TIMESTAMPTZ", "TIMETZ"):
        options["timezone"] = True
    options |= {k: v for k, v in field.options.items() if k in _LIMITS_OF.get(logical, ())}
    if options:
        entry["logicalTypeOptions"] = options
    if field.required:
        entry["required"] = True
    if field.key_position:
        entry |= {"primaryKey": True, "primaryKeyPosition": field.key_position}
    if field.unique:
        entry["unique"] = True
    if field.values and field.type != "ENUM":
        entry["enum"] = [{"value": v} for v in field.values]
    custom = dict(field.custom)
    if field.default is not UNSET:
        custom = {"default": field.default, **custom}
    if custom:
        entry["customProperties"] = _custom(custom)
    return entry


def _custom(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in values.items()]


def _table(table: SchemaObject, contract: Contract, notes: Notes) -> Table:
    several = len(contract.objects) > 1
    fields, positions = [], {name: i for i, name in enumerate(table.key, start=1)}
    references = [_reference(entry, (), contract) for entry in table.relationships]
    for prop in table.properties:
        place = f"{table.name}.{prop.name}" if several else prop.name
        fields.append(_field(prop, place, notes, positions.get(prop.name, 0)))
        references += [_reference(entry, (prop.name,), contract) for entry in prop.relationships]
    data = table.data
    return Table(
        table.name,
        tuple(fields),
        description=_text(data, "description"),
        title=_text(data, "businessName"),
        unique_sets=tuple(filter(None, (_unique_set(rule) for rule in table.quality))),
        references=tuple(r for r in references if r is not None),
        custom={str(e["property"]): e.get("value") for e in _listed(data, "customProperties") if "property" in e},
    )


def _field(prop: Property, place: str, notes: Notes, position: int = 0) -> Field:
    text = duck_type(prop)
    tree = parse_type(text) if text is not None else None
    if tree is None:
        notes.add(place, "the contract names no type that weft understands: a text is assumed")
        tree = TypeText("VARCHAR")
    elif prop.physical_type is not None and not (parse_type(prop.physical_type) or TypeText("?")).known:
        notes.add(place, f"the physical type `{prop.physical_type}` is not understood: {tree} is taken")
    found = field_of(prop.name, tree)
    fields, items, key = found.fields, found.items, found.key
    if prop.fields and tree.name == "STRUCT":
        fields = tuple(_field(f, f"{place}.{f.name}", notes) for f in prop.fields)
    if prop.items is not None and tree.name in ("LIST", "ARRAY"):
        items = _named(_field(prop.items, f"{place}[]", notes), "items")
    if tree.name == "MAP" and prop.key is not None and prop.value is not None:
        key = _named(_field(prop.key, f"{place}{{key}}", notes), "key")
        items = _named(_field(prop.value, f"{place}{{}}", notes), "value")
    custom = prop.custom
    default = custom.pop("default", UNSET)
    values = found.values or tuple(e.get("value") if isinstance(e, Mapping) else e for e in prop.data.get("enum") or ())
    options = {k: v for k, v in prop.options.items() if v is not None and (k in LIMITS or _text_format(prop, k))}
    return Field(
        prop.name,
        tree.name,
        tree.parameters,
        required=prop.required,
        description=prop.description,
        title=_text(prop.data, "businessName"),
        default=default,
        key_position=position,
        unique=prop.unique,
        values=values or _valid_values(prop),
        options=options,
        fields=fields,
        items=items,
        key=key,
        custom=custom,
    )


def _named(field: Field, name: str) -> Field:
    from msgspec.structs import replace

    return replace(field, name=name)


def _text_format(prop: Property, name: str) -> bool:
    return name == "format" and prop.logical_type == "string"


def _valid_values(prop: Property) -> tuple[Any, ...]:
    """The values of a rule `invalidValues` that must be kept by all rows."""
    for rule in prop.quality:
        listed = group(rule, "arguments").get("validValues")
        if rule.get("metric") == "invalidValues" and rule.get("mustBe") == 0 and listed:
            return tuple(listed)
    return ()


def _unique_set(rule: Mapping[str, Any]) -> tuple[str, ...] | None:
    names = group(rule, "arguments").get("properties")
    if rule.get("metric") == "duplicateValues" and rule.get("mustBe") == 0 and isinstance(names, list):
        return tuple(str(n) for n in names)
    return None


def _reference(entry: Mapping[str, Any], own: tuple[str, ...], contract: Contract) -> Reference | None:
    columns = own or tuple(r.column for r in referenced(entry, "from", contract))
    targets = referenced(entry, "to", contract)
    table = targets[0].table if targets else None
    if table is None or len(columns) != len(targets):
        return None
    return Reference(columns, table, tuple(t.column for t in targets))


def _text(data: Mapping[str, Any], name: str) -> str | None:
    found = data.get(name)
    return None if found is None or isinstance(found, Mapping | list) else str(found)


def _listed(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = data.get(name)
    return [e for e in found if isinstance(e, Mapping)] if isinstance(found, list) else []
