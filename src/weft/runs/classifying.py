"""The classification of a repository's columns along lineage: of its files, and registered of what it reads."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from weft.errors import Diagnostic
from weft.governance.declaring import (
    Column,
    anonymisation_problems,
    columns_of,
    declared_of_port,
    declared_of_product,
    says_anything,
)
from weft.governance.propagation import Declared, Propagation
from weft.governance.standing import Standing, lowered, marks_of, standings
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.lineage import LineageEdge, column_id, table_of
from weft.model.mesh import Product, Source
from weft.model.odcs import published_contract
from weft.plan import order
from weft.plan.desired import Desired
from weft.plan.downstream import is_port
from weft.plan.repository import Repository
from weft.plan.selection import closure, reversed_graph
from weft.registry.base import RegistryReader
from weft.runs.lineage import Edges, edges_of

_HOPS = 2**31
_MOST = 1_000_000
"""So many registered edges are followed upstream of what a repository reads."""


class Classified(Struct, frozen=True):
    """How columns of a repository's ports stand, and of sources that have contracts.

    Attributes:
        truncated: whether more is registered upstream than was followed.
    """

    standings: tuple[Standing, ...]
    problems: tuple[Diagnostic, ...]
    truncated: bool = False


def classified(repository: Repository, lineage: Edges, reader: RegistryReader, *, upstream: bool = True) -> Classified:
    """How the columns of a repository's ports stand, and what is wrong with what their contracts declare.

    Args:
        lineage: column edges of one model.
        upstream: whether to look what columns downstream say, too, and at columns of which nobody has said anything.
    """
    by_product: dict[ProductAddress, list[Desired]] = {}
    for one in repository.desired.values():
        by_product.setdefault(one.port.address.of_product, []).append(one)
    foreign = _foreign(repository)
    said = {p.address for p in repository.order if says_anything(p)} | {a.of_product for a in foreign}
    touched = closure(said, reversed_graph(order.reads(repository.mesh)))
    edges: list[LineageEdge] = []
    for product in repository.order:
        if product.address in touched and product.address in by_product:
            edges += edges_of(product, by_product[product.address], (), lineage)
    behind, truncated = _registered(repository, foreign, reader)
    declared = _declared_elsewhere(repository, behind)
    columns: list[Column] = []
    problems: list[Diagnostic] = []
    for product in repository.order:
        if product.address in touched:
            declared |= declared_of_product(product)
        if product.address in touched or upstream:
            columns += [c for port in product.outputs for c in columns_of(str(port.address), port.contract)]
        if upstream:
            columns += _of_sources(product)
        for port in product.outputs:
            problems += anonymisation_problems(port.contract)
    mesh = Propagation([*behind, *edges], declared)
    marks = marks_of(edges, _marked(columns)) if upstream else None
    found = standings(columns, mesh, marks)
    problems += [told for one in found if (told := lowered(one)) is not None]
    return Classified(tuple(found), tuple(problems), truncated)


def _foreign(repository: Repository) -> list[Address]:
    """The ports that the repository reads and does not build."""
    bound = {
        entry.binding
        for one in repository.desired.values()
        for entry in one.inputs
        if not isinstance(entry.binding, Source)
    }
    return sorted(bound - repository.desired.keys())


def _registered(
    repository: Repository, foreign: Sequence[Address], reader: RegistryReader
) -> tuple[Sequence[LineageEdge], bool]:
    """The registered edges of which ports that are read are made."""
    ports = repository.registered.ports
    nodes = [f"{a}.{column_id(c.name)}" for a in foreign if a in ports for c in ports[a].columns]
    if not nodes:
        return (), False
    edges, cut = reader.lineage(nodes, up=True, depth=_HOPS, limit=_MOST)
    return (edges, False) if not cut else table_by_table(foreign, reader)


def table_by_table(foreign: Sequence[Address], reader: RegistryReader) -> tuple[Sequence[LineageEdge], bool]:
    """The registered edges upstream of ports, asked for table by table, and whether some were left out.

    For lineage of which there is more than is answered at once: a server has its own bound.
    """
    found: dict[LineageEdge, None] = {}
    waiting = [str(address) for address in foreign]
    met, truncated = set(waiting), False
    while waiting and len(found) < _MOST:
        nodes = reader.nodes_of(waiting.pop())
        edges, cut = reader.lineage(nodes, up=True, depth=1, limit=_MOST) if nodes else ((), False)
        truncated = truncated or cut
        found.update(dict.fromkeys(edges))
        farther = {table_of(edge.source) for edge in edges if is_port(edge.source)} - met
        met |= farther
        waiting += sorted(farther)
    return list(found), truncated or bool(waiting)


def _declared_elsewhere(repository: Repository, behind: Sequence[LineageEdge]) -> dict[str, Declared]:
    """What the registered contracts of ports declare that stand in edges and in no file."""
    tables = {table_of(end) for edge in behind for end in (edge.source, edge.target) if is_port(end)}
    tables |= {str(address) for address in _foreign(repository)}
    found: dict[str, Declared] = {}
    for table in sorted(tables):
        state = repository.registered.ports.get(parse_address(table))
        if state is not None and state.address not in repository.desired:
            found |= declared_of_port(table, published_contract(state))
    return found


def _of_sources(product: Product) -> list[Column]:
    """The columns of a product's sources that have contracts: what is made from them may say what they are."""
    found: list[Column] = []
    for entry in product.inputs:
        if isinstance(entry.binding, Source) and entry.binding.contract is not None:
            found += columns_of(f"{product.address}.{entry.name}", entry.binding.contract)
    return found


def _marked(columns: Sequence[Column]) -> dict[str, Declared]:
    """What contracts name of columns, by node."""
    return {c.node: Declared(c.level, c.tags) for c in columns if c.level is not None or c.tags}
