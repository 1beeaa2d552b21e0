"""The OpenAPI document against a server that runs: no answer that it does not tell of, and no failure of ours."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.unit.server.company import bearer, company, running
from weft.server.app import create_app

OPEN = {"/api/v1/session", "/api/v1/tokens/exchange"}
"""For whoever is about to say who they are."""
FEW = pytest.param(1, 250, id="few")
MANY = pytest.param(450, 5000, id="many", marks=pytest.mark.accept)


@pytest.mark.slow
@pytest.mark.parametrize("known", [True, False], ids=["as who may do everything", "without a token"])
@pytest.mark.parametrize(("examples", "at_least"), [FEW, MANY])
def test_every_answer_is_one_that_the_document_tells_of(
    tmp_path: Path, examples: int, at_least: int, known: bool
) -> None:
    report = tmp_path / "report.json"
    with company(tmp_path / "company") as platform:
        # an owner of `fleet` who also operates: what nobody lets somebody do is not tried out
        platform.identity.user_verbs.add("finn", None, ["operator", "governance_lead"], actor="root")
        credentials = bearer(platform, "finn")
    command = [Path(sys.executable).with_name("schemathesis"), "--config-file", "/dev/null", "run"]
    with running(tmp_path / "company") as url:
        options = {
            "--max-examples": examples,
            "--phases": "examples,coverage,fuzzing,stateful",
            # a cursor of the right shape that no page gave is refused, which it takes for a fault
            "--exclude-checks": "positive_data_acceptance",
            "--generation-database": "none",
            "--suppress-health-check": "all",
            "--report-json-path": report,
        }
        if known:
            options["--header"] = f"Authorization: {credentials['Authorization']}"
        flags = [str(part) for option in options.items() for part in option]
        done = subprocess.run(
            [*command, f"{url}/api/v1/openapi.json", *flags, "--no-color"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=1500,
        )
        seen = httpx.get(f"{url}/metrics").text

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    told = json.loads(report.read_text())
    assert told["operations"]["tested"] == told["operations"]["total"] >= 16
    assert told["test_cases"]["generated"] >= at_least
    answered = re.search(
        r'weft_http_requests_total{method="GET",route="/api/v1/products",status="(200|401)"} (\d+)', seen
    )
    assert answered is not None
    assert answered[1] == ("200" if known else "401")


def test_every_operation_is_named_described_and_filed(tmp_path: Path) -> None:
    with company(tmp_path) as platform:
        document = create_app(platform).openapi()

    names = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            names.append(operation["operationId"])
            assert operation["description"].endswith("."), path
            assert operation["tags"], path
            assert set(operation["tags"]) <= {tag["name"] for tag in document["tags"]}, path
            for status, answer in operation["responses"].items():
                if status >= "400" and path.startswith("/api/"):
                    assert list(answer["content"]) == ["application/problem+json"], (path, status)
            if path.startswith("/api/"):
                cookie = {"session": []} if method == "get" else {"session": [], "csrf": []}
                assert operation.get("security") == (None if path in OPEN else [{"bearer": []}, cookie]), path
                assert {"401", "403", "503"} <= set(operation["responses"]), path
    assert len(names) == len(set(names)) >= 16
