"""Feeds: linked data that tools of that world read, maps of pages, changes; each with what the caller may know of."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
import rdflib
from fastapi.testclient import TestClient
from rdflib.namespace import DCAT, DCTERMS, FOAF, RDF, RDFS, SH

from tests.unit.server.company import bearer, company
from weft.api.platform import Platform
from weft.server.app import create_app

DPROD = rdflib.Namespace("https://ekgf.github.io/dprod/")
MANDATORY = {
    DCAT.Catalog: (DCTERMS.title, DCTERMS.description, DCTERMS.publisher),
    DCAT.Dataset: (DCTERMS.title, DCTERMS.description),
    DCAT.Distribution: (DCAT.accessURL,),
    DCAT.DataService: (DCTERMS.title, DCAT.endpointURL),
    FOAF.Agent: (FOAF.name,),
}
"""What DCAT-AP 3.0.1 asks of each class."""
RANGES = {
    DCTERMS.publisher: FOAF.Agent,
    DCAT.dataset: DCAT.Dataset,
    DCAT.service: DCAT.DataService,
    DCAT.distribution: DCAT.Distribution,
    DCAT.accessService: DCAT.DataService,
    DCAT.servesDataset: DCAT.Dataset,
    DPROD.outputPort: DCAT.DataService,
    DPROD.outputDataset: DCAT.Dataset,
    DPROD.lifecycleStatus: DPROD.DataProductLifecycleStatus,
}
ATOM = "{http://www.w3.org/2005/Atom}"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


@pytest.fixture(scope="module")
def platform(tmp_path_factory) -> Iterator[Platform]:
    with company(tmp_path_factory.mktemp("company")) as made:
        yield made


@pytest.fixture
def client(platform: Platform) -> TestClient:
    """Somebody who belongs to no domain."""
    return TestClient(create_app(platform), headers=bearer(platform), base_url="http://mesh.test")


@pytest.fixture
def finn(platform: Platform) -> TestClient:
    """The owner of `fleet`, which has drafts."""
    return TestClient(create_app(platform), headers=bearer(platform, "finn"), base_url="http://mesh.test")


def graph(text: str) -> rdflib.Graph:
    return rdflib.Graph().parse(data=text, format="json-ld")


def identifiers(found: rdflib.Graph, kind: rdflib.URIRef) -> set[str]:
    return {str(found.value(node, DCTERMS.identifier)) for node in found.subjects(RDF.type, kind)}


def test_the_catalog_has_each_product_and_port_that_the_caller_finds(client):
    found = graph(client.get("/feeds/catalog.jsonld").text)

    products = {one["address"] for one in client.get("/api/v1/products?limit=200").json()["items"]}
    ports = {one["address"] for one in client.get("/api/v1/ports?limit=200").json()["items"]}
    assert identifiers(found, DPROD.DataProduct) == products
    assert identifiers(found, DCAT.Dataset) == ports
    assert len(products) > 3 and len(ports) > 3


def test_every_class_has_what_dcat_ap_asks_for_and_every_arrow_ends_where_it_should(client):
    found = graph(client.get("/feeds/catalog.jsonld").text)

    missing = [
        (node, wanted)
        for kind, all_wanted in MANDATORY.items()
        for node in found.subjects(RDF.type, kind)
        for wanted in all_wanted
        if found.value(node, wanted) is None
    ]
    astray = [
        (arrow, end)
        for arrow, kind in RANGES.items()
        for end in found.objects(None, arrow)
        if (end, RDF.type, kind) not in found
    ]

    assert missing == []
    assert astray == []
    (catalog,) = found.subjects(RDF.type, DCAT.Catalog)
    assert set(found.objects(catalog, DCAT.dataset)) == set(found.subjects(RDF.type, DCAT.Dataset))
    assert set(found.objects(catalog, DCAT["resource"])) == set(found.subjects(RDF.type, DPROD.DataProduct))
    assert all(found.value(one, RDFS.label) for one in found.subjects(RDF.type, DPROD.DataProduct))


def test_what_is_linked_to_answers(client):
    found = graph(client.get("/feeds/catalog.jsonld").text)
    (planes,) = found.subjects(DCTERMS.identifier, rdflib.Literal("fleet.aircraft.planes@1"))

    contract = client.get(str(found.value(planes, DCTERMS.conformsTo)))
    service = found.value(found.value(planes, DCAT.distribution), DCAT.accessService)
    described = client.get(str(found.value(service, DCAT.endpointDescription)))

    assert contract.json()["kind"] == "DataContract"
    assert described.json()["diagnostics"][0]["code"] == "WFT-SRV-064", "it is described to whoever has a grant"
    assert (service, DCAT.servesDataset, planes) in found


def test_drafts_are_in_the_feeds_of_their_own_domain_alone(client, finn):
    paths = ("/feeds/catalog.jsonld", "/feeds/sitemap/product", "/feeds/sitemap/port", "/feeds/changes.atom")

    outside, inside = ("".join(who.get(path).text for path in paths) for who in (client, finn))

    for name in ("prototypes", "fleet/plans", "fleet.plans"):
        assert name not in outside
        assert name in inside


def test_pages_of_the_catalog_make_the_whole(client):
    whole = graph(client.get("/feeds/catalog.jsonld").text)
    parts, at, asked = rdflib.Graph(), "/feeds/catalog.jsonld?limit=2", 0

    while at:
        answer = client.get(at)
        parts += graph(answer.text)
        asked += 1
        at = answer.links.get("next", {}).get("url")

    assert asked > 2
    assert identifiers(parts, DCAT.Dataset) == identifiers(whole, DCAT.Dataset)
    assert identifiers(parts, DPROD.DataProduct) == identifiers(whole, DPROD.DataProduct)
    assert client.get("/feeds/catalog.jsonld?cursor=made-up").status_code == 400


def test_the_map_lists_maps_and_these_every_page(client):
    maps = [one.text for one in ET.fromstring(client.get("/feeds/sitemap.xml").text).iter(f"{MAP}loc")]

    pages = {one.text for at in maps for one in ET.fromstring(client.get(at).text).iter(f"{MAP}loc")}

    assert "http://mesh.test/domains/fleet" in pages
    assert "http://mesh.test/products/fleet/aircraft" in pages
    assert "http://mesh.test/ports/fleet/aircraft/planes@1" in pages
    assert client.get("/feeds/sitemap/column").status_code == 422


def test_changes_are_entries_with_an_id_of_their_own_newest_first(client):
    feed = ET.fromstring(client.get("/feeds/changes.atom").text)
    of_domain = ET.fromstring(client.get("/feeds/changes.atom?domain=fleet").text)

    entries = feed.findall(f"{ATOM}entry")
    ids = [one.findtext(f"{ATOM}id") for one in entries]
    times = [one.findtext(f"{ATOM}updated") for one in entries]
    assert len(set(ids)) == len(ids) > 3
    assert times == sorted(times, reverse=True)
    assert feed.findtext(f"{ATOM}updated") == times[0]
    titles = [one.findtext(f"{ATOM}title") for one in of_domain.findall(f"{ATOM}entry")]
    assert titles and all(title.startswith("fleet.") for title in titles)


def test_feeds_are_for_whoever_is_known_and_kept_by_nobody(client):
    stranger = TestClient(client.app, base_url="http://mesh.test")

    for path in ("/feeds/catalog.jsonld", "/feeds/sitemap.xml", "/feeds/sitemap/port", "/feeds/changes.atom"):
        assert stranger.get(path).status_code == 401
        assert client.get(path).headers["cache-control"] == "private, no-cache"


def shapes_of(*names: str) -> rdflib.Graph:
    """Public SHACL shapes from the folder that `WEFT_SHACL_SHAPES` names, without arrows to shapes that are not there.

    The file of DCAT-AP 3.0.1 refers to two property shapes that it does not hold.
    """
    found = rdflib.Graph()
    for name in names:
        found.parse(Path(os.environ["WEFT_SHACL_SHAPES"]) / name, format="turtle")
    for shape, _, prop in list(found.triples((None, SH.property, None))):
        if (prop, None, None) not in found:
            found.remove((shape, SH.property, prop))
    return found


@pytest.mark.shapes
@pytest.mark.parametrize("names", [("dcat-ap.ttl",), ("dprod-shapes.ttl",)])
def test_the_catalog_conforms_to_the_public_shapes_and_what_is_broken_does_not(client, names):
    pyshacl = pytest.importorskip("pyshacl")
    shapes, known = shapes_of(*names), shapes_of("dprod-ontology.ttl")
    data = graph(client.get("/feeds/catalog.jsonld").text)
    asked = {one for one in shapes.objects(None, SH.targetClass) if (None, RDF.type, one) in data}

    conforms, _, told = pyshacl.validate(data, shacl_graph=shapes, ont_graph=known, advanced=True)
    for subject in list(data.subjects(RDF.type, DCAT.DataService)):
        data.remove((subject, DCAT.endpointURL, None))
        data.remove((subject, DCTERMS.title, None))
        data.add((subject, DCAT.endpointURL, rdflib.Literal("no address")))
        data.add((subject, DPROD.isAccessServiceOf, rdflib.Literal("no distribution")))
    broken, _, _ = pyshacl.validate(data, shacl_graph=shapes, ont_graph=known, advanced=True)

    assert asked, "a shape that looks at nothing is always kept"
    assert conforms, told
    assert not broken
