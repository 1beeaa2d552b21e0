"""Runs, incidents and schedules as people use them."""

from __future__ import annotations

import re
import subprocess
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.company import CONSUMER, DEVELOPER, OPERATOR, OWNER, PASSWORD, PRODUCER, STRANGER, Served
from tests.browser.looking import barriers
from tests.conformance.test_verbs import token
from tests.meshes import command, with_model_by_time
from weft.access.permissions import Caller
from weft.model.product_schedule import ProductSchedule
from weft.registry.schedules import Schedules, Standing

RULE = "domains/operations/on_time/contracts/flights.odcs.yaml"


def failed_run(server: Served) -> str:
    return next(run.run_id for run in server.platform.rooms.production.runs(None, 20) if run.state.value == "failed")


def as_json(server: Served, user: str, path: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token(server.platform, user)}", "Accept": "application/json"}
    return httpx.get(f"{server.url}{path}", headers=headers)


@contextmanager
def a_worker(server: Served):
    """A worker over the mesh, as `weft serve` has one beside it."""
    asked = command("-C", str(server.root), "worker", "--until-input-ends")
    process = subprocess.Popen(asked, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.stdin.close()
        process.wait(60)


def test_a_producer_follows_a_failed_run_to_its_row(demo, visit):
    page = visit(demo, PRODUCER)
    page.goto("/")

    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_label("State").select_option("failed")
    page.wait_for_url("**/runs?*state=failed*")
    page.get_by_role("link", name=failed_run(demo)).click()

    expect(page.get_by_role("heading", level=1)).to_have_text("operations.on_time")
    failure = page.locator("section", has=page.get_by_role("heading", name="operations.on_time.flights@1")).first
    expect(failure).to_contain_text("distance range")
    expect(failure).to_contain_text("≥ 17, ≤ 4983")
    expect(failure).to_contain_text("300 rows of 336\u202f776")
    (line,) = [n for n, text in enumerate((demo.root / RULE).read_text().splitlines(), 1) if "minimum: 17" in text] or [
        0
    ]
    shown = failure.get_by_text(f"{RULE}:").inner_text()
    assert abs(int(shown.rpartition(":")[2]) - line) <= 12, "the line is that of the rule, or of its column"
    row = failure.get_by_role("row").nth(1)
    expect(row).to_contain_text("1545")
    expect(row).to_contain_text("-1")
    stage = page.locator("table.gantt tr", has_text="operations.on_time.flights@1")
    expect(stage.locator("rect.fill-bad")).to_have_count(1)
    expect(stage).to_contain_text("UTC")
    assert barriers(page) == []
    assert page.problems == []


def test_runs_are_listed_by_what_ran_and_when_and_their_state_leads_to_them(demo, visit):
    page = visit(demo, OWNER)
    page.goto("/runs?state=failed")
    row = page.locator("section", has=page.get_by_role("heading", name="The same as a list")).get_by_role("row").nth(1)

    expect(row.get_by_role("cell").first).to_have_text("operations.on_time")
    row.get_by_role("link", name="failed: the run of").click()

    page.wait_for_url(f"**/runs/{failed_run(demo)}")


def test_the_runs_of_a_product_tell_of_its_own_ports(demo, visit):
    page = visit(demo, OWNER)

    page.goto("/products/operations/on_time?tab=runs")

    published = page.get_by_role("row").filter(has_text="succeeded")
    expect(published).to_contain_text("flights@1 published")
    expect(published).to_contain_text("with 7 ports of other products")
    expect(published).not_to_contain_text("planes@1")


def test_incidents_and_the_schedule_stand_beside_the_runs(demo, visit):
    page = visit(demo, OWNER)
    page.goto("/runs")

    for title in ("Incidents", "Schedule", "Runs"):
        page.get_by_role("main").get_by_role("link", name=title, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        expect(page.locator("main .tabs [aria-current]")).to_have_text(title)
        expect(page.get_by_role("navigation", name="Sections").locator("[aria-current]")).to_have_text("Runs")


def test_rows_that_failed_are_for_their_domain_alone_on_the_page_in_its_json_and_in_the_api(demo):
    run = failed_run(demo)
    everywhere = [
        *(f"/api/v1/runs{one}" for one in ("", f"/{run}")),
        *(f"/api/v1/registry/runs{one}" for one in ("", f"/{run}", f"/{run}/checks")),
        *(f"{at}?tab=runs" for at in ("/products/operations/on_time", "/ports/operations/on_time/flights")),
        f"/runs/{run}",
    ]

    inside = as_json(demo, OWNER, f"/runs/{run}").text
    outside = {(who, path): as_json(demo, who, path) for who in (STRANGER, CONSUMER, OPERATOR) for path in everywhere}
    untold = [as_json(demo, OWNER, path).text for path in everywhere if not path.endswith(("checks", f"/{run}"))]
    operator = as_json(demo, OPERATOR, f"/runs/{run}").json()["ports"][0]

    flight = re.compile(r"(?<![\w.+-])1545(?![\w.-])")  # as a value: times and ids may hold the digits too
    assert flight.search(inside)
    assert {one for one, answer in outside.items() if answer.status_code != 200 or flight.search(answer.text)} == set()
    assert [text for text in untold if flight.search(text)] == [], "rows are where their readers are written down alone"
    assert "breaks `range`" in outside[STRANGER, f"/runs/{run}"].text
    assert operator["failed"][0]["rows"] == [], "whoever runs the platform reads no rows by that"
    assert "may not read" in operator["rows_hidden"]


@pytest.mark.parametrize("path", ["/runs/{}", "/api/v1/registry/runs/{}/checks"])
def test_whoever_sees_rows_that_failed_stands_in_the_audit_and_nobody_else(own_demo, path):
    run, audit = failed_run(own_demo), own_demo.platform.audit
    owner = Caller(OWNER, "user", frozenset(), own_demo.platform.identity.roles_of(OWNER))

    told = [as_json(own_demo, who, path.format(run)).text for who in (OWNER, STRANGER, OPERATOR)]

    assert ["1545" in text for text in told] == [True, False, False]
    (read,) = [one for one in audit.reads(owner)["items"] if one["wire"] == "checks"]
    assert (read["principal"], read["ended"], read["rows"] > 0) == (OWNER, "done", True)
    (port,) = read["ports"]
    assert (port["port"], port["masked"]) == ("operations.on_time.flights@1", {})
    assert {"flight", "distance"} <= set(port["clear"])
    audit.verify()


def test_a_developer_tries_a_failed_run_again_and_reads_its_log_as_it_comes(own_demo, visit):
    page = visit(own_demo, DEVELOPER)
    page.goto(f"/runs/{failed_run(own_demo)}")

    page.get_by_role("button", name="Retry").click()
    page.wait_for_url("**/runs/*")
    expect(page.get_by_text("queued").first).to_be_visible()
    assert barriers(page) == []
    job = page.url.rpartition("/")[2]
    with a_worker(own_demo):
        expect(page.get_by_role("log")).to_contain_text("nothing has changed", timeout=120_000)
        expect(page.get_by_role("log")).to_contain_text("succeeded", timeout=120_000)
        expect(page.locator("main .row.apart .chip")).to_have_text("succeeded", timeout=20_000)
        expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    page.reload()

    done = own_demo.platform.jobs.one(job)
    assert done.state.value == "succeeded"
    assert done.actor == DEVELOPER
    stages = page.locator("table.gantt")
    expect(stages).to_contain_text("in the queue")
    expect(page.get_by_role("button", name="Run again")).to_be_visible()
    assert barriers(page) == []
    assert page.problems == []


def test_a_job_is_cancelled_and_a_backfill_with_all_its_pieces(own_demo, visit):
    with_model_by_time(own_demo.platform.rooms.settings.root, "operations.on_time")
    page = visit(own_demo, DEVELOPER)
    page.goto("/runs")

    page.locator("#product").fill("operations.on_time")
    page.get_by_role("button", name="Run it now").click()
    page.wait_for_url("**/runs/*")
    job = page.url.rpartition("/")[2]
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("cancelled by")).to_be_visible()
    page.goto("/runs")
    page.get_by_text("Compute a stretch of time again").click()
    page.locator("#again").fill("operations.on_time")
    page.get_by_label("From").fill("2013-01-01T00:00")
    page.get_by_label("Until").fill("2013-01-04T00:00")
    page.get_by_role("button", name="Backfill").click()
    page.wait_for_url("**/backfills/*")
    expect(page.get_by_text("2013-01-03 00:00 to 2013-01-04 00:00")).to_be_visible()
    assert barriers(page) == []
    page.get_by_role("button", name="Cancel what is left").click()
    expect(page.get_by_text("cancelled").first).to_be_visible()

    assert own_demo.platform.jobs.one(job).state.value == "cancelled"
    assert own_demo.platform.jobs.progress(page.url.rpartition("/")[2]).states == {"cancelled": 3}


def test_a_backfill_shows_its_pieces_as_they_get_done_and_why_they_failed(own_demo, visit):
    with_model_by_time(own_demo.platform.rooms.settings.root, "operations.on_time")
    page = visit(own_demo, DEVELOPER)
    page.goto("/runs")
    page.get_by_text("Compute a stretch of time again").click()
    page.locator("#again").fill("operations.on_time")
    page.get_by_label("From").fill("2013-01-01T00:00")
    page.get_by_label("Until").fill("2013-01-03T00:00")
    page.get_by_role("button", name="Backfill").click()
    expect(page.get_by_role("button", name="Cancel what is left")).to_be_visible()

    with a_worker(own_demo):
        expect(page.get_by_role("button", name="Cancel what is left")).to_have_count(0, timeout=120_000)

    expect(page.locator("#pieces-now")).not_to_contain_text("queued")
    expect(page.locator("#pieces-now")).to_contain_text("none of the selected ports is built by time")
    assert barriers(page) == []
    assert page.problems == []


def test_whoever_may_run_nothing_is_offered_nothing_to_run_and_refused(demo, visit):
    page = visit(demo, STRANGER)

    page.goto(f"/runs/{failed_run(demo)}")
    offered = page.get_by_role("button", name="Retry").count()
    page.goto("/runs")

    assert offered == 0
    assert page.get_by_role("heading", name="Run a product").count() == 0
    csrf = page.locator('meta[name="csrf"]').get_attribute("content")
    answer = page.request.post(
        "/runs", form={"csrf": csrf, "product": "operations.on_time"}, headers={"Origin": demo.url}, max_redirects=0
    )
    assert answer.status == 403


def test_an_incident_is_looked_after_spoken_of_and_closed(own_demo, visit):
    own_demo.platform.incidents.look()
    (incident,) = [i for i in own_demo.platform.incidents.listed(domain="operations") if i["cause"] == "check_failed"]
    page = visit(own_demo, OWNER)
    page.goto("/")

    page.get_by_role("link", name=incident["subject"]).first.click()
    page.wait_for_url("**/incidents/*")
    page.get_by_role("button", name="I look after it").click()
    expect(page.get_by_text("looked after by")).to_be_visible()
    page.get_by_label("Say something of it").fill("The source has <b>moved</b>\nsince Monday")
    page.get_by_role("button", name="Comment").click()
    expect(page.get_by_text("The source has <b>moved</b>")).to_be_visible()
    assert barriers(page) == []
    page.get_by_label("Say something of it").fill("It was a test")
    page.get_by_role("button", name="Close with this reason").click()
    expect(page.get_by_text("closed").first).to_be_visible()

    found = own_demo.platform.incidents.one(incident["incident_id"])
    assert found["acknowledged_by"] == OWNER
    assert [(e["kind"], e["text"]) for e in found["timeline"]][-2:] == [
        ("comment", "The source has <b>moved</b>\nsince Monday"),
        ("closed", "It was a test"),
    ]
    page.goto("/incidents?closed=true")
    expect(page.get_by_role("link", name=incident["subject"])).to_be_visible()
    assert barriers(page) == []


def test_a_schedule_is_paused_and_resumed_by_who_runs_the_product(own_demo, visit):
    subject, owner = "operations.on_time", OWNER
    own_demo.platform.jobs.schedules()  # what is declared is taken in: the example declares none
    with own_demo.platform.database.writing() as statements:
        at = own_demo.platform.rooms.now()
        declared = ProductSchedule(cron="0 6 * * *")
        Schedules(statements).put(Standing(subject, declared, (), at, at + timedelta(hours=3)))
    page = visit(own_demo, owner)
    page.goto("/schedule")

    page.get_by_role("button", name=f"Pause {subject}").click()
    expect(page.get_by_text("paused").first).to_be_visible()
    paused = own_demo.platform.jobs.schedules()
    page.get_by_role("button", name=f"Resume {subject}").click()
    expect(page.get_by_role("button", name=f"Pause {subject}")).to_be_visible()

    assert next(s for s in paused if s.subject == subject).paused_by == owner
    assert next(s for s in own_demo.platform.jobs.schedules() if s.subject == subject).paused_by is None


def test_the_pages_before_the_sign_in_are_accessible_and_lead_home(demo, visit):
    page = visit(demo, None, width=360)

    page.goto("/login")
    before = barriers(page)
    page.get_by_label("User").fill(OWNER)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    refused = page.get_by_role("alert").inner_text()
    page.get_by_label("User").fill(OWNER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{demo.url}/")

    assert before == []
    assert "WFT-ACC-011" in refused
    expect(page.get_by_role("heading", name="This is the demo")).to_be_visible()
    assert barriers(page) == []
