"""Which edges of the lineage lie within so many hops of a node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from weft.model.lineage import EdgeKind, LineageEdge, Transformation, hiding_of, table_of

EdgeRow = tuple[str, str, str, str, int]
"""Source, target, kind, transformation and how it hides, as words and a number: ten thousand are quick to hold."""

_KINDS = {kind.value: kind for kind in EdgeKind}
_TRANSFORMATIONS = {how.value: how for how in Transformation}


def within(
    edges_at: Callable[[Sequence[str]], Iterable[EdgeRow]],
    nodes: Sequence[str],
    *,
    up: bool,
    depth: int,
    limit: int,
) -> tuple[list[LineageEdge], bool]:
    """Edges within `depth` hops of the nodes, and whether the limit cut them. Private models are no hop.

    Args:
        edges_at: the edges that end (`up`) or begin (else) at one of some nodes; never asked twice for a node.
    """
    found, cut = _rows(edges_at, nodes, up, depth, limit)
    return [edge_of(row) for row in found], cut


def edge_of(row: EdgeRow) -> LineageEdge:
    """The edge that a registry keeps as that row."""
    source, target, kind, how, hiding = row
    return LineageEdge(source, target, _KINDS[kind], _TRANSFORMATIONS[how], *hiding_of(hiding))


def _rows(
    edges_at: Callable[[Sequence[str]], Iterable[EdgeRow]], nodes: Sequence[str], up: bool, depth: int, limit: int
) -> tuple[list[EdgeRow], bool]:
    found: dict[EdgeRow, None] = {}
    met = set(nodes)
    front = list(met)
    while front and depth > 0:
        farther: list[str] = []
        while front:
            private: list[str] = []
            for row in edges_at(front):
                found[row] = None
                if len(found) > limit:
                    return list(found)[:limit], True
                far = row[0] if up else row[1]
                if far not in met:
                    met.add(far)
                    (private if ".~" in table_of(far) else farther).append(far)
            front = private
        front, depth = farther, depth - 1
    return list(found), False
