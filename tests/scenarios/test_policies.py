"""Policies stop what they are to stop: for the author, at publication, and for domains in repositories of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.domains import Repository, TestServer, planes, repository, serving
from tests.meshes import TestMesh, two_products

PURPOSE = """
id: purpose-is-named
title: Every product says what it is for
kind: documentation
severity: SEVERITY
asks: A product has a purpose.
why: Decision 7 of the data council.
remediation: Write `description.purpose` in its descriptor.
when: [WHEN]
check: select product as subject, 'it does not say what it is for' as detail from products where purpose is null
"""


def purpose(severity: str = "block", when: str = "plan, publish, scan") -> str:
    return PURPOSE.replace("SEVERITY", severity).replace("WHEN", when)


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    return two_products(tmp_path / "mesh")


def test_check_tells_where_and_why_and_how_to_mend_it_and_plan_refuses(mesh: TestMesh) -> None:
    mesh.write("governance/policies/purpose.yaml", purpose())

    told = mesh.weft("check")
    planned = mesh.weft("plan")

    assert told.returncode == 2
    assert "WFT-GOV-010: `sales.orders`: it does not say what it is for" in told.stdout
    assert "domains/sales/orders/product.odps.yaml:" in told.stdout
    assert "governance/policies/purpose.yaml): A product has a purpose. Decision 7 of the data council." in told.stdout
    assert "Write `description.purpose` in its descriptor." in told.stdout
    assert planned.returncode == 1
    assert "WFT-GOV-010" in planned.stdout + planned.stderr


def test_a_milder_policy_is_a_warning_and_what_is_asked_at_publication_alone_refuses_there(mesh: TestMesh) -> None:
    mesh.write("governance/policies/purpose.yaml", purpose("high"))
    assert mesh.weft("apply").returncode == 0
    mesh.write("governance/policies/purpose.yaml", purpose("block", "publish"))

    planned = mesh.weft("plan", "--format", "json")
    refused = mesh.weft("apply", "--full-refresh")

    assert "WFT-GOV-010" not in planned.stdout
    assert refused.returncode == 1
    assert "WFT-GOV-010: `sales.orders`" in refused.stdout + refused.stderr


def test_a_publication_that_is_refused_leaves_what_is_published(mesh: TestMesh) -> None:
    assert mesh.weft("apply").returncode == 0
    before = mesh.rows("sales.orders.totals")
    mesh.write("governance/policies/purpose.yaml", purpose("block", "publish"))

    refused = mesh.weft("apply", "--full-refresh")

    assert refused.returncode == 1
    assert mesh.rows("sales.orders.totals") == before
    assert not list(mesh.path(".weft/warehouse").rglob("run-*/*.parquet.tmp"))


def test_a_policy_that_cannot_be_asked_is_told_and_the_others_count(mesh: TestMesh) -> None:
    mesh.write("governance/policies/purpose.yaml", purpose())
    broken = purpose().replace("purpose-is-named", "broken").replace("from products", "from sqlite_master")
    mesh.write("governance/policies/broken.yaml", broken)

    told = mesh.json("check", expect=2)["diagnostics"]

    assert {d["code"] for d in told} == {"WFT-GOV-006", "WFT-GOV-010"}
    (unasked,) = [d for d in told if d["code"] == "WFT-GOV-006"]
    assert unasked["where"]["file"] == "governance/policies/broken.yaml"


def test_a_policy_without_tests_that_cannot_be_asked_fails_policy_test_and_every_scan_names_it(mesh: TestMesh) -> None:
    assert mesh.weft("apply").returncode == 0
    mesh.write("governance/policies/broken.yaml", purpose("high").replace("from products", "from sqlite_master"))

    tested = mesh.weft("policy", "test")
    scans = [mesh.weft("policy", "scan") for _ in range(2)]

    assert tested.returncode == 1
    assert "no test purpose-is-named" in tested.stdout
    assert "it cannot be asked: no such column: product (governance/policies/broken.yaml:10)" in tested.stdout
    assert "0 of 0 tests passed, 1 policy has none" in tested.stdout
    assert all("`purpose-is-named` cannot be asked: no such column" in scan.stdout for scan in scans)


@pytest.mark.parametrize("written", ["id: a", "title: A policy"])
def test_a_policy_that_lacks_fields_is_told_which(mesh: TestMesh, written: str) -> None:
    mesh.write("governance/policies/short.yaml", f"{written}\n")

    told = [d["what"] for d in mesh.json("check", expect=2)["diagnostics"]]

    assert "the document lacks `check`" in told
    assert not any("tightens" in one for one in told)


def test_a_publication_on_which_a_blocking_policy_fails_does_not_get_past_it(mesh: TestMesh) -> None:
    fails = "json_extract(product, '$.x') = 1"
    mesh.write("governance/policies/purpose.yaml", purpose(when="publish").replace("purpose is null", fails))

    refused = mesh.weft("apply")

    assert refused.returncode == 1
    assert "WFT-GOV-071: whether `sales.orders` violates `purpose-is-named`" in refused.stdout + refused.stderr


def test_a_refused_publication_also_names_the_policies_that_nobody_could_ask(mesh: TestMesh) -> None:
    mesh.write("governance/policies/purpose.yaml", purpose(when="publish"))
    other = purpose(when="publish").replace("purpose-is-named", "other").replace("from products", "from sqlite_master")
    mesh.write("governance/policies/other.yaml", other)

    refused = mesh.weft("apply")

    assert refused.returncode == 1
    assert "WFT-GOV-010: `sales.orders`" in refused.stdout + refused.stderr
    assert "WFT-GOV-006: policy `other` cannot be asked" in refused.stdout + refused.stderr


def test_a_policy_outside_of_the_mesh_is_tried_and_a_broken_one_is_told(mesh: TestMesh, tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    draft.write_text(purpose())
    tried = mesh.weft("policy", "dry-run", str(draft))
    draft.write_text("id: [")
    broken = mesh.weft("policy", "dry-run", str(draft))

    assert "sales.orders" in tried.stdout
    assert "draft.yaml" in broken.stderr
    assert "WFT-PRJ-" in broken.stderr


def test_policies_are_told_wrong_where_there_is_no_product_yet(tmp_path: Path) -> None:
    mesh = TestMesh(tmp_path / "mesh")
    mesh.write("governance/policies/purpose.yaml", purpose())
    mesh.write("weft.toml", '[mesh]\nname = "new"\n')
    off = "tightens: purpose-is-named\nenabled: false\n"
    mesh.write("domains/sales/domain.yaml", "name: sales\nkind: source-aligned\nowner: {team: sales}\n")
    mesh.write("domains/sales/policies/off.yaml", off)

    told = mesh.weft("check")

    assert told.returncode == 2
    assert "WFT-GOV-005: domain `sales` switches policy `purpose-is-named` off" in told.stdout + told.stderr
    assert "governance/policies/purpose.yaml:" in told.stdout + told.stderr


def test_a_domain_that_loosens_is_refused_with_where_the_policy_stands(mesh: TestMesh) -> None:
    mesh.write("governance/policies/purpose.yaml", purpose("high"))
    mesh.write("domains/sales/policies/mine.yaml", "tightens: purpose-is-named\nseverity: low\n")

    told = mesh.json("check", expect=2)["diagnostics"]

    (problem,) = [d for d in told if d["code"] == "WFT-GOV-005"]
    assert problem["where"]["file"] == "domains/sales/policies/mine.yaml"
    assert "governance/policies/purpose.yaml:" in problem["why"]


def test_explain_shows_what_holds_from_where_and_what_violates_it(mesh: TestMesh) -> None:
    mesh.write("governance/policies/purpose.yaml", purpose("high"))
    mesh.write("domains/sales/policies/mine.yaml", "tightens: purpose-is-named\nseverity: block\n")

    (policy,) = mesh.json("policy", "explain", "sales.orders")["policies"]

    assert (policy["severity"], policy["place"]) == ("block", "platform")
    assert [t["file"] for t in policy["tightened_by"]] == ["domains/sales/policies/mine.yaml"]
    assert [v["subject"] for v in policy["violations"]] == ["sales.orders"]


# domains in repositories of their own


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[TestServer]:
    root = tmp_path_factory.mktemp("server")
    (root / "governance/policies").mkdir(parents=True)
    (root / "governance/policies/purpose.yaml").write_text(purpose())
    with serving(root) as running:
        yield running


def described(mesh: Repository, product: str, text: str | None) -> None:
    path = mesh.path(product)
    document = json.loads(path.read_text())
    document.pop("description", None)
    if text is not None:
        document["description"] = {"purpose": text}
    path.write_text(json.dumps(document))


def test_the_policies_of_a_server_hold_for_a_domain_elsewhere_at_plan_and_at_publication(server, tmp_path) -> None:
    fleet = repository(tmp_path / "fleet", server.url, server.token("ada"), "fleet")
    planes(fleet)
    file = str(next(fleet.root.rglob("product.odps.yaml")).relative_to(fleet.root))
    described(fleet, file, None)

    planned = fleet.weft("plan")
    described(fleet, file, "Every aircraft that flies.")
    applied = fleet.weft("apply")

    assert planned.returncode == 1
    assert "WFT-GOV-010: `fleet.aircraft`" in planned.stdout + planned.stderr
    assert applied.returncode == 0, applied.stdout + applied.stderr


# the living mesh


def standard(mesh: TestMesh) -> None:
    """The set that weft ships, of which nothing blocks here: these products lack much of what it asks."""
    assert mesh.weft("init", ".", "--governance", "standard").returncode == 0
    for path in mesh.path("governance/policies").glob("*.yaml"):
        path.write_text(path.read_text().replace("severity: block", "severity: high"))


def test_what_a_publication_leaves_open_a_scan_of_the_whole_mesh_finds_as_it_was(tmp_path: Path) -> None:
    mesh = two_products(tmp_path / "mesh")
    named = '"name": "amount"'
    mesh.edit("domains/sales/orders/contracts/orders.odcs.yaml", named, f'{named}, "classification": "confidential"')
    standard(mesh)
    mesh.write("governance/policies/purpose.yaml", purpose("high"))
    assert mesh.weft("apply").returncode == 0

    opened = mesh.json("violations")["items"]
    scanned = mesh.json("policy", "scan")

    assert {v["subject"] for v in opened if v["policy"] == "purpose-is-named"} == {"sales.orders", "report.daily"}
    assert scanned["changed"] == {}
    assert scanned["standing"] == len(opened)


def test_a_violation_closes_with_the_publication_that_mends_it(mesh: TestMesh) -> None:
    mesh.write("governance/policies/purpose.yaml", purpose("high"))
    assert mesh.weft("apply").returncode == 0
    file = "domains/sales/orders/product.odps.yaml"
    document = json.loads(mesh.path(file).read_text()) | {"description": {"purpose": "What was ordered."}}
    mesh.path(file).write_text(json.dumps(document))
    assert mesh.weft("apply", "--full-refresh").returncode == 0

    assert [v["subject"] for v in mesh.json("violations")["items"]] == ["report.daily"]
    (gone,) = mesh.json("violations", "--state", "resolved")["items"]
    assert gone["subject"] == "sales.orders"


def test_data_about_people_in_samples_are_found_and_no_value_is_told(tmp_path: Path) -> None:
    mesh = two_products(tmp_path / "mesh")
    standard(mesh)
    assert mesh.weft("apply").returncode == 0

    scanned = mesh.weft("policy", "scan", "--samples", "--format", "json")

    assert scanned.returncode == 0, scanned.stderr
    assert json.loads(scanned.stdout)["refused"] == []


def test_whoever_has_samples_looked_at_stands_in_the_audit_of_reads(mesh: TestMesh) -> None:
    assert mesh.weft("apply").returncode == 0

    assert mesh.weft("policy", "scan", "--samples").returncode == 0

    (read,) = mesh.json("audit", "reads", "sales.orders.orders")["items"]
    assert (read["purpose"], read["rows"]) == ("to find data about people", 0)
