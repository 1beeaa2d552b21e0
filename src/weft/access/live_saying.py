"""A decision about a port that lives in a database, said in the server's words: columns, masks and row filters.

What has no words there is an error, and nothing is fetched to be hidden here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from weft.access.layers import Cell
from weft.access.live_masks import masked
from weft.access.masks import NULL, expression, fitted
from weft.access.opened import Readable
from weft.access.relation import of_strictness
from weft.connectors import landed
from weft.connectors.postgres_live import LiveColumn
from weft.errors import AccessDenied, SourceError, error
from weft.model.column import Column
from weft.model.live import LiveTable
from weft.sql.narrowing import EVERYTHING, Narrow
from weft.sql.patterns import Unsayable
from weft.sql.postgres_conditions import Typed, said
from weft.sql.quoting import dotted, ident

Parse = Callable[[str], str]
"""DuckDB's parse tree of a text, as JSON."""

ROW = "~row"
"""The column of an answer of which no column is asked."""
_ORDERED = frozenset({"VARCHAR", "INTEGER", "DECIMAL", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMPTZ"})
"""Kinds of values that stand in the same order there and here."""
_CONSTANT = frozenset({"null", "fixed"})


class Wanted(Struct, frozen=True):
    """What a query wants of the tables that it reads.

    Attributes:
        rows: how many rows of its answer are asked for.
        described: whether its columns are wanted and no row.
        told: whether errors may say where the server is, and what it says.
        domain: of the product that is built from it; None: it is somebody else who asks.
        product: that product.
        run: the run that builds it.
    """

    narrow: Narrow = EVERYTHING
    rows: int | None = None
    described: bool = False
    told: bool = False
    domain: str | None = None
    product: str | None = None
    run: str | None = None


class Fetch(Struct, frozen=True):
    """What is asked of a server, and how its answer is read.

    Attributes:
        sql: in the server's words.
        items: of a SELECT over the answer, in DuckDB's words.
    """

    sql: str
    items: tuple[str, ...]


class Saying:
    """A decision about a port, said to the server of its table."""

    def __init__(self, one: Readable, described: Mapping[str, LiveColumn], parse: Parse) -> None:
        assert one.live is not None, "the caller has looked"
        self._one, self._parse = one, parse
        self._table = one.live.table
        self._described = {c.name: _as_published(c, described, self._table) for c in one.live.columns}
        self._columns = one.live.columns
        if len({name.lower() for name in self._described}) < len(self._described):
            raise self._wordless("two columns whose names differ by capitals alone")
        self._layers = one.decision.layers
        self._whole = one.decision.whole and not one.decision.layers
        self._conditions = {
            layer.condition: self._filter(layer.condition) for layer in self._layers if layer.condition is not None
        }

    def fetch(self, wanted: Wanted) -> Fetch:
        used = wanted.narrow.columns
        shown = [c for c in self._columns if self._whole or c.name in self._one.decision.columns]
        carried: list[str] = []
        items: list[str] = []
        for column in shown:
            if used is not None and column.name.lower() not in used:
                continue
            here = self._here(column)
            if here is not None:
                items.append(f"{here} AS {ident(column.name)}")
                continue
            one = self._described[column.name]
            carried.append(f"{one.carried.format(self._value(column, one))} AS {ident(column.name)}")
            items += [_json(column)] if column.type == "JSON" else landed.typed([one.landed])
        where = self._where()
        clear = self._clear(shown)
        asked, all_asked = _asked(clear, wanted.narrow)
        where += asked
        table = dotted((self._table.schema, self._table.table))
        sql = f"SELECT {', '.join(carried) or f'1 AS {ident(ROW)}'} FROM {table}"
        if where:
            sql += f" WHERE {' AND '.join(where)}"
        if wanted.narrow.once and all_asked:
            sql += self._end(clear, wanted)
        return Fetch(sql, tuple(items))

    def _where(self) -> list[str]:
        """The rows that are shown."""
        if self._whole or any(layer.condition is None for layer in self._layers):
            return []
        return [f"({' OR '.join(self._conditions.values())})"]

    def _clear(self, shown: Sequence[Column]) -> dict[str, Typed]:
        """The columns whose values are shown as they lie in the table, by name in lower case.

        Of a view there is none: how it makes a value of a hidden row would be seen by its errors.
        """
        return {
            c.name.lower(): self._described[c.name].typed
            for c in shown
            if self._described[c.name].stored and all(self._is_clear(layer.cells.get(c.name)) for layer in self._layers)
        }

    def _end(self, clear: Mapping[str, Typed], wanted: Wanted) -> str:
        """How many rows are enough, and which; nothing where their order is another one there."""
        asked = (wanted.narrow.rows, wanted.rows + 1 if wanted.rows is not None else None)
        enough = [n for n in asked if n is not None]
        if not enough:
            return ""
        by = []
        for name, falls, first in wanted.narrow.order:
            column = clear.get(name)
            if column is None or column.kind not in _ORDERED:
                return ""
            collated = ' COLLATE "C"' if column.kind == "VARCHAR" else ""
            direction = f"{'DESC' if falls else 'ASC'} NULLS {'FIRST' if first else 'LAST'}"
            by.append(f"{column.value}{collated} {direction}")
        return (f" ORDER BY {', '.join(by)}" if by else "") + f" LIMIT {min(enough)}"

    def _is_clear(self, cell: Cell | None) -> bool:
        return cell is not None and cell.mask is None

    def _here(self, column: Column) -> str | None:
        """What is the same in every row that is shown, and needs nothing of the table."""
        if self._whole:
            return None
        cells = [layer.cells.get(column.name) for layer in self._layers]
        masks = [fitted(cell.mask, column.type) if cell is not None else NULL for cell in cells]
        first = masks[0]
        if first is not None and first.kind in _CONSTANT and all(mask == first for mask in masks):
            return expression(first, "NULL", column.type, None)
        return None

    def _value(self, column: Column, one: LiveColumn) -> str:
        """What is shown of a column: of the layers that have a row, the one that shows most of it."""
        if self._whole:
            return one.typed.value
        cells = [(layer, layer.cells[column.name]) for layer in self._layers if column.name in layer.cells]
        if len(self._layers) == 1:
            return self._masked(cells[0][1], one)
        whens: list[str] = []
        for layer, cell in sorted(cells, key=lambda found: of_strictness(found[1])):
            value = self._masked(cell, one)
            if layer.condition is None:
                return f"CASE {' '.join(whens)} ELSE {value} END" if whens else value
            whens.append(f"WHEN {self._conditions[layer.condition]} THEN {value}")
        return f"CASE {' '.join(whens)} END"

    def _masked(self, cell: Cell, one: LiveColumn) -> str:
        if cell.mask is None:
            return one.typed.value
        try:
            return masked(cell.mask, one.typed, cell.salt)
        except Unsayable as problem:
            raise self._wordless(str(problem)) from None

    def _filter(self, condition: str) -> str:
        """A row filter in the server's words; what it is does not stand in an error, for readers may not know it."""
        try:
            tree: Any = msgspec.json.decode(self._parse(f"SELECT 1 FROM port WHERE ({condition}\n)"))
            node = tree["statements"][0]["node"]["where_clause"]
            return said(node, {name.lower(): one.typed for name, one in self._described.items()})
        except (Unsayable, KeyError, TypeError, IndexError, AttributeError, msgspec.DecodeError):
            raise self._wordless("the row filter of a policy") from None

    def _wordless(self, what: str) -> AccessDenied:
        return AccessDenied(
            error(
                "WFT-ACC-055",
                f"`{self._one.publication.address}` cannot be shown: its database has no words for {what}",
                why="rows and values are hidden where they lie, or not shown at all",
                fix="ask its owner: another mask or a plainer filter, or a port that a model fills from the table",
            )
        )


def _json(column: Column) -> str:
    """A text of JSON; PostgreSQL takes some for JSON that is none here, as half a character."""
    name = ident(column.name)
    return f"TRY_CAST({name} AS JSON) AS {name}"


def _asked(clear: Mapping[str, Typed], narrow: Narrow) -> tuple[list[str], bool]:
    """The conditions of a question about such columns, and whether these are all that it has."""
    found = []
    for text in narrow.conditions:
        try:
            found.append(said(msgspec.json.decode(text), clear))
        except (Unsayable, KeyError, TypeError, IndexError, AttributeError, msgspec.DecodeError):
            continue
    return found, len(found) == len(narrow.conditions)


def _as_published(column: Column, described: Mapping[str, LiveColumn], table: LiveTable) -> LiveColumn:
    found = described.get(column.name)
    if found is None or found.typed.type != column.type:
        is_now = "is not there any more" if found is None else f"is {found.typed.type} now"
        what = f"column `{column.name}` of `{table}` {is_now}, and was published as {column.type}"
        raise SourceError(error("WFT-SRC-055", what, fix="ask the owner of the port to publish it again"))
    return found
