"""The layout that a contract wants for its table: partition (Source: ODCS, `partitioned`) and order of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from weft.errors import Diagnostic, did_you_mean, error
from weft.model.column import Column
from weft.model.layout import (
    TRANSFORMS,
    Layout,
    PartitionField,
    SortField,
    sortable,
    transform_fits,
    usual_transform,
    width_of,
)
from weft.model.odcs import Contract, Property, SchemaObject

TRANSFORM = "weft.partitionTransform"
SORT_POSITION = "weft.sortKeyPosition"


def layout_of(contract: Contract, columns: Sequence[Column]) -> Layout:
    """How the table's files are laid out.

    A time is parted by its day, any other column by its value, unless `weft.partitionTransform` says another way.
    Without a `weft.sortKeyPosition` a parted table is sorted by its partition's columns, then by its primary key.
    """
    types = {c.name: c.type for c in columns}
    table = contract.table
    parts = [p for p in _partition_keys(table) if p.name in types]
    stated = [p for p in _sort_keys(table) if p.name in types]
    order = stated or ([*parts, *(p for p in _primary_keys(table) if p.name in types)] if parts else [])
    return Layout(
        tuple(PartitionField(p.name, _transform(p, types[p.name])) for p in parts),
        tuple(SortField(name) for name in dict.fromkeys(p.name for p in order if sortable(types[p.name]))),
    )


def layout_wishes(table: SchemaObject) -> list[Any]:
    """What the layout depends on, for a digest; empty when the contract wants none."""
    parts, stated = _partition_keys(table), _sort_keys(table)
    if not parts and not stated:
        return []
    keys = [] if stated else [p.name for p in _primary_keys(table)]
    return [[[p.name, p.custom.get(TRANSFORM)] for p in parts], [p.name for p in stated], keys]


def layout_problems(contract: Contract, columns: Sequence[Column]) -> Iterator[Diagnostic]:
    """WFT-CON-020 for a partition that files cannot have, WFT-CON-021 for an order that they cannot have."""
    types = {c.name: c.type for c in columns}
    for prop in contract.table.properties:
        if TRANSFORM in prop.custom and not _partitioned(prop):
            yield error(
                "WFT-CON-020",
                f"column `{prop.name}` has a `{TRANSFORM}`, and is not `partitioned`",
                contract.where(prop.pointer),
                fix="write `partitioned: true` beside it, or take it away",
            )
        if SORT_POSITION in prop.custom and not _is_position(prop.custom[SORT_POSITION]):
            yield error(
                "WFT-CON-021",
                f"`{SORT_POSITION}` of column `{prop.name}` is no position",
                contract.where(prop.pointer),
                fix="write a number from 1 on",
            )
    for prop in _partition_keys(contract.table):
        if prop.name in types:
            yield from _partition_problems(contract, prop, types[prop.name])
    for prop in _sort_keys(contract.table):
        if prop.name in types and not sortable(types[prop.name]):
            yield error(
                "WFT-CON-021",
                f"files cannot be sorted by column `{prop.name}`, whose type is {types[prop.name]}",
                contract.where(prop.pointer),
                why="Iceberg has an order for plain values: numbers, texts, booleans, dates and times",
                fix=f"take `{SORT_POSITION}` away, or name another column",
            )


def _partition_problems(contract: Contract, prop: Property, type_: str) -> Iterator[Diagnostic]:
    stated = prop.custom.get(TRANSFORM)
    transform = _transform(prop, type_)
    fitting = [t for t in TRANSFORMS if transform_fits(t.replace("N", "16"), type_)]
    known = transform in TRANSFORMS or width_of(transform) is not None
    if stated is not None and not known:
        yield error(
            "WFT-CON-020",
            f"`{TRANSFORM}: {stated}` of column `{prop.name}` is none that weft writes",
            contract.where(prop.pointer),
            why=f"there are {', '.join(TRANSFORMS)}",
            fix=did_you_mean(str(stated), list(TRANSFORMS), otherwise="write one of them"),
        )
    elif not transform_fits(transform, type_):
        yield error(
            "WFT-CON-020",
            f"a table cannot be parted by {transform} of column `{prop.name}`, whose type is {type_}",
            contract.where(prop.pointer),
            why=f"of this type there are: {', '.join(fitting)}" if fitting else "rows of this type share no value",
            fix="choose another column"
            + (f", or write `{TRANSFORM}: {fitting[0]}`" if fitting else " of numbers, texts, dates or times"),
        )


def _partition_keys(table: SchemaObject) -> list[Property]:
    found = [p for p in table.properties if _partitioned(p)]
    return sorted(found, key=lambda p: _position(p.data.get("partitionKeyPosition")))


def _sort_keys(table: SchemaObject) -> list[Property]:
    found = [p for p in table.properties if _is_position(p.custom.get(SORT_POSITION))]
    return sorted(found, key=lambda p: _position(p.custom[SORT_POSITION]))


def _primary_keys(table: SchemaObject) -> list[Property]:
    return sorted((p for p in table.properties if p.primary_key), key=lambda p: p.key_position)


def _partitioned(prop: Property) -> bool:
    return prop.data.get("partitioned") is True


def _transform(prop: Property, type_: str) -> str:
    stated = prop.custom.get(TRANSFORM)
    return str(stated) if stated is not None else usual_transform(type_)


def _is_position(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _position(value: Any) -> float:
    """A column without a position stands behind those that have one (Source: ODCS, default -1)."""
    return value if _is_position(value) else float("inf")
