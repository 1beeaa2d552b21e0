"""Who downstream is affected by a change, down to the column."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from weft.errors import Where
from weft.model.address import Address, ProductAddress
from weft.model.lineage import LineageEdge, column_id, table_of
from weft.model.mesh import Mesh, Product
from weft.model.publication import PortState
from weft.plan.column_changes import ColumnDigests, moved
from weft.plan.desired import Desired
from weft.plan.downstream import Readers, Way, first_mention, is_port, other_rows, port_of, reached, steps
from weft.plan.values import Affected, Effect, Moved, Spared, Unaffected
from weft.registry.base import RegistryReader
from weft.registry.readers import readers_of

if TYPE_CHECKING:
    from weft.contracts.comparing.compatibility import Comparison

_HOPS = 2**31
"""However far: what a breaking change reaches is named to the last column."""

EDGES = 200_000
"""So many edges are followed for one port: a mesh of hundreds of products. A plan says when there are more."""


class Reach(Struct, frozen=True):
    """How far changes reach: columns downstream that depend on what changes, and readers that do not.

    Attributes:
        whole: ports that break as a whole, by a key or a rule of the table: whoever reads them may depend on it.
        readers: products that read a port that breaks.
        spared: columns of ports made from what changes that do not depend on it.
        truncated: whether there is more than was looked at.
    """

    affected: tuple[Affected, ...] = ()
    unaffected: tuple[Unaffected, ...] = ()
    whole: tuple[Address, ...] = ()
    readers: tuple[ProductAddress, ...] = ()
    spared: tuple[Spared, ...] = ()
    truncated: bool = False

    def __add__(self, other: Reach) -> Reach:
        return Reach(
            self.affected + other.affected,
            self.unaffected + other.unaffected,
            self.whole + other.whole,
            self.readers + other.readers,
            self.spared + other.spared,
            self.truncated or other.truncated,
        )

    def settled(self) -> Reach:
        """The same with each column once for what breaks it, else once for what may change it, else spared."""
        breaks = [a for a in dict.fromkeys(self.affected) if a.effect is Effect.BREAKS]
        broken = {a.column for a in breaks}
        may = {a.column: a for a in reversed(self.affected) if a.column not in broken}
        order = dict.fromkeys(a.column for a in self.affected if a.column in may)
        affected = (*breaks, *(may[column] for column in order))
        spared = {s.column: s for s in reversed(self.spared) if s.column not in broken and s.column not in may}
        kept = (
            ()
            if self.truncated
            else tuple(spared[c] for c in dict.fromkeys(s.column for s in self.spared) if c in spared)
        )
        return Reach(affected, tuple(dict.fromkeys(self.unaffected)), self.whole, self.readers, kept, self.truncated)


class Impact:
    """Answers from the registry's lineage; the mesh's files say where a reader names a column."""

    def __init__(self, reader: RegistryReader, mesh: Mesh, digests: ColumnDigests) -> None:
        self._reader = reader
        self._mesh = mesh
        self._digests = digests

    def moved(self, wanted: Desired, state: PortState) -> Moved | None:
        """Which columns of a published port a change of its models moves; None where they have not changed."""
        return moved(wanted, state, self._digests)

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
        edges, cut = self._edges(list(nodes))
        affected = tuple(
            self._affected(way, self._via(origin, target, nodes[origin]), Effect.BREAKS)
            for origin in nodes
            for target, way in reached([origin], edges).items()
            if self._counts(target, ports)
        )
        if any(c.verdict == "breaking" and c.column is None for c in comparison.changes):
            behind = self.of_values(address, Moved((), rows=True), ports)
            return Reach(affected, whole=(address,), readers=readers, truncated=cut) + behind
        hit = {table_of(a.column) for a in affected}
        unaffected = self._spared_readers(address, readers, broken, hit, ports)
        spared = self._spared(address, {a.column for a in affected}, Readers(self._mesh, ports), ports)
        return Reach(affected, tuple(unaffected), readers=readers, spared=tuple(spared), truncated=cut)

    def of_values(self, address: Address, change: Moved, ports: Mapping[Address, PortState]) -> Reach:
        """What uses the columns of a port that a change of its models moves, and which columns of its readers do not.

        Other rows may change every column of whatever is made from them, also where no value of theirs is used.
        """
        origins = [f"{address}.{column}" for column in change.columns]
        edges, cut = self._edges(origins)
        readers = Readers(self._mesh, ports)
        ways = reached(origins, edges)
        if change.rows:
            ways = {node: (str(address), *way[1:]) for node, way in ways.items()}
        moved_rows: dict[Address, Way] = {address: (str(address),)} if change.rows else {}
        columns = {str(port): _columns(port, ports) for port in ports}
        for table, way in other_rows({**{o: (o,) for o in origins}, **ways}, edges, columns).items():
            for port in readers.over(table):
                moved_rows.setdefault(port, way)
        for port, way in (moved_rows | readers.behind(moved_rows)).items():
            before = way if port in moved_rows else way[:-1]
            for node in columns.get(str(port), ()) if port != address else ():
                ways.setdefault(node, (*before, node))
        found = [way for node, way in ways.items() if self._counts(node, ports)]
        affected = tuple(self._affected(way, None, Effect.MAY_CHANGE) for way in found)
        spared = self._spared(address, {a.column for a in affected}, readers, ports)
        return Reach(affected, spared=tuple(spared), truncated=cut)

    def _edges(self, nodes: Sequence[str]) -> tuple[Sequence[LineageEdge], bool]:
        if not nodes:
            return (), False
        edges, cut = self._reader.lineage(nodes, up=False, depth=_HOPS, limit=EDGES)
        return edges, cut

    def _counts(self, node: str, ports: Mapping[Address, PortState]) -> bool:
        return is_port(node) and not _retired(port_of(node), ports)

    def _affected(self, way: Sequence[str], via: str | None, effect: Effect) -> Affected:
        target = way[-1]
        product = port_of(target).of_product
        path = steps(way, self._mesh)
        owner = self._owner(product)
        if via is None:
            inside = [s.where for s in path if s.where is not None and s.node.startswith(f"{product}.")]
            via = f"owner {owner}, {inside[0]}" if inside else f"owner {owner}"
        return Affected(target, way[0], via, effect, owner, path)

    def _spared(
        self, address: Address, hit: Collection[str], readers: Readers, ports: Mapping[Address, PortState]
    ) -> Iterator[Spared]:
        """Columns of ports made from a port, near and far, that are not among those that were hit."""
        for port, way in readers.behind({address: (str(address),)}).items():
            owner = self._owner(port.of_product)
            yield from (Spared(node, str(address), owner, way) for node in _columns(port, ports) if node not in hit)

    def _spared_readers(
        self,
        address: Address,
        readers: Sequence[ProductAddress],
        broken: Sequence[str],
        hit: Collection[str],
        ports: Mapping[Address, PortState],
    ) -> Iterator[Unaffected]:
        """Ports made from a port, near and far, and products that read it, none of whose columns depend on it."""
        none = f"none of its columns depend on {_listed([f'`{c}`' for c in broken])}"
        made = Readers(self._mesh, ports).behind({address: (str(address),)}, beside=False)
        for port, way in made.items():
            if str(port) not in hit and port.of_product != address.of_product:
                yield Unaffected(
                    str(port), str(address), f"reads `{way[-2]}`, {none}{self._named(port, address, broken)}"
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
        product = self._mesh.products.get(port_of(target).of_product)
        declared = self._mesh.port(port_of(target))
        owner = f"owner {self._owner(port_of(target).of_product)}"
        if product is None or declared is None:
            return owner
        place = _mention(product, port_of(origin), column, {m.name for m in product.needs(declared.model)})
        return f"{owner}, {place}" if place else owner

    def _owner(self, product: ProductAddress) -> str:
        declared = self._mesh.domains.get(product.domain)
        record = self._reader.domains().get(product.domain) if declared is None else None
        return declared.owner_team if declared else record.owner_team if record else product.domain


def _columns(port: Address, ports: Mapping[Address, PortState]) -> list[str]:
    """The nodes of a port's columns."""
    return [f"{port}.{column_id(column.name)}" for column in ports[port].columns] if port in ports else []


def _retired(address: Address, ports: Mapping[Address, PortState]) -> bool:
    return address in ports and ports[address].retired


def _listed(names: Sequence[str]) -> str:
    return " or ".join(names)


def _mention(product: Product, origin: Address, column: str, models: Collection[str]) -> Where | None:
    """The first line of the product's SQL that names the column, in one of the models that reads the port."""
    ports = {i.name for i in product.inputs if i.binding == origin}
    for model in product.models:
        if not ports & {r.name for r in model.references} or model.name not in models:
            continue
        place = first_mention(model, column)
        if place is not None:
            return place
    return None
