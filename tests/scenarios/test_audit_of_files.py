"""Whoever is given the files of a port is written down like whoever reads its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.domains import Repository, TestServer, flights, planes, repository, serving
from weft.api.platform import open_platform

PORT = "fleet.aircraft.planes@1"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[TestServer]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def fleet(server, tmp_path_factory) -> Repository:
    """`fleet` of ada, which has published its planes."""
    mesh = repository(tmp_path_factory.mktemp("fleet"), server.url, server.token("ada"), "fleet")
    planes(mesh)
    ran = mesh.weft("apply")
    assert ran.returncode == 0, ran.stderr
    return mesh


@pytest.fixture(scope="module")
def operations(server, fleet, tmp_path_factory) -> Repository:
    """`operations` of bob, which is built on the planes."""
    mesh = repository(tmp_path_factory.mktemp("operations"), server.url, server.token("bob"), "operations")
    flights(mesh, "operations", PORT)
    return mesh


def scan(server: TestServer, secret: str, **asked: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.post(f"{server.url}/api/v1/scans", json={"port": PORT, **asked}, headers=headers)


def given(server: TestServer, fleet: Repository) -> list[dict[str, Any]]:
    """Who was given files of the planes, as their owner sees it, the newest first."""
    headers = {"Authorization": f"Bearer {fleet.token}"}
    found = httpx.get(f"{server.url}/api/v1/audit/reads", params={"where": PORT}, headers=headers, timeout=60).json()[
        "items"
    ]
    return [one for one in found if one["wire"] == "files"]


def test_a_product_of_another_domain_is_written_down_with_rows_and_bytes_of_the_snapshot(server, fleet, operations):
    ran = operations.weft("apply")
    assert ran.returncode == 0, ran.stderr

    one = given(server, fleet)[0]
    held = scan(server, operations.token, product="operations.on_time").json()

    assert (one["principal"], one["ended"], one["rows"]) == ("operations.on_time", "done", 100)
    assert one["bytes"] == sum(file["size_bytes"] for file in held["files"])
    assert (one["query"], one["query_sha256"]) == (None, None)
    assert one["ports"] == [
        {
            "port": PORT,
            "snapshot_id": held["snapshot_id"],
            "clear": ["id", "amount"],
            "masked": {},
            "filtered": False,
            "grants": one["ports"][0]["grants"],
        }
    ]
    assert one["ports"][0]["grants"], "the grant that it rests on"


def test_a_person_is_written_down_and_whoever_is_refused_or_builds_the_domain_is_not(server, fleet):
    before = len(given(server, fleet))

    assert scan(server, fleet.token).status_code == 201
    assert scan(server, fleet.token, product="fleet.aircraft").status_code == 201
    assert scan(server, server.token("mallory")).status_code == 403

    after = given(server, fleet)
    assert (len(after), after[0]["principal"], after[0]["rows"]) == (before + 1, "ada", 100)
    platform = open_platform(server.root)
    try:
        assert platform.audit.verify()["diagnostics"] == []
    finally:
        platform.close()
