"""A governance lead finds the worst domain, reads a violation and grants a waiver: with clicks, and read back."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from playwright.sync_api import expect

from tests.browser.company import LEAD, OWNER, PRODUCER, STRANGER
from weft.access.permissions import Caller, Role

GAIA = Caller(LEAD, "user", frozenset({Role.GOVERNANCE_LEAD}))


def test_a_lead_finds_the_worst_domain_reads_a_violation_and_grants_a_waiver_that_ends(own_demo, visit):
    verbs, page = own_demo.platform.governance, visit(own_demo, LEAD)
    day = (own_demo.platform.rooms.now() + dt.timedelta(days=30)).date().isoformat()
    before = own_demo.platform.compliance.shown()
    assert before is not None
    page.goto("/")
    page.get_by_role("link", name="Governance").click()

    worst = page.get_by_role("region", name="Policies by domain").get_by_role("columnheader").nth(2)
    expect(worst).to_contain_text("operations")
    expect(worst).to_contain_text("89.4 %")
    page.get_by_role("row", name="A measure says its unit").get_by_role("link", name="1/1").click()
    page.wait_for_url("**/governance/violations?domain=operations&policy=measures-have-a-unit")
    page.get_by_role("link", name="operations.on_time.flights@1.distance").click()
    expect(page.get_by_text("it is a measure without a unit").first).to_be_visible()
    page.get_by_label("Until").fill(day)
    page.get_by_label("Reason").fill("The unit is being agreed on with the network")
    page.get_by_role("button", name="Let it off").click()
    page.wait_for_url("**?done=waived")

    expect(page.get_by_role("heading", name="It is let off")).to_be_visible()
    (found,) = verbs.violations(GAIA, policy="measures-have-a-unit")["items"]
    waiver = verbs.violation(GAIA, found["violation_id"])["waiver"]
    assert (found["state"], waiver["until"], waiver["given_by"]) == ("waived", day, LEAD)
    after = own_demo.platform.compliance.shown()
    assert after is not None
    assert after["total"]["waived"] == before["total"]["waived"] + 1
    page.goto("/governance")
    expect(page.get_by_role("row", name="A measure says its unit")).to_contain_text("1/1 off")

    page.goto("/governance/waivers")
    row = page.get_by_role("row").filter(has_text="measures-have-a-unit")
    expect(row.get_by_role("button", name="Revoke now")).to_be_hidden()  # one click ends nothing
    row.locator("summary").press("Enter")
    row.get_by_role("button", name="Revoke now").click()
    page.wait_for_url("**?done=revoked")
    assert verbs.violations(GAIA, policy="measures-have-a-unit")["items"][0]["state"] == "open"
    assert page.problems == []


def test_an_owner_sees_what_is_due_in_their_domains_and_whose_a_waiver_is(demo, visit):
    page = visit(demo, OWNER)
    page.goto("/governance")

    page.get_by_role("link", name="All of them").click()
    page.wait_for_url("**/governance/violations?mine=true")
    expect(page.get_by_role("row").filter(has_text="operations.")).to_have_count(2)
    expect(page.get_by_role("row").filter(has_text="weather.")).to_have_count(0)
    page.get_by_role("link", name="operations.on_time.flights@1", exact=True).click()

    expect(page.get_by_role("heading", name="A waiver")).to_be_visible()
    expect(page.locator("aside")).to_contain_text("governance lead")
    expect(page.get_by_role("button", name="Let it off")).to_have_count(0)


@pytest.mark.parametrize("path", ["/governance", "/governance/violations"])
def test_what_several_violate_is_said_once_above_them(demo, visit, path):
    page = visit(demo, LEAD)

    page.goto(path)

    due = page.locator("section", has=page.get_by_role("heading", name="Due in")) if path == "/governance" else page
    expect(due.get_by_role("link", name="Public data say under which licence")).to_have_count(1)
    expect(due.get_by_role("link", name="network.reference.airlines@1", exact=True)).to_be_visible()
    expect(due.get_by_role("link", name="network.reference.airports@1", exact=True)).to_be_visible()
    assert page.get_by_text("neither licence nor terms are stated").count() <= 1


def test_a_list_of_violations_is_narrowed_by_choosing_and_its_address_says_how(demo, visit):
    page = visit(demo, PRODUCER)
    page.goto("/governance/violations")

    page.get_by_label("State").select_option("waived")
    page.wait_for_url("**state=waived**")

    expect(page.get_by_role("row").filter(has_text="weather.observations.hourly@1")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="operations.")).to_have_count(0)


def test_debt_is_accepted_once_and_is_drawn_as_a_line(own_demo, visit):
    page = visit(own_demo, LEAD)
    page.goto("/governance/debt")
    expect(page.get_by_text("There is no known debt.")).to_be_visible()

    page.get_by_text("Accept what violates now").click()
    page.get_by_label("Who mends it").fill("the data office")
    page.get_by_label("Plan").fill("two a month")
    page.get_by_label("Until").fill("2099-01-01")
    page.get_by_role("button", name="Accept").click()
    page.wait_for_url("**?done=accepted")

    left = own_demo.platform.governance.debts(GAIA)["items"]
    expect(page.get_by_role("heading", name=f"{len(left)} violations left")).to_be_visible()
    expect(page.get_by_role("img", name=f"Known debt: from {len(left)} to {len(left)}")).to_be_visible()
    page.get_by_text("Accept what violates now").click()
    page.get_by_label("Who mends it").fill("the data office")
    page.get_by_label("Plan").fill("two a month")
    page.get_by_label("Until").fill("2099-01-01")
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("alert")).to_contain_text("WFT-GOV-056")
    expect(page.get_by_label("Plan")).to_have_value("two a month")


def test_a_policy_is_read_with_its_sql_and_its_tests_run_on_a_click(demo, visit):
    page = visit(demo, OWNER)
    page.goto("/governance/policies")
    page.get_by_role("link", name="Public data say under which licence").click()

    expect(page.get_by_label("SQL of the check")).to_contain_text("select c.port as subject")
    page.get_by_role("link", name="Run them now").click()

    expect(page.get_by_role("status")).to_have_text("2 of 2 tests passed")


def test_a_report_is_made_on_the_page_and_taken_along_as_a_table(demo, visit):
    page = visit(demo, LEAD)
    page.goto("/governance/reports")
    page.get_by_label("Regulation").select_option("gdpr")
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_role("heading", name="flights under gdpr")).to_be_visible()

    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(waiting.value.path().read_text())))

    assert {row["name"] for row in rows if row["section"] == "regulation"} >= {"gdpr"}
    expect(page.locator("main")).to_contain_text("events:")


def test_a_lead_finds_who_has_read_what_and_that_the_record_stands(demo, visit):
    page = visit(demo, LEAD)
    page.goto("/governance/audit")
    page.get_by_label("Who", exact=True).fill("hanna.virtanen@example.com")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row").filter(has_text="crews held up by weather")).to_have_count(1)
    expect(page.get_by_role("row").filter(has_text="sofia.bianchi")).to_have_count(0)

    page.get_by_role("link", name="Does the record stand?").click()
    expect(page.get_by_text("stands", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Walk both from end to end").click()

    expect(page.get_by_text("stands", exact=True)).to_have_count(2)


def test_a_lead_has_the_mesh_scanned_and_an_owner_their_domains_and_nobody_else(own_demo, visit):
    lead, owner, stranger = visit(own_demo, LEAD), visit(own_demo, OWNER), visit(own_demo, STRANGER)
    (own_demo.root / "governance" / "policies" / "nobody-is-called-x.yaml").write_text(
        "apiVersion: weft/v1\nid: nobody-is-called-x\ntitle: No product is called on_time\nkind: documentation\n"
        "severity: low\nwhen: [scan]\nasks: Of names.\nwhy: To see it.\nremediation: Rename it.\ndue_days: 9\n"
        "owner: data governance\ncheck: |\n  select product as subject, 'it is' as detail from products "
        "where product = 'operations.on_time'\n"
    )

    owner.goto("/governance")
    owner.get_by_role("button", name="Scan now").click()
    owner.wait_for_url("**/governance?done=scanned")
    lead.goto("/governance")
    lead.get_by_role("button", name="Scan now").click()
    lead.wait_for_url("**/governance?done=scanned")
    stranger.goto("/governance")

    expect(owner.get_by_role("status")).to_contain_text("asked just now")
    expect(lead.get_by_role("row", name="No product is called on_time")).to_contain_text("1/1")
    expect(stranger.get_by_role("button", name="Scan now")).to_have_count(0)
    csrf = stranger.locator('meta[name="csrf"]').get_attribute("content")
    answer = stranger.request.post("/governance/scan", form={"csrf": csrf}, headers={"Origin": own_demo.url})
    assert answer.status == 403
