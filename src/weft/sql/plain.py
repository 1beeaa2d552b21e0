"""Whether a parse tree is plainly allowed, and what it then reads: the walker's answer for most models, sooner.

It only ever says yes: a tree of the parts that `sql.shapes` lists, with allowed functions and types, that names tables
by one part and has nothing to warn of. Of every other tree `sql.allowlist` says what is wrong with it, or nothing. That
is four times as slow, as it has to know each part's fields by itself; here msgspec has looked at them while decoding.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import msgspec

from weft.sql import shapes
from weft.sql.allowed import VOLATILE, names
from weft.sql.allowlist import BY_NAME, COLUMNS_THAT_CHANGE, NAME, callable_names, folded
from weft.sql.shapes import BaseTable, ColumnRef, Constant, Function, Select, SetOperation, Type, Window


def plain_references(tree_json: str) -> list[tuple[str, int]] | None:
    """Every table that is read, with its offset in bytes, in order of appearance; None where the walker has to look."""
    try:
        tree = shapes.decoded(tree_json)
        look = _Look()
        look.query(tree.statements[0].node)
    except (msgspec.DecodeError, _NotPlain, RecursionError):
        return None
    return look.references


class _NotPlain(Exception):
    """The walker has to look."""


class _Look:
    def __init__(self) -> None:
        self.references: list[tuple[str, int]] = []
        self.scope: frozenset[str] = frozenset()

    def query(self, node: Any) -> None:
        outer = self.scope
        for entry in node.cte_map.map:
            self.query(entry.value.query_node)
            self.scope |= {folded(entry.key)}
        for name in _BELOW[type(node)]:
            held = getattr(node, name)
            if held is not None:
                self.part(held)
        self.scope = outer

    def part(self, node: Any) -> None:
        """Whatever stands below a query."""
        kind = type(node)
        if kind is Constant:
            return
        if kind is ColumnRef:
            if len(node.column_names) == 1 and node.column_names[0].lower() in COLUMNS_THAT_CHANGE:
                raise _NotPlain
            return
        if kind is list:
            for item in node:
                self.part(item)
            return
        if kind is Function:
            _known(node, _FUNCTIONS)
            if node.filter is not None:
                self.part(node.filter)
            for order in node.order_bys.orders:
                self.part(order)
            for argument in node.arguments:
                self.part(argument.expression)
            return
        if kind is BaseTable:
            self.table(node)
            return
        if kind is Select or kind is SetOperation:
            self.query(node)
            return
        if kind is Window:
            _known(node, _WINDOW_FUNCTIONS)
        elif kind is Type:
            path = node.qualified_name.path
            if len(path) != 1 or folded(path[0]) not in _TYPES:
                raise _NotPlain
        for name in _BELOW[kind]:
            held = getattr(node, name)
            if held is not None:
                self.part(held)

    def table(self, node: BaseTable) -> None:
        path = node.qualified_name.path
        if len(path) != 1 or node.query_location >= 1 << 40:
            raise _NotPlain
        if folded(path[0]) in self.scope:
            return
        if not NAME.fullmatch(path[0]):
            raise _NotPlain
        self.references.append((path[0], node.query_location))


def _known(node: Function | Window, allowed: frozenset[str]) -> None:
    path, name = node.qualified_name.path, folded(node.function_name)
    if len(path) != 1 or name not in allowed or (path[0] != name and folded(path[0]) != name):
        raise _NotPlain


_SHAPES = {
    name: one
    for name, one in vars(shapes).items()
    if isinstance(one, type) and issubclass(one, msgspec.Struct) and one is not msgspec.Struct
}
_PARTS = frozenset(_SHAPES) - {"NamedColumn", "Path", "Renamed", "Written"} | {
    "AnyExpression",
    "AnyFromItem",
    "Modifier",
    "Query",
}
"""The shapes that are looked at, and the names of choices between them: the others hold nothing but text."""


def _parts_below(shape: type[msgspec.Struct]) -> tuple[str, ...]:
    """The fields that hold other parts, by what is written of them: none can be forgotten.

    A query looks at its WITH by itself.
    """
    written: dict[str, str] = {}
    for one in reversed(shape.__mro__):
        written |= inspect.get_annotations(one)
    names = ((name, _WORD.findall(written[name])) for name in shape.__struct_fields__ if name != "cte_map")
    return tuple(name for name, words in names if not _PARTS.isdisjoint(words))


_WORD = re.compile(r"\w+")
_BELOW = {shape: _parts_below(shape) for shape in _SHAPES.values()}
"""The fields of each shape that hold other parts, in DuckDB's order."""

_FUNCTIONS = callable_names("scalar_functions") - VOLATILE - BY_NAME - {"age"}
_WINDOW_FUNCTIONS = callable_names("window_functions") - VOLATILE
_TYPES = names("types")
