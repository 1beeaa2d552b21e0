"""Lineage of a product as edges between nodes of the mesh."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import msgpack
from msgspec.structs import astuple

from weft.errors import Diagnostic, Where, warning
from weft.model.address import Address
from weft.model.lineage import Anonymisation, ColumnEdge, EdgeKind, LineageEdge, Transformation, column_id, table_of
from weft.model.mesh import Model, Product
from weft.plan.binding import Remembered
from weft.plan.desired import Desired, models_of
from weft.runs.python_models import python_edges
from weft.sql.kept_tables import table_sql

_READING = 6
"""Goes up when the edges of the same SQL become other ones."""


Edges = Callable[[str, str, dict[str, tuple[str, ...]], tuple[str, ...]], tuple[ColumnEdge, ...]]
"""Column edges of one model, by its digest, its SQL, the columns of what it reads and its own."""


def edges_of(
    product: Product, wanted: Sequence[Desired], published: Collection[Address], lineage: Edges
) -> list[LineageEdge]:
    """Every edge into the ports of a product that are built, and into the models that they need.

    A port of the product that is published and not built keeps the edges of the rows that it serves.
    """
    columns: dict[str, tuple[str, ...]] = {}
    ports = {port.model.name: port.address for port in product.outputs}
    served = set(published).difference(one.port.address for one in wanted)
    found: dict[LineageEdge, None] = {}
    for one in wanted:
        for entry in one.inputs:
            columns.setdefault(entry.name, one.input_columns[entry.name])
    for model in models_of(wanted):
        columns[model.name] = _columns_of(model, wanted)
        if ports.get(model.name) in served:
            continue
        read = {r.name: columns[r.name] for r in model.references}
        if model.python is None:
            table = table_sql(model.sql, model.kept)
            digest = model.digest if table == model.sql else hashlib.sha256(table.encode()).hexdigest()
            edges = lineage(digest, table, read, columns[model.name])
        else:
            edges = python_edges(model, read, columns[model.name])
        target = _node(product, model.name, ports)
        sources = {table: _node(product, table, ports) for table in {edge.source_table for edge in edges}}
        for edge in edges:
            found[
                LineageEdge(
                    f"{sources[edge.source_table]}.{column_id(edge.source)}",
                    f"{target}.{column_id(edge.target)}",
                    edge.kind,
                    edge.transformation,
                    edge.masking,
                    edge.anonymised,
                )
            ] = None
    return list(found)


def unresolved(product: Product, edges: Sequence[LineageEdge]) -> list[Diagnostic]:
    """A warning for each model of which weft could not say what its columns are made from."""
    nodes = {f"{product.address}.~{m.name}": m for m in product.models}
    nodes |= {str(port.address): port.model for port in product.outputs}
    columns: dict[str, dict[str, None]] = {}
    for edge in edges:
        if edge.transformation is Transformation.UNRESOLVED:
            table = table_of(edge.target)
            columns.setdefault(table, {})[edge.target.removeprefix(f"{table}.")] = None
    return [
        warning(
            "WFT-SQL-012",
            f"what {', '.join(f'`{c}`' for c in found)} of `{model.name}` is made from could not be resolved",
            Where(model.file, model.first_line),
            why="its lineage names every column that it might be made from",
            fix="name columns instead of `*`, and the table before each"
            if model.python is None
            else 'declare it in the header: `[tool.weft.lineage]`, `column = ["input.column"]`',
        )
        for model, found in ((nodes[table], names) for table, names in columns.items())
    ]


def _columns_of(model: Model, wanted: Sequence[Desired]) -> tuple[str, ...]:
    return next(one.model_columns[model.name] for one in wanted if model.name in one.model_columns)


def _node(product: Product, name: str, ports: Mapping[str, Address]) -> str:
    """The node of a table that a model names, without its column: the same whatever is built.

    Args:
        ports: every port of the product, by its model.
    """
    if name in ports:
        return str(ports[name])
    if product.model(name) is not None:
        return f"{product.address}.~{name}"
    entry = product.input(name)
    if entry is not None and isinstance(entry.binding, Address):
        return str(entry.binding)
    return f"{product.address}.{name}"


def cached_lineage(
    cache: Remembered, digest: str, sql: str, columns: Mapping[str, tuple[str, ...]], outputs: tuple[str, ...]
) -> tuple[ColumnEdge, ...]:
    """Column edges of one model; computed once for the same SQL over the same columns."""
    key = hashlib.sha256(json.dumps([_READING, digest, sorted(columns.items()), outputs]).encode()).hexdigest()
    known = cache.get("column edges", key)
    if known is None:
        from weft.sql.lineage import column_lineage

        edges = column_lineage(sql, columns, outputs)
        cache.put_many("column edges", {key: msgpack.encode([astuple(e) for e in edges])})
        return edges
    return tuple([ColumnEdge(*edge) for edge in _known_edges(known)])


_known_edges = msgpack.Decoder(list[tuple[str, str, str, EdgeKind, Transformation, bool, Anonymisation]]).decode
