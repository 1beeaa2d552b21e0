"""The way of a change: which nodes it reaches, over which nodes, and where in the files each reads the one before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from weft.errors import Where
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.lineage import EVERY, LineageEdge, Transformation, column_name, table_of
from weft.model.mesh import Mesh, Model, Product
from weft.model.publication import PortState
from weft.plan.values import Step

Way = tuple[str, ...]
"""Nodes one after the other, each of which reads the one before."""


def is_port(node: str) -> bool:
    """Whether a node is a port or a column of one, and not a private model or a source."""
    table = table_of(node)
    return "@" in table and ".~" not in table


def port_of(node: str) -> Address:
    """The port of a column's node."""
    return parse_address(table_of(node))


def reached(origins: Sequence[str], edges: Iterable[LineageEdge]) -> dict[str, Way]:
    """The nodes that edges lead to from any of the origins, each with a shortest way, its origin first."""
    targets: dict[str, list[str]] = {}
    for edge in edges:
        targets.setdefault(edge.source, []).append(edge.target)
    ways: dict[str, Way] = {origin: (origin,) for origin in origins}
    front = list(ways)
    while front:
        farther = []
        for node in front:
            for target in targets.get(node, ()):
                if target not in ways:
                    ways[target] = (*ways[node], target)
                    farther.append(target)
        front = farther
    return {node: way for node, way in ways.items() if node not in origins}


_OF_ROWS = frozenset(
    {
        Transformation.FILTER,
        Transformation.JOIN,
        Transformation.GROUP_BY,
        Transformation.SORT,
        Transformation.UNRESOLVED,
    }
)


def other_rows(
    ways: Mapping[str, Way], edges: Sequence[LineageEdge], columns: Mapping[str, Collection[str]]
) -> dict[str, Way]:
    """The tables of which a node on the ways decides which rows there are, each with a way to one of its columns.

    What decides rows goes into every column; what goes into some only, as the filter of an aggregate, does not.

    Args:
        columns: the columns of ports as nodes; of other tables those count that an edge leads to.
    """
    known: dict[str, set[str]] = {}
    decided: dict[tuple[str, str], dict[str, None]] = {}
    for edge in edges:
        table = table_of(edge.target)
        known.setdefault(table, set()).add(edge.target)
        if edge.transformation in _OF_ROWS and edge.source in ways:
            decided.setdefault((edge.source, table), {})[edge.target] = None
    tables: dict[str, Way] = {}
    for (source, table), targets in decided.items():
        if known[table].union(columns.get(table, ())) <= targets.keys() or f"{table}.{EVERY}" in targets:
            target = next(iter(targets))
            tables.setdefault(table, ways.get(target, (*ways[source], target)))
    return tables


class Readers:
    """Which ports are made from which, of their own product and of others.

    Args:
        ports: what is registered. Of products whose files are not at hand any port may be made from any private model.
    """

    def __init__(self, mesh: Mesh, ports: Mapping[Address, PortState]) -> None:
        self._mesh = mesh
        self._products: dict[ProductAddress, list[Address]] = {}
        self._others: dict[str, list[Address]] = {}
        for address, state in ports.items():
            if not state.retired:
                self._products.setdefault(address.of_product, []).append(address)
                for read in state.upstream:
                    self._others.setdefault(read, []).append(address)

    def needing(self, product: ProductAddress, model: str) -> list[Address]:
        """The ports of a product that need a model of it."""
        own = self._products.get(product, [])
        declared = self._mesh.products.get(product)
        if declared is None:
            return own
        needing = {p.address for p in declared.outputs if any(m.name == model for m in declared.needs(p.model))}
        return [a for a in own if a in needing]

    def over(self, table: str) -> list[Address]:
        """A port, or those that need a private model."""
        if is_port(table):
            return [parse_address(table)]
        domain, name, model = table.split(".", 2)
        return self.needing(ProductAddress(domain, name), model[1:])

    def of(self, address: Address, *, beside: bool = True) -> list[Address]:
        """The ports made from a port, those `beside` it in its product among them."""
        found = set(self._others.get(str(address), ()))
        declared = self._mesh.port(address) if beside else None
        if declared is not None:
            found.update(self.needing(address.of_product, declared.model.name))
        return sorted(found - {address})

    def behind(self, ways: Mapping[Address, Way], *, beside: bool = True) -> dict[Address, Way]:
        """Ports made from some, near and far, each with a way that goes on from the way to one of these."""
        found = dict(ways)
        waiting = list(ways)
        while waiting:
            upstream = waiting.pop(0)
            for reader in self.of(upstream, beside=beside):
                if reader not in found:
                    found[reader] = (*found[upstream], str(reader))
                    waiting.append(reader)
        return {address: way for address, way in found.items() if address not in ways}


def steps(way: Sequence[str], mesh: Mesh) -> tuple[Step, ...]:
    """The nodes of a way, each with where its model reads the one before, as far as the mesh has its files."""
    before = [None, *way[:-1]]
    return tuple(
        Step(node, None if last is None else _place(last, node, mesh)) for last, node in zip(before, way, strict=True)
    )


def first_mention(model: Model, column: str) -> Where | None:
    """The first line of a model's SQL that names a column."""
    for number, line in enumerate(model.sql.splitlines()):
        at = _word(line.partition("--")[0], column)
        if at is not None:
            return Where(model.file, model.first_line + number, at + 1)
    return None


def _place(last: str, node: str, mesh: Mesh) -> Where | None:
    """Where the model of a node names the column before it, else the table of that."""
    domain, name, table = table_of(node).split(".", 2)
    product = mesh.products.get(ProductAddress(domain, name))
    model = _model(product, table, table_of(node)) if product is not None else None
    if product is None or model is None:
        return None
    column = column_name(last.removeprefix(f"{table_of(last)}."))
    named = first_mention(model, column) if last != table_of(last) else None
    return named or next((r.where for r in model.references if _stands_for(product, r.name, table_of(last))), None)


def _model(product: Product, table: str, address: str) -> Model | None:
    if table.startswith("~"):
        return product.model(table[1:])
    return next((p.model for p in product.outputs if str(p.address) == address), None)


def _stands_for(product: Product, name: str, table: str) -> bool:
    """Whether a name in the product's SQL is a table of the mesh."""
    if table == f"{product.address}.~{name}":
        return True
    if any(str(p.address) == table and p.model.name == name for p in product.outputs):
        return True
    entry = product.input(name)
    return entry is not None and table == (
        str(entry.binding) if isinstance(entry.binding, Address) else f"{product.address}.{name}"
    )


def _word(line: str, name: str) -> int | None:
    at = line.lower().find(name.lower())
    while at >= 0:
        before, after = line[at - 1 : at], line[at + len(name) : at + len(name) + 1]
        if not (before.isalnum() or before == "_") and not (after.isalnum() or after == "_"):
            return at
        at = line.lower().find(name.lower(), at + 1)
    return None
