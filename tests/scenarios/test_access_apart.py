"""Readers and owners of a company ask and decide through their own repositories; one server decides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.domains import Repository, TestServer, planes, repository, serving

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
        f"{server.url}/api/v1/registry/domains/fleet", headers={"Authorization": f"Bearer {fleet.token}"}
    ).json()["document"]
    document["customProperties"][0]["value"][0]["document"]["rules"][0] = {"id": "few"}
    refused = httpx.put(
        f"{server.url}/api/v1/domains/fleet", json=document, headers={"Authorization": f"Bearer {fleet.token}"}
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
