"""The rows under judgement: which columns they have, of which types, and how SQL reaches them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from weft.contracts.checks import Unusable, expression
from weft.contracts.conditions import dotted
from weft.contracts.documents import Document, documents, value_within
from weft.contracts.evaluator import Evaluator
from weft.contracts.parsing import ParsedColumn, parsed_relation
from weft.model.column import Column
from weft.model.odcs import Contract, Property, SchemaObject
from weft.model.type_text import TypeText, parse_type
from weft.model.types import normalise


class Subject(Struct, frozen=True):
    """A relation against a contract's table.

    Attributes:
        relation: a FROM item.
        types: the type of each column as it is.
        parsed: by name, the columns of a text format that are judged after parsing.
        documents: by name, the columns of JSON on a server whose fields are judged where they stand.
    """

    table: SchemaObject
    relation: str
    types: dict[str, str]
    parsed: dict[str, ParsedColumn]
    documents: dict[str, Document] = {}

    def type_of(self, prop: Property) -> TypeText:
        """The type of the column that holds a property.

        Raises:
            Unusable: there is no such column, or it could not be parsed.
        """
        name = prop.path[0]
        if name not in self.types:
            raise Unusable(f"there is no column `{name}`")
        parsed = self.parsed.get(name)
        if parsed is not None and parsed.unread is not None:
            raise Unusable(parsed.unread)
        return parse_type(self.types[name]) or TypeText(self.types[name])

    def expression(self, prop: Property) -> tuple[str, TypeText]:
        """The SQL of a column or of a field in it, and its type.

        Raises:
            Unusable: there is no such column or field, or it has many values for one row.
        """
        document = self.documents.get(prop.path[0])
        return expression(prop, self.type_of(prop)) if document is None else value_within(prop, document)

    def written(self, column: str) -> str:
        """SQL of a column that is parsed, or of a document, as it is written."""
        return (self.documents.get(column) or self.parsed[column]).text

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


def subject_of(
    contract: Contract,
    table: SchemaObject,
    relation: str,
    evaluator: Evaluator,
    *,
    text: bool,
    server: bool = False,
    columns: Sequence[Column] | None = None,
) -> Subject:
    """The subject of a relation against a contract's table; its columns come from the binder, before any row is read.

    Args:
        text: whether the rows come from a text format.
        server: whether they lie in a database server.
        columns: those of the relation, where they are known.

    Raises:
        WeftError: the relation cannot be read at all.
    """
    if columns is None:
        columns = evaluator.columns(f"SELECT * FROM {relation}")
    types = {column.name: normalise(column.type) for column in columns}
    if not text:
        return Subject(table, relation, types, {}, documents(table, types) if server else {})
    relation, parsed = parsed_relation(contract, table, relation, types)
    return Subject(table, relation, types, parsed)


def _extra_fields(prop: Property, tree: TypeText) -> list[str]:
    if tree.name == "STRUCT" and prop.fields:
        known = {field.name: field for field in prop.fields}
        found: list[str] = []
        for name, part in tree.parts:
            if name in known:
                found += _extra_fields(known[name], part)
            else:
                found.append(f"{dotted(prop)}.{name}")
        return found
    if prop.items is not None and tree.element is not None:
        return _extra_fields(prop.items, tree.element)
    found = []
    for end, label in ((prop.key, "key"), (prop.value, "value")):
        inner = tree.part(label) if tree.name == "MAP" else None
        if end is not None and inner is not None:
            found += _extra_fields(end, inner)
    return found
