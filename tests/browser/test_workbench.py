"""The SQL workbench: written with completion, run, stopped, drawn, kept and taken along, by one's own rights."""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from collections.abc import Callable
from urllib.parse import quote

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.browser.company import CONSUMER, OWNER, PRODUCER, STRANGER, served
from tests.conformance.test_verbs import token
from weft.access.permissions import Caller, Role

BY_CARRIER = (
    "select carrier, count(*) as flights from operations.on_time.flights group by carrier order by flights desc"
)
ENDLESS = (
    "select sum(a.distance * b.distance) as far from operations.on_time.flights a, operations.on_time.flights b, "
    "operations.on_time.flights c where a.distance + b.distance + c.distance > 7"
)
MOST_BYTES = 700_000


def opened(page, sql: str = "") -> None:
    """The workbench with a text in it."""
    page.goto(f"/workbench?sql={quote(sql)}" if sql else "/workbench", wait_until="networkidle")


def run(page) -> None:
    page.get_by_role("button", name="Run", exact=True).click()


def rows(page) -> list[list[str]]:
    """The rows that are in the document."""
    page.locator("#as-table tbody tr td:not(.gap)").first.wait_for()
    read = "all => all.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent))"
    return page.locator("#as-table tbody tr:not([aria-hidden])").evaluate_all(read)


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.1)


def test_numbers_are_shown_whole_and_names_of_ports_have_their_mark(demo, visit):
    page = visit(demo, OWNER)
    opened(page, "select carrier, avg(dep_delay) as delay from operations.on_time.flights group by 1 order by 2")
    run(page)
    rows(page)

    cut = "all => all.filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent)"
    assert page.locator("#as-table td").evaluate_all(cut) == []
    mark = page.locator(".tables button.name").first.evaluate(
        "one => parseFloat(getComputedStyle(one).paddingLeft) + parseFloat(getComputedStyle(one).textIndent)"
    )
    assert mark >= 0, "it stands left of where it can be seen"


def test_a_query_runs_and_its_address_keeps_the_text(demo, visit):
    page = visit(demo, OWNER)
    opened(page)

    page.locator(".cm-content").fill(BY_CARRIER)
    page.keyboard.press("Control+Enter")

    assert rows(page)[0] == ["UA", "58665"]
    assert page.get_by_role("heading", name="16 rows").count() == 1
    assert page.url.endswith(f"/workbench#sql={quote(BY_CARRIER, safe='()*!')}")
    again = visit(demo, OWNER)
    again.goto(page.url)
    assert again.locator(".cm-content").inner_text() == BY_CARRIER
    assert page.problems == []


def test_names_of_the_mesh_and_columns_of_what_the_text_reads_are_completed(demo, visit):
    page = visit(demo, OWNER)
    opened(page)
    page.locator(".cm-content").click()

    page.keyboard.type("select * from operat", delay=15)
    page.locator(".cm-tooltip-autocomplete li", has_text="operations").first.wait_for()
    page.keyboard.press("Control+a")
    page.keyboard.type("select dep_d from operations.on_time.flights", delay=5)
    for _ in range(len(" from operations.on_time.flights")):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Control+Space")

    page.locator(".cm-tooltip-autocomplete li", has_text="dep_delay").first.wait_for()
    assert page.problems == []


def test_the_browser_of_ports_shows_columns_and_writes_them_into_the_text(demo, visit):
    page = visit(demo, OWNER)
    opened(page)

    with page.expect_response("**/workbench/tables?q=tail%20number"):
        page.get_by_label("Find ports and columns").fill("tail number")
    page.wait_for_function("document.querySelectorAll('#tables > li').length < 6")
    page.locator("#tables button.name", has_text="fleet.aircraft.planes@1").click()
    page.locator("#tables").get_by_text("has no grant on").wait_for()
    ask = page.locator("#tables li", has_text="fleet.aircraft.planes@1").get_by_role("link", name="ask for access")
    assert ask.get_attribute("href") == "/access/request?port=fleet.aircraft.planes%401"
    page.locator("#tables button.name", has_text="operations.on_time.flights@1").click()
    page.get_by_role("button", name="write its name").click()

    assert page.locator(".cm-content").inner_text() == "operations.on_time.flights"


def test_what_is_wrong_is_said_with_its_place_in_the_text(demo, visit):
    page = visit(demo, OWNER)
    opened(page, "select carrier,\n  carier from operations.on_time.flights")

    run(page)
    page.get_by_role("button", name="line 2, column 3").click()

    assert page.locator(".cm-wrong").inner_text() == "carier"
    assert page.get_by_text("did you mean carrier?").count() == 1
    assert page.evaluate("document.activeElement.classList.contains('cm-content')")


def test_whoever_may_not_read_is_told_how_to_ask(demo, visit):
    page = visit(demo, STRANGER)
    opened(page, "select * from crew.roster.assignments")

    run(page)

    page.get_by_text("may not read crew.roster.assignments@1").wait_for()
    assert page.locator("#answer").is_hidden()


def test_only_rows_in_view_are_in_the_document_and_cut_answers_say_so(demo, visit):
    page = visit(demo, OWNER)
    opened(page, "select flight_date, carrier, flight from operations.on_time.flights order by all")

    run(page)
    first = rows(page)
    page.get_by_text("Only the first 10\u202f000 rows are shown").wait_for()
    page.locator("#as-table").evaluate("one => { one.scrollTop = one.scrollHeight }")
    page.locator("#as-table tr[aria-rowindex='10001']").wait_for()

    assert len(first) < 120
    assert len(rows(page)) < 120
    assert page.locator("#as-table table").get_attribute("aria-rowcount") == "10001"


def test_a_query_is_stopped_on_the_server_when_it_is_cancelled_before_its_first_row(demo, visit):
    page = visit(demo, OWNER)
    opened(page, ENDLESS)
    reader = Caller(OWNER, "user")

    run(page)
    page.get_by_text("Running for").wait_for()
    until(lambda: demo.platform.audit.own(reader)["items"][:1] != [] and _last(demo, reader)["query"] == ENDLESS)
    page.get_by_role("button", name="Cancel", exact=True).click()

    page.get_by_text("Cancelled").wait_for()
    until(lambda: _last(demo, reader)["ended"] == "left")


def _last(demo, reader: Caller) -> dict:
    return demo.platform.audit.own(reader)["items"][0]


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        (BY_CARRIER, "bar"),
        ("select flight_date, count(*) as flights from operations.on_time.flights group by all", "line"),
        ("select avg(dep_delay) as delay from operations.on_time.flights", "number"),
        ("select dep_delay as d, arr_delay as a from operations.on_time.flights limit 900", "scatter"),
        ("select distance from operations.on_time.flights limit 900", "histogram"),
    ],
)
def test_a_chart_is_chosen_by_the_columns_of_an_answer(demo, visit, sql, kind):
    page = visit(demo, OWNER)
    opened(page, sql)

    run(page)
    rows(page)
    page.get_by_role("button", name="Chart", exact=True).click()

    assert page.locator("#chart-kind").input_value() == kind
    assert page.locator("#chart canvas" if kind != "number" else "#chart strong").count() == 1
    assert page.problems == []


def test_a_chart_is_changed_by_hand(demo, visit):
    page = visit(demo, OWNER)
    opened(page, BY_CARRIER)
    run(page)
    rows(page)
    page.get_by_role("button", name="Chart", exact=True).click()

    page.locator("#chart-kind").select_option("histogram")
    page.locator("#chart-x").select_option(label="flights")

    assert "distribution of" in page.locator("#chart").get_attribute("aria-label")
    assert "by flights" in page.locator("#chart").get_attribute("aria-label")
    assert page.problems == []


def test_answers_are_taken_along_in_each_form_and_whole(demo, visit, tmp_path):
    page = visit(demo, OWNER)
    opened(page, BY_CARRIER)
    page.locator("#limit").select_option("1000")
    run(page)
    rows(page)
    read = {
        "CSV": lambda b: [int(r["flights"]) for r in csv.DictReader(io.StringIO(b.decode()))],
        "Parquet": lambda b: parquet.read_table(pa.BufferReader(b))["flights"].to_pylist(),
        "Arrow": lambda b: pa.ipc.open_stream(b).read_all()["flights"].to_pylist(),
        "JSON": lambda b: [row[1] for row in json.loads(b)["rows"]],
    }

    for form, values in read.items():
        with page.expect_download() as download:
            page.locator("#export").select_option(label=form)
        download.value.save_as(tmp_path / form)
        assert values((tmp_path / form).read_bytes())[0] == 58665


def test_an_export_that_the_server_cuts_says_so_or_is_none(template, tmp_path, visit):
    bounded = tmp_path / "bounded"
    shutil.copytree(template, bounded)
    with (bounded / "weft.toml").open("a") as settings:
        settings.write("\n[query]\nrows = 1000\n")
    with served(tmp_path / "running", bounded) as server:
        page = visit(server, OWNER)
        opened(page, "select carrier, flight from operations.on_time.flights")
        run(page)
        rows(page)
        for form in ("Parquet", "Arrow", "JSON"):
            with page.expect_download():
                page.locator("#export").select_option(label=form)
            page.get_by_role("alert").filter(has_text="does not hold all rows").wait_for()
        page.locator("#export").select_option(label="CSV")
        page.get_by_role("alert").filter(has_text="LIMIT").or_(
            page.get_by_role("alert").filter(has_text="limit")
        ).first.wait_for()

        assert page.get_by_text("cannot be reached").count() == 0


def test_a_query_is_saved_found_again_by_its_address_and_deleted(own_demo, visit):
    page = visit(own_demo, OWNER)
    opened(page, BY_CARRIER)

    page.get_by_role("button", name="Save…").click()
    page.locator("#save-name").fill("by-carrier")
    page.locator("#save-title").fill("Flights by <b>carrier</b>")
    page.locator("#save-it").click()
    page.wait_for_url(f"**/workbench?saved={OWNER.replace('@', '%40')}%2Fby-carrier")

    assert page.locator("h1").inner_text() == "Flights by <b>carrier</b>"
    kept = own_demo.platform.saved_queries.one(Caller(OWNER, "user"), OWNER, "by-carrier")
    assert kept["sql"] == BY_CARRIER
    run(page)
    assert rows(page)[0] == ["UA", "58665"]
    assert "saved=" in page.url
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url("**/workbench")
    assert own_demo.platform.saved_queries.listed(Caller(OWNER, "user"), OWNER)["items"] == []


def test_the_text_of_a_saved_query_is_for_whoever_may_read_its_ports(own_demo, visit):
    owner = Caller(CONSUMER, "user")
    own_demo.platform.saved_queries.save(owner, CONSUMER, "people", "select email from crew.roster.assignments")
    page = visit(own_demo, STRANGER)

    page.goto(f"/workbench?saved={CONSUMER}/people")

    assert page.get_by_text("You may not read all that this query reads").count() == 1
    assert "select email" not in page.content()


def test_masked_cells_are_marked_with_the_reason(own_demo, visit):
    access = own_demo.platform.access
    asks = Caller(PRODUCER, "user")
    decides = Caller(CONSUMER, "user", domains={"crew": frozenset({Role.DOMAIN_OWNER})})
    request = access.ask(asks, ["crew.roster.assignments"], "reach the crew of a late flight")
    access.approve(decides, request["request_id"])
    page = visit(own_demo, PRODUCER)
    opened(page, "select email, duty from crew.roster.assignments limit 5")

    run(page)
    rows(page)

    seen = access.explain(asks, PRODUCER, "crew.roster.assignments@1")
    email = next(c for c in seen["columns"] if c["name"] == "email")
    assert email["shown"] == "masked"
    page.locator("#notes li", has_text="email").wait_for()
    reason = email["why"][0]["sentence"].replace("`", "")
    assert reason in page.locator("#notes").inner_text()
    assert page.locator("#as-table td.masked").count() == 5
    assert email["why"][0]["sentence"] in page.locator("#as-table td.masked").first.get_attribute("title")
    assert {row[0] for row in rows(page)} == {"****@example.com"}


def test_without_javascript_a_form_shows_the_first_rows_and_what_is_wrong(demo, visit):
    page = visit(demo, OWNER, java_script_enabled=False)
    page.goto("/workbench")

    page.locator("#sql").fill("select carrier, flight from operations.on_time.flights")
    run(page)
    shown = page.locator("#as-table tbody tr").count()
    cut = page.get_by_text("Only the first 200 rows are shown.").count()
    page.locator("#sql").fill("select carier from operations.on_time.flights")
    run(page)

    assert (shown, cut) == (200, 1)
    assert page.get_by_text("there is no column").count() == 1
    assert page.get_by_text("In the text at line 1, column 8.").count() == 1
    assert page.locator("#sql").input_value() == "select carier from operations.on_time.flights"


def test_a_form_of_another_site_asks_nothing(demo):
    with httpx.Client(base_url=demo.url) as client:
        headers = {"Authorization": f"Bearer {token(demo.platform, OWNER)}", "Origin": "https://elsewhere.example.com"}

        answer = client.post("/workbench", data={"sql": BY_CARRIER}, headers=headers)

    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/lineage?node=operations.on_time", f"/workbench?sql={quote(BY_CARRIER)}"])
def test_the_first_view_is_no_heavier_than_its_budget(demo, visit, path):
    page = visit(demo, OWNER)
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda r: sizes.__setitem__(r.url, r.sizes()["responseBodySize"]))

    page.goto(path, wait_until="networkidle")

    print(f"{path.partition('?')[0]}: {sum(sizes.values()):,} bytes")
    assert 20_000 < sum(sizes.values()) <= MOST_BYTES, sizes
