"""Which edges of the lineage lie within so many hops of a node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from weft.model.lineage import LineageEdge, table_of


def within(
    edges_at: Callable[[Sequence[str]], Iterable[LineageEdge]],
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
    found: dict[LineageEdge, None] = {}
    met = set(nodes)
    front = list(met)
    while front and depth > 0:
        farther: list[str] = []
        while front:
            private: list[str] = []
            for edge in edges_at(front):
                found[edge] = None
                if len(found) > limit:
                    return list(found)[:limit], True
                far = edge.source if up else edge.target
                if far not in met:
                    met.add(far)
                    (private if ".~" in table_of(far) else farther).append(far)
            front = private
        front, depth = farther, depth - 1
    return list(found), False
