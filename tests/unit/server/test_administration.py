"""The operators' lists of users, teams and domains: page by page, and found by a part of a name."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from msgspec.structs import replace

from tests.unit.server.company import NOW, bearer, company
from weft.api.platform import Platform
from weft.server.app import create_app

USERS = "/administration/users"
DOMAINS = "/administration/domains"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A company with 120 users and 120 domains, half of them of a team of their own."""
    with company(tmp_path_factory.mktemp("company") / "company") as made:
        made.identity.user_verbs.add("opal", None, ["operator"], actor="root")
        for number in range(120):
            made.identity.users.add(f"user-{number:03}_a%b", "no hash", [], actor="root", at=NOW)
        opal = made.identity.of_user(made.identity.users.user("opal"))
        for number in range(120):
            team = f"Team {number:03}" if number % 2 else "Everybody"
            document = {"name": f"d{number:03}", "kind": "aggregate", "owner": {"team": team}, "title": f"No. {number}"}
            made.requisitions.create(opal, document)
        deadline = time.monotonic() + 60
        while len(made.catalog.after(opal, "domain", "", 200)[0]) < 120:  # the index follows behind
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield made


@pytest.fixture
def opal(platform: Platform) -> TestClient:
    return TestClient(create_app(platform), headers={**bearer(platform, "opal"), "Accept": "application/json"})


def walked(
    client: TestClient, path: str, items: str, name: str, cursor: str = "cursor", following: str = "next", **asked
):
    """The names on all pages of a list, and how many each page has."""
    names, sizes, at = [], [], None
    while True:
        page = client.get(path, params={**asked, **({cursor: at} if at else {})}).json()
        names += [one[name] for one in page[items]]
        sizes.append(len(page[items]))
        at = page[following]
        if at is None:
            return names, sizes


def test_users_come_page_by_page_each_once(opal, platform):
    names, sizes = walked(opal, USERS, "users", "name")

    assert names == sorted(user.name for user in platform.identity.users.listed())
    assert max(sizes) == 50 and len(sizes) == 3


def signed_in(platform: Platform, name: str) -> TestClient:
    """A browser in which somebody has signed in."""
    password, _ = platform.identity.user_verbs.set_password(name, None, actor="root")
    browser = TestClient(create_app(platform), headers={"Accept": "text/html", "Origin": "http://testserver"})
    csrf = re.search('name="csrf" value="([^"]+)"', browser.get("/login").text)[1]
    assert browser.post("/login", data={"csrf": csrf, "user": name, "password": password}).status_code == 200
    browser.headers["X-CSRF-Token"] = re.search('name="csrf" content="([^"]+)"', browser.get("/").text)[1]
    return browser


def test_another_password_ends_personal_tokens_where_the_box_is_ticked_and_else_says_how_many_hold(platform):
    platform.identity.user_verbs.add("eve", None, [], actor="root")
    now = platform.identity.now()
    until = now + dt.timedelta(days=1)
    fields = {"label": "x", "domain": None, "actions": None, "at": now, "expires_at": until}
    _, secret = platform.identity.tokens.create(kind="personal", owner="eve", **fields)
    browser = signed_in(platform, "opal")
    csrf = {"csrf": browser.headers["X-CSRF-Token"]}

    kept = browser.post(f"{USERS}/eve/password", data=csrf)
    assert "Personal tokens of eve that still hold: 1." in kept.text
    assert platform.identity.tokens.holder(secret, now) is not None
    ended = browser.post(f"{USERS}/eve/password", data={**csrf, "end_tokens": "true"})

    assert "Personal tokens of eve that ended: 1." in ended.text
    assert platform.identity.tokens.holder(secret, now) is None
    platform.identity.user_verbs.remove("eve", actor="root")


def test_a_user_is_found_by_a_part_of_the_name_and_a_wildcard_is_a_sign_like_others(opal):
    found = opal.get(USERS, params={"q": "USER-00"}).json()
    percent = opal.get(USERS, params={"q": "3_a%b"}).json()

    assert [u["name"] for u in found["users"]] == [f"user-{n:03}_a%b" for n in range(10)]
    assert len(percent["users"]) == 12
    assert opal.get(USERS, params={"q": "%%"}).json()["users"] == []


def test_domains_and_teams_come_page_by_page_and_are_found_by_words(opal):
    names, sizes = walked(opal, DOMAINS, "domains", "address")
    teams, team_sizes = walked(opal, USERS, "teams", "name", "teams", "next_teams")
    found = opal.get(DOMAINS, params={"q": "no. 11"}).json()
    team = opal.get(USERS, params={"q": "everyb"}).json()["teams"]

    assert {f"d{n:03}" for n in range(120)} <= set(names)
    assert (names, max(sizes)) == (sorted(names), 50)
    assert {"Everybody", "Team 001", "Team 119"} <= set(teams)
    assert (teams, max(team_sizes)) == (sorted(teams), 50)
    assert [d["address"] for d in found["domains"]] == ["d011", *(f"d{n}" for n in range(110, 120))]
    assert [t["name"] for t in team] == ["Everybody"]
    assert len(team[0]["owns"]) == 60


def test_a_cursor_of_other_words_is_refused(opal):
    cursor = opal.get(USERS).json()["next"]

    refused = opal.get(USERS, params={"cursor": cursor, "q": "user"})

    assert (refused.status_code, refused.json()["diagnostics"][0]["code"]) == (400, "WFT-SRV-006")


def test_the_page_offers_the_next_one_and_keeps_the_words(opal):
    page = opal.get(USERS, params={"q": "user"}, headers={"Accept": "text/html"}).text

    assert 'rel="next"' in page
    assert 'value="user"' in page
    assert "/administration/users?q=user&amp;cursor=" in page


def test_a_role_that_there_is_none_of_is_refused_with_those_that_there_are(opal, platform):
    document = {"name": "kings", "kind": "aggregate", "owner": {"team": "K"}}
    king = document | {"members": [{"user": "opal", "roles": ["king"]}]}
    registered = platform.rooms.production.domain("d001")
    was_there = registered.document | {"members": [{"user": "ada", "roles": ["jester"]}]}
    platform.requisitions.store.change(replace(registered, document=was_there), actor="root", at=NOW)

    refused = opal.post("/api/v1/domains", json=king)
    taken = opal.post("/api/v1/domains", json=document | {"members": [{"user": "opal", "roles": ["owner"]}]})
    changed = opal.put("/api/v1/domains/kings", json=king)
    stays = opal.put("/api/v1/domains/d001", json=was_there | {"title": "Another"})

    (told,) = refused.json()["diagnostics"]
    assert (refused.status_code, told["code"], told["severity"]) == (422, "WFT-ACC-025", "error")
    assert "`king` is no role in a domain" in told["what"]
    assert "owner" in told["why"] and "developer" in told["why"]
    assert (taken.status_code, changed.status_code, stays.status_code) == (201, 422, 204)


def test_what_a_connection_says_stands_on_the_tab_of_connections(tmp_path):
    settings = '[connections.shop]\nkind = "postgres"\ndsn = { env = "NOWHERE_SET" }\n'
    with company(tmp_path / "company", settings) as made:
        made.identity.user_verbs.add("opal", None, ["operator"], actor="root")
        headers = {**bearer(made, "opal"), "Accept": "text/html", "Origin": "http://testserver"}

        page = TestClient(create_app(made), headers=headers).post("/administration/connections/shop/test").text

    assert "$NOWHERE_SET, which is not set" in page.replace("<code>", "").replace("</code>", "")
    assert '<a href="/administration/connections" aria-current="page">' in page
