"""Requests and grants over HTTP: by whom, in which shape, and with what status what cannot be is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from tests.unit.server.company import PLANES, bearer, company
from weft.api.platform import Platform
from weft.registry.base import read_all_events
from weft.server.app import create_app
from weft.server.routes.access import Explanation, RequestList, ReviewList, ShownGrant, ShownRequest

ASKED = {"ports": [str(PLANES)], "purpose": "delay model", "until": "2030-12-31", "columns": ["tailnum"]}


@pytest.fixture
def platform(tmp_path) -> Iterator[Platform]:
    with company(tmp_path / "company") as made:
        yield made


@pytest.fixture
def people(platform: Platform):
    """A client for each name; finn owns `fleet`, ada and eve belong to no domain."""
    app = create_app(platform)

    def client(name: str) -> TestClient:
        return TestClient(app, headers=bearer(platform, name), base_url="http://server/api/v1/access")

    return client


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["diagnostics"][0]["code"]


def test_a_request_is_made_approved_read_by_and_revoked(platform, people):
    eve, finn = people("eve"), people("finn")

    made = eve.post("/requests", json=ASKED)
    assert made.status_code == 201
    request = TypeAdapter(ShownRequest).validate_python(made.json())
    assert (request.asked_by, request.reader, request.ports[0].state) == ("eve", "eve", "waiting")
    assert (request.ports[0].can_decide, request.columns) == (False, ["tailnum"])
    (mine,) = TypeAdapter(RequestList).validate_python(finn.get("/requests?mine=true").json()).requests
    assert (mine.request_id, mine.ports[0].can_decide) == (request.request_id, True)

    done = finn.post(f"/requests/{request.request_id}/approve", json={"reason": "agreed", "until": "2026-12-31"})
    assert (done.status_code, done.json()["ports"][0]["state"]) == (200, "approved")
    (granted,) = TypeAdapter(list[ShownGrant]).validate_python(eve.get("/grants").json())
    assert (granted.address, granted.columns, granted.purpose) == (str(PLANES), ["tailnum"], "delay model")
    assert granted.ends_at.date().isoformat() == "2027-01-01"
    told = TypeAdapter(Explanation).validate_python(
        eve.get("/explain", params={"principal": "eve", "address": "fleet.aircraft.planes"}).json()
    )
    assert (told.allowed, [c.name for c in told.columns if c.shown != "hidden"]) == (True, ["tailnum"])

    assert people("ada").delete(f"/grants/{granted.grant_id}").status_code == 404
    refused = finn.request("DELETE", f"/grants/{granted.grant_id}", json={"why": "a word that is not known"})
    done = finn.request("DELETE", f"/grants/{granted.grant_id}", json={"reason": "the project is over"})
    assert (refused.status_code, done.status_code) == (422, 204)
    (ended,) = eve.get("/grants").json()
    assert (ended["holds"], "salt" in ended) == (False, False)
    assert (ended["ended_by"], ended["ended_reason"]) == ("finn", "the project is over")
    assert not eve.get("/explain", params={"principal": "eve", "address": str(PLANES)}).json()["allowed"]


def test_a_request_is_declined_and_another_one_withdrawn(people):
    eve, finn = people("eve"), people("finn")
    first = eve.post("/requests", json=ASKED).json()["request_id"]

    assert finn.post(f"/requests/{first}/decline", json={"reason": ""}).status_code == 422
    declined = finn.post(f"/requests/{first}/decline", json={"reason": "take the totals"}).json()
    assert (declined["ports"][0]["state"], declined["ports"][0]["reason"]) == ("declined", "take the totals")
    assert code(finn.post(f"/requests/{first}/approve", json={})) == (409, "WFT-ACC-038")

    second = eve.post("/requests", json=ASKED).json()["request_id"]
    assert code(eve.post("/requests", json=ASKED)) == (409, "WFT-ACC-038")
    assert code(people("ada").delete(f"/requests/{second}")) == (404, "WFT-ACC-034")
    assert eve.delete(f"/requests/{second}").json()["ports"][0]["state"] == "withdrawn"
    assert [r["request_id"] for r in eve.get("/requests?state=declined").json()["requests"]] == [first]


def test_what_is_not_ones_own_is_not_there(people):
    eve, ada = people("eve"), people("ada")
    name = eve.post("/requests", json=ASKED).json()["request_id"]

    assert ada.get("/requests").json() == {"requests": []}
    assert code(ada.get(f"/requests/{name}")) == (404, "WFT-ACC-034")
    assert code(ada.post(f"/requests/{name}/approve", json={})) == (404, "WFT-ACC-034")
    assert code(eve.post(f"/requests/{name}/approve", json={})) == (403, "WFT-ACC-035")
    assert code(ada.get("/explain", params={"principal": "eve", "address": str(PLANES)})) == (403, "WFT-ACC-010")
    assert code(ada.post("/requests", json=ASKED | {"reader": "fleet.aircraft"})) == (403, "WFT-ACC-010")
    assert TypeAdapter(ReviewList).validate_python(ada.get("/review").json()).grants == []


@pytest.mark.parametrize(
    ("changed", "status", "told"),
    [
        ({"ports": []}, 422, "WFT-SRV-003"),
        ({"purpose": "  "}, 400, "WFT-ACC-039"),
        ({"columns": ["nope"]}, 400, "WFT-ACC-039"),
        ({"until": "2020-01-01"}, 400, "WFT-ACC-039"),
        ({"ports": ["fleet.aircraft.nope"]}, 404, "WFT-ACC-001"),
        ({"reader": "robot:x"}, 400, "WFT-ACC-005"),
        ({"extra": 1}, 422, "WFT-SRV-003"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_for_is_refused(people, changed, status, told):
    assert code(people("eve").post("/requests", json=ASKED | changed)) == (status, told)


def test_whoever_is_not_known_asks_for_nothing(platform):
    stranger = TestClient(create_app(platform), base_url="http://server/api/v1/access")

    for method, path in (("POST", "/requests"), ("GET", "/requests"), ("GET", "/grants"), ("GET", "/explain")):
        assert stranger.request(method, path, json=ASKED).status_code == 401


def test_an_owner_keeps_a_grant_and_the_log_tells_of_each_step(platform, people):
    eve, finn = people("eve"), people("finn")
    name = eve.post("/requests", json=ASKED).json()["request_id"]
    grant = finn.post(f"/requests/{name}/approve", json={}).json()["ports"][0]["grant_id"]

    assert eve.post(f"/grants/{grant}/keep").status_code == 403
    kept = TypeAdapter(ShownGrant).validate_python(finn.post(f"/grants/{grant}/keep").json())

    assert kept.reviewed_at is not None
    kinds = [e.kind for e in read_all_events(platform.rooms.production) if e.kind.startswith("access.")]
    assert kinds[-4:] == ["access.asked", "access.granted", "access.decided", "access.kept"]
