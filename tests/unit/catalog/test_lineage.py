"""The lineage view."""

from __future__ import annotations

import itertools

import pytest

from tests.unit.catalog.registered import flights
from weft.catalog.lineage import lineage, node_name
from weft.errors import UsageError
from weft.model.collapsing import collapsed
from weft.model.lineage import EdgeKind, LineageEdge, Transformation, column_id, column_name

PLANES = "fleet.aircraft.planes@1"
DAILY = "punctuality.performance.carrier_daily@2"


def test_a_column_shows_what_is_made_from_it_through_private_models() -> None:
    view = lineage(flights(), f"{PLANES}.seats", down=True)

    assert [(e.source, e.target, e.kind, e.transformation) for e in view.edges] == [
        (f"{PLANES}.seats", f"{DAILY}.seats_flown", EdgeKind.DIRECT, Transformation.AGGREGATION)
    ]
    assert {n.id: n.kind for n in view.nodes} == {f"{PLANES}.seats": "column", f"{DAILY}.seats_flown": "column"}


def test_private_models_are_shown_when_asked_for() -> None:
    view = lineage(flights(), f"{PLANES}.seats", down=True, private=True)

    assert "model" in {n.kind for n in view.nodes}
    assert "punctuality.performance.~joined.seats" in {n.id for n in view.nodes}


def test_what_decides_rows_stays_indirect_through_a_private_model() -> None:
    view = lineage(flights(), f"{PLANES}.tailnum", down=True)

    assert [(e.kind, e.transformation) for e in view.edges] == [(EdgeKind.INDIRECT, Transformation.JOIN)]


def test_a_port_shows_tables_both_ways() -> None:
    view = lineage(flights(), PLANES)

    assert {(e.source, e.target) for e in view.edges} == {("fleet.aircraft.registered", PLANES), (PLANES, DAILY)}
    assert {n.id: n.kind for n in view.nodes} == {
        "fleet.aircraft.registered": "source",
        PLANES: "port",
        DAILY: "port",
    }


def test_an_address_without_major_means_the_default_one() -> None:
    assert lineage(flights(), "punctuality.performance.carrier_daily", up=True).root == DAILY


def test_a_source_can_be_asked_for() -> None:
    view = lineage(flights(), "fleet.aircraft.registered", down=True)

    assert (view.root, DAILY in {n.id for n in view.nodes}) == ("fleet.aircraft.registered", True)


def test_only_one_direction_when_one_is_asked_for() -> None:
    view = lineage(flights(), f"{PLANES}.seats", up=True)

    assert [e.source for e in view.edges] == ["fleet.aircraft.registered.seats"]


def test_a_port_that_nothing_is_made_from_is_one_node() -> None:
    view = lineage(flights(), "network.reference.airlines", down=True)

    assert view.as_json() == {
        "root": "network.reference.airlines@1",
        "nodes": [{"id": "network.reference.airlines@1", "kind": "port"}],
        "edges": [],
        "truncated": False,
    }


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("fleet.aircraft.plane", "did you mean `fleet.aircraft.planes`?"),
        ("fleet.aircraft.planes.seat", "did you mean `seats`?"),
        ("fleet.aircraft.planes@7", "there is `fleet.aircraft.planes@1`"),
    ],
)
def test_an_unknown_node_is_answered_with_the_nearest(text: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        lineage(flights(), text)

    assert caught.value.diagnostics[0].code == "WFT-CAT-001"
    assert caught.value.diagnostics[0].fix == fix


def test_names_with_dots_are_quoted() -> None:
    name = node_name('a.b.c@1."x.y"')

    assert name is not None
    assert (name.table, name.column, name.kind) == ("a.b.c@1", '"x.y"', "column")


@pytest.mark.parametrize("written", ['fleet.aircraft.planes."size.of wing"', "fleet.aircraft.planes.engine.thrust"])
def test_quoted_columns_and_nested_fields_have_lineage_of_their_own(written: str) -> None:
    mesh = flights()
    mesh.flow('fleet.aircraft.planes@1."size.of wing"', "punctuality.performance.carrier_daily@2.wing")
    mesh.flow("fleet.aircraft.planes@1.engine.thrust", "punctuality.performance.carrier_daily@2.thrust")

    assert len(lineage(mesh, written, down=True).edges) == 1


@pytest.mark.parametrize("name", ["size.of wing", "Größe", 'a "b".c', "x@1.~y"])
def test_a_column_of_any_name_is_found_by_its_id(name: str) -> None:
    mesh = flights()
    mesh.flow(f"fleet.aircraft.planes@1.{column_id(name)}", "punctuality.performance.carrier_daily@2.wing")

    view = lineage(mesh, f"fleet.aircraft.planes.{column_id(name)}", down=True)

    assert view.root == f"fleet.aircraft.planes@1.{column_id(name)}"
    assert {n.kind for n in view.nodes} == {"column"}
    assert len(view.edges) == 1
    assert column_name(column_id(name)) == name


def test_a_chain_of_private_models_becomes_one_edge_and_masks_are_kept() -> None:
    chain = ["a.b.IN.x", *(f"a.b.~m{i}.x" for i in range(500)), "a.b.c@1.x"]
    edges = [
        LineageEdge(s, t, EdgeKind.DIRECT, Transformation.IDENTITY, masking=i == 250)
        for i, (s, t) in enumerate(itertools.pairwise(chain))
    ]

    found = collapsed(edges)

    assert [(e.source, e.target, e.masking) for e in found] == [("a.b.IN.x", "a.b.c@1.x", True)]


@pytest.mark.parametrize("masked", [(True, True), (True, False), (False, False)])
def test_values_that_also_come_unmasked_on_another_way_are_not_masked(masked: tuple[bool, bool]) -> None:
    ways = [
        edge
        for way, mask in zip(("a.b.~one.x", "a.b.~two.x"), masked, strict=True)
        for edge in (
            LineageEdge("a.b.IN.x", way, EdgeKind.DIRECT, Transformation.TRANSFORMATION, mask),
            LineageEdge(way, "a.b.c@1.x", EdgeKind.DIRECT, Transformation.IDENTITY),
        )
    ]

    assert [(e.source, e.target, e.masking) for e in collapsed(ways)] == [("a.b.IN.x", "a.b.c@1.x", all(masked))]


def test_lineage_of_a_product_or_domain_says_which_ports_there_are() -> None:
    for text, kind in (("fleet.aircraft", "product"), ("fleet", "domain")):
        with pytest.raises(UsageError) as raised:
            lineage(flights(), text)

        assert f"`{text}` is a {kind}" in str(raised.value)
        assert "fleet.aircraft.planes@1" in str(raised.value)
