"""What the routes answer: whole, typed, page by page, and to nobody what is not for them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from tests.unit.server.company import PLANES, SECRET, bearer, company
from weft.api.platform import Platform
from weft.server.app import create_app
from weft.server.openapi import api_routes

ASKED = {
    "domains": "/domains",
    "domain": "/domains/fleet",
    "products": "/products",
    "product": "/products/fleet/aircraft",
    "ports": "/ports",
    "port": "/ports/fleet/aircraft/planes@1",
    "history": "/ports/fleet/aircraft/planes/history",
    "search": "/search?q=tail number",
    "lineage": "/lineage?node=fleet.aircraft.planes",
    "runs": "/runs",
    "run": "/runs/run-aircraft",
    "events": "/events",
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory) -> Iterator[Platform]:
    with company(tmp_path_factory.mktemp("company")) as made:
        yield made


@pytest.fixture
def client(platform: Platform) -> TestClient:
    """Somebody who belongs to no domain."""
    return TestClient(create_app(platform), headers=bearer(platform), base_url="http://server/api/v1")


@pytest.fixture
def finn(platform: Platform) -> TestClient:
    """The owner of `fleet`."""
    return TestClient(create_app(platform), headers=bearer(platform, "finn"), base_url="http://server/api/v1")


@pytest.fixture
def cora(platform: Platform) -> TestClient:
    """The compliance contact of `fleet`."""
    return TestClient(create_app(platform), headers=bearer(platform, "cora"), base_url="http://server/api/v1")


@pytest.mark.parametrize("name", ASKED)
def test_an_answer_has_exactly_the_fields_that_the_document_promises(cora, name):
    route = next(r for r in api_routes(cora.app.routes) if r.name == name)

    found = cora.get(ASKED[name])

    assert found.status_code == 200, found.text
    TypeAdapter(route.response_model).validate_python(found.json())
    assert found.json() != {"items": [], "next": None}


def addresses(client: TestClient, path: str) -> list[str]:
    """The addresses of a whole list, two at a time."""
    found, cursor = [], None
    while True:
        page = client.get(path, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        found += [item["address"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            return found


def test_lists_come_whole_and_in_order_whatever_the_size_of_their_pages(client):
    every = [p["address"] for p in client.get("/ports?limit=200").json()["items"]]

    assert every == sorted(every)
    assert len(every) == 9
    assert addresses(client, "/ports") == every
    assert addresses(client, "/domains") == ["crew", "fleet", "network", "operations", "punctuality", "weather"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/products?domain=fleet", ["fleet.aircraft"]),
        ("/products?tag=reference", ["fleet.aircraft", "network.reference"]),
        ("/products?tag=reference&domain=network", ["network.reference"]),
        ("/products?owner=Crew planning", ["crew.roster"]),
        ("/products?status=active&owner=Crew planning", ["crew.roster"]),
        ("/products?status=proposed", []),
        ("/ports?product=fleet.aircraft", ["fleet.aircraft.planes@1"]),
        ("/ports?tag=core", ["operations.on_time.flights@1"]),
        ("/domains?tag=engineering", ["fleet"]),
        ("/ports?domain=flee", []),
    ],
)
def test_filters_narrow_a_list(client, path, expected):
    assert [item["address"] for item in client.get(path).json()["items"]] == expected


def test_a_draft_is_there_for_its_domain_and_for_nobody_else(client, finn):
    draft = "fleet.aircraft.prototypes@1"
    for path, there in (
        ("/ports/fleet/aircraft/prototypes", 200),
        ("/ports/fleet/aircraft/prototypes@1/history", 200),
        ("/contracts/fleet/aircraft/prototypes", 200),
        ("/products/fleet/plans", 200),
        (f"/lineage?node={draft}", 200),
        ("/runs/run-plans", 200),
    ):
        assert client.get(path).status_code == 404, path
        if "lineage" not in path:
            assert finn.get(path).status_code == there, path

    for path in (
        "/ports?limit=200",
        "/products?limit=200",
        "/search?q=prototypes",
        "/runs",
        "/products/fleet/aircraft",
    ):
        assert draft in finn.get(path).text or "fleet.plans" in finn.get(path).text, path
        assert draft not in client.get(path).text, path
        assert "fleet.plans" not in client.get(path).text, path
    assert "fleet.plans" in finn.get(f"/lineage?node={PLANES}").text
    assert "fleet.plans" not in client.get(f"/lineage?node={PLANES}").text


def test_no_row_of_a_check_is_told(client, finn):
    found = finn.get("/runs/run-aircraft").json()["checks"][str(PLANES)]

    assert found[0]["failed_rows"] == 1
    assert SECRET not in client.get("/runs/run-aircraft").text + finn.get("/runs/run-aircraft").text
    assert SECRET not in finn.get("/ports/fleet/aircraft/planes").text


def test_runs_come_newest_first_page_by_page(finn):
    first = finn.get("/runs?limit=3").json()
    second = finn.get("/runs", params={"limit": 100, "cursor": first["next"]}).json()

    ids = [run["run_id"] for run in [*first["items"], *second["items"]]]
    assert ids[0] == "run-plans"
    assert sorted(ids[1:], reverse=True) == ids[1:]
    assert len(ids) == len(set(ids)) == 7
    assert [r["run_id"] for r in finn.get("/runs?port=fleet.aircraft.planes").json()["items"]] == ["run-aircraft"]


def test_a_contract_is_found_by_port_major_and_version(client):
    current = client.get("/contracts/punctuality/performance/carrier_daily")

    assert current.json()["version"] == "2.0.0"
    assert client.get("/contracts/punctuality/performance/carrier_daily@2").json() == current.json()
    assert client.get("/contracts/punctuality/performance/carrier_daily@1.0.0").json()["version"] == "1.0.0"
    missing = client.get("/contracts/punctuality/performance/carrier_daily@2.0.1")
    assert missing.status_code == 404
    assert missing.json()["diagnostics"][0]["fix"] == "did you mean `2.0.0`?"


def forged(asked: str, place: object) -> str:
    return base64.urlsafe_b64encode(b"12345678" + json.dumps(place).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "AAAA",
        "é",
        "a" * 999,
        forged("port", ["a"]),
        forged("port", 1),
        base64.urlsafe_b64encode(b"").decode() or "=",
    ],
)
@pytest.mark.parametrize("path", ["/ports", "/runs", "/ports/fleet/aircraft/planes/history"])
def test_a_made_up_cursor_is_refused(client, path, cursor):
    answer = client.get(path, params={"cursor": cursor})

    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:weft:WFT-SRV-006"


def test_a_cursor_of_another_list_is_refused(client):
    cursor = client.get("/ports?limit=2").json()["next"]

    assert client.get("/ports", params={"cursor": cursor}).status_code == 200
    for path in ("/products", "/ports?status=active", "/domains", "/runs"):
        answer = client.get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}")
        assert answer.status_code == 400, path


def test_what_the_caller_has_already_is_not_sent_again(client):
    first = client.get("/products/fleet/aircraft")
    again = client.get("/products/fleet/aircraft", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})

    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/products/fleet/aircraft", headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_log_is_for_those_who_watch_over_it_and_of_their_domain_only(client, finn, cora):
    assert client.get("/events").status_code == 403
    assert finn.get("/events").status_code == 403

    subjects = {e["subject"] for e in cora.get("/events").json()["items"]}
    assert subjects == {"fleet.aircraft", "fleet.plans", "fleet.aircraft.planes@1"}
    assert cora.get("/events?limit=2").json()["next"] == 2


def test_what_is_not_there_is_answered_with_the_nearest_name(client):
    assert client.get("/ports/fleet/aircraft/plane").json()["diagnostics"][0]["fix"] == (
        "did you mean `fleet.aircraft.planes`?"
    )
    assert client.get("/domains/flet").json()["diagnostics"][0]["fix"] == "did you mean `fleet`?"
    assert "prototypes" not in client.get("/ports/fleet/aircraft/prototype").text


@pytest.mark.parametrize(
    "path",
    [
        "/ports?limit=0",
        "/ports?limit=x",
        "/search?kind=thing",
        "/lineage",
        "/events?after=-1",
        "/lineage?node=a&depth=99",
    ],
)
def test_a_wrong_parameter_is_named(cora, path):
    answer = cora.get(path)

    assert answer.status_code == 422
    assert answer.json()["diagnostics"][0]["code"] == "WFT-SRV-003"
