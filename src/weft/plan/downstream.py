"""The way of a change: which nodes it reaches, over which nodes, and where in the files each reads the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from weft.errors import Where
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.lineage import EdgeKind, LineageEdge, Transformation, column_name, table_of
from weft.model.mesh import Mesh, Model, Product
from weft.model.publication import PortState
from weft.plan.values import Step


def is_port(node: str) -> bool:
    """Whether a node is a port or a column of one, and not a private model or a source."""
    table = table_of(node)
    return "@" in table and ".~" not in table


def port_of(node: str) -> Address:
    """The port of a column's node."""
    return parse_address(table_of(node))


def reached(origins: Sequence[str], edges: Iterable[LineageEdge]) -> dict[str, tuple[str, ...]]:
    """The nodes that edges lead to from any of the origins, each with a shortest way, its origin first."""
    targets: dict[str, list[str]] = {}
    for edge in edges:
        targets.setdefault(edge.source, []).append(edge.target)
    ways: dict[str, tuple[str, ...]] = {origin: (origin,) for origin in origins}
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


def other_rows(ways: Mapping[str, tuple[str, ...]], edges: Iterable[LineageEdge]) -> dict[str, tuple[str, ...]]:
    """The tables of which a node on the ways decides which rows there are, each with a way to one of its columns."""
    tables: dict[str, tuple[str, ...]] = {}
    for edge in edges:
        if edge.kind is EdgeKind.INDIRECT and edge.transformation in _OF_ROWS and edge.source in ways:
            tables.setdefault(table_of(edge.target), ways.get(edge.target, (*ways[edge.source], edge.target)))
    return tables


def made_from(address: Address, ports: Mapping[Address, PortState]) -> dict[Address, tuple[Address, ...]]:
    """The ports whose rows were made from a port, near and far, each with the ports on the way, itself last."""
    readers: dict[str, list[Address]] = {}
    for state in ports.values():
        for read in state.upstream if not state.retired else ():
            readers.setdefault(read, []).append(state.address)
    ways: dict[Address, tuple[Address, ...]] = {address: (address,)}
    waiting = [address]
    while waiting:
        upstream = waiting.pop(0)
        for reader in sorted(readers.get(str(upstream), ())):
            if reader not in ways:
                ways[reader] = (*ways[upstream], reader)
                waiting.append(reader)
    del ways[address]
    return ways


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
