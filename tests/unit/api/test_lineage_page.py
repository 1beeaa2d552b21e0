"""The lineage explorer's documents: what is shown of the mesh for an address, and nothing that is hidden."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jsonschema_rs
import pytest

from tests.unit.catalog.registered import THEN
from tests.unit.server.company import company
from weft.access.permissions import Caller, Role
from weft.api.platform import Platform
from weft.api.portal import lineage, lineage_page, openlineage
from weft.api.portal.lenses import LENSES
from weft.api.portal.lineage import Asked
from weft.errors import UsageError

SOMEBODY = Caller("ada", "user")
FINN = Caller("finn", "user", domains={"fleet": frozenset({Role.DOMAIN_OWNER})})
PLANES = "fleet.aircraft.planes@1"
DAILY = "punctuality.performance.carrier_daily@2"


@pytest.fixture(scope="module")
def platform(tmp_path_factory) -> Iterator[Platform]:
    with company(tmp_path_factory.mktemp("company")) as made:
        yield made


def shown(platform: Platform, caller: Caller = SOMEBODY, **asked: object) -> dict:
    return lineage_page.page(platform, caller, Asked(**asked))


def ids(page: dict) -> set[str]:
    return {node["id"] for node in page["nodes"]}


def by_id(page: dict, name: str) -> dict:
    return next(node for node in page["nodes"] if node["id"] == name)


def state_of(link: str) -> dict[str, object]:
    """The state that a link leads to."""
    given = parse_qs(urlsplit(link).query)
    return {
        key: tuple(values) if key in ("open", "grow") else int(values[0]) if key == "depth" else values[0]
        for key, values in given.items()
    }


def test_it_begins_with_one_hop_each_way(platform):
    page = shown(platform, node="fleet.aircraft")

    assert {node["id"]: node["hop"] for node in page["nodes"]} == {
        "fleet.aircraft": 0,
        "fleet.aircraft.registered": -1,
        "punctuality.performance": 1,
    }
    assert {(e["from"], e["to"], e["kind"]) for e in page["edges"]} == {
        ("fleet.aircraft.registered", "fleet.aircraft", "direct"),
        ("fleet.aircraft", "punctuality.performance", "direct"),
    }


def test_what_is_not_shown_yet_is_counted_and_a_link_adds_it(platform):
    page = shown(platform, node="fleet.aircraft")
    more = by_id(page, "punctuality.performance")

    grown = shown(platform, **state_of(more["links"]["up"]))

    assert len(ids(grown) - ids(page)) == more["more"]["up"] > 0
    assert by_id(grown, "punctuality.performance")["more"]["up"] == 0
    assert by_id(grown, "punctuality.performance")["links"]["up"] is None


@pytest.mark.parametrize(("direction", "hops"), [("up", {0, -1}), ("down", {0, 1}), ("both", {-1, 0, 1})])
def test_it_looks_before_or_behind_or_both_ways(platform, direction, hops):
    page = shown(platform, node="fleet.aircraft", direction=direction)

    assert {node["hop"] for node in page["nodes"]} == hops


def test_products_open_to_ports_and_ports_to_columns(platform):
    closed = by_id(shown(platform, node="fleet.aircraft"), "fleet.aircraft")
    ports = shown(platform, **state_of(closed["links"]["toggle"]))
    port = by_id(ports, "fleet.aircraft")["ports"][0]
    columns = shown(platform, **state_of(port["links"]["toggle"]))

    assert closed["ports"] is None and closed["port_count"] == 1
    assert (port["id"], port["columns"]) == (PLANES, None)
    assert (PLANES, "punctuality.performance") in {(e["from"], e["to"]) for e in ports["edges"]}
    assert "seats" in {c["name"] for c in by_id(columns, "fleet.aircraft")["ports"][0]["columns"]}
    assert (f"{PLANES}.seats", "punctuality.performance") in {(e["from"], e["to"]) for e in columns["edges"]}
    again = shown(platform, **state_of(by_id(columns, "fleet.aircraft")["links"]["toggle"]))
    assert by_id(again, "fleet.aircraft")["ports"] is None


def test_a_column_is_traced_through_the_products_that_it_leads_through(platform):
    page = shown(platform, node=f"{PLANES}.seats")

    ends = {(e["from"], e["to"], e["kind"]) for e in page["edges"]}
    assert (f"{PLANES}.seats", f"{DAILY}.seats_flown", "direct") in ends
    daily = next(p for p in by_id(page, "punctuality.performance")["ports"] if p["id"] == DAILY)
    assert [c["name"] for c in daily["columns"]] == ["seats_flown"]
    assert daily["column_count"] > 1


def test_values_and_influence_are_told_apart(platform):
    page = shown(platform, node=f"{PLANES}.tailnum")
    direct = shown(platform, node=f"{PLANES}.tailnum", edges="direct")

    into_daily = [e for e in page["edges"] if e["from"] == f"{PLANES}.tailnum"]
    assert into_daily and {e["kind"] for e in into_daily} == {"indirect"}
    assert into_daily[0]["how"] == ["join"]
    assert {e["kind"] for e in direct["edges"]} <= {"direct"}


def test_the_ways_between_two_products_are_found_in_either_order(platform):
    down = shown(platform, node="fleet.aircraft", view="path", to="punctuality.performance")
    up = shown(platform, node="punctuality.performance", view="path", to="fleet.aircraft")
    none = shown(platform, node="crew.roster", view="path", to="weather.observations")

    assert ids(down) == ids(up) == {"fleet.aircraft", "punctuality.performance"}
    assert {node["id"]: node["hop"] for node in up["nodes"]} == {"fleet.aircraft": -1, "punctuality.performance": 0}
    assert none["told"] == ["no way leads from crew.roster to weather.observations, nor back"]


def test_the_impact_of_a_change_names_columns_products_and_their_owners(platform):
    impact = shown(platform, node=f"{PLANES}.seats", view="impact")["impact"]

    assert (impact["columns"], impact["direct"], impact["others"]) == (1, 1, 1)
    assert impact["owners"] == ["Customer promise"]
    assert impact["products"][0]["direct"] == [f"{DAILY}.seats_flown"]


def test_a_change_that_comes_to_nothing_says_so(platform):
    impact = shown(platform, node="punctuality.performance", view="impact")["impact"]

    assert (impact["columns"], impact["products"]) == (0, [])


@pytest.mark.parametrize("lens", LENSES)
def test_each_lens_says_something_in_words_of_each_product_that_is_shown(platform, lens):
    page = shown(platform, FINN, node="fleet.aircraft", lens=lens, open=("fleet.aircraft", PLANES))

    for node in page["nodes"]:
        if node["kind"] == "product":
            assert node["lens"]["text"]
            assert node["lens"]["tone"] in ("", "good", "warn", "bad", "accent")
    assert by_id(page, "fleet.aircraft")["ports"][0]["lens"]["text"]


def test_the_lens_of_quality_and_of_owners_show_what_the_registry_has(platform):
    quality = shown(platform, node="fleet.aircraft", lens="quality")
    owner = shown(platform, node="fleet.aircraft", lens="owner")

    assert "check" in by_id(quality, "fleet.aircraft")["lens"]["text"]
    assert by_id(owner, "fleet.aircraft")["lens"]["text"] == "Fleet engineering"


def test_drafts_of_others_are_in_no_view(platform):
    for asked in (
        {"node": "fleet.aircraft", "open": ("fleet.aircraft",), "depth": 3},
        {"node": PLANES, "view": "impact"},
        {"node": "fleet.aircraft", "lens": "usage"},
    ):
        page = str(shown(platform, **asked))
        assert "plans" not in page and "prototypes" not in page
    assert "fleet.plans" in {
        line["product"] for line in shown(platform, FINN, node=PLANES, view="impact")["impact"]["products"]
    }


@pytest.mark.parametrize(
    "node", ["fleet.plans", "fleet.aircraft.prototypes@1", "fleet.nothing", "nowhere", "fleet.aircraft.planes@1.x", "…"]
)
def test_what_is_not_there_or_not_for_somebody_is_the_same_to_them(platform, node):
    with pytest.raises(UsageError) as refused:
        shown(platform, node=node)

    assert refused.value.diagnostics[0].code == "WFT-CAT-001"


def test_links_hold_the_whole_state_and_lead_to_it(platform):
    asked = Asked("fleet.aircraft", lens="owner", depth=2, open=("fleet.aircraft", PLANES), edges="direct")

    assert Asked(**state_of(asked.link())) == asked
    assert Asked().link() == "/lineage"


def test_what_is_shown_is_told_as_events_of_openlineage(platform):
    found = lineage.explored(platform, SOMEBODY, Asked("fleet.aircraft"))

    events = {event["job"]["name"]: event for event in openlineage.events(found, "company", THEN)}

    daily = next(o for o in events["punctuality.performance"]["outputs"] if o["name"] == DAILY)
    inputs = daily["facets"]["columnLineage"]["fields"]["seats_flown"]["inputFields"]
    assert {
        "namespace": "weft://company",
        "name": PLANES,
        "field": "seats",
        "transformations": [{"type": "DIRECT", "masking": False, "subtype": "AGGREGATION"}],
    } in inputs
    assert PLANES in {one["name"] for one in events["punctuality.performance"]["inputs"]}
    assert {f["name"] for f in daily["facets"]["schema"]["fields"]} >= {"seats_flown"}
    assert "plans" not in str(events)


def exported(platform: Platform) -> list[dict]:
    """All that can be exported of the mesh, as a program reads it."""
    found = [
        openlineage.events(lineage.explored(platform, FINN, Asked(str(product), depth=20)), "company", THEN)
        for product in platform.rooms.production.products()
    ]
    return json.loads(json.dumps(list(itertools.chain(*found))))


def test_each_event_has_what_openlineage_asks_for_and_names_columns_that_there_are(platform):
    events = exported(platform)

    assert events
    for event in events:
        assert event.keys() == {"eventTime", "producer", "schemaURL", "job", "inputs", "outputs"}, "a job, no run"
        assert dt.datetime.fromisoformat(event["eventTime"]).tzinfo is not None
        assert event["schemaURL"].endswith("#/$defs/JobEvent")
        for data in (*event["inputs"], *event["outputs"]):
            assert data["namespace"] == "weft://company"
            assert data["name"]
        for data in event["outputs"]:
            schema, columns = data["facets"]["schema"], data["facets"].get("columnLineage", {"fields": {}})
            assert all({"_producer", "_schemaURL"} <= facet.keys() for facet in data["facets"].values())
            assert columns["fields"].keys() <= {field["name"] for field in schema["fields"]}
            inputs = [one for field in columns["fields"].values() for one in field["inputFields"]]
            for one in (*inputs, *columns.get("dataset", ())):
                assert {"namespace", "name", "field", "transformations"} == one.keys()
                assert {t["type"] for t in one["transformations"]} <= {"DIRECT", "INDIRECT"}


@pytest.mark.openlineage
def test_the_export_conforms_to_the_public_schemas_of_openlineage(platform):
    """The folder holds `OpenLineage.json` and `facets/*.json` of the specification's repository."""
    folder = Path(os.environ["WEFT_OPENLINEAGE_SPEC"])
    documents = [json.loads(file.read_text()) for file in (folder / "OpenLineage.json", *folder.glob("facets/*.json"))]
    registry = jsonschema_rs.Registry([(one["$id"], one) for one in documents])
    known = {one["$id"] for one in documents}

    def wrong(instance: dict, schema: str) -> list[str]:
        assert schema.partition("#")[0] in known, f"no schema here is {schema}"
        check = jsonschema_rs.Draft202012Validator({"$ref": schema}, registry=registry, validate_formats=True)
        return [error.message for error in check.iter_errors(instance)]

    events = exported(platform)
    for event in events:
        assert wrong(event, event["schemaURL"]) == []
        for data in event["outputs"]:
            for facet in data["facets"].values():
                assert wrong(facet, facet["_schemaURL"]) == []
    broken = {**events[0], "job": {"name": "nothing"}}
    assert wrong(broken, broken["schemaURL"]), "what is wrong is found"
