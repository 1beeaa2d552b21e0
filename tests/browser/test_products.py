"""The page of a product, as those meet it who want its data, who may read some of it, and who answer for it."""

from __future__ import annotations

import csv
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.browser.company import CONSUMER, OWNER, READER
from tests.conformance.test_verbs import token
from weft.access.permissions import Caller
from weft.model.address import ProductAddress

PRODUCT = "/products/operations/on_time"
FLIGHTS = "/ports/operations/on_time/flights"
ROSTER = "/ports/crew/roster/assignments"
MASKED = ("crew_id", "full_name", "email", "phone", "birth_date")


def document(server, who: str, path: str, **params: str) -> dict:
    """A page as a program gets it."""
    headers = {"Authorization": f"Bearer {token(server.platform, who)}", "Accept": "application/json"}
    answer = httpx.get(f"{server.url}{path}", params=params or None, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def roster(server) -> list[dict[str, str]]:
    """The rows of the roster, as they stand in its source."""
    with (server.root / "data" / "crew_assignments.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_whoever_has_no_grant_is_led_to_ask_and_then_to_their_request_and_then_to_connect(own_demo, visit):
    page = visit(own_demo, OWNER)
    page.goto("/products/crew/roster")

    found = urlsplit(page.get_by_role("link", name="Request access").first.get_attribute("href"))

    assert (found.path, parse_qs(found.query)) == ("/access/request", {"port": ["crew.roster.assignments@1"]})
    assert page.locator(".always").get_by_text("no access yet").is_visible()
    asked = own_demo.platform.access.ask(Caller(OWNER, "user"), ["crew.roster.assignments"], "delays of crews")
    page.reload()
    assert page.locator(".always").get_by_text("waiting for approval").is_visible()
    href = page.get_by_role("link", name="See your request").get_attribute("href")
    assert href == f"/access/requests/{asked['request_id']}"
    headers = {"Authorization": f"Bearer {token(own_demo.platform, CONSUMER)}"}  # who owns `crew`
    path = f"/api/v1/access/requests/{asked['request_id']}/approve"
    httpx.post(f"{own_demo.url}{path}", json={}, headers=headers).raise_for_status()
    page.reload()
    page.get_by_role("link", name="How to connect").click()
    assert "crew.roster.assignments@1" in page.locator("#text-python").inner_text()


def test_of_a_port_without_a_grant_no_row_and_no_figure_is_in_the_document(demo):
    for tab in ("sample", "profile"):
        found = document(demo, CONSUMER, FLIGHTS, tab=tab, counted="true")

        assert found.get("sample") is None
        assert found.get("counted") is None
        for column in found.get("profile", {"columns": []})["columns"]:
            assert [column[k] for k in ("nulls", "minimum", "maximum", "size_bytes", "distinct")] == [None] * 5
        assert found["standing"]["allowed"] is False


def test_a_sample_marks_what_is_masked_and_why_and_holds_nothing_behind_the_mask(demo, visit):
    page = visit(demo, READER)
    page.goto(f"{ROSTER}?tab=sample")

    heads = page.locator(".grid thead th").all_inner_texts()
    marked = [text.split()[0] for text in heads if "masked" in text]
    cells = page.locator(".grid tbody tr").first.locator("td.masked").count()

    assert marked == [*MASKED]
    assert cells == len(MASKED)
    assert page.get_by_text("Of an address of mail only its domain is shown").is_visible()
    assert page.get_by_text("You see some of the rows only").is_visible()
    shown = httpx.get(
        f"{demo.url}{ROSTER}",
        params={"tab": "sample"},
        headers={"Authorization": f"Bearer {token(demo.platform, READER)}", "Accept": "text/html"},
    ).text
    for row in roster(demo):
        for column in MASKED:
            assert row[column] not in shown


def test_figures_of_masked_columns_and_of_rows_that_one_does_not_see_are_not_told(demo):
    found = document(demo, READER, ROSTER, tab="profile", counted="true")

    assert found["profile"]["told"] is False
    for column in found["profile"]["columns"]:
        assert [column[k] for k in ("nulls", "minimum", "maximum", "size_bytes", "distinct")] == [None] * 5
    counted = found["counted"]
    seen = [row for row in roster(demo) if row["flight_date"] < "2013-10-01"]
    assert counted["rows"] == len(seen)
    assert not set(counted["columns"]) & set(MASKED)
    assert counted["columns"]["flight_date"]["greatest"] < "2013-10-01"
    duties = {bar["label"]: bar["count"] for bar in counted["columns"]["duty"]["bars"]}
    assert duties == {d: sum(r["duty"] == d for r in seen) for d in {r["duty"] for r in seen}}


def test_figures_are_those_that_were_published_and_what_is_counted_adds_up_without_nulls(demo):
    found = document(demo, OWNER, FLIGHTS, tab="profile", counted="true")

    told = {column["name"]: column for column in found["profile"]["columns"]}
    delay = told["dep_delay"]
    assert (delay["nulls"], delay["minimum"], delay["maximum"]) == (8255, "-43", "1301")
    assert told["cancelled"]["minimum"] == "false"
    assert told["flight_date"]["distinct"] is None
    bars = found["counted"]["columns"]["dep_delay"]["bars"]
    assert sum(bar["count"] for bar in bars) == 336_776 - 8255
    assert bars[-1]["count"] < 10
    assert {b["label"]: b["count"] for b in found["counted"]["columns"]["cancelled"]["bars"]} == {
        "false": 328_521, "true": 8255,
    }  # fmt: skip


def test_without_a_grant_the_schema_says_what_a_grant_would_show(demo):
    found = document(demo, OWNER, ROSTER)

    shown = {column["name"]: column["shown"] for column in found["columns"]}
    assert found["standing"]["allowed"] is False
    assert {name for name, how in shown.items() if how != "clear"} == {*MASKED}


def test_a_rule_that_failed_last_is_shown_with_its_file_and_no_value(demo, visit):
    page = visit(demo, CONSUMER)
    page.goto(f"{FLIGHTS}?tab=quality")

    failures = page.locator("section", has=page.get_by_role("heading", name="What failed last")).inner_text()

    assert "distance.range" in failures
    assert "flights.odcs.yaml:" in failures
    found = document(demo, CONSUMER, FLIGHTS, tab="quality")
    assert all(one["samples"] == [] for one in found["failures"])
    assert found["rules"][0]["id"] == "distance.range"
    assert found["rules"][0]["trend"] == ["passed", "failed"]


def test_somebody_asks_the_owner_answers_and_it_is_rated(own_demo, visit):
    asker, owner = visit(own_demo, CONSUMER), visit(own_demo, OWNER)
    asker.goto(f"{PRODUCT}?tab=questions")
    asker.get_by_label("What would you like to know?").fill("Are diverted flights `cancelled`?")
    asker.get_by_role("button", name="Ask", exact=True).click()
    asker.get_by_text("waits for an answer").wait_for()

    owner.goto("/")
    owner.get_by_role("link", name="Are diverted flights").click()
    owner.get_by_role("textbox", name="Your answer").fill("No: they left.")
    owner.get_by_role("button", name="Answer").click()
    owner.get_by_text("No: they left.").first.wait_for()
    asker.reload()
    asker.get_by_role("radio", name="5 stars").check()
    asker.get_by_label("Why?").fill("Saves me a day")
    asker.get_by_role("button", name="Rate").click()
    asker.get_by_text("Saves me a day").last.wait_for()

    headers = {"Authorization": f"Bearer {token(own_demo.platform, CONSUMER)}"}
    (question,) = httpx.get(f"{own_demo.url}/api/v1{PRODUCT}/questions", headers=headers).json()["items"]
    assert (question["state"], question["answers"][0]["answered_by"]) == ("answered", OWNER)
    assert httpx.get(f"{own_demo.url}/api/v1{PRODUCT}/ratings", headers=headers).json()["mean"] == 5
    assert asker.locator(f"#{question['question_id']} code").inner_text() == "cancelled"


def test_each_changes_and_takes_back_their_own_words_and_nobody_elses(own_demo, visit):
    feedback, product = own_demo.platform.feedback, ProductAddress("operations", "on_time")
    asked = feedback.ask(Caller(CONSUMER, "user"), product, "Wy?")["question_id"]
    stranger = visit(own_demo, READER)
    stranger.goto(f"{PRODUCT}?tab=questions")
    assert stranger.locator(f"#{asked}").get_by_role("button").count() == 0
    page = visit(own_demo, CONSUMER)
    page.goto(f"{PRODUCT}?tab=questions")

    page.locator(f"#{asked}").get_by_text("Change or take back").click()
    page.get_by_role("textbox", name="Your question").fill("Why?")
    page.get_by_role("button", name="Save").click()
    page.locator(f"#{asked}").get_by_text("Why?", exact=True).first.wait_for()
    page.locator(f"#{asked}").get_by_role("button", name="Close it").click()
    page.locator(f"#{asked}").get_by_text("closed").wait_for()
    page.locator(f"#{asked}").get_by_text("Change or take back").click()
    page.locator(f"#{asked}").get_by_role("button", name="Take back").click()
    page.get_by_text("Nobody has asked anything yet.").wait_for()

    assert feedback.questions(Caller(OWNER, "user"), product)["items"] == []


def test_what_cannot_be_kept_is_shown_again_with_the_words(own_demo, visit):
    page = visit(own_demo, CONSUMER)
    page.goto(f"{PRODUCT}?tab=questions")

    page.get_by_label("What would you like to know?").evaluate(
        "e => { e.removeAttribute('maxlength'); e.value = 'x'.repeat(4001) }"
    )
    page.get_by_role("button", name="Ask", exact=True).click()

    page.get_by_role("alert").get_by_text("the text has 4,001 characters").wait_for()
    page.locator("#ask-text + .wrong").get_by_text("the text has 4,001 characters").wait_for()
    assert len(page.get_by_label("What would you like to know?").input_value()) == 4001


def test_markup_in_what_people_write_comes_out_inert(own_demo, visit):
    feedback, product = own_demo.platform.feedback, ProductAddress("operations", "on_time")
    evil = "<img src=x onerror=document.title='owned'>`<script>document.title='owned'</script>`"
    asked = feedback.ask(Caller(CONSUMER, "user"), product, evil)["question_id"]
    feedback.answer(Caller(CONSUMER, "user"), asked, evil)
    feedback.rate(Caller(CONSUMER, "user"), product, 1, evil)
    page = visit(own_demo, OWNER)

    for path in (f"{PRODUCT}?tab=questions", f"/people/{OWNER}", "/"):
        page.goto(path, wait_until="networkidle")
        assert evil.split("`")[0] in page.locator("main").inner_text()
        assert page.locator("main img, main script").count() == 0
        assert page.title() != "owned"
        assert page.problems == []


def test_a_snippet_is_copied_as_it_stands_with_the_address_of_this_server(demo, visit):
    page = visit(demo, OWNER, permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{FLIGHTS}?tab=connect")

    page.get_by_role("button", name="Copy: Python").click()
    page.get_by_text("Copied").wait_for()

    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#text-python").inner_text()
    assert f'weft.open("{demo.url}"' in copied
    compile(copied, "snippet", "exec")


@pytest.mark.parametrize("tab", ["adbc", "jdbc"])
def test_ways_that_a_server_does_not_have_are_not_offered(demo, visit, tab):
    page = visit(demo, OWNER)

    page.goto(f"{FLIGHTS}?tab=connect")

    assert page.locator("#text-sql").count() == 1
    assert page.locator(f"#text-{tab}").count() == 0


def test_a_column_that_was_searched_is_where_its_link_leads(demo, visit):
    page = visit(demo, CONSUMER)
    page.goto("/search?q=dep_delay&kind=column")

    page.locator("article").first.get_by_role("link", name="dep_delay", exact=True).click()

    page.wait_for_url("**/ports/operations/on_time/flights@1#column-dep_delay")
    assert page.locator("tr:target strong").inner_text() == "dep_delay"


def test_a_glossary_is_searched_and_read_term_by_term(own_demo, visit):
    (own_demo.root / "governance" / "glossary.yaml").write_text(
        "terms:\n"
        "  - id: airport\n    title: Airport\n    definition: Where flights begin and end.\n    synonyms: [field]\n"
        "  - id: gate\n    title: Gate\n    definition: A door of an airport.\n    broader: airport\n"
    )
    page = visit(own_demo, CONSUMER)
    page.goto("/glossary")

    page.get_by_label("Search the terms").fill("field")
    page.get_by_role("button", name="Search").last.click()
    page.get_by_role("link", name="Airport").click()

    page.wait_for_url("**/glossary/airport")
    assert page.get_by_text("Where flights begin and end.").is_visible()
    page.get_by_role("link", name="Gate").click()
    page.wait_for_url("**/glossary/gate")


def test_a_term_is_found_by_its_synonym_and_shows_the_columns_of_its_kinds(demo, visit):
    page = visit(demo, CONSUMER)
    page.goto("/search?q=lateness")
    page.get_by_role("article", name="In the glossary: Delay").get_by_role("link").click()

    page.wait_for_url("**/glossary/delay")
    page.get_by_role("region", name="Columns that mean Departure delay").get_by_role("link", name="flights@1").click()

    page.wait_for_url("**/ports/operations/on_time/flights@1#column-dep_delay")
    assert page.locator("tr:target").get_by_role("link", name="Departure delay").is_visible()


def test_terms_that_alone_are_searched_lead_to_their_pages_and_say_what_they_mean(demo, visit):
    page = visit(demo, CONSUMER)
    page.goto("/search?q=duty&kind=term")

    assert page.get_by_text("What somebody is on board for on one flight.").is_visible()
    page.get_by_role("link", name="Duty").click()
    page.wait_for_url("**/glossary/crew.duty")


def test_the_mesh_is_walked_by_its_teams_people_and_tags(demo, visit):
    page = visit(demo, CONSUMER)
    page.goto(PRODUCT)

    page.locator(".always").get_by_role("link", name="Operations Control").click()
    page.get_by_role("link", name="dana.kessler@example.com").click()
    page.wait_for_url("**/people/dana.kessler*")
    page.get_by_role("link", name="operations", exact=True).click()
    page.get_by_role("link", name="on-time", exact=True).click()
    page.wait_for_url("**/tags/on-time")

    assert page.get_by_role("link", name="Flights from New York").is_visible()
    assert document(demo, CONSUMER, f"/people/{OWNER}").get("grants") is None


def test_violations_are_those_of_the_product_with_their_columns(demo):
    found = document(demo, OWNER, PRODUCT, tab="compliance")["violations"]

    assert "operations.on_time.flights@1.distance" in [one["subject"] for one in found]
    assert all(one["subject"].startswith("operations.on_time") for one in found)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_line_of_a_product_stays_in_view_with_its_action_on_any_screen(demo, visit, width):
    page = visit(demo, CONSUMER, width=width)
    page.goto("/ports/operations/on_time/flights")

    page.get_by_text("It never left.").scroll_into_view_if_needed()

    assert page.evaluate("scrollY") > 300
    for part in (page.get_by_role("heading", level=1), page.get_by_role("link", name="Request access")):
        assert 0 <= part.bounding_box()["y"] < 250
        assert page.evaluate(
            "e => { const b = e.getBoundingClientRect();"
            " return e.contains(document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2)) }",
            part.element_handle(),
        )
