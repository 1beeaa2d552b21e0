"""Groups of the provider after the sign-in: asked for again, and bounded in time where it cannot be asked."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator
from urllib.parse import parse_qs

import httpx
import pytest
from fastapi.testclient import TestClient

from tests.identity_providers import Issuer, account, issuer_running, provider_running
from tests.unit.server.test_provider import sign_in
from weft.access.sealing import sealed, unsealed
from weft.api.people.confirming import Asked
from weft.api.platform import Platform, open_platform
from weft.registry.base import read_all_events
from weft.registry.users import User
from weft.server.app import create_app

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
ADA = "ada@example.com"
SCOPES = 'scopes = ["openid", "email", "offline_access"]\n'


class Clock:
    now = START

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuer_running() as made:
        yield made


def opened(folder, issuer: str, clock: Clock | None, more: str = SCOPES) -> Platform:
    (folder / "secret").write_text("of the client, long enough\n")
    (folder / "weft.toml").write_text(
        f'[identity]\nissuer = "{issuer}"\nclient_id = "weft"\nclient_secret = {{ file = "secret" }}\n{more}'
        '[identity.groups]\noperators = "operator"\nstewards = "sales.steward"\n'
    )
    return open_platform(folder, clock) if clock is not None else open_platform(folder)


@pytest.fixture
def platform(tmp_path, issuer, clock) -> Iterator[Platform]:
    made = opened(tmp_path, issuer.url, clock)
    yield made
    made.close()


def arrived(platform: Platform, clock: Clock, refresh: str | None = "first") -> str:
    """Ada has signed in by the provider, as an operator; gives a personal token of hers."""
    means = User(
        ADA, "oidc", None, ("operator",), {}, (), clock(), issuer=platform.identity.settings.issuer, subject="7"
    )
    assert platform.identity.users.arrived(means, clock()) is not None
    if refresh is not None:
        platform.identity.confirming.keep(ADA, refresh)
    return platform.identity.tokens.create(
        kind="personal",
        owner=ADA,
        label="laptop",
        domain=None,
        actions=None,
        at=clock(),
        expires_at=clock() + dt.timedelta(days=90),
    )[1]


def asked(platform: Platform, secret: str) -> httpx.Response:
    client = TestClient(create_app(platform), headers={"Authorization": f"Bearer {secret}"})
    return client.get("/api/v1/session")


def says(issuer: Issuer, clock: Clock, refresh: str | None = "second", **claims) -> None:
    token = issuer.signed(
        **{"exp": int(clock().timestamp()) + 60, "aud": "weft", "azp": None, "sub": "7", "email": ADA, **claims}
    )
    answer = {"access_token": "a", "token_type": "Bearer", "id_token": token}
    issuer.token_answer = (200, {**answer, **({"refresh_token": refresh} if refresh is not None else {})})


def test_a_role_that_the_provider_takes_away_is_gone_from_tokens_within_the_hour(platform, issuer, clock):
    secret = arrived(platform, clock)
    says(issuer, clock, groups=["stewards"])
    clock.now += dt.timedelta(minutes=59)
    assert platform.identity.confirming.step() == Asked(), "it is asked once an hour"
    assert asked(platform, secret).json()["mesh_roles"] == ["operator"]

    clock.now += dt.timedelta(minutes=1)
    says(issuer, clock, groups=["stewards"])
    assert platform.identity.confirming.step() == Asked(confirmed=1)

    who = asked(platform, secret).json()
    assert (who["mesh_roles"], who["domain_roles"]) == ([], {"sales": ["steward"]})
    brought = {name: values[0] for name, values in parse_qs(issuer.brought).items()}
    assert (brought["grant_type"], brought["refresh_token"]) == ("refresh_token", "first")
    assert [e.kind for e in read_all_events(platform.rooms.production)][-1] == "user.roles"


def test_the_secret_that_the_provider_gives_last_is_the_one_that_is_shown_next(platform, issuer, clock):
    arrived(platform, clock)
    for expected, given in (("first", "second"), ("second", None), ("second", "third")):
        clock.now += dt.timedelta(hours=1)
        says(issuer, clock, refresh=given, groups=[])
        assert platform.identity.confirming.step().confirmed == 1
        assert parse_qs(issuer.brought)["refresh_token"] == [expected]


def test_whom_the_provider_knows_no_more_has_neither_session_nor_token_until_they_sign_in_again(
    platform, issuer, clock
):
    secret = arrived(platform, clock)
    session = platform.identity.sessions.begin(ADA, clock())
    issuer.token_answer = (400, {"error": "invalid_grant"})
    clock.now += dt.timedelta(minutes=60, seconds=-1) - dt.timedelta(minutes=1)
    assert platform.identity.of_session(session) is not None
    clock.now += dt.timedelta(minutes=2)

    assert platform.identity.confirming.step() == Asked(gone=1)

    refused = asked(platform, secret)
    assert (refused.status_code, refused.json()["diagnostics"][0]["code"]) == (401, "WFT-ACC-028")
    assert platform.identity.of_session(session) is None
    assert "user.unconfirmed" in [e.kind for e in read_all_events(platform.rooms.production)]
    assert platform.identity.confirming.step() == Asked(), "and is not asked of again"
    means = User(ADA, "oidc", None, (), {}, (), clock(), issuer=issuer.url, subject="7")
    platform.identity.users.arrived(means, clock())
    assert asked(platform, secret).json()["name"] == ADA


def test_a_server_that_the_provider_refuses_throws_nobody_out(platform, issuer, clock):
    secret = arrived(platform, clock)
    for status, body in ((401, {"error": "invalid_client"}), (400, {"error": "temporarily_unavailable"}), (500, {})):
        clock.now += dt.timedelta(hours=1)
        issuer.token_answer = (status, body)
        assert platform.identity.confirming.step() == Asked(), body
        assert asked(platform, secret).json()["mesh_roles"] == ["operator"]


def test_what_the_provider_says_of_another_account_ends_the_one_that_was_asked_of(platform, issuer, clock):
    secret = arrived(platform, clock)
    clock.now += dt.timedelta(hours=1)
    says(issuer, clock, sub="8", email="root@example.com", groups=["operators"])

    assert platform.identity.confirming.step() == Asked(gone=1)
    assert asked(platform, secret).status_code == 401
    assert platform.identity.users.user("root@example.com") is None


@pytest.mark.parametrize("wrong", [{"aud": "payroll"}, {"iss": "https://evil.example.com"}, {"exp": 1}])
def test_an_id_token_that_does_not_hold_changes_nothing(platform, issuer, clock, wrong):
    secret = arrived(platform, clock)
    clock.now += dt.timedelta(hours=1)
    says(issuer, clock, groups=[], **wrong)

    assert platform.identity.confirming.step() == Asked()
    assert asked(platform, secret).json()["mesh_roles"] == ["operator"]


def test_two_web_processes_ask_once(platform, tmp_path, issuer, clock):
    arrived(platform, clock)
    other = open_platform(tmp_path, clock)
    clock.now += dt.timedelta(hours=1)
    says(issuer, clock, groups=[])
    store = other.identity.confirming._store
    [seen] = store.due(clock() - dt.timedelta(hours=1), clock())

    assert platform.identity.confirming.step() == Asked(confirmed=1)

    assert not store.claim(seen, clock()), "a secret that comes twice is taken for a stolen one"
    assert other.identity.confirming.step() == Asked()
    assert issuer.asked.count("/token") == 1
    other.close()


def test_nobody_is_asked_of_who_has_no_token_and_no_session_left(platform, issuer, clock):
    arrived(platform, clock)
    clock.now += dt.timedelta(days=91)

    assert platform.identity.confirming.step() == Asked()
    assert "/token" not in issuer.asked


def test_the_registry_holds_no_secret_of_the_provider_that_can_be_read(platform, clock):
    arrived(platform, clock, "a-refresh-token-of-ada")

    with platform.database.reading() as statements:
        kept = str(statements.rows("SELECT * FROM refreshes"))

    assert ADA in kept
    assert "a-refresh-token" not in kept


@pytest.mark.parametrize("more", ["", 'scopes = ["openid", "email"]\n'])
def test_where_the_provider_cannot_be_asked_tokens_hold_for_a_week_after_the_sign_in(tmp_path, issuer, clock, more):
    platform = opened(tmp_path, issuer.url, clock, more)
    secret = arrived(platform, clock)
    assert not platform.identity.confirming.is_on
    with platform.database.reading() as statements:
        assert statements.rows("SELECT * FROM refreshes") == []

    clock.now += dt.timedelta(hours=168, seconds=-1)
    assert asked(platform, secret).json()["mesh_roles"] == ["operator"]
    clock.now += dt.timedelta(seconds=1)
    refused = asked(platform, secret)

    assert (refused.status_code, refused.json()["diagnostics"][0]["code"]) == (401, "WFT-ACC-028")
    assert "weft login" in refused.json()["diagnostics"][0]["fix"]
    platform.close()


def test_a_local_users_token_needs_no_provider(tmp_path, clock):
    platform = opened(tmp_path, "http://127.0.0.1:9", clock)
    platform.identity.user_verbs.add("bob", None, ["operator"], actor="root")
    secret = platform.identity.tokens.create(
        kind="personal", owner="bob", label="x", domain=None, actions=None, at=START,
        expires_at=START + dt.timedelta(days=365),
    )[1]  # fmt: skip
    clock.now += dt.timedelta(days=364)

    assert asked(platform, secret).json()["mesh_roles"] == ["operator"]
    platform.close()


def test_a_token_that_a_token_makes_holds_as_long_as_any_since_its_owner_is_asked_of_as_well(platform, clock):
    secret = arrived(platform, clock)
    client = TestClient(create_app(platform), headers={"Authorization": f"Bearer {secret}"})

    made = client.post("/api/v1/tokens", json={"label": "x", "days": 60}).json()

    assert made["expires_at"] == "2026-04-30T00:00:00Z"
    clock.now += dt.timedelta(days=8)
    assert asked(platform, made["token"]).status_code == 401


def test_beside_a_server_it_is_asked_by_itself_and_goes_on_when_the_provider_was_away(
    platform, issuer, clock, monkeypatch
):
    monkeypatch.setattr("weft.api.people.confirming._LOOK_EVERY_S", 0.01)
    secret = arrived(platform, clock)
    clock.now += dt.timedelta(hours=1)
    issuer.token_answer = (500, {})

    with platform.identity.confirming.beside():
        until = time.monotonic() + 20
        while "/token" not in issuer.asked and time.monotonic() < until:
            time.sleep(0.01)
        says(issuer, Clock(), groups=[], exp=int(clock().timestamp()) + 9999)
        clock.now += dt.timedelta(hours=1)
        while asked(platform, secret).json()["mesh_roles"] and time.monotonic() < until:
            time.sleep(0.05)

    assert asked(platform, secret).json()["mesh_roles"] == []
    assert not any(thread.name == "confirming" for thread in threading.enumerate())


def test_a_secret_is_read_by_its_owners_server_alone():
    kept = sealed("refresh", "of the client", "ada")

    assert unsealed(kept, "of the client", "ada") == "refresh"
    assert unsealed(kept, "of the client", "eve") is None
    assert unsealed(kept, "of another", "ada") is None
    assert unsealed(kept[:-8] + "AAAAAAA=", "of the client", "ada") is None
    assert unsealed("no base64", "of the client", "ada") is None
    assert sealed("refresh", "of the client", "ada") != kept


def test_a_real_provider_is_asked_again(tmp_path):
    with provider_running() as url:
        account(url, "sub-1", email=ADA, groups=["operators"])
        platform = opened(tmp_path, url, None, SCOPES + "recheck_minutes = 1\n")
        browser = TestClient(create_app(platform), headers={"Origin": "http://testserver"}, follow_redirects=False)
        assert sign_in(browser, "sub-1").status_code == 303
        csrf = browser.get("/api/v1/session").json()["csrf"]
        secret = browser.post("/api/v1/tokens", json={"label": "x"}, headers={"X-CSRF-Token": csrf}).json()["token"]
        assert asked(platform, secret).json()["mesh_roles"] == ["operator"]

        account(url, "sub-1", email=ADA, groups=["stewards"])
        with platform.database.writing() as statements:  # a minute has gone by
            statements.run("UPDATE refreshes SET asked_at = ?", ("2026-01-01T00:00:00.000000+00:00",))
        assert platform.identity.confirming.step() == Asked(confirmed=1)

        who = asked(platform, secret).json()
        assert (who["mesh_roles"], who["domain_roles"]) == ([], {"sales": ["steward"]})
        platform.close()
