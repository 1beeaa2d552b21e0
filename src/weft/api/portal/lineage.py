"""The lineage explorer: what is shown for an address of it, and where each of its links leads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import asdict, replace

from weft.access.permissions import Caller
from weft.api.catalog import Filters
from weft.catalog.exploring import Around, Neighbours, affected, product_of
from weft.catalog.lineage import NodeName, node_name
from weft.catalog.looks import Within
from weft.errors import UsageError, error
from weft.model.address import ProductAddress
from weft.model.lineage import LineageEdge, column_id, column_name, table_of
from weft.model.publication import PortState

if TYPE_CHECKING:
    from weft.api.platform import Platform

Document = dict[str, Any]
PATH = "/lineage"
MOST = 400
"""Products and sources that are shown at once."""
_LOOKED_AT = 2_000
"""Products that a way between two is looked for in."""


class Asked(Struct, frozen=True):
    """A state of the explorer: all of it stands in its address.

    Attributes:
        node: a product, port, source or column; nothing at first.
        to: where a way to is looked for.
        view: around, path or impact.
        edges: all, or only those through which values flow.
        open: products whose ports are shown, and ports whose columns are.
        grow: `up:NAME` or `down:NAME`, in the order in which it was asked for.
    """

    node: str = ""
    to: str = ""
    view: str = "around"
    direction: str = "both"
    depth: int = 1
    lens: str = ""
    edges: str = "all"
    open: tuple[str, ...] = ()
    grow: tuple[str, ...] = ()

    def link(self, **changed: Any) -> str:
        """The address of this state with some of it changed."""
        one = replace(self, **changed)
        given = [
            (name, value)
            for name, values in asdict(one).items()
            for value in (values if isinstance(values, tuple) else (values,))
            if values != _DEFAULTS[name]
        ]
        return f"{PATH}?{urlencode(given, safe='@:,~*')}" if given else PATH


_DEFAULTS = asdict(Asked())


class Explored(Struct, frozen=True):
    """What a state shows: the products and sources with their hops, and the edges between columns of theirs.

    Attributes:
        root: the node that it is around, as it is registered.
        cut: what is missing, in words.
        hit: columns that a change comes to, and whether values flow there.
        before: of a column, itself and the columns that it is made from, as far as edges are known.
        behind: of a column, itself and the columns that are made from it.
    """

    root: str
    hops: dict[str, int]
    edges: tuple[LineageEdge, ...]
    around: Around
    cut: tuple[str, ...] = ()
    hit: dict[str, bool] = {}
    before: frozenset[str] = frozenset()
    behind: frozenset[str] = frozenset()

    @property
    def traced(self) -> frozenset[str]:
        """Around a column, all that belongs to its lineage; nothing where something else is looked at."""
        return self.before | self.behind


def beginning(platform: Platform, caller: Caller) -> Document:
    """What is offered before somebody has chosen a node: the caller's own products first."""
    own = [
        item
        for domain in sorted(caller.domains)[:5]
        for item in platform.catalog.listed(caller, "product", Filters(domain=domain), 20, None)["items"]
    ]
    others = platform.catalog.listed(caller, "product", Filters(), 30, None)["items"]
    return {"node": None, "own": own, "products": others}


def names(platform: Platform, caller: Caller, words: str) -> list[Document]:
    """Products, ports and columns that can be gone to by some words."""
    if not words.strip():
        return []
    found = platform.catalog.search(caller, words, Within(), 24)["results"]
    return [{k: one[k] for k in ("address", "title", "kind")} for one in found if one["kind"] in _KINDS][:12]


_KINDS = ("product", "port", "column")


def explored(platform: Platform, caller: Caller, asked: Asked) -> Explored:
    """What a state shows.

    Raises:
        UsageError: WFT-CAT-001, there is no such node, or none for the caller.
    """
    hidden = platform.catalog.hidden(caller)
    around = Around(platform.rooms.production, hidden.hide)
    root = _resolved(platform, caller, around, asked.node)
    told: list[str] = []
    hit: dict[str, bool] = {}
    start = home_of(root)
    end, apart = root, False
    match asked.view:
        case "path" if asked.to:
            end = _resolved(platform, caller, around, asked.to)
            target = home_of(end)
            hops, cut = around.between(start, target, _LOOKED_AT)
            if not hops:
                back, cut_back = around.between(target, start, _LOOKED_AT)
                farthest = max(back.values(), default=0)
                hops, cut = {name: hop - farthest for name, hop in back.items()}, cut or cut_back
            if not hops:
                apart = True
                told.append(f"no way leads from {start} to {target}, nor back")
                hops = {start: 0, target: 1}
            if cut:
                told.append(f"only {_LOOKED_AT:,} products were looked at: there may be other ways")
        case "impact":
            hit, hops = _impact(around, root)
        case _:
            hops, cut = _near(around, start, asked)
            if cut:
                told.append(f"only {MOST} products and sources are shown: choose fewer hops, or another node")
    if len(hops) > MOST:
        told.append(f"only the nearest {MOST} of {len(hops):,} products are shown")
        hops = dict(sorted(hops.items(), key=lambda one: abs(one[1]))[:MOST])
    edges = [e for name in hops if name.count(".") == 1 for e in around.into(name)]
    if _is_column(root) and _is_column(end) and end != root:
        way = _on_the_way(edges, root, end)
        if not way and not apart:
            told.append(f"no way leads from {root} to {end}, nor back")
        kept = {one for node in way or (root, end) for one in (product_of(node), table_of(node))}
        hops = {name: hop for name, hop in hops.items() if name in kept}
    if around.cut:
        told.append("some product has more edges than are read at once: not all are shown")
    found = Explored(root, hops, tuple(edges), around, tuple(told), hit, *_traced(edges, root))
    return _only_traced(found, asked) if found.traced and asked.view == "around" else found


def _is_column(node: str) -> bool:
    name = node_name(node)
    return name is not None and name.column is not None


def _on_the_way(edges: Sequence[LineageEdge], one: str, other: str) -> frozenset[str]:
    """Columns on some way between two, in whichever direction it leads; nothing where there is none."""
    for first, last in ((one, other), (other, one)):
        behind = {first, *affected(edges, [first])}
        if last in behind:
            before = affected((replace(e, source=e.target, target=e.source) for e in edges), [last])
            return frozenset(behind & {last, *before})
    return frozenset()


def _traced(edges: Sequence[LineageEdge], root: str) -> tuple[frozenset[str], frozenset[str]]:
    """A column with all that it is made from, and with all that is made from it, as far as edges are known."""
    if not _is_column(root):
        return frozenset(), frozenset()
    before = affected((replace(e, source=e.target, target=e.source) for e in edges), [root])
    return frozenset((root, *before)), frozenset((root, *affected(edges, [root])))


def _only_traced(found: Explored, asked: Asked) -> Explored:
    """Around a column, only products and sources that its lineage leads through, and what was asked for by name."""
    kept = {one for node in found.traced for one in (product_of(node), table_of(node))}
    for wanted in asked.grow:
        way, _, name = wanted.partition(":")
        beside = found.around.neighbours(name) if name in found.hops else Neighbours()
        kept.update(beside.up if way == "up" else beside.down)
    return replace(found, hops={name: hop for name, hop in found.hops.items() if name in kept})


def _resolved(platform: Platform, caller: Caller, around: Around, text: str) -> str:
    """The node that a text names: a port without major is its default one."""
    text = text.strip()
    product = product_of(text)
    if text.count(".") and around.product(product) is not None:
        name = node_name(text)
        if text == product:
            return text
        if name is not None and not name.private:
            state = _port(around, product, name)
            if state is not None and _has(around, state, name):
                table = str(state.address)
                return table if name.column is None else f"{table}.{column_id(column_name(name.column))}"
            if name.column is None and name.table in around.neighbours(product).up:
                return name.table
    if text.count(".") == 1:
        domain, _, rest = text.partition(".")
        platform.catalog.product(caller, ProductAddress(domain, rest))  # says what is like it
    raise UsageError(error("WFT-CAT-001", f"there is no `{text[:200]}` in the lineage of this mesh"))


def _port(around: Around, product: str, name: NodeName) -> PortState | None:
    port, at, major = name.table.rpartition(".")[2].partition("@")
    found = [s for s in around.ports(product) if s.address.port == port]
    if at:
        return next((s for s in found if str(s.address.major) == major), None)
    return next((s for s in found if s.default), found[0] if found else None)


def _has(around: Around, state: PortState, name: NodeName) -> bool:
    if name.column is None:
        return True
    plain = column_name(name.column)
    return any(
        c.name == plain for c in state.columns
    ) or f"{state.address}.{column_id(plain)}" in around.reader.nodes_of(str(state.address))


def home_of(root: str) -> str:
    """The product that a node is shown in; a source is shown by itself."""
    name = node_name(root)
    return root if name is not None and name.kind == "source" and name.column is None else product_of(root)


def _near(around: Around, start: str, asked: Asked) -> tuple[dict[str, int], bool]:
    """What lies so many hops away, and what was asked for beside it."""
    hops, cut = {start: 0}, False
    for way, up in (("up", True), ("down", False)):
        if asked.direction in (way, "both"):
            found, more = around.within(start, up=up, depth=asked.depth, most=MOST)
            cut = cut or more
            for name, hop in found.items():
                hops.setdefault(name, -hop if up else hop)
    for wanted in asked.grow:
        way, _, name = wanted.partition(":")
        if name in hops:
            beside = around.neighbours(name)
            for far in beside.up if way == "up" else beside.down:
                hops.setdefault(far, hops[name] + (-1 if way == "up" else 1))
    return hops, cut


def _impact(around: Around, root: str) -> tuple[dict[str, bool], dict[str, int]]:
    """Columns that a change of a node comes to, and hops of the products that they are in."""
    name = node_name(root)
    if name is None:
        start: Sequence[str] = [
            node for state in around.ports(root) for node in around.reader.nodes_of(str(state.address))
        ]
    else:
        start = [root] if name.column is not None else around.reader.nodes_of(root)
    edges = around.behind(start)
    hit = affected(edges, start)
    hops = {home_of(root): 0}
    into: dict[str, set[str]] = {}
    for edge in edges:
        into.setdefault(product_of(edge.source), set()).add(product_of(edge.target))
    front = [product_of(root)]
    while front:
        farther = []
        for one in front:
            for far in sorted(into.get(one, ())):
                if far not in hops and far != product_of(root):
                    hops[far] = hops.get(one, 0) + 1
                    farther.append(far)
        front = farther
    if home_of(root) != product_of(root):
        hops.setdefault(product_of(root), 1)
    return hit, hops
