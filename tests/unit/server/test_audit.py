"""Who may see who has read what, over HTTP and by the verbs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.unit.server.company import NOW, bearer, company
from weft.api.platform import Platform
from weft.registry.audit import ReadBegun, ReadPort
from weft.server.app import create_app

PLANES = ReadPort("fleet.aircraft.planes@1", "7", ("tailnum",), {"owner": "hash"})
FLIGHTS = ReadPort("operations.on_time.flights@1", "8", ("carrier",))


@pytest.fixture
def platform(tmp_path) -> Iterator[Platform]:
    with company(tmp_path / "company") as made:
        made.audit.store.write(
            [
                ReadBegun(NOW, "ana", "http", (PLANES, FLIGHTS), "delays", "select 1"),
                ReadBegun(NOW, "ben", "cli", (FLIGHTS,)),
            ]
        )
        yield made


def read(platform: Platform, who: str, path: str) -> tuple[int, list[tuple[str, list[str]]]]:
    answer = TestClient(create_app(platform)).get(f"/api/v1/audit/{path}", headers=bearer(platform, who))
    items = answer.json().get("items", [])
    return answer.status_code, [(one["principal"], [p["port"] for p in one["ports"]]) for one in items]


def test_an_owner_sees_who_reads_data_of_the_domain_and_nothing_of_others(platform):
    assert read(platform, "finn", "reads") == (200, [("ana", [PLANES.port])])
    assert read(platform, "finn", "reads?where=fleet.aircraft.planes") == (200, [("ana", [PLANES.port])])
    assert read(platform, "finn", "reads?where=fleet&principal=ben") == (200, [])
    assert read(platform, "finn", "reads?where=operations") == (403, [])
    assert read(platform, "finn", "reads?where=operations.on_time.flights") == (403, [])


def test_whoever_reads_sees_their_own_reads_and_no_others(platform):
    assert read(platform, "ana", "reads/own") == (200, [("ana", [PLANES.port, FLIGHTS.port])])
    assert read(platform, "ben", "reads/own") == (200, [("ben", [FLIGHTS.port])])
    assert read(platform, "ben", "reads") == (403, [])


def test_pages_follow_one_another_and_a_cursor_of_another_list_is_refused(platform):
    client = TestClient(create_app(platform), headers=bearer(platform, "cora"))
    platform.identity.user_verbs.add("lead", None, ["governance_lead"], actor="root")
    client.headers = bearer(platform, "lead")

    first = client.get("/api/v1/audit/reads?limit=1").json()
    second = client.get("/api/v1/audit/reads", params={"limit": 1, "cursor": first["next"]}).json()
    refused = client.get("/api/v1/audit/reads/own", params={"cursor": first["next"]})

    assert [one["principal"] for page in (first, second) for one in page["items"]] == ["ben", "ana"]
    assert second["next"] is None
    assert refused.status_code == 400


def test_a_chain_that_was_touched_is_told_with_what_is_wrong(platform):
    client = TestClient(create_app(platform), headers=bearer(platform, "cora"))
    before = client.get("/api/v1/audit/chains").json()
    with platform.database.writing() as statements:
        statements.run("UPDATE audit SET actor = 'nobody' WHERE seq = 1")

    after = client.get("/api/v1/audit/chains").json()

    assert before == {"events": platform.rooms.production.last_event(), "reads": 2, "diagnostics": []}
    assert (after["events"], after["reads"]) == (before["events"], None)
    assert [one["code"] for one in after["diagnostics"]] == ["WFT-REG-018"]
