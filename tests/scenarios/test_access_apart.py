"""Readers and owners of a company ask and decide through their own repositories; one server decides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.domains import Repository, TestServer, flights, planes, repository, serving

PORT = "fleet.aircraft.planes@1"
RULES = """\
kind: access
rules:
  - id: few
    description: Few rows
    filter: number < 3
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[TestServer]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def fleet(server, tmp_path_factory) -> Repository:
    """`fleet` of ada, which has published what is confidential."""
    mesh = repository(tmp_path_factory.mktemp("fleet"), server.url, server.token("ada"), "fleet")
    planes(mesh, classification="confidential")
    done(mesh, "apply")
    return mesh


@pytest.fixture(scope="module")
def eve(server, tmp_path_factory) -> Repository:
    return repository(tmp_path_factory.mktemp("eve"), server.url, server.token("eve"), "eve")


def done(mesh: Repository, *words: str, expect: int = 0) -> str:
    ran = mesh.weft(*words)
    assert ran.returncode == expect, f"{words}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return ran.stdout + ran.stderr


def test_somebody_asks_an_owner_approves_and_revokes_through_the_server(server, fleet, eve):
    assert "may not read" in done(eve, "access", "explain", "eve", PORT)
    made = eve.json("access", "request", PORT, "--purpose", "delay model", "--until", "2099-12-31")
    assert made["ports"][0]["state"] == "waiting"
    assert "WFT-ACC-035" in done(eve, "access", "approve", made["request_id"], expect=3)

    assert made["request_id"] in done(fleet, "access", "list", "--mine")
    assert "agreed" in done(fleet, "access", "approve", made["request_id"], "--reason", "agreed")

    told = eve.json("access", "explain", "eve", PORT)
    assert told["allowed"]
    assert {c["name"]: c["shown"] for c in told["columns"]} == {"id": "clear", "amount": "masked"}
    scan = httpx.post(
        f"{server.url}/api/v1/scans",
        json={"port": PORT, "product": None},
        headers={"Authorization": f"Bearer {eve.token}"},
        timeout=60,
    )
    assert (scan.status_code, scan.json()["diagnostics"][0]["code"]) == (403, "WFT-ACC-037")
    (grant,) = eve.json("access", "list", "--grants")["grants"]
    assert "revoked" in done(fleet, "access", "revoke", grant["grant_id"])
    assert not eve.json("access", "explain", "eve", PORT)["allowed"]
    assert "nothing is granted" not in done(eve, "access", "list", "--grants")
    assert "no grant has to be looked at" in done(fleet, "access", "review")


def test_the_policy_of_a_domain_comes_to_the_server_with_its_files_and_a_wrong_one_does_not(server, fleet, eve):
    made = eve.json("access", "request", PORT, "--purpose", "count")
    done(fleet, "access", "approve", made["request_id"])
    column = eve.json("access", "explain", "eve", PORT)["columns"][0]["name"]

    fleet.write("domains/fleet/policies/access.yaml", RULES.replace("number", column))
    done(fleet, "apply")

    told = eve.json("access", "explain", "eve", PORT)
    assert (told["filtered"], told["filter"], told["rules"][0]["sentence"]) == (True, None, "Few rows")
    assert told["rules"][0]["file"] == "domains/fleet/policies/access.yaml:3"
    assert fleet.json("access", "explain", "eve", PORT)["filter"] == f"(({column} < 3))"

    fleet.write("domains/fleet/policies/access.yaml", RULES.replace("number", "nothing"))
    assert "WFT-ACC-032" in done(fleet, "apply", expect=2)
    assert "WFT-ACC-032" in done(fleet, "check", expect=2)
    document = httpx.get(
        f"{server.url}/api/v1/registry/domains/fleet", headers={"Authorization": f"Bearer {fleet.token}"}, timeout=60
    ).json()["document"]
    document["customProperties"][0]["value"][0]["document"]["rules"][0] = {"id": "few"}
    refused = httpx.put(
        f"{server.url}/api/v1/domains/fleet",
        json=document,
        headers={"Authorization": f"Bearer {fleet.token}"},
        timeout=60,
    )
    assert (refused.status_code, refused.json()["diagnostics"][0]["code"]) == (400, "WFT-ACC-030")
    assert eve.json("access", "explain", "eve", PORT)["filtered"]


def test_the_policy_of_the_mesh_stands_in_the_folder_of_the_server(server, fleet, eve):
    folder = Path(server.root) / "governance"
    folder.mkdir(exist_ok=True)
    (folder / "access.yaml").write_text("rules:\n  - {id: nobody, description: Closed for audit, deny: true}\n")
    try:
        told = eve.json("access", "explain", "eve", PORT)
    finally:
        (folder / "access.yaml").unlink()

    assert (told["allowed"], told["reason"]) == (False, "Closed for audit")


def test_a_product_elsewhere_is_built_on_what_is_confidential_once_that_is_approved(server, fleet, tmp_path):
    reader = repository(tmp_path / "curious", server.url, server.token("kim"), "curious")
    flights(reader, "curious", PORT)
    assert "WFT-SRV-040" in done(reader, "apply", expect=3)

    made = reader.json("access", "request", PORT, "--purpose", "delays", "--for", "product:curious.on_time")
    done(fleet, "access", "approve", made["request_id"])

    assert "1 published" in done(reader, "apply")


def test_a_query_shows_what_was_decided_says_so_and_is_written_down_until_the_grant_ends(server, fleet, eve):
    def asked(secret: str, sql: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {secret}", "Accept": "application/json"}
        return httpx.post(f"{server.url}/api/v1/query", json={"sql": sql}, headers=headers, timeout=60)

    sql = f'select id, amount, amount as again, id + 1 as more from fleet.aircraft."{PORT.split(".")[2]}" order by id'
    for grant in eve.json("access", "list", "--grants")["grants"]:
        done(fleet, "access", "revoke", grant["grant_id"])
    fleet.write("domains/fleet/policies/access.yaml", RULES.replace("number", "id"))
    done(fleet, "apply")
    stranger = asked(eve.token, sql)
    made = eve.json("access", "request", PORT, "--purpose", "seats")
    grant = fleet.json("access", "approve", made["request_id"])["ports"][0]["grant_id"]

    seen, whole = asked(eve.token, sql), asked(fleet.token, sql)
    done(fleet, "access", "revoke", grant)
    after = asked(eve.token, sql)

    assert (stranger.status_code, stranger.json()["diagnostics"][0]["code"]) == (403, "WFT-ACC-002")
    assert "weft access request" in stranger.json()["diagnostics"][0]["fix"]
    assert [row[1] for row in whole.json()["rows"]] == [0, 7, 14]  # its members are meant by the domain's filter too
    rows = seen.json()["rows"]
    assert [row[0] for row in rows] == [0, 1, 2]
    assert all(row[1] is None and row[2] is None for row in rows)  # an INTEGER has no room for a hash
    assert [c["masked"] for c in seen.json()["columns"]] == [None, "null", "null", None]
    assert (seen.json()["masked"], seen.json()["filtered"]) == ({PORT: {"amount": "null"}}, [PORT])
    assert after.status_code == 403
    reads = fleet.json("audit", "reads", PORT, "--by", "eve")["items"]
    assert [(r["rows"], r["ended"], r["ports"][0]["masked"], r["ports"][0]["filtered"]) for r in reads] == [
        (3, "done", {"amount": "null"}, True)
    ]
    assert reads[0]["ports"][0]["grants"] == [grant]
