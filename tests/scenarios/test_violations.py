"""A mesh adopts policies: violations, waivers, known debt and approvals, by the command line."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from pathlib import Path

import pytest

from tests.meshes import TestMesh, two_products
from tests.scenarios.test_policies import purpose
from weft.api.governance.governing import policies_known
from weft.api.governance.scans import scan
from weft.api.governance.verbs import everyone
from weft.api.platform import open_platform
from weft.api.portal.running import timeline

APPROVAL = """
id: reports-are-approved
title: Reports are approved
kind: privacy
severity: block
asks: Somebody agrees before a report is published.
approval: {roles: [governance], why: Reports go to the board.}
check: select product as subject from products where domain = 'report'
"""


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    return two_products(tmp_path / "mesh")


def violations(mesh: TestMesh, today: str, *options: str) -> dict[str, str]:
    return {v["subject"]: v["state"] for v in mesh.json("violations", *options, today=today)["items"]}


def test_a_violation_opens_comes_due_and_closes_once_it_is_mended(mesh: TestMesh) -> None:
    assert mesh.weft("apply", today="2026-03-01").returncode == 0
    mesh.write("governance/policies/purpose.yaml", purpose("high"))
    found = mesh.json("policy", "scan", today="2026-03-01")
    mesh.weft("policy", "scan", today="2026-04-02")
    overdue = violations(mesh, "2026-04-02")
    mesh.edit("governance/policies/purpose.yaml", "where purpose is null", "where product = 'sales.orders'")

    mesh.weft("policy", "scan", today="2026-04-03")

    assert found["changed"] == {"opened": 2}
    assert overdue == {"sales.orders": "overdue", "report.daily": "overdue"}
    assert violations(mesh, "2026-04-03") == {"sales.orders": "overdue"}
    (resolved,) = mesh.json("violations", "--state", "resolved", today="2026-04-03")["items"]
    page = mesh.weft("violations", "show", resolved["violation_id"], today="2026-04-03").stdout
    assert "fix: Write `description.purpose` in its descriptor." in page
    assert [line.split()[2] for line in page.splitlines() if line.startswith("  2026")] == [
        "opened",
        "overdue",
        "resolved",
    ]


def test_what_is_waived_blocks_neither_plan_nor_publication_until_the_waiver_ends(mesh: TestMesh) -> None:
    mesh.write("governance/policies/purpose.yaml", purpose("block"))
    mesh.weft("policy", "scan", today="2026-03-01")
    assert mesh.weft("apply", today="2026-03-01").returncode == 1

    too_long = mesh.weft(
        "waiver", "add", "purpose-is-named", "*", "--until", "2027-03-01", "--reason", "x", today="2026-03-01"
    )
    given = mesh.weft(
        "waiver", "add", "purpose-is-named", "*", "--until", "2026-03-10", "--reason", "texts come", today="2026-03-01"
    )
    applied = mesh.weft("apply", today="2026-03-10")
    after = mesh.weft("plan", today="2026-03-11")

    assert "WFT-GOV-053" in too_long.stderr
    assert given.returncode == 0, given.stderr
    assert applied.returncode == 0, applied.stderr
    assert set(violations(mesh, "2026-03-01").values()) == {"waived"}
    mesh.weft("policy", "scan", today="2026-03-11")
    assert set(violations(mesh, "2026-03-11").values()) == {"open"}
    assert after.returncode == 0, "nothing moves, so nothing is asked"
    mesh.edit("domains/sales/orders/product.odps.yaml", '"status": "active"', '"status": "active", "tags": ["new"]')
    assert "WFT-GOV-010" in mesh.weft("plan", today="2026-03-11").stdout


def test_known_debt_blocks_nothing_and_what_is_new_does(mesh: TestMesh) -> None:
    assert mesh.weft("apply", today="2026-03-01").returncode == 0
    mesh.write("governance/policies/purpose.yaml", purpose("block").replace("is null", "is null and domain = 'sales'"))
    accept = ("governance", "baseline", "--owner", "gov", "--plan", "one a month", "--until", "2026-12-31")
    accepted = mesh.weft(*accept, today="2026-03-01")
    mesh.write("governance/policies/purpose.yaml", purpose("block"))
    for product in ("sales/orders", "report/daily"):
        new = '"status": "active", "tags": ["new"]'
        mesh.edit(f"domains/{product}/product.odps.yaml", '"status": "active"', new)

    sales = mesh.weft("apply", "sales", today="2026-03-02")
    report = mesh.weft("apply", "report", today="2026-03-02")
    again = mesh.weft(*accept, today="2026-03-02")

    assert "1 violation accepted as known debt until 2026-12-31" in accepted.stdout
    assert sales.returncode == 0, sales.stderr
    assert report.returncode == 1
    assert "`report.daily`" in report.stdout + report.stderr
    assert "WFT-GOV-056" in again.stderr
    assert violations(mesh, "2026-03-02") == {"sales.orders": "known", "report.daily": "open"}
    assert "purpose-is-named  sales       1    1  █" in mesh.weft("governance", "baseline").stdout


def test_a_publication_waits_until_somebody_agrees_to_exactly_that_content(mesh: TestMesh) -> None:
    mesh.write("governance/policies/approval.yaml", APPROVAL)
    first = mesh.weft("apply")
    (asked,) = mesh.json("approvals", "list")["items"]
    decided = mesh.weft("approvals", "approve", asked["approval_id"], "--reason", "seen")
    second = mesh.weft("apply")
    mesh.edit("domains/report/daily/product.odps.yaml", '"status": "active"', '"status": "active", "tags": ["new"]')

    third = mesh.weft("apply")
    (other,) = mesh.json("approvals", "list")["items"]
    mesh.weft("approvals", "decline", other["approval_id"], "--reason", "not that name")
    fourth = mesh.weft("apply")

    assert first.returncode == 1
    assert f"WFT-GOV-057: the publication of `report.daily` waits for governance_lead ({asked['approval_id']})" in (
        first.stdout + first.stderr
    )
    assert mesh.rows("sales.orders.orders"), "what nobody has to agree to is published"
    assert decided.returncode == 0, decided.stderr
    assert second.returncode == 0, second.stderr
    assert third.returncode == 1
    assert other["digest"] != asked["digest"]
    assert "WFT-GOV-058" in fourth.stdout + fourth.stderr
    assert mesh.weft("policy", "scan").stdout.startswith("0 policies asked"), "who asks for an approval finds no fault"


def test_whoever_agrees_sees_what_would_change_and_agrees_to_no_other_model(mesh: TestMesh) -> None:
    assert mesh.weft("apply").returncode == 0
    mesh.write("governance/policies/approval.yaml", APPROVAL)
    model = next(mesh.root.glob("domains/report/daily/models/*.sql"))
    before = model.read_text()
    model.write_text(before + "\nlimit 2")
    mesh.weft("apply")
    (asked,) = mesh.json("approvals", "list")["items"]
    with closing(open_platform(mesh.root)) as platform:
        lead = everyone("gwen")
        page = timeline(platform, lead, 24, None, None, None)
        awaited = platform.approvals.awaited(lead, "report.daily")
    shown, told = (
        mesh.json("approvals", "show", asked["approval_id"]),
        mesh.weft("approvals", "show", asked["approval_id"]),
    )
    mesh.weft("approvals", "approve", asked["approval_id"], "--reason", "seen")
    model.write_text(before + "\nlimit 1")

    other = mesh.weft("apply")

    assert (page["runs"][0]["state"], page["runs"][0]["waits"]) == ("succeeded", True)
    assert {lane["product"]: lane["bars"][0]["state"] for lane in page["lanes"]}["report.daily"] == "waiting"
    assert [one["approval_id"] for one in awaited] == [asked["approval_id"]]
    (port,) = shown["content"]
    assert (port["what"], port["before"], port["version"], port["changes"]) == ("changed", "1.0.0", "1.0.0", [])
    assert port["models"], "the model is named that is computed otherwise"
    assert f"model {port['models'][0]} is computed otherwise" in told.stdout
    assert other.returncode == 1, "what was agreed to was another model"
    assert "WFT-GOV-057" in other.stdout + other.stderr


def test_a_file_of_a_policy_that_cannot_be_read_closes_nothing_when_a_worker_scans(mesh: TestMesh) -> None:
    assert mesh.weft("apply", today="2026-03-01").returncode == 0
    mesh.write("governance/policies/purpose.yaml", purpose("high"))
    mesh.weft("policy", "scan", today="2026-03-01")
    before = violations(mesh, "2026-03-01")
    mesh.write("governance/policies/purpose.yaml", "id: [")

    with closing(open_platform(mesh.root)) as platform:
        platform.rooms.now = lambda: dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
        policies = policies_known(platform.rooms)
        found = scan(platform.rooms, policies)

    assert [d.where.file for d in policies.problems if d.where] == ["governance/policies/purpose.yaml"]
    assert [(c.what, c.violation.subject) for c in found.changes] == [("opened", "policy:purpose")]
    assert before == {"sales.orders": "open", "report.daily": "open"}
    assert violations(mesh, "2026-03-01") == before | {"policy:purpose": "open"}


@pytest.mark.parametrize(
    "written",
    ["id: purpose-is-named\n  title: [", "id: purpose-is-named\ntitle: A\nkind: nonsense\nseverity: high\nasks: A\n"],
)
def test_breaking_the_file_of_a_policy_closes_none_of_its_violations_and_lowers_the_score(
    mesh: TestMesh, written: str
) -> None:
    assert mesh.weft("apply", today="2026-03-01").returncode == 0
    mesh.write("governance/policies/purpose.yaml", purpose("high"))
    mesh.write("governance/policies/other.yaml", purpose("high").replace("purpose-is-named", "other"))
    mesh.weft("policy", "scan", today="2026-03-01")
    mesh.write("governance/policies/purpose.yaml", written)

    scanned = mesh.weft("policy", "scan", today="2026-03-02")
    listed = mesh.weft("policy", "list")
    standing = violations(mesh, "2026-03-02", "--policy", "purpose-is-named")
    (line,) = [
        one
        for one in mesh.json("compliance", "report", today="2026-03-02")["policies"]
        if one["name"] == "purpose-is-named"
    ]

    assert scanned.returncode == 0, scanned.stderr
    assert "1 policy asked: 1 opened, 2 as they were" in scanned.stdout
    assert "`purpose-is-named` cannot be asked: governance/policies/purpose.yaml" in scanned.stdout
    assert listed.returncode == 2
    assert "governance/policies/purpose.yaml" in listed.stderr
    assert set(standing) == {"sales.orders", "report.daily", "policy:purpose-is-named"}
    assert (line["score"], line["unknown"]) == (0, 2)
