"""Lineage as a tree."""

from __future__ import annotations

from collections.abc import Mapping

from weft.catalog.lineage import LineageView
from weft.model.lineage import EdgeKind, LineageEdge, Transformation


def lineage_tree(view: LineageView, *, up: bool = True, down: bool = True) -> str:
    """The node, what it is made from and what is made from it, a line each; a branch shown before is not repeated."""
    into: dict[str, list[LineageEdge]] = {}
    out: dict[str, list[LineageEdge]] = {}
    for edge in view.edges:
        into.setdefault(edge.target, []).append(edge)
        out.setdefault(edge.source, []).append(edge)
    kinds = {n.id: n.kind for n in view.nodes}
    lines = [view.root]
    if up:
        lines += _branch("made from", view.root, into, True, kinds)
    if down:
        lines += _branch("goes into", view.root, out, False, kinds)
    if view.truncated:
        lines += ["", "there is more than is shown; --depth N, or a column instead of a port, narrows it"]
    return "\n".join(lines)


def _branch(
    title: str, root: str, edges: Mapping[str, list[LineageEdge]], up: bool, kinds: Mapping[str, str]
) -> list[str]:
    if root not in edges:
        return [f"  {title}: nothing"]
    lines = [f"  {title}:"]
    seen: set[str] = {root}

    def walk(node: str, depth: int) -> None:
        ways: dict[str, list[LineageEdge]] = {}
        for edge in edges.get(node, ()):
            ways.setdefault(edge.source if up else edge.target, []).append(edge)
        for end in sorted(ways, key=lambda e: (all(w.kind is EdgeKind.INDIRECT for w in ways[e]), e)):
            again = end in seen and end in edges
            note = _how(ways[end]) + (" (source)" if kinds.get(end) == "source" else "")
            lines.append(f"{'  ' * depth}{end}{note}{'  (see above)' if again else ''}")
            if not again:
                seen.add(end)
                walk(end, depth + 1)

    walk(root, 2)
    return lines


def _how(ways: list[LineageEdge]) -> str:
    direct = [w for w in ways if w.kind is EdgeKind.DIRECT]
    words = [w.transformation.value for w in (direct or ways) if w.transformation is not Transformation.IDENTITY]
    text = ", ".join(dict.fromkeys(word.replace("_", " ") for word in words))
    if not direct:
        text = f"decides rows by {text}" if text else "decides rows"
    if direct and all(w.masking for w in direct):
        text = f"{text}, masked" if text else "masked"
    return f"  [{text}]" if text else ""
