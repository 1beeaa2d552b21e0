"""Every page can be used by everybody: by eye, by keyboard, read out, on a phone, by a program."""

from __future__ import annotations

import httpx
import pytest

from tests.browser.company import CONSUMER, LEAD, OWNER
from tests.browser.looking import barriers, faint, loaded
from tests.browser.pages import PAGES
from tests.conformance.test_verbs import token


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_for_everybody_in_each_theme_on_a_phone_and_without_javascript(demo, visit, path):
    page = visit.again(demo, PAGES[path])
    page.emulate_media(color_scheme="light")

    answer = loaded(page, path)
    in_light = barriers(page)
    page.emulate_media(color_scheme="dark")
    in_dark = faint(page)
    page.set_viewport_size({"width": 360, "height": 740})
    width = page.evaluate("document.documentElement.scrollWidth")

    assert (in_light, in_dark) == ([], [])
    assert width <= 360
    assert page.locator("h1").count() == 1
    assert [p for p in page.problems if answer.status < 400 or f"status of {answer.status}" not in p] == []
    plain = visit.again(demo, PAGES[path], java_script_enabled=False)
    plain.goto(path)
    assert plain.locator("h1").inner_text() == page.locator("h1").inner_text()
    assert len(plain.locator("main").inner_text()) > 20


def test_strangers_sign_in_and_come_back_to_the_page_that_they_wanted(demo, visit):
    page = visit(demo, None)

    page.goto("/domains/operations?x=1")

    assert page.url.endswith("/login?then=/domains/operations%3Fx%3D1")


def test_the_palette_opens_with_the_keyboard_and_goes_where_one_chooses(demo, visit):
    page = visit(demo, CONSUMER)
    page.goto("/")

    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("on_time")
    page.locator("#palette-found a", has_text="operations.on_time").first.wait_for()
    page.keyboard.press("Enter")

    page.wait_for_url("**/products/operations/on_time")


def test_results_follow_the_words_as_they_are_typed_and_the_address_with_them(demo, visit):
    page = visit(demo, CONSUMER)
    page.goto("/search")

    page.locator("#q").press_sequentially("delays", delay=20)
    page.get_by_text("Delays by route and month").wait_for()

    page.wait_for_url("**/search?q=delays*")


def test_on_a_phone_where_one_is_and_what_can_be_done_are_seen_without_scrolling_aside(demo, visit):
    page = visit(demo, LEAD, width=360)
    page.goto("/governance/waivers")

    for seen in (page.locator("[aria-current=page]"), page.locator("summary", has_text="Revoke")):
        assert seen.count() > 0
        for one in seen.all():
            box = one.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360


@pytest.mark.parametrize("path", ["/ports/operations/on_time/flights?tab=nothing", f"/{'nowhere' * 40}"])
def test_on_a_phone_what_is_said_of_a_wrong_address_lies_on_the_screen(demo, visit, path):
    page = visit(demo, CONSUMER, width=360)

    page.goto(path)

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.get_by_role("link", name="Home", exact=True).last.is_visible()


@pytest.mark.parametrize(
    "path",
    [
        "/products",
        "/runs",
        "/governance/violations",
        "/governance/audit",
        "/products/operations/on_time?tab=runs",
        "/products/operations/on_time?tab=consumers",
        "/ports/operations/on_time/flights?tab=quality",
    ],
)
def test_on_a_phone_nothing_of_a_list_lies_beside_the_screen(demo, visit, path):
    page = visit(demo, LEAD if "audit" in path else OWNER, width=360)

    page.goto(path)

    beside = "(one) => [...one.querySelectorAll('td, th')].some((cell) => cell.getBoundingClientRect().right > 360)"
    assert not page.locator("main").evaluate(beside)
    for table in page.locator(".scroll").all():
        assert table.evaluate("(one) => one.scrollWidth <= one.clientWidth")


def test_a_domain_says_of_its_products_what_lists_say_and_is_marked_above(demo, visit):
    page = visit(demo, OWNER)

    page.goto("/domains/operations")

    line = page.get_by_role("listitem").filter(has_text="operations.on_time")
    for word in ("fresh", "public", "your domain's"):
        assert line.get_by_text(word, exact=True).is_visible()
    assert page.get_by_role("navigation", name="Sections").locator("[aria-current]").inner_text() == "Products"


def test_a_list_of_products_says_in_words_that_one_has_no_access(demo, visit):
    page = visit(demo, CONSUMER)

    page.goto("/products")

    assert page.get_by_role("row").filter(has_text="fleet.aircraft").get_by_text("none", exact=True).is_visible()


def test_a_product_that_reads_another_has_not_never_used_its_grant(demo, visit):
    page = visit(demo, OWNER)

    page.goto("/products/operations/on_time?tab=consumers")

    row = page.get_by_role("row").filter(has_text="crew.roster")
    assert row.get_by_text("in its runs").is_visible()
    assert row.get_by_text("never").count() == 0


def test_a_page_and_its_json_are_one_value_and_neither_is_kept_by_others(demo):
    headers = {"Authorization": f"Bearer {token(demo.platform, CONSUMER)}"}

    as_json = httpx.get(f"{demo.url}/domains/operations", headers={**headers, "Accept": "application/json"})
    as_page = httpx.get(f"{demo.url}/domains/operations", headers={**headers, "Accept": "text/html"})

    assert as_json.json()["title"] in as_page.text
    assert as_page.headers["cache-control"] == "private, no-cache"
    assert "'unsafe-inline'" not in as_page.headers["content-security-policy"]
    assert "Accept" in as_page.headers["vary"]
    assert "Accept" in as_json.headers["vary"]


def test_results_say_what_they_are_for_whose_they_are_and_which_product_a_port_is_of(demo, visit):
    page = visit(demo, CONSUMER)

    page.goto("/search?q=airport_delays")

    found = page.locator("article", has_text="punctuality.performance.airport_delays@1")
    assert found.get_by_text("What passengers and managers ask about delays").is_visible()
    assert found.get_by_text("of Punctuality").is_visible()
    assert found.get_by_text("by Customer Insight").is_visible()


def test_home_calls_what_is_new_by_its_title_and_says_what_domains_are_about(demo, visit):
    page = visit(demo, CONSUMER)

    page.goto("/")

    assert page.get_by_role("complementary").get_by_role("link", name="Flights from New York").is_visible()
    assert page.get_by_text("What the stations at the three airports of New York measured").is_visible()
