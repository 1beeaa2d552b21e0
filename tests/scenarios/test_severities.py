"""What a rule's severity and outcome mean for publication and exit codes; through the command line on real rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.meshes import TestMesh, source_rows, two_products

CONTRACT = "domains/sales/orders/contracts/orders.odcs.yaml"
NAME, PORT = "sales.orders.orders", "sales.orders.orders@1"

RULES: dict[str, dict[str, Any]] = {
    "passed": {"type": "library", "metric": "rowCount", "mustBe": 20},
    "failed": {"type": "library", "metric": "rowCount", "mustBe": 19},
    "error": {"type": "sql", "query": "select nothing from {object}", "mustBe": 0},
    "not_evaluated": {"type": "custom", "engine": "soda", "implementation": "checks: []"},
}
SEVERITIES: dict[str, str] = {
    "absent": "error",
    "error": "error",
    "warning": "warning",
    "info": "warning",
    "note": "note",
}
"""What is written, and as what it is told."""


def a_mesh(folder: Path, severity: str, outcome: str, must_evaluate: bool = False) -> TestMesh:
    """A port with one rule more, which comes out as asked."""
    mesh = two_products(folder / "mesh")
    source_rows(mesh, 1, rows=20)
    document = json.loads(mesh.path(CONTRACT).read_text())
    stated = {} if severity == "absent" else {"severity": severity}
    document["schema"][0]["quality"] = [{"id": "asked", **RULES[outcome], **stated}]
    if must_evaluate:
        document["customProperties"] = [{"property": "weft.mustEvaluate", "value": True}]
    mesh.write(CONTRACT, json.dumps(document, indent=2))
    return mesh


def expect(mesh: TestMesh, severity: str, outcome: str, *, blocks: bool) -> None:
    """Applies, verifies file and port, and shows the run; every one of them tells the same of the rule."""
    code = 1 if blocks else 0
    applied = mesh.json("apply", NAME, expect=code)
    filed = mesh.json("verify", CONTRACT, "--data", "data/orders.csv", expect=code)
    run_id = mesh.json("runs")["runs"][0]["run_id"]
    run = mesh.json("run", run_id)

    [checked] = [c for c in filed["checks"] if c["id"] == "asked"]
    assert (checked["result"], checked["severity"]) == (outcome, SEVERITIES[severity])
    assert filed["result"] == ("failed" if blocks else "passed")
    [told] = [c for c in run["checks"][PORT] if c["id"] == "asked"]
    assert (told["result"], told["severity"]) == (outcome, SEVERITIES[severity])
    if blocks:
        codes = {"failed": "WFT-CHK-001", "error": "WFT-CHK-002", "not_evaluated": "WFT-CHK-003"}
        assert [d["code"] for d in applied["failed"][0]["diagnostics"]] == [codes[outcome]]
        assert applied["published"] == []
        assert run["state"] == "failed"
        assert mesh.weft("query", f"select count(*) from {NAME}").returncode == 2  # there is no such port
        return
    [published] = applied["published"]
    counted = outcome
    if outcome in ("failed", "error") and SEVERITIES[severity] != "error":
        counted = "warned"
    counts = published["checks"]
    assert counts[counted] == (counts["passed"] if counted == "passed" else 1)
    assert sum(counts[name] for name in ("failed", "error")) == 0
    assert run["state"] == "succeeded"
    assert mesh.json("query", f"select count(*) from {NAME}")["rows"] == [[20]]
    port = mesh.json("verify", NAME)
    assert [c["result"] for c in port["checks"] if c["id"] == "asked"] == [outcome]


@pytest.mark.parametrize("outcome", list(RULES))
@pytest.mark.parametrize("severity", list(SEVERITIES))
def test_only_what_failed_or_could_not_be_evaluated_at_severity_error_stops_a_publication(
    tmp_path: Path, severity: str, outcome: str
) -> None:
    blocks = outcome in ("failed", "error") and severity in ("absent", "error")

    expect(a_mesh(tmp_path, severity, outcome), severity, outcome, blocks=blocks)


@pytest.mark.parametrize("severity", list(SEVERITIES))
def test_what_must_be_evaluated_and_was_not_stops_a_publication_at_any_severity(tmp_path: Path, severity: str) -> None:
    mesh = a_mesh(tmp_path, severity, "not_evaluated", must_evaluate=True)

    expect(mesh, severity, "not_evaluated", blocks=True)


@pytest.mark.parametrize("outcome", list(RULES))
def test_a_strict_verification_is_broken_by_what_was_not_evaluated(tmp_path: Path, outcome: str) -> None:
    mesh = a_mesh(tmp_path, "info", outcome)
    words = ("verify", CONTRACT, "--data", "data/orders.csv")

    assert mesh.json(*words)["result"] == "passed"

    found = mesh.json(*words, "--strict", expect=1 if outcome == "not_evaluated" else 0)
    assert found["result"] == ("failed" if outcome == "not_evaluated" else "passed")
