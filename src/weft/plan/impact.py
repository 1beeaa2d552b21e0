"""Who downstream is affected by a change, down to the column."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from weft.errors import Where
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.lineage import LineageEdge, column_id, table_of
from weft.model.mesh import Mesh, Product
from weft.model.publication import PortState
from weft.plan.values import Affected, Unaffected
from weft.registry.base import RegistryReader
from weft.registry.readers import readers_of

if TYPE_CHECKING:
    from weft.contracts.comparing.compatibility import Comparison

_ALL = 2**31
"""Hops and edges. What a breaking change reaches is named to the last column."""


class Reach(Struct, frozen=True):
    """How far changes reach: columns downstream that depend on what breaks, and readers that do not.

    Attributes:
        whole: ports that break as a whole, by a key or a rule of the table: whoever reads them may depend on it.
        readers: products that read a port that breaks.
    """

    affected: tuple[Affected, ...] = ()
    unaffected: tuple[Unaffected, ...] = ()
    whole: tuple[Address, ...] = ()
    readers: tuple[ProductAddress, ...] = ()

    def __add__(self, other: Reach) -> Reach:
        return Reach(
            self.affected + other.affected,
            self.unaffected + other.unaffected,
            self.whole + other.whole,
            self.readers + other.readers,
        )


class Impact:
    """Answers from the registry's lineage; the mesh's files say where a reader names a column."""

    def __init__(self, reader: RegistryReader, mesh: Mesh) -> None:
        self._reader = reader
        self._mesh = mesh

    def readers(self, address: Address, ports: Mapping[Address, PortState]) -> tuple[ProductAddress, ...]:
        """Other products that read a port, as they are registered; one whose ports are all retired reads nothing."""
        return readers_of(self._reader, address, ports)

    def of(self, address: Address, comparison: Comparison, ports: Mapping[Address, PortState]) -> Reach:
        """What depends on the columns that a comparison breaks, and which readers of the port do not.

        Args:
            ports: what is registered.
        """
        if comparison.verdict != "breaking":
            return Reach()
        readers = self.readers(address, ports)
        broken = comparison.broken_columns
        nodes = {f"{address}.{column_id(column)}": column for column in broken}
        edges, _ = self._reader.lineage(list(nodes), up=False, depth=_ALL, limit=_ALL) if nodes else ((), False)
        affected = tuple(
            Affected(target, origin, self._via(origin, target, nodes[origin]))
            for origin in nodes
            for target in _reached(origin, edges)
            if _is_port(target) and not _retired(_address(target), ports)
        )
        if any(c.verdict == "breaking" and c.column is None for c in comparison.changes):
            return Reach(affected, whole=(address,), readers=readers)
        hit = {table_of(a.column) for a in affected}
        unaffected = self._spared(address, readers, broken, hit, ports)
        return Reach(affected, tuple(unaffected), readers=readers)

    def _spared(
        self,
        address: Address,
        readers: Sequence[ProductAddress],
        broken: Sequence[str],
        hit: Collection[str],
        ports: Mapping[Address, PortState],
    ) -> Iterator[Unaffected]:
        """Ports made from a port, near and far, and products that read it, none of whose columns depend on it."""
        none = f"none of its columns depend on {_listed([f'`{c}`' for c in broken])}"
        made = _made_from(address, ports)
        for port, upstream in made.items():
            if str(port) not in hit and port.of_product != address.of_product:
                yield Unaffected(
                    str(port), str(address), f"reads `{upstream}`, {none}{self._named(port, address, broken)}"
                )
        for product in readers:
            if not any(p.of_product == product for p in made):
                yield Unaffected(
                    str(product), str(address), "declares it as an input port, no port of it is made from it"
                )

    def _named(self, port: Address, origin: Address, broken: Sequence[str]) -> str:
        """Where the SQL of a reader names a column all the same, so that it has to be looked at."""
        product = self._mesh.products.get(port.of_product)
        declared = self._mesh.port(port)
        if product is None or declared is None:
            return ""
        needed = {m.name for m in product.needs(declared.model)}
        places = [p for c in broken if (p := _mention(product, origin, c, needed)) is not None]
        return f"; look at {_listed([str(p) for p in places])}, where its SQL has that name" if places else ""

    def _via(self, origin: str, target: str, column: str) -> str:
        product = self._mesh.products.get(_address(target).of_product)
        declared = self._mesh.port(_address(target))
        owner = self._owner(_address(target).of_product)
        if product is None or declared is None:
            return owner
        place = _mention(product, _address(origin), column, {m.name for m in product.needs(declared.model)})
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


def _retired(address: Address, ports: Mapping[Address, PortState]) -> bool:
    return address in ports and ports[address].retired


def _is_port(node: str) -> bool:
    table = table_of(node)
    return "@" in table and ".~" not in table


def _address(node: str) -> Address:
    return parse_address(table_of(node))


def _made_from(address: Address, ports: Mapping[Address, PortState]) -> dict[Address, Address]:
    """The ports whose rows were made from a port, near and far, each with what it reads on the way."""
    readers: dict[str, list[Address]] = {}
    for state in ports.values():
        for read in state.upstream if not state.retired else ():
            readers.setdefault(read, []).append(state.address)
    found: dict[Address, Address] = {}
    waiting = [address]
    while waiting:
        upstream = waiting.pop(0)
        for reader in sorted(readers.get(str(upstream), ())):
            if reader not in found:
                found[reader] = upstream
                waiting.append(reader)
    return found


def _listed(names: Sequence[str]) -> str:
    return " or ".join(names)


def _mention(product: Product, origin: Address, column: str, models: Collection[str]) -> Where | None:
    """The first line of the product's SQL that names the column, in one of the models that reads the port."""
    ports = {i.name for i in product.inputs if i.binding == origin}
    for model in product.models:
        if not ports & {r.name for r in model.references} or model.name not in models:
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
