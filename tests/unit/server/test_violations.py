"""Violations, waivers, known debt and approvals over HTTP: pages, roles, and what of drafts is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.unit.server.company import NOW, bearer, company
from weft.api.governance.scanning import scan_policies
from weft.api.platform import Platform
from weft.governance.book import Book
from weft.governance.rows import domain_rows, product_rows
from weft.model.approvals import Wanted
from weft.plan.verdicts import port_facts
from weft.registry.approvals import ApprovalStore

POLICY = """
id: described
title: Everything is described
kind: documentation
severity: block
asks: A port says what it offers.
waivers: {max_days: 30, roles: [governance, owner]}
check: select port as subject, 'Jo Miller has not described it' as detail from ports
"""
WAIVER = {"policy": "described", "subject": "fleet", "reason": "soon", "until": NOW.date().isoformat()}


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with company(tmp_path / "company") as made:
        folder = tmp_path / "company" / "governance" / "policies"
        folder.mkdir(parents=True)
        (folder / "described.yaml").write_text(POLICY)
        made.identity.user_verbs.add("gwen", None, ["governance_lead"], actor="root")
        registry = made.rooms.production
        book = Book.in_memory()
        for domain in registry.domains().values():
            book.put(domain.name, domain_rows(domain))
        for address, product in registry.products().items():
            ports = [port_facts(s) for s in registry.ports_of(address)]
            book.put(str(address), product_rows(None, product, ports, ()))
        scan_policies(made.database, book, made.governance.known(), NOW)
        book.close()
        yield made


@pytest.fixture
def client(platform: Platform) -> TestClient:
    from weft.server.app import create_app

    return TestClient(create_app(platform), raise_server_exceptions=False)


def every(client: TestClient, headers: dict[str, str], **asked: object) -> list[dict]:
    found, cursor = [], None
    while True:
        page = client.get(
            "/api/v1/violations",
            params={"limit": 1, **({"cursor": cursor} if cursor else {}), **asked},
            headers=headers,
        ).json()
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["diagnostics"][0]["code"]


def test_violations_are_read_page_by_page_and_those_of_drafts_by_their_domain_alone(platform, client):
    ours = {v["subject"] for v in every(client, bearer(platform, "finn"))}
    theirs = {v["subject"] for v in every(client, bearer(platform, "zoe"))}

    assert {"fleet.aircraft.planes@1", "fleet.plans.orders@1"} <= ours
    assert ours - theirs == {"fleet.aircraft.prototypes@1", "fleet.plans.orders@1"}
    assert theirs < ours
    assert {v["subject"] for v in every(client, bearer(platform, "finn"), mine=True)} == {
        s for s in ours if s.startswith("fleet.")
    }
    assert every(client, bearer(platform, "zoe"), mine=True) == []
    assert every(client, bearer(platform, "zoe"), state="waived") == []


def test_a_cursor_of_another_list_is_refused(platform, client):
    headers = bearer(platform)
    cursor = client.get("/api/v1/violations", params={"limit": 1}, headers=headers).json()["next"]

    answer = client.get("/api/v1/violations", params={"cursor": cursor, "policy": "described"}, headers=headers)

    assert code(answer) == (400, "WFT-SRV-006")


def test_one_violation_has_its_history_and_one_of_a_draft_is_not_there_for_others(platform, client):
    found = {v["subject"]: v["violation_id"] for v in every(client, bearer(platform, "finn"))}

    whole = client.get(f"/api/v1/violations/{found['fleet.aircraft.planes@1']}", headers=bearer(platform, "zoe")).json()
    hidden = client.get(f"/api/v1/violations/{found['fleet.plans.orders@1']}", headers=bearer(platform, "zoe"))

    assert [e["kind"] for e in whole["history"]] == ["opened"]
    assert whole["asks"] == "A port says what it offers."
    assert code(hidden) == (404, "WFT-GOV-054")


def test_an_owner_gives_a_waiver_in_their_domain_alone_and_governance_everywhere(platform, client):
    finn, gwen = bearer(platform, "finn"), bearer(platform, "gwen")

    elsewhere = client.post("/api/v1/waivers", json=WAIVER | {"subject": "weather"}, headers=finn)
    all_over = client.post("/api/v1/waivers", json=WAIVER | {"subject": "*"}, headers=finn)
    own = client.post("/api/v1/waivers", json=WAIVER, headers=finn)
    lead = client.post("/api/v1/waivers", json=WAIVER | {"subject": "*"}, headers=gwen)

    assert code(elsewhere) == code(all_over) == (403, "WFT-GOV-051")
    assert (own.status_code, own.json()["role"]) == (201, "domain_owner")
    assert (lead.status_code, lead.json()["role"]) == (201, "governance_lead")
    assert {v["state"] for v in every(client, finn)} == {"waived"}
    assert code(client.post("/api/v1/waivers", json=WAIVER, headers=bearer(platform, "zoe"))) == (403, "WFT-ACC-010")
    assert code(client.post("/api/v1/waivers", json=WAIVER | {"policy": "x"}, headers=gwen)) == (404, "WFT-GOV-007")


def test_a_waiver_is_revoked_by_whoever_may_give_it_and_once(platform, client):
    gwen, cora = bearer(platform, "gwen"), bearer(platform, "cora")
    made = client.post("/api/v1/waivers", json=WAIVER, headers=gwen).json()["waiver_id"]

    refused = client.delete(f"/api/v1/waivers/{made}", headers=cora)
    first = client.delete(f"/api/v1/waivers/{made}", headers=gwen)
    second = client.delete(f"/api/v1/waivers/{made}", headers=gwen)

    assert code(refused) == (403, "WFT-GOV-051")
    assert first.json()["state"] == "revoked"
    assert code(second) == (409, "WFT-GOV-055")
    assert client.get("/api/v1/waivers", headers=cora).json()["items"] == []
    assert len(client.get("/api/v1/waivers", params={"ended": True}, headers=cora).json()["items"]) == 1


def test_known_debt_is_accepted_by_governance_and_shown_as_a_line_and_a_list(platform, client):
    asked = {"owner": "gov", "plan": "one a week", "until": "2030-01-01", "domain": "fleet"}

    refused = client.post("/api/v1/governance/baseline", json=asked, headers=bearer(platform, "finn"))
    made = client.post("/api/v1/governance/baseline", json=asked, headers=bearer(platform, "gwen"))

    for_ever = client.post(
        "/api/v1/governance/baseline", json=asked | {"until": "9999-12-31"}, headers=bearer(platform, "gwen")
    )
    assert code(for_ever) == (409, "WFT-GOV-056")
    number = len(made.json()["accepted"])
    assert code(refused) == (403, "WFT-ACC-010")
    assert number > 0
    lines = client.get("/api/v1/governance/baseline", headers=bearer(platform, "zoe")).json()["lines"]
    assert [(line["domain"], line["points"][-1]["number"]) for line in lines] == [("fleet", number)]
    shown = client.get("/api/v1/governance/debts", headers=bearer(platform, "zoe")).json()["items"]
    assert {d["subject"] for d in shown} < {v["subject"] for v in made.json()["accepted"]}


def test_an_approval_is_decided_by_the_role_that_the_policy_names_once_and_with_a_reason(platform, client):
    wanted = Wanted("described", "fleet.aircraft", "abc", ("steward", "domain_owner"), "it is new")
    (asked,) = ApprovalStore(platform.database).asked([wanted], actor="ada", at=NOW)
    (again,) = ApprovalStore(platform.database).asked([wanted], actor="ben", at=NOW)
    path = f"/api/v1/approvals/{asked.approval_id}"

    refused = client.post(f"{path}/approve", json={"reason": "seen"}, headers=bearer(platform, "gwen"))
    blank = client.post(f"{path}/approve", json={"reason": " "}, headers=bearer(platform, "finn"))
    first = client.post(f"{path}/approve", json={"reason": "seen"}, headers=bearer(platform, "finn"))
    second = client.post(f"{path}/decline", json={"reason": "no"}, headers=bearer(platform, "finn"))

    assert again.approval_id == asked.approval_id
    assert code(refused) == (403, "WFT-GOV-051")
    assert code(blank) == (400, "WFT-GOV-059")
    assert (first.json()["state"], first.json()["decided_by"]) == ("approved", "finn")
    assert code(second) == (409, "WFT-GOV-058")
    kinds = [e.kind for e in platform.rooms.production.events() if e.kind.startswith("approval")]
    assert kinds == ["approval.asked", "approval.approved"]
    assert [a["state"] for a in client.get("/api/v1/approvals", headers=bearer(platform)).json()["items"]] == [
        "approved"
    ]


def test_nobody_agrees_to_what_they_have_asked_for_themselves_but_may_decline_it(platform, client):
    wanted = Wanted("described", "fleet.aircraft", "abc", ("steward", "domain_owner"), "it is new")
    (asked,) = ApprovalStore(platform.database).asked([wanted], actor="finn", at=NOW)
    path = f"/api/v1/approvals/{asked.approval_id}"

    refused = client.post(f"{path}/approve", json={"reason": "fine"}, headers=bearer(platform, "finn"))
    declined = client.post(f"{path}/decline", json={"reason": "not yet"}, headers=bearer(platform, "finn"))

    assert code(refused) == (403, "WFT-GOV-051")
    assert declined.json()["state"] == "declined"


def test_violations_of_a_policy_that_nobody_knows_are_not_none_but_a_mistake(platform, client):
    wrong = client.get("/api/v1/violations?policy=describd", headers=bearer(platform))

    assert code(wrong) == (404, "WFT-GOV-007")
    assert "described" in wrong.text


def test_policies_are_listed_with_the_fields_of_their_files(platform, client):
    (policy,) = client.get("/api/v1/policies", headers=bearer(platform, "zoe")).json()["policies"]

    assert (policy["id"], policy["waivers"]["max_days"], policy["file"]) == (
        "described",
        30,
        "governance/policies/described.yaml",
    )
