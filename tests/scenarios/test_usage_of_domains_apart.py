"""What domains in repositories of their own write, read and are served is measured by the server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.domains import Repository, flights, planes, repository, serving
from weft.access.permissions import Role
from weft.api.platform import open_platform
from weft.model.address import parse_address
from weft.registry.sqlite import SqliteRegistry
from weft.runs.metering import TOLD


def done(mesh: Repository, *words: str) -> subprocess.CompletedProcess[str]:
    ran = mesh.weft(*words)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran


@pytest.mark.slow
def test_a_publication_and_what_it_reads_are_measured_by_the_server_once(tmp_path: Path) -> None:
    with serving(tmp_path / "server") as server:
        platform = open_platform(server.root)
        platform.identity.user_verbs.add("op", None, [Role.OPERATOR.value], actor="root")
        platform.close()
        fleet = repository(tmp_path / "fleet", server.url, server.token("ada"), "fleet")
        planes(fleet)
        done(fleet, "apply")
        operations = repository(tmp_path / "operations", server.url, server.token("bob"), "operations")
        flights(operations)
        done(operations, "apply")
        done(operations, "apply")  # nothing to do, and so nothing that costs
        headers = {"Authorization": f"Bearer {server.token('op')}"}
        asked = {"by": ["product", "consumer", "purpose"]}
        answer = httpx.get(f"{server.url}/api/v1/usage", params=asked, headers=headers, timeout=60)
    registry = SqliteRegistry(server.root / ".weft/registry.db")
    made = {name: registry.publication(parse_address(name)) for name in (PLANES, FLIGHTS)}
    registry.close()

    found = {(u["product"], u["consumer"], u["purpose"], u["kind"]): u["amount"] for u in answer.json()["usage"]}
    a, b = "fleet.aircraft", "operations.on_time"
    told = {(product, kind) for product, _, purpose, kind in found if purpose == TOLD}
    assert {(a, "cpu_seconds"), (b, "cpu_seconds")} <= told
    found = {key: amount for key, amount in found.items() if key[2] != TOLD}
    sizes = {name: one.manifest.size_bytes for name, one in made.items()}
    assert found == {
        (a, a, "build", "rows_written"): 100,
        (a, a, "build", "bytes_written"): sizes[PLANES],
        (a, a, "build", "storage_bytes"): sizes[PLANES],
        (a, b, "build", "bytes_read"): sizes[PLANES],
        (a, b, "build", "bytes_served"): sizes[PLANES],
        (b, b, "build", "rows_written"): made[FLIGHTS].manifest.rows,
        (b, b, "build", "bytes_written"): sizes[FLIGHTS],
        (b, b, "build", "storage_bytes"): sizes[FLIGHTS],
    }, json.dumps(answer.json(), indent=1)


PLANES, FLIGHTS = "fleet.aircraft.planes@1", "operations.on_time.flights@1"
