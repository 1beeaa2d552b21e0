"""A consumer asks, an owner looks and decides, and what was granted is revoked: with clicks, and read back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.company import CONSUMER, LEAD, OWNER, STRANGER
from tests.browser.looking import barriers
from weft.access.permissions import Caller

ROSTER = "crew.roster.assignments@1"
PURPOSE = "To see which crews are late most often,\nfor the rota of the winter"


def caller(server, name: str) -> Caller:
    return Caller(name, "user", frozenset(), server.platform.identity.roles_of(name))


def sees(server, name: str) -> dict:
    return server.platform.access.explain(caller(server, name), name, ROSTER)


def test_a_consumer_asks_an_owner_looks_and_approves_and_the_consumer_reads(own_demo, visit):
    asker, owner = visit(own_demo, OWNER), visit(own_demo, CONSUMER)  # who owns operations consumes what crew offers
    asker.goto(f"/access/request?port={ROSTER}")
    expect(asker.get_by_text("8 columns as they are")).to_be_visible()
    expect(asker.get_by_text("5 masked")).to_be_visible()

    asker.get_by_label("What is it for?").fill(PURPOSE)
    asker.get_by_label("Until", exact=True).fill("2027-03-31")
    asker.get_by_role("button", name="Ask for access").click()
    asker.wait_for_url("**/access/requests/*?done=asked")
    expect(asker.get_by_role("status")).to_contain_text("on its way")
    expect(asker.locator("main")).to_contain_text("Waits for domain owner")
    assert not sees(own_demo, OWNER)["allowed"]

    owner.goto("/")
    owner.get_by_role("link", name=f"{OWNER} asks for {ROSTER}").click()
    expect(owner.get_by_role("heading", level=1)).to_have_text(f"{OWNER} asks for 1 port")
    expect(owner.get_by_text("for the rota of the winter")).to_be_visible()
    expect(owner.get_by_role("row", name="full_name")).to_contain_text("masked: hash")
    expect(owner.get_by_role("row", name="duty")).to_contain_text("as it is")
    owner.get_by_label("Until", exact=True).fill("2027-01-31")
    owner.get_by_label("Reason").fill("Until the rota is made")
    owner.get_by_role("button", name="Approve").click()
    owner.wait_for_url("**/access/requests/*?done=approved")

    asker.reload()
    expect(asker.locator("main")).to_contain_text("Until the rota is made")
    asker.goto("/access")
    expect(asker.get_by_role("row", name=f"{ROSTER} {OWNER}").filter(has_text="until 2027-01-31")).to_be_visible()
    now = sees(own_demo, OWNER)
    assert now["allowed"]
    assert {c["name"] for c in now["columns"] if c["shown"] == "masked"} >= {"full_name", "email", "birth_date"}
    assert asker.problems == owner.problems == []


def test_an_owner_declines_with_a_reason_and_is_told_when_there_is_none(own_demo, visit):
    own_demo.platform.access.ask(caller(own_demo, STRANGER), [ROSTER], "to look around")
    owner = visit(own_demo, CONSUMER)
    owner.goto("/access/inbox")
    owner.get_by_role("link", name="Look and decide").click()

    owner.get_by_role("button", name="Decline").click()
    expect(owner.get_by_role("alert")).to_contain_text("declining needs a reason")
    owner.get_by_label("Reason").fill("Say which crews, and what for")
    owner.get_by_role("button", name="Decline").click()
    owner.wait_for_url("**?done=declined")

    (request,) = own_demo.platform.access_lists.requests(caller(own_demo, STRANGER))
    assert (request["ports"][0]["state"], request["ports"][0]["reason"]) == (
        "declined",
        "Say which crews, and what for",
    )


def test_one_form_asks_for_many_ports_and_what_is_public_is_granted_at_once(own_demo, visit):
    page = visit(own_demo, STRANGER)
    page.goto("/access/request")
    for port in ("fleet.aircraft.planes", ROSTER):
        page.locator("#more").fill(port)
        page.get_by_role("button", name="Add").click()
        page.get_by_text(port).first.wait_for()

    page.get_by_label("What is it for?").fill("a map of the fleet")
    page.get_by_role("button", name="Ask for access").click()
    page.wait_for_url("**?done=asked")

    (request,) = own_demo.platform.access_lists.requests(caller(own_demo, STRANGER))
    assert {p["address"]: p["state"] for p in request["ports"]} == {
        "fleet.aircraft.planes@1": "approved",
        ROSTER: "waiting",
    }
    expect(page.locator("main")).to_contain_text("the mesh's policy")
    page.get_by_role("button", name="Withdraw").click()
    page.wait_for_url("**?done=withdrawn")
    expect(page.locator("main")).to_contain_text("withdrawn")


def test_only_the_columns_that_are_chosen_are_asked_for_and_for_whom(own_demo, visit):
    page = visit(own_demo, OWNER)
    page.goto(f"/access/request?port={ROSTER}")

    page.get_by_label("What is it for?").fill("duties by day")
    page.get_by_label("Who is to read?").select_option("operations.on_time")
    page.get_by_text("Only some columns").click()
    page.get_by_role("checkbox", name="duty").check()
    page.get_by_role("checkbox", name="flight_date").check()
    page.get_by_role("button", name="Ask for access").click()
    page.wait_for_url("**?done=asked")

    (request,) = own_demo.platform.access_lists.requests(caller(own_demo, OWNER))
    assert (request["kind"], request["reader"]) == ("product", "operations.on_time")
    assert sorted(request["columns"]) == ["duty", "flight_date"]


def test_a_form_that_cannot_be_is_shown_again_with_what_was_written(own_demo, visit):
    page = visit(own_demo, STRANGER, java_script_enabled=False)
    page.goto(f"/access/request?port={ROSTER}")

    page.get_by_label("What is it for?").fill(PURPOSE)
    page.get_by_text("A service, or somebody else").click()
    page.get_by_label("Name", exact=True).fill("product:operations.on_time")
    page.get_by_role("button", name="Ask for access").click()

    expect(page.get_by_role("alert")).to_contain_text("WFT-ACC-010")
    assert page.get_by_label("What is it for?").input_value().replace("\r\n", "\n") == PURPOSE
    expect(page.get_by_label("Name", exact=True)).to_have_value("product:operations.on_time")


def test_an_owner_revokes_a_grant_and_nobody_reads_by_it(own_demo, visit):
    reader = "hanna.virtanen@example.com"
    assert sees(own_demo, reader)["allowed"]
    page = visit(own_demo, CONSUMER)
    page.goto(f"/access/readers?port={ROSTER}")

    row = page.get_by_role("row").filter(has_text=reader)
    expect(row.get_by_role("button", name="Revoke now")).to_be_hidden()  # one click ends nothing
    row.locator("summary").click()
    row.get_by_label("Why?").fill("the roster is read by another team now")
    row.get_by_role("button", name="Revoke now").click()
    page.wait_for_url("**/access/readers?done=revoked")

    assert not sees(own_demo, reader)["allowed"]
    expect(page.get_by_role("row").filter(has_text=reader)).to_have_count(0)


def test_a_lead_sees_who_reads_and_somebody_without_a_domain_is_offered_no_list(demo, visit):
    lead, stranger = visit(demo, LEAD), visit(demo, STRANGER)

    lead.goto("/access/readers")
    stranger.goto("/access")

    expect(lead.get_by_role("row").filter(has_text=ROSTER).first).to_be_visible()
    expect(stranger.get_by_role("link", name="Who reads")).to_have_count(0)


@pytest.mark.parametrize("person", [CONSUMER, OWNER])
def test_a_request_that_waits_can_be_used_by_everybody_and_on_a_phone(own_demo, visit, person):
    request = own_demo.platform.access.ask(caller(own_demo, OWNER), [ROSTER], PURPOSE)["request_id"]

    for options in ({"width": 360}, {"color_scheme": "dark"}):
        page = visit(own_demo, person, **options)
        page.goto(f"/access/requests/{request}", wait_until="networkidle")
        assert barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= options.get("width", 1280)
        assert page.problems == []
