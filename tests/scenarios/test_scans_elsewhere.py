"""`weft policy scan` in a repository whose registry is a server's: the server scans, for whoever may ask for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.domains import Repository, TestServer, planes, repository, serving
from tests.scenarios.test_policies import purpose
from weft.api.platform import open_platform
from weft.registry.remote import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[TestServer]:
    root: Path = tmp_path_factory.mktemp("server")
    folder = root / "governance" / "policies"
    folder.mkdir(parents=True)
    (folder / "purpose.yaml").write_text(purpose("high"))
    with serving(root, settings='[governance]\nscan_every = "0s"\n') as running:
        with closing(open_platform(root)) as platform:
            platform.identity.user_verbs.add("gwen", None, ["governance_lead"], actor="root")
        yield running


@pytest.fixture(scope="module")
def fleet(server, tmp_path_factory) -> Repository:
    mesh = repository(tmp_path_factory.mktemp("fleet"), server.url, server.token("ada"), "fleet")
    planes(mesh)
    assert mesh.weft("apply").returncode == 0
    return mesh


def scan(mesh: Repository, secret: str, *words: str) -> tuple[int, dict, str]:
    done = mesh.weft("policy", "scan", *words, "--format", "json", WEFT_TOKEN=secret)
    return done.returncode, json.loads(done.stdout or "{}"), done.stdout + done.stderr


def test_who_leads_governance_scans_the_whole_mesh_and_an_owner_their_domain(server, fleet):
    code, first, told = scan(fleet, server.token("gwen"))
    again, second, _ = scan(fleet, fleet.token, "fleet")
    text = fleet.weft("policy", "scan", "fleet.aircraft")

    assert code == 0, told
    assert first["policies"] == 1
    assert first["standing"] + sum(first["changed"].values()) == 1, (
        "the scan behind the publication may have been first"
    )
    assert (again, second["standing"], second["changes"]) == (0, 1, [])
    assert text.stdout == "1 policy asked: nothing changed, 1 as they were\n"
    assert [v["subject"] for v in fleet.json("violations")["items"]] == ["fleet.aircraft"]


def test_nobody_scans_what_is_not_theirs_or_is_not_there(server, fleet):
    whole, _, told = scan(fleet, fleet.token)
    samples, _, _ = scan(fleet, fleet.token, "fleet", "--samples")
    stranger, _, theirs = scan(fleet, server.token("bob"), "fleet")
    missing, _, unknown = scan(fleet, server.token("gwen"), "fleet.nothing")

    assert (whole, samples, stranger, missing) == (3, 3, 3, 2)
    assert "WFT-ACC-010" in told
    assert "WFT-ACC-010" in theirs
    assert "WFT-GOV-008" in unknown


def test_a_policy_of_the_server_whose_file_cannot_be_read_is_a_finding_for_everybody_and_stops_nobody(server, fleet):
    file = server.root / "governance" / "policies" / "purpose.yaml"
    scan(fleet, server.token("gwen"))
    told = "`purpose-is-named` cannot be asked: governance/policies/purpose.yaml:3: YAML does not parse"
    file.write_text("id: purpose-is-named\nseverity: high\n  kind: [")
    try:
        checked, planned = fleet.weft("check"), fleet.weft("plan", "--full-refresh")
        applied = fleet.weft("apply", "--full-refresh")
        code, found, _ = scan(fleet, server.token("gwen"))
        open_ = fleet.json("violations")["items"]
    finally:
        file.write_text(purpose("high"))
    mended, after, _ = scan(fleet, server.token("gwen"))

    assert f"warning WFT-GOV-006: policy {told}" in checked.stdout + checked.stderr
    assert told in planned.stdout + planned.stderr
    assert (applied.returncode, told in applied.stdout + applied.stderr) == (0, True)
    assert (code, [one["policy"] for one in found["refused"]]) == (0, ["purpose-is-named"])
    assert sorted(v["subject"] for v in open_) == ["fleet.aircraft", "policy:purpose-is-named"]
    assert (mended, after["refused"], after["changed"]) == (0, [], {"resolved": 1})


def test_whoever_does_not_wait_for_a_scan_is_told_where_its_answer_will_be(server, fleet):
    with closing(Server(server.url, lambda: server.token("gwen"))) as client:
        told: list[int] = []
        wanted = {"select": [], "samples": False, "patience_s": 0}
        found = client.wait_for("/api/v1/policies/scan", wanted, dict, lambda: told.append(1))
        other = httpx.post(
            f"{server.url}/api/v1/policies/scan",
            json={"patience_s": 0},
            headers={"Authorization": f"Bearer {server.token('gwen')}"},
            timeout=30,
        )
        place = f"{server.url}{other.headers['location']}"
        headers = {"Authorization": f"Bearer {fleet.token}"}
        stranger = httpx.get(place, headers=headers, timeout=30)
        mine = client.get(other.headers["location"], dict)

    assert (len(told), found["policies"], mine["policies"]) == (1, 1, 1)
    assert other.status_code == 202
    assert (stranger.status_code, "WFT-GOV-090" in stranger.text) == (404, True)


def test_two_scans_at_once_are_one(server, fleet):
    from weft.api.governance.verbs import everyone
    from weft.errors import Conflict

    with closing(open_platform(server.root)) as platform:
        scans = platform.scans
        assert scans._one.acquire(blocking=False)
        with pytest.raises(Conflict, match="WFT-GOV-083"):
            scans.scan(everyone("gwen"), (), samples=False)
        scans._one.release()


def test_a_process_that_ends_without_an_answer_is_told(server, fleet, monkeypatch):
    from weft.api.governance.verbs import everyone
    from weft.errors import TransientError

    with closing(open_platform(server.root)) as platform:
        monkeypatch.setattr("weft.api.governance.scans_on_request.sys.executable", "/bin/false")
        with pytest.raises(TransientError, match="WFT-GOV-084"):
            platform.scans.scan(everyone("gwen"), (), samples=False)


def test_the_route_refuses_whoever_is_nobody(server):
    assert httpx.post(f"{server.url}/api/v1/policies/scan", json={}, timeout=30).status_code == 401
