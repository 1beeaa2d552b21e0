"""Lineage without private models, against every way through them one by one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from weft.model.collapsing import CHANGES, Way, collapsed, then
from weft.model.lineage import Anonymisation, EdgeKind, LineageEdge, Transformation, hiding_of

_NODES = ["a.b.IN.x", "a.b.IN.y", "a.b.~m.x", "a.b.~n.x", "a.b.~o.x", "a.b.~p.x", "a.b.c@1.x", "a.b.d@1.x"]


@st.composite
def layered(draw: st.DrawFn) -> list[LineageEdge]:
    """Edges that only lead to later nodes."""
    pairs = st.tuples(st.integers(0, len(_NODES) - 1), st.integers(0, len(_NODES) - 1)).filter(lambda p: p[0] < p[1])
    kinds = st.sampled_from(EdgeKind)
    hiding = st.tuples(st.booleans(), st.sampled_from(Anonymisation))
    found = draw(st.lists(st.tuples(pairs, kinds, st.sampled_from(Transformation), hiding), max_size=16))
    return list(dict.fromkeys(LineageEdge(_NODES[a], _NODES[b], kind, how, *h) for (a, b), kind, how, h in found))


def one_by_one(edges: list[LineageEdge]) -> set[LineageEdge]:
    """For each source, target and kind all ways that lead through private models, and what they come to."""

    def ways(node: str) -> Iterator[tuple[str, Way]]:
        for edge in edges:
            if edge.target == node:
                own = (edge.kind, edge.transformation, edge.hiding)
                if ".~" in edge.source:
                    yield from ((source, then(before, own)) for source, before in ways(edge.source))
                else:
                    yield edge.source, own

    found: dict[tuple[str, str, EdgeKind], list[Way]] = {}
    for target in {e.target for e in edges if ".~" not in e.target}:
        for source, way in ways(target):
            found.setdefault((source, target, way[0]), []).append(way)
    return {
        LineageEdge(
            source,
            target,
            kind,
            max((w[1] for w in all_), key=CHANGES.index),
            *hiding_of(all(w[2] & 1 for w in all_) | min(w[2] >> 1 for w in all_) << 1),
        )
        for (source, target, kind), all_ in found.items()
    }


@given(layered())
def test_what_goes_through_private_models_is_what_all_ways_through_them_come_to(edges: list[LineageEdge]) -> None:
    assert set(collapsed(edges)) == one_by_one(edges)


def test_two_steps_are_direct_only_when_both_are_and_masked_when_one_is() -> None:
    identity = (EdgeKind.DIRECT, Transformation.IDENTITY, False)
    total = (EdgeKind.DIRECT, Transformation.AGGREGATION, True)
    key = (EdgeKind.INDIRECT, Transformation.JOIN, False)

    assert then(total, identity) == then(identity, total) == total
    assert then(total, key) == then(key, total) == (EdgeKind.INDIRECT, Transformation.JOIN, True)


def test_what_is_also_shown_on_another_way_is_not_anonymous() -> None:
    salted = LineageEdge(
        "a.b.IN.x", "a.b.~m.x", EdgeKind.DIRECT, Transformation.TRANSFORMATION, True, Anonymisation.SALTED_HASH
    )
    on = LineageEdge("a.b.~m.x", "a.b.c@1.x", EdgeKind.DIRECT, Transformation.IDENTITY)
    plain = LineageEdge("a.b.IN.x", "a.b.c@1.x", EdgeKind.DIRECT, Transformation.IDENTITY)

    (hidden,), (shown,) = collapsed([salted, on]), collapsed([salted, on, plain])

    assert (hidden.masking, hidden.anonymised) == (True, Anonymisation.SALTED_HASH)
    assert (shown.masking, shown.anonymised) == (False, Anonymisation.NONE)


def test_a_very_long_chain_and_one_that_goes_round_have_an_end() -> None:
    chain = [f"a.b.~m{i}.x" for i in range(5_000)]
    nodes = ["a.b.IN.x", *chain, "a.b.c@1.x"]
    edges = [LineageEdge(s, t, EdgeKind.DIRECT, Transformation.IDENTITY) for s, t in pairwise(nodes)]

    back = LineageEdge(chain[9], chain[2], EdgeKind.DIRECT, Transformation.IDENTITY)

    assert [(e.source, e.target) for e in collapsed(edges)] == [("a.b.IN.x", "a.b.c@1.x")]
    assert [(e.source, e.target) for e in collapsed([*edges, back])] == [("a.b.IN.x", "a.b.c@1.x")]
