"""Documents: columns of JSON on a server, whose fields are judged where they stand; never by a silent cast.

A JSON column has no type for its fields, so each single value is held against what the contract says of it, as values
of JSON files are: the text "1" is no number. A field that is not there is null, and so is the `null` of JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.contracts.checks import Unusable, literal, outside, predicate
from weft.contracts.conditions import Items, Length, NotNull, Range, Valid, dotted
from weft.contracts.evaluator import Evaluator
from weft.contracts.parsing import scalar_of_json, scalar_of_text
from weft.model.odcs import Property, SchemaObject
from weft.model.type_text import TypeText, parse_type
from weft.model.types import LISTS, duck_type
from weft.sql import quoting
from weft.sql.quoting import ident

_NESTED = ("STRUCT", "MAP", *LISTS)
_ANYTHING = TypeText("JSON")
_TEXT = TypeText("VARCHAR")
_FEW = 10
"""Unknown fields of one object that are named."""


class Document(Struct, frozen=True):
    """A JSON column whose fields a contract describes.

    Attributes:
        shape: what it should hold, as a type; JSON where the contract says nothing.
        text: SQL of the whole as it is written.
        broken: SQL that is true for a row in which it, or a part of it, is something else.
    """

    shape: TypeText
    text: str
    broken: str


def documents(table: SchemaObject, types: dict[str, str]) -> dict[str, Document]:
    """By name, the columns of JSON that the contract describes further."""
    found = {}
    for prop in table.properties:
        given, shape = parse_type(types.get(prop.name, "")), _shape(prop)
        if given == _ANYTHING and shape.name in _NESTED and shape.parts and _may_be_json(prop):
            column = ident(prop.name)
            text = f"CAST({column} AS VARCHAR)"
            found[prop.name] = Document(shape, text, f"({_broken(column, shape, 0)})")
    return found


def unknown_fields(found: Mapping[str, Document], relation: str, evaluator: Evaluator) -> tuple[str, ...]:
    """Fields of objects in documents that the contract does not know; of each object, a few where there are many.

    Each query tells one further name of each object, so that one query is all where there is none.

    Raises:
        WeftError: the server cannot tell.
    """
    asked = [part for name, one in found.items() for part in _objects(ident(name), one.shape, name, 0)]
    names: set[str] = set()
    for _ in range(_FEW):
        if not asked:
            break
        aggregates = ", ".join(f"max({part.name_beyond(part.known)})" for part in asked)
        ((*more,),) = evaluator.rows(f"SELECT {aggregates} FROM {relation}")
        asked = [replace(p, known=(*p.known, str(n))) for p, n in zip(asked, more, strict=True) if n is not None]
        names.update(f"{part.path}.{part.known[-1]}" for part in asked)
    return tuple(sorted(names))


def failing_within(
    condition: NotNull | Valid | Length | Range | Items, prop: Property, document: Document, zone: str
) -> str:
    """SQL that is true for a row that breaks a condition on a document or on what stands in it.

    Raises:
        Unusable: what the contract says of the place does not fit the condition.
    """
    return _Judged(condition, prop, zone).descend(ident(prop.path[0]), document.shape, prop.path[1:], None, 0)


def value_within(prop: Property, document: Document) -> tuple[str, TypeText]:
    """The SQL of a field of a document, read as what it should be, and its type.

    Raises:
        Unusable: the field has many values for one row, or none that is read.
    """
    value, shape = ident(prop.path[0]), document.shape
    for step in prop.path[1:]:
        part = shape.part(step) if shape.name == "STRUCT" else None
        if part is None:
            raise Unusable(f"`{dotted(prop)}` stands in an array or a map, where it has many values for one row")
        value, shape = _field(value, step), part
    read = scalar_of_json(value, shape)
    if read is None:
        raise Unusable(f"`{dotted(prop)}` is {shape}, which is no single value")
    return read, shape


class _Object(Struct, frozen=True):
    """An object of a document: where it stands, its known fields, and SQL of a further one's name in a row."""

    path: str
    known: tuple[str, ...]
    name_beyond: Callable[[Sequence[str]], str]


def _objects(value: str, shape: TypeText, path: str, depth: int) -> Iterator[_Object]:
    if shape.name == "STRUCT":

        def name_beyond(known: Sequence[str]) -> str:
            listed = ", ".join(map(quoting.literal, known))
            return f"list_max(list_filter(json_keys({value}), lambda name: name NOT IN ({listed})))"

        yield _Object(path, tuple(name for name, _ in shape.parts), name_beyond)
        for name, part in shape.parts:
            yield from _objects(_field(value, name), part, f"{path}.{name}", depth)
    elif shape.name in ("MAP", *LISTS) and shape.parts:
        many, step = (_values(value), "{}") if shape.name == "MAP" else (_items(value), "[]")
        item = f"item{depth}"
        for one in _objects(item, shape.parts[-1][1], f"{path}{step}", depth + 1):
            yield replace(one, name_beyond=partial(_largest, one.name_beyond, many, item))


def _largest(name_beyond: Callable[[Sequence[str]], str], many: str, item: str, known: Sequence[str]) -> str:
    return f"list_max(list_transform({many}, lambda {item}: {name_beyond(known)}))"


class _Judged(Struct, frozen=True):
    """A condition on the way from a column to the values that it speaks of."""

    condition: NotNull | Valid | Length | Range | Items
    prop: Property
    zone: str

    def descend(self, value: str, shape: TypeText, steps: Sequence[str], parent: str | None, depth: int) -> str:
        """SQL that is true where a value, or one in it that the steps lead to, breaks the condition."""
        if not steps:
            return self._value(value, shape, parent)
        step, item = steps[0], f"item{depth}"
        if step == "{key}" and shape.name == "MAP":
            return _some(f"json_keys({value})", item, self._key(item, shape.parts[0][1]))
        if step == "[]" and shape.element is not None:
            return _some(_items(value), item, self.descend(item, shape.element, steps[1:], None, depth + 1))
        if step == "{}" and shape.name == "MAP":
            return _some(_values(value), item, self.descend(item, shape.parts[1][1], steps[1:], None, depth + 1))
        part = shape.part(step) if shape.name == "STRUCT" else None
        if part is None:
            raise Unusable(f"`{dotted(self.prop)}`: {shape} has no part `{step}`")
        return self.descend(_field(value, step), part, steps[1:], value, depth)

    def _key(self, key: str, shape: TypeText) -> str:
        """Keys are texts, and never null."""
        match self.condition:
            case NotNull(also):
                words = ", ".join(quoting.literal(str(value)) for value in also)
                return f"{key} IN ({words})" if words else "false"
            case Items():
                raise Unusable(f"`{dotted(self.prop)}`: a key has no items")
            case _:
                return predicate(self.condition, self.prop, self.zone)(scalar_of_text(key, shape), shape, None)

    def _value(self, value: str, shape: TypeText, parent: str | None) -> str:
        match self.condition:
            case NotNull(also):
                return self._null(value, shape, parent, also)
            case Items():
                return self._wrong_items(self.condition, value, shape)
            case _:
                read = self._read(value, shape)
                return predicate(self.condition, self.prop, self.zone)(read, shape, None)

    def _read(self, value: str, shape: TypeText) -> str:
        read = scalar_of_json(value, shape)
        if read is None:
            what = "no type that a value could be read as" if shape == _ANYTHING else f"no value of {shape}"
            raise Unusable(f"`{dotted(self.prop)}`: JSON has {what}")
        return read

    def _null(self, value: str, shape: TypeText, parent: str | None, also: Sequence[Any]) -> str:
        found = [f"{value} IS NULL", f"json_type({value}) = 'NULL'"]
        if also:
            # a word for nothing is a text, whatever type the field has
            words = ", ".join(quoting.literal(str(word)) for word in also)
            found.append(f"CASE WHEN json_type({value}) IN ('VARCHAR') THEN ({value} ->> '$') IN ({words}) END")
            listed = [text for word in also if (text := literal(word, shape, self.zone)) is not None]
            read = scalar_of_json(value, shape)
            found += [f"{read} IN ({', '.join(listed)})"] * bool(listed and read and shape.name != "VARCHAR")
        null = f"({' OR '.join(found)})"
        return null if parent is None else f"(json_type({parent}) = 'OBJECT' AND {null})"

    def _wrong_items(self, condition: Items, value: str, shape: TypeText) -> str:
        if shape.name == "MAP" and not condition.unique:
            count = f"CASE WHEN json_type({value}) = 'OBJECT' THEN len(json_keys({value})) END"
            return outside(count, condition.minimum, condition.maximum)
        element = shape.element
        if element is None:
            raise Unusable(f"`{dotted(self.prop)}` is {shape}; only an array has items")
        items, parts = _items(value), []
        if condition.minimum is not None or condition.maximum is not None:
            count = f"CASE WHEN json_type({value}) = 'ARRAY' THEN json_array_length({value}) END"
            parts.append(outside(count, condition.minimum, condition.maximum))
        if condition.unique:
            read = scalar_of_json("item", element)
            there = f"{read} IS NOT NULL" if read else "json_type(item) <> 'NULL'"
            filled = f"list_filter({items}, lambda item: {there})"
            kept = f"list_transform({items}, lambda item: {read})" if read else filled
            parts.append(f"len(list_distinct({kept})) <> len({filled})")
            parts.append(f"len(list_filter({items}, lambda item: json_type(item) = 'NULL')) > 1")
        return f"({' OR '.join(parts)})"


def _shape(prop: Property) -> TypeText:
    """What a value of JSON should be by what the contract says; the physical type of an object may be `jsonb`."""
    logical = prop.logical_type
    if logical in ("object", None) and prop.fields:
        return TypeText("STRUCT", parts=tuple((field.name, _shape(field)) for field in prop.fields))
    if logical == "array":
        element = _shape(prop.items) if prop.items is not None else _ANYTHING
        return TypeText("LIST", parts=(("", element),))
    if logical == "map":
        key = _shape(prop.key) if prop.key is not None else _TEXT
        value = _shape(prop.value) if prop.value is not None else _ANYTHING
        return TypeText("MAP", parts=(("key", key), ("value", value)))
    return parse_type(duck_type(prop) or "") or _ANYTHING


def _may_be_json(prop: Property) -> bool:
    """Whether the physical type, where there is one that is understood, is that of JSON."""
    physical = parse_type(prop.physical_type or "")
    return physical is None or not physical.known or physical == _ANYTHING


def _broken(value: str, shape: TypeText, depth: int) -> str:
    if shape.name == "STRUCT" and shape.parts:
        parts = [_broken(_field(value, name), part, depth) for name, part in shape.parts]
        return " OR ".join([f"json_type({value}) NOT IN ('OBJECT', 'NULL')", *(p for p in parts if p)])
    if shape.name in LISTS and shape.element is not None:
        inner = _broken(f"part{depth}", shape.element, depth + 1)
        found = [f"json_type({value}) NOT IN ('ARRAY', 'NULL')"]
        return " OR ".join(found + [_some(_items(value), f"part{depth}", inner)] * bool(inner))
    if shape.name == "MAP" and len(shape.parts) == 2:
        (_, key), (_, entry) = shape.parts
        found = [f"json_type({value}) NOT IN ('OBJECT', 'NULL')"]
        if key.name != "VARCHAR":
            found.append(_some(f"json_keys({value})", f"part{depth}", f"{scalar_of_text(f'part{depth}', key)} IS NULL"))
        inner = _broken(f"part{depth}", entry, depth + 1)
        return " OR ".join(found + [_some(_values(value), f"part{depth}", inner)] * bool(inner))
    if shape == _ANYTHING:
        return ""
    return f"json_type({value}) <> 'NULL' AND {_of_its_kind(value, shape)} IS NULL"


def _of_its_kind(value: str, shape: TypeText) -> str:
    """A single value read as its type; of one that JSON has not, a cast that no server has words for."""
    return scalar_of_json(value, shape) or f"TRY_CAST({value} AS {shape})"


def _field(value: str, name: str) -> str:
    """The field of an object by a JSON pointer (Source: RFC 6901)."""
    return f"json_extract({value}, {quoting.literal('/' + name.replace('~', '~0').replace('/', '~1'))})"


def _items(value: str) -> str:
    return f"json_extract({value}, '$[*]')"


def _values(value: str) -> str:
    return f"json_extract({value}, '$.*')"


def _some(many: str, item: str, condition: str) -> str:
    return f"len(list_filter({many}, lambda {item}: {condition})) > 0"
