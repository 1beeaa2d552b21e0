"""A decision becomes a relation: a FROM item of DuckDB with the chosen columns, masked, and the rows that are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weft.access.decision import Decision
from weft.access.layers import Cell, Layer
from weft.access.masks import expression
from weft.model.column import Column
from weft.sql.quoting import dotted, ident

_ROWS = "~rows"


def relation_of(decision: Decision, port: Sequence[Column], version: Sequence[Column], rows: str) -> str:
    """The FROM item of what a decision shows.

    A data version may have other columns than the port has now: one that was renamed since is shown as its column is
    now, under its name of then, and one that is gone is shown to nobody but the mesh's owner.

    Args:
        port: the columns that the decision is about.
        version: the columns of the rows.
        rows: a FROM item with them.
    """
    of_now = _of_now(port, version)
    if decision.whole and (not decision.layers or len(of_now) == len(version)):
        return rows
    shown = [c for c in version if of_now.get(c.name) in decision.columns]
    inner = f"{rows} AS {ident(_ROWS)}"
    names = _conditions(decision.layers)
    if names:
        added = ", ".join(f"({condition}) AS {ident(name)}" for condition, name in names.items())
        keep = " OR ".join(ident(name) for name in names.values())
        everything = any(layer.condition is None for layer in decision.layers)
        inner = f"(SELECT *, {added} FROM {inner}) AS {ident(_ROWS)}"
        if not everything:
            inner += f" WHERE {keep}"
    elif decision.layers[0].condition is not None:
        inner = f"(SELECT * FROM {inner} WHERE ({decision.layers[0].condition})) AS {ident(_ROWS)}"
    columns = ", ".join(f"{_shown(c, of_now[c.name], decision.layers, names)} AS {ident(c.name)}" for c in shown)
    return f"(SELECT {columns} FROM {inner})"


def shown_columns(
    decision: Decision, port: Sequence[Column], version: Sequence[Column]
) -> tuple[tuple[Column, str], ...]:
    """The columns of what a decision shows, each with its name in the port as that is now; masks keep their types.

    Args:
        port: the columns that the decision is about.
        version: the columns of the rows.
    """
    of_now = _of_now(port, version)
    if decision.whole and (not decision.layers or len(of_now) == len(version)):
        return tuple((c, of_now.get(c.name, c.name)) for c in version)
    return tuple((c, of_now[c.name]) for c in version if of_now.get(c.name) in decision.columns)


def _of_now(port: Sequence[Column], version: Sequence[Column]) -> Mapping[str, str]:
    """The names that columns of a data version have now, by those that they had then."""
    now = {c.key or c.name: c.name for c in port}
    return {c.name: now[c.key or c.name] for c in version if (c.key or c.name) in now}


def _conditions(layers: Sequence[Layer]) -> Mapping[str, str]:
    """A name for each condition, where several layers show different rows."""
    if len(layers) == 1:
        return {}
    found = dict.fromkeys(layer.condition for layer in layers if layer.condition is not None)
    return {condition: f"~{number}" for number, condition in enumerate(found)}


def _shown(column: Column, name: str, layers: Sequence[Layer], conditions: Mapping[str, str]) -> str:
    """What is shown of a column: of the layers that have a row, the one that shows most of it."""
    value = dotted((_ROWS, column.name))
    cells = [(layer, layer.cells[name]) for layer in layers if name in layer.cells]
    if not conditions:
        return _value(cells[0][1], value, column)
    cells.sort(key=lambda one: of_strictness(one[1]))
    whens: list[str] = []
    for layer, cell in cells:
        if layer.condition is None:
            return _case(whens, _value(cell, value, column))
        whens.append(f"WHEN {dotted((_ROWS, conditions[layer.condition]))} THEN {_value(cell, value, column)}")
    return _case(whens, f"CAST(NULL AS {column.type})")


def _case(whens: Sequence[str], otherwise: str) -> str:
    return f"CASE {' '.join(whens)} ELSE {otherwise} END" if whens else otherwise


def of_strictness(cell: Cell) -> tuple[int, tuple[int, int], str]:
    """A key that sorts cells: what shows most comes first."""
    return (0, (0, 0), "") if cell.mask is None else (1, cell.mask.rank, str(cell.mask))


def _value(cell: Cell, value: str, column: Column) -> str:
    return expression(cell.mask, value, column.type, cell.salt)
