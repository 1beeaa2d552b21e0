"""What operators, owners and everybody for themselves administer, with real clicks and what comes of them."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import expect

from tests.browser.company import CONSUMER, DEVELOPER, OPERATOR, OWNER, PASSWORD, STRANGER
from tests.browser.looking import barriers
from weft.model.address import ProductAddress


def known_as(url: str, secret: str) -> httpx.Response:
    return httpx.get(f"{url}/api/v1/session", headers={"Authorization": f"Bearer {secret}"})


def test_an_administrator_requisitions_a_domain_and_gets_its_place_and_its_token_once(own_demo, visit):
    page = visit(own_demo, OPERATOR)
    page.goto("/")

    page.get_by_role("link", name="Administration").click()
    page.get_by_role("link", name="Requisition a domain").click()
    page.get_by_label("Name").fill("api")
    page.get_by_label("Title").fill("Sales <b>and more</b>")
    page.get_by_label("source-aligned").check()
    page.get_by_label("Team that answers for it").fill("Revenue")
    page.get_by_label("Tags").fill("orders, revenue")
    page.get_by_role("button", name="Requisition it").click()
    expect(page.get_by_role("alert")).to_contain_text("WFT-SRV-042")
    expect(page.get_by_label("Title")).to_have_value("Sales <b>and more</b>")
    expect(page.get_by_label("source-aligned")).to_be_checked()
    assert barriers(page) == []
    page.get_by_label("Name").fill("sales")
    page.get_by_role("button", name="Requisition it").click()
    secret = page.locator("#secret").inner_text()
    assert barriers(page) == []
    expect(page.locator("main")).to_contain_text("sales/")
    page.get_by_role("link", name="sales", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sales <b>and more</b>")

    record = own_demo.platform.rooms.production.domain("sales")
    assert (record.kind, record.owner_team, record.requisitioned_by) == ("source-aligned", "Revenue", OPERATOR)
    assert record.document["tags"] == ["orders", "revenue"]
    who = known_as(own_demo.url, secret).json()
    assert (who["name"], who["domain_roles"]) == ("domain:sales", {"sales": ["developer"]})
    page.goto("/administration/domains")
    assert secret not in page.content()


def test_an_operator_adds_a_user_who_signs_in_gets_a_role_and_is_shut_out(own_demo, visit):
    page = visit(own_demo, OPERATOR)
    page.goto("/administration/users")
    page.get_by_label("Name").fill("ada@example.com")
    page.get_by_role("button", name="Add", exact=True).click()
    password = page.locator("#secret").inner_text()
    theirs = visit(own_demo, None)

    theirs.goto("/login")
    theirs.get_by_label("User").fill("ada@example.com")
    theirs.get_by_label("Password").fill(password)
    theirs.get_by_role("button", name="Sign in").click()
    theirs.wait_for_url(f"{own_demo.url}/")
    page.goto("/administration/users")
    line = page.get_by_role("row").filter(has_text="ada@example.com")
    line.get_by_text("Change").click()
    line.get_by_label("governance lead").check()
    line.get_by_role("button", name="Set these roles").click()
    line = page.get_by_role("row").filter(has_text="ada@example.com")
    expect(line.get_by_role("cell").nth(1)).to_have_text("governance lead")
    line.get_by_text("Change").click()
    line.get_by_role("button", name="Shut out").click()
    expect(page.get_by_text("shut out").first).to_be_visible()
    theirs.goto("/runs")

    assert "/login" in theirs.url
    user = own_demo.platform.identity.users.user("ada@example.com")
    assert (user.mesh, user.disabled_at is not None) == (("governance_lead",), True)
    assert password != PASSWORD


def test_somebody_makes_a_token_uses_it_and_revokes_it(own_demo, visit):
    page = visit(own_demo, STRANGER)
    page.goto("/administration/tokens")

    page.get_by_label("What it is for").fill("my <i>notebook</i>")
    page.get_by_label("Days that it holds").fill("2")
    page.get_by_role("button", name="Make it").click()
    secret = page.locator("#secret").inner_text()
    held = known_as(own_demo.url, secret)
    page.goto("/administration/tokens")
    assert secret not in page.content()
    expect(page.get_by_role("button", name="Revoke now")).to_be_hidden()  # one click ends nothing
    page.locator('summary[aria-label^="Revoke: my <i>notebook</i>, "]').click()
    page.get_by_role("button", name="Revoke now").click()
    expect(page.get_by_text("revoked")).to_be_visible()

    assert held.json()["name"] == STRANGER
    assert known_as(own_demo.url, secret).status_code == 401


def test_an_owner_subscribes_and_mutes_and_sees_what_is_wrong_with_a_target(own_demo, visit):
    page = visit(own_demo, OWNER)
    page.goto("/administration/notices")

    page.get_by_label("A domain, product or port").fill("operations.on_tim")
    page.get_by_label("A URL").fill("https://hooks.example.com/weft")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("alert")).to_contain_text("operations.on_time")
    expect(page.get_by_label("A URL")).to_have_value("https://hooks.example.com/weft")
    page.get_by_label("A domain, product or port").fill("operations.on_time")
    page.get_by_label("How", exact=True).select_option("slack")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("button", name="End the subscription of operations.on_time")).to_be_visible()
    page.get_by_label("operations is not told of").fill("operations.on_time")
    page.get_by_role("button", name="Mute for operations").click()
    expect(page.get_by_text("operations: operations.on_time")).to_be_visible()

    (made,) = own_demo.platform.notices._subscriptions.listed(OWNER)
    assert (made.subject, made.target) == ("operations.on_time", "https://hooks.example.com/weft")
    assert own_demo.platform.notices.mutes("operations") == [{"domain": "operations", "subject": "operations.on_time"}]
    page.get_by_role("button", name="End the subscription of operations.on_time").click()
    expect(page.get_by_text("You are told of nothing.")).to_be_visible()
    assert own_demo.platform.notices._subscriptions.listed(OWNER) == []


def test_what_is_for_operators_is_offered_and_open_to_nobody_else(demo, visit):
    page = visit(demo, DEVELOPER)

    page.goto("/administration")
    offered = page.get_by_role("navigation", name="Administration").get_by_role("link").all_inner_texts()
    found = {}
    for path in ("users", "connections", "health"):
        found[path] = page.goto(f"/administration/{path}").status
        assert "dana.kessler" not in page.locator("main").inner_text()

    assert offered == ["Overview", "Domains", "Tokens", "Notices"]
    assert found == {"users": 403, "connections": 403, "health": 403}


def test_somebody_finds_what_they_subscribed_to_behind_the_bell_and_reads_it(own_demo, visit):
    page = visit(own_demo, STRANGER)
    page.goto("/administration/notices?subject=operations.on_time")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("button", name="End the subscription of operations.on_time")).to_be_visible()
    expect(page.get_by_role("link", name="Notices, ")).to_have_count(0)

    platform = own_demo.platform
    asker = platform.identity.of_user(platform.identity.users.user(CONSUMER))
    on_time = ProductAddress("operations", "on_time")
    for number in range(3):
        platform.feedback.ask(asker, on_time, f"How late is <b>late</b>, no. {number}?")
    platform.notices.tell()
    page.goto("/")
    page.get_by_role("link", name="Notices, 3 not read").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Notices")
    expect(page.locator("li.notice.new")).to_have_count(3)
    assert barriers(page) == []
    page.get_by_role("button", name="Mark as read").first.click()
    expect(page.get_by_role("link", name="Notices, 2 not read")).to_be_visible()
    page.get_by_role("link", name="Not read (2)").click()
    expect(page.locator("li.notice")).to_have_count(2)
    page.get_by_role("button", name="Mark these and all older ones as read").click()
    expect(page.locator("li.notice.new")).to_have_count(0)
    expect(page.locator(".unread")).to_have_count(0)
    page.locator("li.notice a").first.click()
    expect(page).to_have_url(re.compile("/products/operations/on_time"))

    others = visit(own_demo, CONSUMER)
    others.goto("/notices")
    expect(others.get_by_role("heading", level=1)).to_have_text("Notices")
    assert "asks about" not in others.locator("main").inner_text(), "that is for those who answer"


def test_a_form_that_is_too_long_comes_back_with_ones_words_the_field_marked_and_focused(own_demo, visit):
    page = visit(own_demo, STRANGER)
    page.goto("/products/operations/on_time?tab=questions")
    words = "Why <i>so</i> late? " * 300
    page.locator("#ask-text").evaluate("one => one.removeAttribute('maxlength')")
    page.locator("#ask-text").fill(words)
    page.get_by_label("It is").select_option("issue")

    page.get_by_role("button", name="Ask", exact=True).click()

    field = page.locator("#ask-text")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(field).to_have_value(words)
    expect(page.get_by_label("It is")).to_have_value("issue")
    said = field.get_attribute("aria-describedby").split()[-1]
    assert re.search("[0-9]", page.locator(f"#{said}").inner_text())
    assert barriers(page) == []
    field.evaluate("one => one.removeAttribute('maxlength')")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("Why so late?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("article.question").first).to_contain_text("Why so late?")
    assert [p for p in page.problems if "400 (Bad Request)" not in p] == []
