"""Lineage without private models: what goes in through one comes out as one edge.

The ways into a node are sets of sources, one for each way of being made, and a set is a number with a bit for each
source: putting two steps together is then one operation for all sources at once, however many ways lead through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from weft.model.lineage import EdgeKind, LineageEdge, Transformation, hiding_of, table_of

CHANGES = (
    Transformation.IDENTITY,
    Transformation.SORT,
    Transformation.FILTER,
    Transformation.JOIN,
    Transformation.GROUP_BY,
    Transformation.WINDOW,
    Transformation.CONDITIONAL,
    Transformation.TRANSFORMATION,
    Transformation.AGGREGATION,
    Transformation.UNRESOLVED,
)
"""From the one that changes least to the one that changes most."""

Way = tuple[EdgeKind, Transformation, int]
"""Kind, transformation and what it hides, as in `LineageEdge.hiding`."""

_RANK = {how: rank for rank, how in enumerate(CHANGES)}


def collapsed(edges: Iterable[LineageEdge], *, keep: frozenset[str] = frozenset()) -> list[LineageEdge]:
    """The edges without private models: what goes in through one comes out as one edge. `keep` stays as it is.

    One edge for each source, target and kind: the one whose transformation changes most. Values that also come
    unmasked on another way are not masked, and not anonymous where they come so that they are not.
    """
    into: dict[str, list[LineageEdge]] = {}
    for edge in edges:
        into.setdefault(edge.target, []).append(edge)
    hidden = {
        node
        for node in {end for found in into.values() for edge in found for end in (edge.source, edge.target)}
        if node not in keep and ".~" in table_of(node)
    }
    ways = _Ways(into, hidden)
    return [edge for target in into if target not in hidden for edge in sorted(ways.edges(target))]


def then(first: Way, second: Way) -> Way:
    """Two steps in a row as one: direct only when both are, with the transformation that changes most."""
    hiding = (first[2] | second[2]) & 1 | max(first[2] >> 1, second[2] >> 1) << 1
    if second[0] is EdgeKind.INDIRECT:
        return EdgeKind.INDIRECT, second[1], hiding
    if first[0] is EdgeKind.INDIRECT:
        return EdgeKind.INDIRECT, first[1], hiding
    return EdgeKind.DIRECT, max(first[1], second[1], key=_RANK.__getitem__), hiding


def beside(one: int, other: int) -> int:
    """What two ways hide together: only what each does."""
    return one & other & 1 | min(one >> 1, other >> 1) << 1


class _Ways:
    """For each node the sources that are not hidden, by the way in which they get there."""

    def __init__(self, into: Mapping[str, Sequence[LineageEdge]], hidden: set[str]) -> None:
        self._into = into
        self._hidden = hidden
        self._sources: dict[str, int] = {}
        self._numbers: dict[Way, int] = {}
        self._ways: list[Way] = []
        self._in_a_row: dict[tuple[int, int], int] = {}
        self._found: dict[str, dict[int, int]] = {}

    def edges(self, target: str) -> Iterator[LineageEdge]:
        """The edges into a node."""
        found = self._of(target)
        names = list(self._sources)
        for kind in EdgeKind:
            best: dict[int, tuple[Transformation, int]] = {}
            for number, sources in found.items():
                its_kind, how, hiding = self._ways[number]
                if its_kind is kind:
                    for at in _bits(sources):
                        known = best.get(at, (how, hiding))
                        best[at] = (max(known[0], how, key=_RANK.__getitem__), beside(known[1], hiding))
            for at, (how, hiding) in best.items():
                yield LineageEdge(names[at], target, kind, how, *hiding_of(hiding))

    def _of(self, target: str) -> Mapping[int, int]:
        """The ways into a node, those into the hidden nodes before it first: without recursion, chains may be long."""
        waiting = [target]
        begun: set[str] = set()
        while waiting:
            node = waiting[-1]
            if node not in self._found and node not in begun:
                begun.add(node)  # a cycle cannot be, but must not hang us either
                waiting += [
                    edge.source
                    for edge in self._into.get(node, ())
                    if edge.source in self._hidden and edge.source not in self._found and edge.source not in begun
                ]
                continue
            waiting.pop()
            if node not in self._found:
                self._found[node] = self._step(node)
        return self._found[target]

    def _step(self, node: str) -> dict[int, int]:
        found: dict[int, int] = {}
        for edge in self._into.get(node, ()):
            own = self._number((edge.kind, edge.transformation, edge.hiding))
            if edge.source in self._hidden:
                for before, sources in self._found.get(edge.source, {}).items():
                    way = self._in_a_row.get((before, own))
                    if way is None:
                        way = self._number(then(self._ways[before], self._ways[own]))
                        self._in_a_row[before, own] = way
                    found[way] = found.get(way, 0) | sources
            else:
                bit = 1 << self._sources.setdefault(edge.source, len(self._sources))
                found[own] = found.get(own, 0) | bit
        return found

    def _number(self, way: Way) -> int:
        number = self._numbers.get(way)
        if number is None:
            number = self._numbers[way] = len(self._ways)
            self._ways.append(way)
        return number


def _bits(number: int) -> Iterator[int]:
    """The places of the bits that are set."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest
