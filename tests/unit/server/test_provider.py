"""Signing in with the company's accounts: a real provider on loopback, driven as a browser does."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from tests.identity_providers import account, agree, provider_running
from weft.api.platform import Platform, open_platform
from weft.server.app import create_app

HERE = "http://testserver"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider_running() as url:
        yield url


def settings(issuer: str, more: str = "") -> str:
    return f"""
[identity]
issuer = "{issuer}"
client_id = "weft"
client_secret = {{ file = "secret" }}
{more}
[identity.groups]
"/platform/operators" = "operator"
"/sales/data-stewards" = ["sales.steward", "team:pricing"]
data-office = "governance_lead"
"""


@pytest.fixture
def folder(tmp_path, issuer):
    (tmp_path / "weft.toml").write_text(settings(issuer))
    (tmp_path / "secret").write_text("of the client\n")
    return tmp_path


@pytest.fixture
def platform(folder) -> Iterator[Platform]:
    made = open_platform(folder)
    yield made
    made.close()


@pytest.fixture
def browser(platform) -> TestClient:
    return TestClient(create_app(platform), headers={"Origin": HERE}, follow_redirects=False)


def begin(browser: TestClient, then: str = "/login") -> str:
    answer = browser.get("/login/provider", params={"then": then})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def back(browser: TestClient, address: str):
    parts = urlsplit(address)
    return browser.get(f"{parts.path}?{parts.query}")


def sign_in(browser: TestClient, subject: str, then: str = "/login"):
    return back(browser, agree(begin(browser, then), subject))


def who(browser: TestClient) -> dict:
    return browser.get("/api/v1/session").json()


def test_a_person_signs_in_with_the_company_account_and_has_what_its_groups_mean(browser, issuer):
    account(
        issuer,
        "sub-1",
        email="ada@example.com",
        email_verified=True,
        groups=["/platform/operators", "/sales/data-stewards", "/football"],
    )
    assert "/login/provider?then=" in browser.get("/login").text

    answer = sign_in(browser, "sub-1", then="/api/v1/session")

    assert (answer.status_code, answer.headers["location"]) == (303, "/api/v1/session")
    found = who(browser)
    assert (found["name"], found["kind"]) == ("ada@example.com", "user")
    assert found["mesh_roles"] == ["operator"]
    assert found["domain_roles"] == {"sales": ["steward"]}


def test_roles_of_a_realm_stand_inside_another_claim(folder, issuer):
    (folder / "weft.toml").write_text(settings(issuer, 'groups_claim = "realm_access.roles"\n'))
    account(issuer, "sub-2", email="bob@example.com", realm_access={"roles": ["data-office", "offline_access"]})
    platform = open_platform(folder)
    browser = TestClient(create_app(platform), follow_redirects=False)

    sign_in(browser, "sub-2")

    assert who(browser)["mesh_roles"] == ["governance_lead"]
    platform.close()


def test_who_loses_a_group_loses_its_role_at_the_next_sign_in(browser, issuer):
    account(issuer, "sub-3", email="eve@example.com", groups=["/platform/operators"])
    sign_in(browser, "sub-3")
    assert who(browser)["mesh_roles"] == ["operator"]

    account(issuer, "sub-3", email="eve@example.com", groups=[])
    sign_in(browser, "sub-3")

    assert who(browser)["mesh_roles"] == []


def test_the_address_to_the_provider_asks_for_a_code_with_a_challenge_and_a_nonce(browser):
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begin(browser)).query).items()}

    assert (asked["response_type"], asked["client_id"]) == ("code", "weft")
    assert asked["redirect_uri"] == f"{HERE}/login/callback"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert len(asked["nonce"]) >= 32 and len(asked["state"]) >= 32
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}


def test_a_code_of_another_browser_signs_nobody_in(browser, issuer, platform):
    account(issuer, "sub-4", email="mal@example.com")
    theirs = TestClient(create_app(platform), follow_redirects=False)
    brought = agree(begin(theirs), "sub-4")

    begin(browser)
    answer = back(browser, brought)

    assert answer.status_code == 403
    assert "WFT-ACC-014" in answer.text
    assert who(browser)["kind"] == "stranger"


def test_a_state_is_good_for_one_sign_in(browser, issuer):
    account(issuer, "sub-5", email="kim@example.com")
    brought = agree(begin(browser), "sub-5")
    assert back(browser, brought).status_code == 303
    browser.cookies.delete("weft")

    again = back(browser, brought)

    assert again.status_code == 403
    assert who(browser)["kind"] == "stranger"


@pytest.mark.parametrize("query", ["", "code=x", "state=x", "code=x&state=made-up", "error=access_denied&state=x"])
def test_a_way_back_that_nobody_has_begun_is_refused(browser, query):
    begin(browser)

    assert browser.get(f"/login/callback?{query}").status_code == 403
    assert who(browser)["kind"] == "stranger"


def test_a_token_made_for_another_sign_in_is_refused_by_its_nonce(browser, issuer, platform):
    account(issuer, "sub-6", email="ned@example.com")
    address = begin(browser)
    nonce = parse_qs(urlsplit(address).query)["nonce"][0]

    answer = back(browser, agree(address.replace(nonce, "of-another-sign-in"), "sub-6"))

    assert answer.status_code == 403
    assert "another sign-in" in answer.text


def test_an_address_that_the_provider_has_not_verified_is_no_name(browser, issuer):
    account(issuer, "sub-7", email="boss@example.com", email_verified=False)

    answer = sign_in(browser, "sub-7")

    assert answer.status_code == 403
    assert "not verified" in answer.text


@pytest.mark.parametrize("name", ["domain:sales", "service:billing", "team:pricing", "", "a b", "x" * 201])
def test_a_name_that_means_something_else_here_is_none(browser, issuer, name):
    account(issuer, "sub-8", email=name)

    assert sign_in(browser, "sub-8").status_code == 403
    assert who(browser)["kind"] == "stranger"


def test_a_title_that_is_no_text_is_left_out(browser, issuer, platform):
    account(issuer, "sub-11", email="zoe@example.com", name="Z\x00e")

    assert sign_in(browser, "sub-11").status_code == 303
    found = platform.identity.users.user("zoe@example.com")
    assert found is not None and found.title is None


def test_an_account_of_the_provider_does_not_become_a_local_user(browser, issuer, platform):
    platform.identity.user_verbs.add("root@example.com", None, ["operator"], actor="root")
    account(issuer, "sub-9", email="root@example.com")

    answer = sign_in(browser, "sub-9")

    assert answer.status_code == 403
    assert "WFT-ACC-026" in answer.text
    assert who(browser)["kind"] == "stranger"


def test_who_was_shut_out_here_does_not_come_in_by_the_provider(browser, issuer, platform):
    account(issuer, "sub-10", email="old@example.com")
    sign_in(browser, "sub-10")
    platform.identity.user_verbs.disable("old@example.com", actor="root")
    assert who(browser)["kind"] == "stranger", "the session has ended"

    assert sign_in(browser, "sub-10").status_code == 403


def test_while_the_provider_is_away_local_users_still_sign_in(folder):
    (folder / "weft.toml").write_text(settings("http://127.0.0.1:9"))
    platform = open_platform(folder)
    platform.identity.user_verbs.add("ada", "correct horse battery", [], actor="root")
    browser = TestClient(create_app(platform), headers={"Origin": HERE}, follow_redirects=False)

    away = browser.get("/login/provider")

    assert away.status_code == 503
    assert "WFT-ACC-015" in away.text
    body = {"user": "ada", "password": "correct horse battery"}
    assert browser.post("/api/v1/session", json=body).status_code == 201
    platform.close()


def test_without_a_provider_nothing_leads_to_one(tmp_path):
    (tmp_path / "weft.toml").write_text("")
    platform = open_platform(tmp_path)
    browser = TestClient(create_app(platform), follow_redirects=False)

    assert "/login/provider" not in browser.get("/login").text
    assert browser.get("/login/provider").status_code == 404
    assert browser.get("/login/callback?code=x&state=y").status_code == 403
    platform.close()
