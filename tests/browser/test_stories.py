"""What five persons do, one after the other, on the server that `weft demo` ends in, as the people whom it names."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.meshes import command

STARTS_S = 120
PURPOSE = "Which crews are late most often"


@dataclass
class Demo:
    """A demo that runs: where it serves, the password of each of its people, and what it has told so far."""

    url: str
    people: dict[str, str]
    told: Path

    def somebody(self, role: str) -> str:
        """Who has a role, as the terminal says it."""
        return next(name for name, line in self.people.items() if line.split("  ", 1)[1].strip().startswith(role))

    def password(self, name: str) -> str:
        return self.people[name].split()[0]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`weft demo`, as somebody types it who has just installed weft."""
    folder = tmp_path_factory.mktemp("fresh")
    with (folder / "told").open("w+") as told:
        words = command("demo", str(folder / "weft-demo"), "--port", str(_free()))
        process = subprocess.Popen(words, stdout=told, stderr=told, env={**os.environ, "NO_COLOR": "1"})
        try:
            yield _told(process, folder / "told")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _free() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _told(process: subprocess.Popen[bytes], file: Path) -> Demo:
    ends = time.monotonic() + STARTS_S
    while time.monotonic() < ends and process.poll() is None:
        text = file.read_text()
        people = dict(re.findall(r"^  (\S+@example\.com) +(\S{20}  .*)$", text, re.MULTILINE))
        found = re.search(r"The portal is at (\S+)/ until", text)
        if found is not None and people and text.endswith("\n\n") and _ready(found[1]):
            return Demo(found[1], people, file)
        time.sleep(0.2)
    raise AssertionError(file.read_text())


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def sign_in(chromium: Browser, fresh: Demo) -> Iterator[Callable[[str], Page]]:
    """Signs somebody in by the form; gives their first screen."""
    opened = []

    def signed(name: str) -> Page:
        context = chromium.new_context(base_url=fresh.url, viewport={"width": 1280, "height": 900})
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.goto("/")
        page.get_by_label("User").fill(name)
        page.get_by_label("Password").fill(fresh.password(name))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{fresh.url}/")
        return page

    yield signed
    for context in opened:
        context.close()


def test_a_consumer_finds_asks_is_approved_by_the_owner_queries_charts_and_subscribes(fresh, sign_in):
    page = sign_in(fresh.somebody("consumer"))
    expect(page.get_by_role("heading", name="This is the demo")).to_be_visible()
    page.get_by_role("textbox", name="Search the mesh").or_(
        page.get_by_role("searchbox", name="Search the mesh")
    ).last.fill("crew duties")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Crew assignments (SYNTHETIC)").first.click()
    page.get_by_role("link", name="Request access").click()
    page.get_by_label("What is it for?").fill(PURPOSE)
    page.get_by_role("button", name="Ask for access").click()
    expect(page.get_by_role("status")).to_contain_text("on its way")

    owner = sign_in(_named_on_the_first_screen(sign_in, fresh))
    owner.get_by_role("link", name="asks for crew.roster.assignments@1").click()
    expect(owner.get_by_text(PURPOSE)).to_be_visible()
    expect(owner.get_by_role("row", name="full_name")).to_contain_text("masked: hash")
    owner.get_by_label("Reason").fill("For this winter")
    owner.get_by_role("button", name="Approve").click()
    owner.wait_for_url("**?done=approved")

    page.goto("/ports/crew/roster/assignments@1")
    page.get_by_role("link", name="How to connect").click()
    page.get_by_role("link", name="Query it in the workbench").click()
    page.wait_for_url("**/workbench?sql=*")
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("#as-table td.masked").first.wait_for()
    expect(page.get_by_role("heading", name="100 rows")).to_be_visible()
    page.locator(".cm-content").fill("select duty, count(*) as duties from crew.roster.assignments group by duty")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("heading", name="3 rows")).to_be_visible()
    page.get_by_role("button", name="Chart", exact=True).click()
    expect(page.locator("#chart canvas")).to_have_count(1)
    expect(page.locator("#chart-kind")).to_have_value("bar")

    page.goto("/products/crew/roster")
    page.get_by_role("link", name="Be told of its changes").click()
    expect(page.get_by_label("A domain, product or port")).to_have_value("crew.roster")
    page.get_by_label("A URL").fill("https://hooks.example.com/crew")
    page.get_by_label("How", exact=True).select_option("slack")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("button", name="End the subscription of crew.roster")).to_be_visible()


def _named_on_the_first_screen(sign_in: Callable[[str], Page], fresh: Demo) -> str:
    """Whom the demo's first screen bids one come as, to decide: they are among those who can sign in."""
    text = sign_in(fresh.somebody("consumer")).get_by_role("listitem").filter(has_text="Sign out").inner_text()
    name = re.search(r"(\S+) owns the crew", text)[1]
    return next(person for person in fresh.people if person.startswith(f"{name}@"))


def test_an_owner_answers_what_somebody_has_asked(fresh, sign_in):
    page = sign_in(fresh.somebody("consumer"))
    page.get_by_role("link", name="Flight operations").click()
    page.get_by_role("link", name="On-time performance of flights").click()
    page.get_by_role("link", name="Ask a question").click()
    page.get_by_label("What would you like to know?").fill("Are diverted flights in it?")
    page.get_by_role("button", name="Ask", exact=True).click()

    owner = sign_in("dana.kessler@example.com")
    owner.get_by_role("link", name="Are diverted flights in it?").click()
    owner.get_by_role("textbox", name="Your answer").fill("They are: they have left.")
    owner.get_by_role("button", name="Answer").click()
    page.reload()

    expect(page.get_by_text("They are: they have left.").first).to_be_visible()


def test_a_governance_lead_finds_the_worst_domain_reads_a_violation_and_grants_a_waiver(fresh, sign_in):
    page = sign_in(fresh.somebody("governance lead"))
    page.get_by_role("link", name="Governance").click()
    worst = page.get_by_role("region", name="Policies by domain").get_by_role("columnheader").nth(2)
    expect(worst).to_contain_text("operations")
    page.get_by_role("row", name="A measure says its unit").get_by_role("link", name="1/1").click()
    page.get_by_role("link", name="operations.on_time.flights@1.distance").click()
    expect(page.get_by_text("it is a measure without a unit").first).to_be_visible()

    page.get_by_label("Until").fill(time.strftime("%Y-%m-%d", time.gmtime(time.time() + 20 * 86400)))
    page.get_by_label("Reason").fill("The unit is being agreed on")
    page.get_by_role("button", name="Let it off").click()

    expect(page.get_by_role("heading", name="It is let off")).to_be_visible()


def test_a_producer_follows_the_incident_on_the_first_screen_to_the_failed_run_and_its_row(fresh, sign_in):
    page = sign_in(fresh.somebody("developer"))
    page.get_by_role("link", name="See why a run failed").click()
    page.locator("td a[href^='/runs/']").first.click()

    expect(page.get_by_text("300 rows of 336\u202f776")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="1545").first).to_contain_text("-1")


def test_an_administrator_requisitions_a_domain(fresh, sign_in):
    page = sign_in(fresh.somebody("operator"))
    page.get_by_role("link", name="Administration").click()
    page.get_by_role("link", name="Requisition a domain").click()
    page.get_by_label("Name").fill("sales")
    page.get_by_label("source-aligned").check()
    page.get_by_label("Team that answers for it").fill("Revenue")
    page.get_by_role("button", name="Requisition it").click()

    assert len(page.locator("#secret").inner_text()) > 20
    page.get_by_role("link", name="sales", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("sales")


def test_every_way_to_connect_works_as_it_is_copied_with_a_token_that_the_page_leads_to(fresh, sign_in, tmp_path):
    page = sign_in(fresh.somebody("consumer"))
    page.goto(f"{fresh.url}/access/request?port=fleet.aircraft.planes")
    page.get_by_label("What is it for?").fill("Seats by airline")
    page.get_by_role("button", name="Ask for access").click()
    expect(page.get_by_role("status")).to_contain_text("Granted at once")
    page.get_by_role("link", name="How to read it").click()
    page.get_by_role("link", name="Connect", exact=True).click()
    connect = page.url
    page.get_by_role("link", name="make one").click()
    page.get_by_role("button", name="Make it").click()
    reader = {
        **os.environ, "WEFT_TOKEN": page.locator("#secret").inner_text(), "HOME": str(tmp_path),
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
    }  # fmt: skip
    (tmp_path / "weft").write_text(f'#!/bin/sh\nexec {shlex.join(command())} "$@"\n')
    (tmp_path / "weft").chmod(0o755)
    page.goto(connect)

    texts = {one.get_attribute("id").removeprefix("text-"): one.inner_text() for one in page.locator("pre").all()}
    ran = {}
    for way, text in texts.items():
        words = ["sh", "-c", text] if way in ("sql", "curl") else [sys.executable, "-c", text]
        if way != "jdbc":  # its driver needs Java
            ran[way] = subprocess.run(words, env=reader, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert sorted(texts) == ["adbc", "curl", "flight", "iceberg", "jdbc", "python", "sql"]
    assert {way: done.stderr for way, done in ran.items() if done.returncode} == {}
    assert ran["sql"].stdout.count("\n") == ran["curl"].stdout.count("\n") == 101


def test_the_terminal_goes_on_showing_who_can_sign_in(fresh, sign_in):
    page = sign_in(fresh.somebody("analyst"))
    page.goto("/products")

    assert fresh.told.read_text().partition("Sign in as:")[2].count("\n") == len(fresh.people) + 4
