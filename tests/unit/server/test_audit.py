"""Who may see who has read what, over HTTP and by the verbs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.unit.server.company import NOW, bearer, company
from weft.api.platform import Platform
from weft.registry.audit import ReadBegun, ReadPort
from weft.registry.chain_export import verified
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

    ends = [str(platform.audit.chains.head("events")), before["anchors"][1]]
    assert before == {
        "events": platform.rooms.production.last_event(),
        "reads": 2,
        "anchors": ends,
        "diagnostics": [],
    }
    assert after["anchors"] == ends[:1]
    assert (after["events"], after["reads"]) == (before["events"], None)
    assert [one["code"] for one in after["diagnostics"]] == ["WFT-REG-018"]


def test_a_chain_whose_end_was_cut_off_is_told_where_the_anchor_of_before_is_given(platform):
    client = TestClient(create_app(platform), headers=bearer(platform, "cora"))
    kept = client.get("/api/v1/audit/chains").json()["anchors"]
    with platform.database.writing() as statements:
        statements.run("DELETE FROM audit_texts")
        statements.run("DELETE FROM audit WHERE seq = 2")

    without = client.get("/api/v1/audit/chains").json()
    found = client.get("/api/v1/audit/chains", params={"anchor": kept}).json()

    assert (without["reads"], without["diagnostics"]) == (1, [])
    assert found["reads"] is None
    assert [one["code"] for one in found["diagnostics"]] == ["WFT-GOV-046"]
    assert client.get("/api/v1/audit/chains?anchor=nothing").status_code == 400


def test_chains_are_exported_for_those_who_may_read_them_in_the_whole_mesh(platform):
    client = TestClient(create_app(platform))
    platform.identity.user_verbs.add("lead", None, ["governance_lead"], actor="root")

    def exported(who: str, query: str = "") -> tuple[int, list[str]]:
        answer = client.get(f"/api/v1/audit/export{query}", headers=bearer(platform, who))
        return answer.status_code, answer.text.splitlines()

    status, lines = exported("lead")
    found = verified(lines)

    assert status == 200
    assert (found["events"], found["reads"]) == (platform.rooms.production.last_event(), 2)
    assert found["diagnostics"] == []
    assert "select 1" not in "".join(lines)
    of_none = [json.loads(line) for line in exported("lead", "?from=2030-01-01")[1]]
    assert [one.get("records") for one in of_none] == [None, 0, 0]
    assert exported("finn")[0] == exported("ana")[0] == 403
    assert [next(iter(json.loads(line))) for line in exported("cora")[1]] == ["at", "anchor", "anchor"]
    assert exported("lead", "?to=soon")[0] == 400


def test_operators_export_the_log_and_of_reading_the_anchor(platform):
    platform.identity.user_verbs.add("root2", None, ["operator"], actor="root")
    headers = bearer(platform, "root2")

    lines = TestClient(create_app(platform)).get("/api/v1/audit/export", headers=headers).text.splitlines()

    assert {json.loads(line).get("chain") for line in lines} == {None, "events"}
    assert verified(lines)["diagnostics"] == []
    assert verified(lines)["anchors"][1] == str(platform.audit.chains.head("reads"))
