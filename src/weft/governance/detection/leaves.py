"""What a column is made of: the parts that hold plain values, with the SQL that gives these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from weft.model.column import Column
from weft.model.type_text import TypeText, parse_type
from weft.sql.quoting import ident

ITEM, KEY, VALUE = "[]", "{key}", "{}"
"""Steps of a path that no field has: the items of a list, the keys and the values of a map, as contracts have them."""

_DEEPEST = 8


def shown(path: Sequence[str]) -> str:
    """A path in one text.

    >>> shown(("contacts", "[]", "email"))
    'contacts[].email'
    """
    return path[0] + "".join(step if step in (ITEM, KEY, VALUE) else f".{step}" for step in path[1:])


class Leaf(Struct, frozen=True):
    """A part of a column that holds plain values.

    Attributes:
        path: names from the column down, with `ITEM`, `KEY` and `VALUE` between them.
        type: DuckDB's name of its type, without parameters.
        scale: of a DECIMAL, how many digits stand behind the point.
        values: a query of one column `v`.
    """

    path: tuple[str, ...]
    type: str
    scale: int
    values: str

    @property
    def name(self) -> str:
        """What says of what it is: its own name, and that of what holds it."""
        return "_".join([step for step in self.path if step not in (ITEM, KEY, VALUE)][-2:])


def leaves(relation: str, columns: Sequence[Column]) -> Iterator[Leaf]:
    """The parts of all columns of a relation that hold plain values.

    >>> [shown(leaf.path) for leaf in leaves("t", [Column("c", "STRUCT(mail VARCHAR, tel VARCHAR[])[]")])]
    ['c[].mail', 'c[].tel[]']
    """
    for column in columns:
        tree = parse_type(column.type)
        if tree is not None:
            yield from _below(f"SELECT {ident(column.name)} AS v FROM {relation}", (column.name,), tree)


def _below(values: str, path: tuple[str, ...], tree: TypeText) -> Iterator[Leaf]:
    if len(path) > _DEEPEST:
        return
    if tree.name == "STRUCT":
        for label, part in tree.parts:
            yield from _below(f"SELECT v.{ident(label)} AS v FROM ({values})", (*path, label), part)
    elif tree.element is not None:
        # an array of a fixed size is unnested as a list
        items = f"SELECT unnest(CAST(v AS {tree.element}[])) AS v FROM ({values})"
        yield from _below(
            items if tree.name == "ARRAY" else f"SELECT unnest(v) AS v FROM ({values})", (*path, ITEM), tree.element
        )
    elif tree.name == "MAP" and len(tree.parts) == 2:
        for step, function, (_, part) in zip((KEY, VALUE), ("map_keys", "map_values"), tree.parts, strict=True):
            yield from _below(f"SELECT unnest({function}(v)) AS v FROM ({values})", (*path, step), part)
    else:
        scale = (*tree.parameters, 0)[1] if tree.name == "DECIMAL" and tree.parameters else 0
        yield Leaf(path, tree.name, scale, values)
