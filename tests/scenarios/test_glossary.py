"""Terms from their file to the author, to the gate, and to whoever asks a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.domains import Repository, TestServer, planes, repository, serving
from tests.meshes import TestMesh, two_products

GLOSSARY = """
terms:
  - {id: money, definition: What something costs., type: number, unit: UNIT, synonyms: [amount]}
"""
POLICY = """
id: as-their-terms
title: Columns are as their terms have them
kind: interoperability
severity: block
asks: A column has the type, unit and codes of its term.
remediation: Bring it to the standard.
when: [publish]
check: select column as subject, aspect || ' is not ' || expected as detail from concept_findings
"""
CONTRACT = "domains/sales/orders/contracts/orders.odcs.yaml"


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    return two_products(tmp_path / "mesh")


def bind(mesh: TestMesh, **custom: str) -> None:
    data = json.loads(mesh.path(CONTRACT).read_text())
    (amount,) = [p for p in data["schema"][0]["properties"] if p["name"] == "amount"]
    amount["customProperties"] = [{"property": name.replace("__", "."), "value": v} for name, v in custom.items()]
    mesh.write(CONTRACT, json.dumps(data, indent=2))


def codes(mesh: TestMesh, *words: str) -> list[tuple[str, str]]:
    found = json.loads(mesh.weft("check", *words, "--format", "json").stdout)
    return [(d["code"], d["severity"]) for d in found["diagnostics"]]


def test_check_warns_of_unknown_terms_and_of_what_is_not_as_a_term_has_it_and_apply_goes_on(mesh: TestMesh) -> None:
    mesh.write("governance/glossary.yaml", GLOSSARY.replace("UNIT", "EUR"))
    suggested = mesh.json("glossary", "suggest", "sales.orders")["suggestions"]
    bind(mesh, weft__term="money")
    mismatch = mesh.weft("check", "sales")
    bind(mesh, weft__term="mony")
    unknown = mesh.weft("check", "sales")

    assert (suggested[0]["column"], suggested[0]["term"]) == ("sales.orders.orders@1.amount", "money")
    assert (
        "warning WFT-GOV-043: `sales.orders.orders@1.amount` states no unit, and `money` is in EUR" in mismatch.stdout
    )
    assert f"--> {CONTRACT}:" in mismatch.stdout
    assert "bound to `mony`, and there is no such term" in unknown.stdout
    assert "did you mean `money`?" in unknown.stdout
    assert (mismatch.returncode, unknown.returncode) == (0, 0)
    assert mesh.weft("apply").returncode == 0


def test_a_circle_in_the_glossary_is_an_error_where_it_stands(mesh: TestMesh) -> None:
    mesh.write("domains/sales/glossary.yaml", "terms:\n  - {id: a, definition: x, broader: a}\n")

    told = mesh.weft("check")

    assert told.returncode == 2
    assert "WFT-GOV-041: the term `sales.a` is broader than itself" in told.stdout
    assert "--> domains/sales/glossary.yaml:2:" in told.stdout


def test_the_gate_compares_with_the_terms_of_the_moment(mesh: TestMesh) -> None:
    mesh.write("governance/policies/terms.yaml", POLICY)
    mesh.write("governance/glossary.yaml", GLOSSARY.replace("UNIT", "EUR"))
    bind(mesh, weft__term="money", unit="EUR")
    accepted = mesh.weft("apply")
    mesh.write("governance/glossary.yaml", GLOSSARY.replace("UNIT", "USD"))
    refused = mesh.weft("apply", "sales.orders", "--full-refresh")

    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    assert refused.returncode == 1
    assert "`sales.orders.orders@1.amount`: unit is not USD" in refused.stdout + refused.stderr
    mesh.write("governance/glossary.yaml", GLOSSARY.replace("UNIT", "EUR"))
    assert mesh.weft("apply", "sales.orders", "--full-refresh").returncode == 0
    assert mesh.json("glossary", "show", "money")["columns"] == ["sales.orders.orders@1.amount"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TestServer]:
    with serving(tmp_path / "server") as made:
        yield made


def test_terms_of_a_server_hold_for_a_domain_elsewhere_and_the_domains_own_reach_the_server(server, tmp_path) -> None:
    (server.root / "governance").mkdir(exist_ok=True)
    (server.root / "governance/glossary.yaml").write_text(GLOSSARY.replace("UNIT", "EUR"))
    fleet = repository(tmp_path / "fleet", server.url, server.token("ada"), "fleet")
    planes(fleet)
    own = "terms:\n  - {id: cost, definition: What an aircraft costs., broader: money, values: [1]}\n"
    fleet.write(f"{domain_folder(fleet)}/glossary.yaml", own)
    path = next(fleet.root.rglob("planes.odcs.yaml"))
    data = json.loads(path.read_text())
    first, second = data["schema"][0]["properties"][:2]
    first["customProperties"] = [{"property": "weft.term", "value": "cost"}]
    second["customProperties"] = [{"property": "weft.term", "value": "mony"}]
    path.write_text(json.dumps(data, indent=2))

    told = fleet.weft("check")
    applied = fleet.weft("apply")
    shown = fleet.json("glossary", "show", "fleet.cost")
    audit = fleet.weft("audit", "verify")

    assert "states no unit, and `fleet.cost` is in EUR" in told.stdout
    assert "is bound to `mony`, and there is no such term" in told.stdout
    assert "did you mean `money`?" in told.stdout
    assert applied.returncode == 0, applied.stdout + applied.stderr
    with httpx.Client(
        base_url=server.url, headers={"Authorization": f"Bearer {server.token('ada')}"}, timeout=60
    ) as client:
        found = client.get("/api/v1/glossary/fleet.cost").json()
    assert (found["unit"], found["broader"], found["definition"]) == ("EUR", ["money"], "What an aircraft costs.")
    assert found["columns"] == shown["columns"] == [f"fleet.aircraft.planes@1.{first['name']}"]
    assert audit.returncode == 3, audit.stdout + audit.stderr


def domain_folder(mesh: Repository) -> str:
    return str(next(mesh.root.rglob("domain.yaml")).parent.relative_to(mesh.root))
