"""The rows under judgement: which columns they have, of which types, and how SQL reaches them."""

from __future__ import annotations

from dataclasses import dataclass

from weft.contracts.checks import Unusable, quote
from weft.contracts.conditions import dotted
from weft.contracts.evaluator import Evaluator
from weft.model.odcs import Property, SchemaObject
from weft.model.type_text import TypeText, parse_type
from weft.model.types import duck_type, normalise


@dataclass(frozen=True, slots=True)
class Subject:
    """A relation against a contract's table.

    Attributes:
        relation: a FROM item.
        types: the type of each column as it is.
        parsed: columns of a text format that are judged after parsing; the text stands in the column named here.
    """

    table: SchemaObject
    relation: str
    types: dict[str, str]
    parsed: dict[str, str]

    def type_of(self, prop: Property) -> TypeText:
        """The type of the column that holds a property.

        Raises:
            Unusable: there is no such column.
        """
        name = prop.path[0]
        if name not in self.types:
            raise Unusable(f"there is no column `{name}`")
        return parse_type(self.types[name]) or TypeText(self.types[name])

    @property
    def extra(self) -> tuple[str, ...]:
        """Columns, and fields in them, that the contract does not know."""
        found = []
        for name, text in self.types.items():
            prop = self.table.property(name)
            tree = parse_type(text)
            if prop is None:
                found.append(name)
            elif tree is not None:
                found += _extra_fields(prop, tree)
        return tuple(found)


def subject_of(table: SchemaObject, relation: str, evaluator: Evaluator, *, text: bool) -> Subject:
    """The subject of a relation; its columns come from the binder, before any row is read.

    Raises:
        WeftError: the relation cannot be read at all.
    """
    types = {column.name: normalise(column.type) for column in evaluator.columns(f"SELECT * FROM {relation}")}
    parsed: dict[str, str] = {}
    if not text:
        return Subject(table, relation, types, parsed)
    casts, raws = [], []
    for prop in table.properties:
        wanted = duck_type(prop)
        if types.get(prop.name) != "VARCHAR" or wanted in (None, "VARCHAR"):
            continue
        parsed[prop.name] = f"{prop.name} (as text)"
        casts.append(f"TRY_CAST({quote(prop.name)} AS {wanted}) AS {quote(prop.name)}")
        raws.append(f", {quote(prop.name)} AS {quote(parsed[prop.name])}")
        types[prop.name] = normalise(str(wanted))
    if casts:
        relation = f"(SELECT * REPLACE ({', '.join(casts)}){''.join(raws)} FROM {relation})"
    return Subject(table, relation, types, parsed)


def _extra_fields(prop: Property, tree: TypeText) -> list[str]:
    if tree.name == "STRUCT" and prop.fields:
        known = {field.name: field for field in prop.fields}
        found = []
        for name, part in tree.parts:
            if name in known:
                found += _extra_fields(known[name], part)
            else:
                found.append(f"{dotted(prop)}.{name}")
        return found
    if prop.items is not None and tree.element is not None:
        return _extra_fields(prop.items, tree.element)
    return []
