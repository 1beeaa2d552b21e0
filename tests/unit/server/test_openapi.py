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

OPEN = {
    "/api/v1/session",
    "/api/v1/tokens/exchange",
    ("get", "/api/v1/links/{token}"),
    ("head", "/api/v1/links/{token}"),
}
"""For whoever is about to say who they are."""
EVERY_PHASE = "examples,coverage,fuzzing,stateful"
DRAWN = "examples,fuzzing,stateful"
"""Who says nothing of themselves is refused before the question is read: in `make test` each operation is asked."""
FEW = [
    pytest.param(True, EVERY_PHASE, 1, 5000, id="few-as who may do everything"),
    pytest.param(False, DRAWN, 1, 150, id="few-without a token"),
]
MANY = [
    pytest.param(True, EVERY_PHASE, 60, 5000, id="many-as who may do everything", marks=pytest.mark.accept),
    pytest.param(False, EVERY_PHASE, 60, 5000, id="many-without a token", marks=pytest.mark.accept),
]


@pytest.mark.slow
@pytest.mark.parametrize(("known", "phases", "examples", "at_least"), [*FEW, *MANY])
def test_every_answer_is_one_that_the_document_tells_of(
    tmp_path: Path, known: bool, phases: str, examples: int, at_least: int
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
            "--phases": phases,
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
        seen = httpx.get(f"{url}/metrics", timeout=60).text

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
                assert operation.get("security") == (
                    None if {path, (method, path)} & OPEN else [{"bearer": []}, cookie]
                ), path
                assert {"401", "403", "503"} <= set(operation["responses"]), path
            headers = {p["name"].lower() for p in operation.get("parameters", ()) if p["in"] == "header"}
            assert not headers & {"content-length", "host", "transfer-encoding", "authorization"}, path
    assert len(names) == len(set(names)) >= 16


def test_every_body_and_every_answer_of_the_registry_is_described(tmp_path: Path) -> None:
    with company(tmp_path) as platform:
        document = create_app(platform).openapi()
    shapes = document["components"]["schemas"]

    def empty(schema: dict) -> bool:
        found = shapes[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        return found.get("type") in (None, "object") and not {"properties", "anyOf", "allOf"} & set(found)

    for path, methods in document["paths"].items():
        if not re.match(r"/api/v1/(registry|runs|publications|scans|access|domains)", path):
            continue
        for method, operation in methods.items():
            bodies = operation.get("requestBody", {}).get("content", {})
            told = {s: a.get("content", {}) for s, a in operation["responses"].items() if s in ("200", "201")}
            for where, contents in {"body": bodies, **told}.items():
                for kind, content in contents.items():
                    if kind == "application/json" and not path.startswith("/api/v1/contracts"):
                        assert not empty(content.get("schema", {})), (method, path, where)
    unknown = set(re.findall(r"#/components/schemas/([^\"/]+)", json.dumps(document))) - set(shapes)
    assert unknown == set()
    assert document["components"]["securitySchemes"]["session"]["name"] == "weft"


def test_the_session_is_called_in_the_document_as_the_cookie_is(tmp_path: Path) -> None:
    with company(tmp_path, '[server]\nurl = "https://mesh.example.com"\n') as platform:
        document = create_app(platform).openapi()

    assert document["components"]["securitySchemes"]["session"]["name"] == "__Host-weft"
