"""The mesh product by product: what stands next to one, without loading more of it than that."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from weft.catalog.lineage import node_name
from weft.model.address import ProductAddress, parse_address
from weft.model.collapsing import collapsed
from weft.model.lineage import EdgeKind, LineageEdge
from weft.model.publication import PortState
from weft.model.records import ProductRecord
from weft.registry.base import RegistryReader

MOST_HOPS = 20
"""How far an effect is followed."""


class Neighbours(Struct, frozen=True):
    """What stands next to a product or source: products and sources before it, products behind it."""

    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()


class Around:
    """Products and what stands next to them, for one question: each is read once.

    Attributes:
        cut: whether some product has more edges than were read.

    Args:
        hidden: which addresses are not for whoever asks.
    """

    def __init__(self, reader: RegistryReader, hidden: Callable[[str], bool]) -> None:
        self.reader = reader
        self.cut = False
        self._hidden = hidden
        self._records: dict[str, ProductRecord | None] = {}
        self._ports: dict[str, tuple[PortState, ...]] = {}
        self._neighbours: dict[str, Neighbours] = {}

    def product(self, name: str) -> ProductRecord | None:
        """A product; None where there is none, or none for whoever asks."""
        if name not in self._records:
            domain, _, product = name.partition(".")
            shown = not self._hidden(name)
            self._records[name] = self.reader.product(ProductAddress(domain, product)) if shown else None
        return self._records[name]

    def ports(self, name: str) -> tuple[PortState, ...]:
        """The ports of a product that are for whoever asks; of one that is retired those that it had."""
        if name not in self._ports:
            domain, _, product = name.partition(".")
            found = [
                s for s in self.reader.ports_of(ProductAddress(domain, product)) if not self._hidden(str(s.address))
            ]
            self._ports[name] = tuple([s for s in found if not s.retired] or found)
        return self._ports[name]

    def neighbours(self, name: str) -> Neighbours:
        """What a product is made from and who reads it; of a source, the product that declares it."""
        if name not in self._neighbours:
            self._neighbours[name] = self._found(name)
        return self._neighbours[name]

    def within(self, start: str, *, up: bool, depth: int, most: int) -> tuple[dict[str, int], bool]:
        """Hops by name of a product and of what lies one way of it, and whether there is more than `most`."""
        hops, waiting = {start: 0}, deque([start])
        while waiting:
            name = waiting.popleft()
            if hops[name] >= depth:
                continue
            beside = self.neighbours(name)
            for far in beside.up if up else beside.down:
                if far not in hops:
                    if len(hops) >= most:
                        return hops, True
                    hops[far] = hops[name] + 1
                    waiting.append(far)
        return hops, False

    def between(self, first: str, last: str, most: int) -> tuple[dict[str, int], bool]:
        """Hops by name of all on some way from one product down to another; nothing where there is no way.

        Only what is before the last one is read, and no more than `most` of it.
        """
        before, cut = self.within(last, up=True, depth=most, most=most)
        if first not in before:
            return {}, cut
        after: dict[str, list[str]] = {}
        for name in before:
            for source in self.neighbours(name).up:
                if source in before:
                    after.setdefault(source, []).append(name)
        hops, waiting = {first: 0}, deque([first])
        while waiting:
            name = waiting.popleft()
            for far in after.get(name, ()):
                if far not in hops:
                    hops[far] = hops[name] + 1
                    waiting.append(far)
        return hops, cut

    def into(self, name: str) -> list[LineageEdge]:
        """The edges of columns into the ports of a product, without its private models and without what is hidden."""
        nodes = [node for state in self.ports(name) for node in self.reader.nodes_of(str(state.address))]
        return self._shown(nodes, up=True, depth=1) if nodes else []

    def behind(self, nodes: Sequence[str]) -> list[LineageEdge]:
        """All edges of columns behind some columns."""
        return self._shown(nodes, up=False, depth=MOST_HOPS) if nodes else []

    def _shown(self, nodes: Sequence[str], *, up: bool, depth: int) -> list[LineageEdge]:
        edges, cut = self.reader.lineage(nodes, up=up, depth=depth)
        self.cut = self.cut or cut
        return [e for e in collapsed(edges) if not (self._hides(e.source) or self._hides(e.target))]

    def _hides(self, node: str) -> bool:
        name = node_name(node)
        return name is None or name.private or self._hidden(name.table) or self._hidden(product_of(name.table))

    def _found(self, name: str) -> Neighbours:
        if name.count(".") > 1:
            return Neighbours(down=(product_of(name),)) if self.product(product_of(name)) is not None else Neighbours()
        record = self.product(name)
        if record is None:
            return Neighbours()
        states = self.ports(name)
        reads = (str(parse_address(port).of_product) for port in record.reads if not self._hidden(port))
        sources = (f"{name}.{one[7:]}" for s in states for one in s.upstream if one.startswith("source:"))
        readers = (str(reader) for s in states for reader in self.reader.consumers(s.address))
        return Neighbours(
            (*self._known(reads, name), *sorted(set(sources))),
            tuple(sorted(self._known(readers, name))),
        )

    def _known(self, names: Iterable[str], own: str) -> tuple[str, ...]:
        return tuple(n for n in dict.fromkeys(names) if n != own and self.product(n) is not None)


def product_of(node: str) -> str:
    """The product that a port, source or column belongs to."""
    return ".".join(node.split(".", 2)[:2])


def affected(edges: Iterable[LineageEdge], start: Sequence[str]) -> dict[str, bool]:
    """Columns that a change of some columns comes to: whether its values flow there, or it only decides on rows."""
    direct, every = dict[str, list[str]](), dict[str, list[str]]()
    for edge in edges:
        every.setdefault(edge.source, []).append(edge.target)
        if edge.kind is EdgeKind.DIRECT:
            direct.setdefault(edge.source, []).append(edge.target)
    flows, reached = _reached(direct, start), _reached(every, start)
    return {node: node in flows for node in reached}


def _reached(edges: dict[str, list[str]], start: Sequence[str]) -> dict[str, None]:
    met, waiting = dict.fromkeys(start), deque(start)
    while waiting:
        for far in edges.get(waiting.popleft(), ()):
            if far not in met:
                met[far] = None
                waiting.append(far)
    return {node: None for node in met if node not in start}
