"""The lineage view: what a port or column is made from and what is made from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.catalog.finding import unknown
from weft.errors import UsageError, did_you_mean, error
from weft.model.address import Address, is_slug
from weft.model.collapsing import CHANGES, collapsed
from weft.model.lineage import EdgeKind, LineageEdge, column_id, column_name
from weft.registry.base import RegistryReader


class Node(Struct, frozen=True):
    """A port, model, source or one of their columns."""

    id: str
    kind: str

    def as_json(self) -> dict[str, str]:
        """The node as `weft lineage --format json` prints it."""
        return {"id": self.id, "kind": self.kind}


class LineageView(Struct, frozen=True):
    """Nodes and edges around `root`; `truncated` when there are more than were read."""

    root: str
    nodes: tuple[Node, ...]
    edges: tuple[LineageEdge, ...]
    truncated: bool

    def as_json(self) -> dict[str, Any]:
        """The view in the shape that `weft lineage --format json` prints."""
        return {
            "root": self.root,
            "nodes": [n.as_json() for n in self.nodes],
            "edges": [
                {
                    "from": e.source,
                    "to": e.target,
                    "kind": e.kind.value,
                    "transformation": e.transformation.value,
                    "masking": e.masking,
                }
                for e in self.edges
            ],
            "truncated": self.truncated,
        }


class NodeName(Struct, frozen=True):
    """A node id in its parts. `table` is `domain.product.port@major`, `…~model` or `…INPUT`.

    `column` is as it stands in the id: quoted when the name is not plain, a path when it is a nested field.
    """

    table: str
    column: str | None

    @property
    def private(self) -> bool:
        """Whether it belongs to a private model."""
        return ".~" in self.table

    @property
    def kind(self) -> str:
        """port, model, source or column."""
        if self.private:
            return "model"
        if "@" not in self.table.rsplit(".", 1)[-1]:
            return "source"
        return "port" if self.column is None else "column"


def node_name(text: str) -> NodeName | None:
    """The parts of a node id; None when it is none.

    >>> node_name("fleet.aircraft.planes@1.tailnum")
    NodeName(table='fleet.aircraft.planes@1', column='tailnum')
    >>> node_name('fleet.aircraft.planes."odd.name"').column
    '"odd.name"'
    """
    pieces = text.strip().split(".", 3)
    if len(pieces) < 3 or not (is_slug(pieces[0]) and is_slug(pieces[1]) and pieces[2]):
        return None
    return NodeName(".".join(pieces[:3]), pieces[3] if len(pieces) == 4 and pieces[3] else None)


def lineage(
    reader: RegistryReader, text: str, *, up: bool = False, down: bool = False, depth: int = 5, private: bool = False
) -> LineageView:
    """The lineage around a port, source, private model or one of their columns; with neither flag both ways.

    Raises:
        UsageError: WFT-CAT-001, there is no such node.
    """
    name = _known(reader, text)
    if name.column is None:
        start: Sequence[str] = reader.nodes_of(name.table)
        root = name.table
    else:
        root = _column_node(reader, name.table, name.column)
        start = [root]
    found: dict[LineageEdge, None] = {}
    truncated = False
    for direction in ((True, up or not down), (False, down or not up)):
        if direction[1] and start:
            edges, cut = reader.lineage(start, up=direction[0], depth=depth)
            found.update(dict.fromkeys(edges))
            truncated = truncated or cut
    edges = list(found)
    if not private:
        edges = collapsed(edges, keep=frozenset(start))
    if name.column is None:
        edges = of_tables(edges)
    ids = dict.fromkeys([root, *(end for e in edges for end in (e.source, e.target))])
    return LineageView(root, tuple(Node(i, _kind(i)) for i in sorted(ids)), tuple(sorted(edges)), truncated)


def of_tables(edges: Iterable[LineageEdge]) -> list[LineageEdge]:
    """Edges between columns as edges between their tables: one for each pair, direct if any is."""
    pairs: dict[tuple[str, str], LineageEdge] = {}
    for edge in edges:
        source, target = _table(edge.source), _table(edge.target)
        if source == target:
            continue
        known = pairs.get((source, target))
        if known is None or (known.kind is EdgeKind.INDIRECT and edge.kind is EdgeKind.DIRECT):
            pairs[source, target] = replace(edge, source=source, target=target)
        elif known.kind is edge.kind and known.kind is EdgeKind.DIRECT:
            how = max((known.transformation, edge.transformation), key=CHANGES.index)
            # all of a table's values are masked only when every column's are
            pairs[source, target] = replace(known, transformation=how, masking=known.masking and edge.masking)
    return list(pairs.values())


def _known(reader: RegistryReader, text: str) -> NodeName:
    name = node_name(text)
    if name is None:
        raise unknown(reader, text)
    domain, product, table = name.table.split(".")
    port, _, major = table.partition("@")
    if is_slug(port) and (not major or major.isdigit()):
        state = reader.port(Address(domain, product, port, int(major) if major else None))
        if state is not None:
            name = NodeName(str(state.address), name.column)
            _require_column(name, [c.name for c in state.columns], reader)
            return name
    nodes = reader.nodes_of(name.table)
    if not nodes:
        raise unknown(reader, name.table)
    _require_column(
        name, [column_name(found.column) for n in nodes if (found := node_name(n)) and found.column], reader
    )
    return name


def _column_node(reader: RegistryReader, table: str, column: str) -> str:
    """The node of a column, whether its name is written quoted, as a path, or plain."""
    nodes = set(reader.nodes_of(table))
    plain = column_name(column)
    written = (column, plain, column_id(plain))
    return next((n for n in (f"{table}.{c}" for c in written) if n in nodes), f"{table}.{column}")


def _require_column(name: NodeName, columns: Sequence[str], reader: RegistryReader) -> None:
    if name.column is None or not columns or column_name(name.column) in columns:
        return
    if _column_node(reader, name.table, name.column) in reader.nodes_of(name.table):
        return  # a field of a nested column
    raise UsageError(
        error(
            "WFT-CAT-001",
            f"`{name.table}` has no column `{name.column}`",
            fix=did_you_mean(name.column, columns, otherwise=f"its columns are {', '.join(columns)}"),
        )
    )


def _kind(node: str) -> str:
    name = node_name(node)
    return name.kind if name else "source"


def _table(node: str) -> str:
    name = node_name(node)
    return name.table if name else node
