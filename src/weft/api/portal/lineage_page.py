"""What a state of the lineage explorer shows, as the document of its page: nodes with their links, and edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict, replace

from weft.access.permissions import Caller
from weft.api.portal.lenses import Lens
from weft.api.portal.lineage import PATH, Asked, Explored, explored, home_of
from weft.catalog.exploring import MOST_HOPS, product_of
from weft.catalog.lineage import node_name
from weft.model.lineage import EdgeKind, LineageEdge, column_id, table_of
from weft.model.publication import PortState

if TYPE_CHECKING:
    from weft.api.platform import Platform

Document = dict[str, Any]


def page(platform: Platform, caller: Caller, asked: Asked) -> Document:
    """A state as a document: nodes with their links, and edges between what is shown.

    Raises:
        UsageError: WFT-CAT-001, there is no such node, or none for the caller.
    """
    found = explored(platform, caller, asked)
    lens = Lens(asked.lens, platform, caller, found.around) if asked.lens else None
    opened = _opened(found, asked)
    nodes = [_node(found, asked, lens, opened, one) for one in found.hops]
    return {
        "node": found.root,
        "asked": {**asdict(asked), "node": found.root},
        "nodes": nodes,
        "edges": list(_edges(found, asked, opened)),
        "told": list(found.cut),
        "impact": _told_impact(found) if asked.view == "impact" else None,
        "links": _links(replace(asked, node=found.root)),
    }


def _opened(found: Explored, asked: Asked) -> frozenset[str]:
    """What is open: what was asked for, and whatever the node itself or a column that is traced stands in."""
    name = node_name(found.root)
    within = {found.root} if name is not None and name.kind != "source" else set()
    within |= {node for node in found.traced if "@" in table_of(node)}
    tables = {table_of(node) for node in within if table_of(node) != node}
    return frozenset((*asked.open, *map(product_of, within), *tables))


def _links(asked: Asked) -> Document:
    here = replace(asked, view="around", to="")
    return {
        "around": here.link(),
        "impact": asked.link(view="impact", to="", grow=(), direction="both", depth=1),
        "deeper": here.link(depth=min(asked.depth + 1, MOST_HOPS), grow=()),
        "less": here.link(depth=max(asked.depth - 1, 1), grow=()),
        **{f"direction_{way}": here.link(direction=way, grow=()) for way in ("up", "both", "down")},
        "edges": asked.link(edges="direct" if asked.edges == "all" else "all"),
        "openlineage": asked.link().replace(PATH, f"{PATH}/openlineage", 1),
    }


def _told_impact(found: Explored) -> Document:
    """What a change comes to, product by product, and who is to be told."""
    lines = []
    by_product: dict[str, list[str]] = {}
    for column in found.hit:
        by_product.setdefault(product_of(column), []).append(column)
    for product in (one for one in found.hops if one in by_product):
        columns = by_product[product]
        domain = found.around.reader.domain(product.partition(".")[0])
        record = found.around.product(product)
        lines.append(
            {
                "product": product,
                "title": record.title if record is not None else product,
                "owner": domain.owner_team if domain is not None else None,
                "hop": found.hops[product],
                "ports": sorted({table_of(c) for c in columns}),
                "direct": sorted(c for c in columns if found.hit[c]),
                "indirect": sorted(c for c in columns if not found.hit[c]),
            }
        )
    others = [line for line in lines if line["product"] != product_of(found.root)]
    return {
        "products": lines,
        "columns": len(found.hit),
        "direct": sum(found.hit.values()),
        "others": len(others),
        "owners": sorted({line["owner"] for line in others if line["owner"]}),
    }


def _node(found: Explored, asked: Asked, lens: Lens | None, opened: frozenset[str], name: str) -> Document:
    """A product or source with its links; an open product with its ports, an open port with its columns."""
    around, hop = found.around, found.hops[name]
    beside = around.neighbours(name)
    more = {
        "up": sum(one not in found.hops for one in beside.up),
        "down": sum(one not in found.hops for one in beside.down),
    }
    links: dict[str, str | None] = {
        "center": asked.link(node=name, view="around", to="", grow=(), depth=1),
        "path": asked.link(view="path", to=name, grow=()) if name != home_of(found.root) else None,
        "toggle": None,
        **{
            way: asked.link(grow=(*asked.grow, f"{way}:{name}")) if more[way] and asked.view == "around" else None
            for way in ("up", "down")
        },
    }
    if name.count(".") > 1:
        source = {"id": name, "kind": "source", "title": name.rpartition(".")[2], "domain": name.partition(".")[0]}
        return {
            **source,
            "hop": hop,
            "center": name == found.root,
            "more": more,
            "links": links,
            "lens": None,
            "ports": None,
        }
    record = around.product(name)
    is_open = name in opened
    seen = lens.product(name) if lens is not None else None
    links["toggle"] = _toggle(asked, name, is_open, found.root)
    return {
        "id": name,
        "kind": "product",
        "title": record.title if record is not None else name,
        "domain": name.partition(".")[0],
        "status": record.status if record is not None else None,
        "hop": hop,
        "center": name == found.root,
        "hit": _hit(found, name),
        "more": more,
        "links": links,
        "lens": seen.as_json() if seen is not None else None,
        "ports": [_port_node(found, asked, lens, opened, s) for s in _ports(found, asked, name)] if is_open else None,
        "port_count": len(around.ports(name)),
    }


def _ports(found: Explored, asked: Asked, product: str) -> list[PortState]:
    """The ports of an open product: all where that was asked for, else those with a traced column."""
    ports = found.around.ports(product)
    tables = {table_of(node) for node in found.traced}
    return [s for s in ports if product in asked.open or not tables or str(s.address) in tables | {*asked.open}]


def _port_node(found: Explored, asked: Asked, lens: Lens | None, opened: frozenset[str], state: PortState) -> Document:
    name = str(state.address)
    seen = lens.port(state) if lens is not None else None
    is_open = name in opened
    columns = [
        _column_node(found, asked, lens, state, c.name, c.type)
        for c in (state.columns if is_open else ())
        if name in asked.open or not found.traced or f"{name}.{column_id(c.name)}" in found.traced
    ]
    return {
        "id": name,
        "name": f"{state.address.port}@{state.address.major}",
        "status": "retired" if state.retired else state.status,
        "center": name == found.root,
        "hit": _hit(found, name),
        "lens": seen.as_json() if seen is not None else None,
        "links": {
            "center": asked.link(node=name, view="around", to="", grow=(), depth=1),
            "impact": asked.link(node=name, view="impact", to="", grow=(), depth=1),
            "toggle": _toggle(asked, name, is_open and len(columns) == len(state.columns), found.root),
        },
        "column_count": len(state.columns),
        "columns": columns if is_open else None,
    }


def _column_node(found: Explored, asked: Asked, lens: Lens | None, state: PortState, name: str, type_: str) -> Document:
    node = f"{state.address}.{column_id(name)}"
    seen = lens.column(state, name) if lens is not None else None
    return {
        "id": node,
        "name": name,
        "type": type_,
        "center": node == found.root,
        "hit": _hit(found, node),
        "lens": seen.as_json() if seen is not None else None,
        "links": {
            "center": asked.link(node=node, view="around", to="", grow=(), depth=1),
            "impact": asked.link(node=node, view="impact", to="", grow=(), depth=1),
        },
    }


def _hit(found: Explored, name: str) -> str | None:
    """How a change comes to a product, port or column: directly where values flow into one of its columns."""
    hit = [flows for column, flows in found.hit.items() if column == name or column.startswith(f"{name}.")]
    return None if not hit else "direct" if any(hit) else "indirect"


def _toggle(asked: Asked, name: str, is_open: bool, root: str) -> str | None:
    if not is_open:
        return asked.link(open=(*asked.open, name))
    if name in asked.open:
        return asked.link(open=tuple(one for one in asked.open if one != name and not one.startswith(f"{name}.")))
    return asked.link(node=product_of(root) if name == product_of(root) else table_of(root))


def _edges(found: Explored, asked: Asked, opened: frozenset[str]) -> Iterator[Document]:
    """Edges between what is shown: one for each pair, with how many edges of columns are in it."""
    pairs: dict[tuple[str, str], list[LineageEdge]] = {}
    for edge in found.edges:
        ends = _shown_as(found, opened, edge.source), _shown_as(found, opened, edge.target)
        if found.traced and not (
            {edge.source, edge.target} <= found.before or {edge.source, edge.target} <= found.behind
        ):
            continue
        if ends[0] is not None and ends[1] is not None and ends[0] != ends[1]:
            pairs.setdefault((ends[0], ends[1]), []).append(edge)
    linked = {(product_of(e.source), product_of(e.target)) for e in found.edges}
    for (source, target), edges in pairs.items():
        direct = [e for e in edges if e.kind is EdgeKind.DIRECT]
        if direct or asked.edges == "all":
            yield _edge(source, target, "direct" if direct else "indirect", direct or edges, len(edges))
    # and what a product says that it reads, of which no column goes into it
    for name in () if found.traced else found.hops:
        record = found.around.product(name) if name.count(".") == 1 else None
        for port in record.reads if record is not None else ():
            read = _shown_as(found, opened, port)
            if read is not None and (product_of(port), name) not in linked and asked.edges == "all":
                yield _edge(read, name, "declared", (), 0)


def _edge(source: str, target: str, kind: str, edges: Iterable[LineageEdge], count: int) -> Document:
    edges = list(edges)
    return {
        "from": source,
        "to": target,
        "kind": kind,
        "columns": count,
        "how": sorted({e.transformation.value for e in edges}),
        "masking": bool(edges) and all(e.masking for e in edges),
    }


def _shown_as(found: Explored, opened: frozenset[str], node: str) -> str | None:
    """The thing on the page that stands for a column: itself, its port, its product, its source, or nothing."""
    table, product = table_of(node), product_of(node)
    if table in found.hops:
        return table
    if product not in found.hops or "@" not in table:
        return None
    if product not in opened:
        return product
    return node if table in opened and node != table else table
