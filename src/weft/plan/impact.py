"""Who downstream is affected by a change, down to the column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from weft.errors import Where
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.lineage import LineageEdge, column_id, table_of
from weft.model.mesh import Mesh, Product
from weft.plan.values import Affected
from weft.registry.base import RegistryReader

if TYPE_CHECKING:
    from weft.contracts.compatibility import Comparison

_DEPTH = 5
_ALL = 2**31
"""Edges. What a breaking change reaches is named to the last column."""


class Impact:
    """Answers from the registry's lineage; the mesh's files say where a reader names a column."""

    def __init__(self, reader: RegistryReader, mesh: Mesh) -> None:
        self._reader = reader
        self._mesh = mesh

    def readers(self, address: Address) -> Sequence[ProductAddress]:
        """Products that read a port."""
        return self._reader.consumers(address)

    def of(self, address: Address, comparison: Comparison) -> list[Affected]:
        """Columns of other products' ports that depend on the columns that a comparison breaks."""
        broken = comparison.broken_columns
        if not broken:
            return []
        nodes = {f"{address}.{column_id(column)}": column for column in broken}
        edges, _ = self._reader.lineage(list(nodes), up=False, depth=_DEPTH, limit=_ALL)
        return [
            Affected(target, origin, self._via(origin, target, nodes[origin]))
            for origin in nodes
            for target in _reached(origin, edges)
            if _is_port(target)
        ]

    def _via(self, origin: str, target: str, column: str) -> str:
        product = self._mesh.products.get(_address(target).of_product)
        owner = self._owner(_address(target).of_product)
        place = _mention(product, _address(origin), column) if product else None
        return f"{owner}, {place}" if place else owner

    def _owner(self, product: ProductAddress) -> str:
        declared = self._mesh.domains.get(product.domain)
        record = self._reader.domains().get(product.domain) if declared is None else None
        team = declared.owner_team if declared else record.owner_team if record else product.domain
        return f"owner {team}"


def _reached(origin: str, edges: Sequence[LineageEdge]) -> list[str]:
    targets: dict[str, list[str]] = {}
    for edge in edges:
        targets.setdefault(edge.source, []).append(edge.target)
    seen: dict[str, None] = {}
    waiting = [origin]
    while waiting:
        for target in targets.get(waiting.pop(0), ()):
            if target not in seen:
                seen[target] = None
                waiting.append(target)
    return list(seen)


def _is_port(node: str) -> bool:
    table = table_of(node)
    return "@" in table and ".~" not in table


def _address(node: str) -> Address:
    return parse_address(table_of(node))


def _mention(product: Product, origin: Address, column: str) -> Where | None:
    """The first line of the product's SQL that names the column, in a model that reads the port."""
    ports = {i.name for i in product.inputs if i.binding == origin}
    for model in product.models:
        if not ports & {r.name for r in model.references}:
            continue
        for number, line in enumerate(model.sql.splitlines()):
            code = line.partition("--")[0]
            at = _word(code, column)
            if at is not None:
                return Where(model.file, model.first_line + number, at + 1)
    return None


def _word(line: str, name: str) -> int | None:
    at = line.lower().find(name.lower())
    while at >= 0:
        before, after = line[at - 1 : at], line[at + len(name) : at + len(name) + 1]
        if not (before.isalnum() or before == "_") and not (after.isalnum() or after == "_"):
            return at
        at = line.lower().find(name.lower(), at + 1)
    return None
