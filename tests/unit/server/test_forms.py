"""Forms that lack a field, or have a wrong one, come back as they were, with what is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.unit.server.company import NOW, PLANES, bearer, company
from weft.api.platform import Platform
from weft.registry.incidents import begin
from weft.server.app import create_app

SENT: dict[str, tuple[dict[str, str], str]] = {
    "/runs": ({}, ""),
    "/runs?again": ({"product": "flet.aircraft"}, "flet.aircraft"),
    "/backfills?again": ({"start": "2026-01-01", "end": "2026-01-03T00:00"}, "2026-01-03T00:00"),
    "/backfills": ({"product": "fleet.aircraft", "start": "soon", "end": "2026-01-03T00:00"}, "2026-01-03T00:00"),
    "/administration/tokens": ({"label": "my notebook", "days": "many"}, "my notebook"),
    "/administration/domains": ({"title": "Sales", "team": "Revenue"}, "Revenue"),
    "/administration/mutes/fleet": ({}, ""),
    "/administration/notices": ({"subject": "fleet.aircraft"}, "fleet.aircraft"),
    "/access/request": ({"purpose": "a map of all"}, ""),
    f"/access/request?again={PLANES}": ({"port": str(PLANES), "until": "soon", "purpose": "a map"}, "a map"),
}


@pytest.fixture
def platform(tmp_path) -> Iterator[Platform]:
    with company(tmp_path / "company") as made:
        yield made


@pytest.fixture
def finn(platform: Platform) -> TestClient:
    """The owner of `fleet`, with a browser."""
    headers = {**bearer(platform, "finn"), "Accept": "text/html", "Origin": "http://testserver"}
    return TestClient(create_app(platform), headers=headers, follow_redirects=False)


@pytest.mark.parametrize("path", SENT)
def test_a_form_that_lacks_a_field_comes_back_with_what_was_typed_and_what_is_wrong(finn, path):
    typed, kept = SENT[path]

    answer = finn.post(path, data={"csrf": "", **typed})

    assert 400 <= answer.status_code < 500
    assert 'role="alert"' in answer.text
    assert "WFT-SRV-003" not in answer.text, "that is for programs"
    assert f'action="{path.partition("?")[0]}"' in answer.text
    assert kept in answer.text


@pytest.mark.parametrize("path", ["/runs", "/backfills", "/administration/tokens"])
def test_a_program_that_sends_such_a_form_gets_the_problem_and_no_page(finn, path):
    typed = {"days": "many", "start": "soon"}

    answer = finn.post(path, data=typed, headers={"Accept": "application/json"})

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["diagnostics"][0]["code"].startswith("WFT-")


@pytest.mark.parametrize("what", ["comments", "close"])
def test_an_incident_asks_for_the_words_that_are_missing(platform, finn, what):
    with platform.database.writing() as statements:
        found = begin(
            statements, key="late", cause="late", subject=str(PLANES), owner="finn", title="Late", what="it is late",
            affected=(), readers=(), at=NOW,
        )  # fmt: skip

    answer = finn.post(f"/incidents/{found}/{what}", data={"text": " "})

    assert answer.status_code == 400
    assert "WFT-SRV-110" in answer.text
    assert f'action="/incidents/{found}/comments"' in answer.text
    assert platform.incidents.one(found)["state"] != "closed"


def test_an_operator_gives_a_domain_other_bounds_and_is_told_what_is_wrong_with_the_form(platform):
    platform.identity.user_verbs.add("olga", None, ["operator"], actor="test")
    headers = {**bearer(platform, "olga"), "Accept": "text/html", "Origin": "http://testserver"}
    olga = TestClient(create_app(platform), headers=headers, follow_redirects=False)
    wrong = [{"domain": ""}, {"domain": "flet"}, {"domain": "fleet", "size": "much"}, {"domain": "x", "products": "-1"}]

    refused = [olga.post("/administration/quotas", data=typed) for typed in wrong]
    done = olga.post("/administration/quotas", data={"domain": "fleet", "size": "2TB", "products": "7"})

    assert [answer.status_code for answer in refused] == [400, 400, 400, 400]
    assert all('action="/administration/quotas"' in answer.text for answer in refused)
    assert all('role="alert"' in answer.text for answer in refused)
    assert (done.status_code, "may keep 2.0 TB in 7 products" in done.text) == (200, True), done.text
    given = platform.requisitions.store.of("fleet")
    assert given is not None
    assert (given.most_bytes, given.most_products) == (2 * 10**12, 7)
