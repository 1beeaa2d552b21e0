"""Tokens over HTTP: who makes which, with how much, for how long; and services with signed tokens."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.identity_providers import Issuer, issuer_running
from weft.access.permissions import Action
from weft.api.platform import Platform, open_platform
from weft.model.records import DomainRecord
from weft.registry.publishing import append
from weft.registry.sql_tables import SqlTables
from weft.server.app import create_app

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


class Clock:
    now = START

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(folder, clock, text: str = "") -> Platform:
    (folder / "weft.toml").write_text(text)
    made = open_platform(folder, clock)
    members = [{"user": "ada", "roles": ["owner"]}, {"user": "dan", "roles": ["developer"]}]
    document = {"name": "sales", "members": members}
    with made.database.writing() as statements:
        tables = SqlTables(statements)
        tables.put_domain(DomainRecord("sales", "Sales", "aggregate", None, "team", None, document))
        append(tables, START, "domain.requisitioned", "ada", "sales", {})
    return made


@pytest.fixture
def platform(tmp_path, clock) -> Iterator[Platform]:
    made = opened(tmp_path, clock)
    yield made
    made.close()


@pytest.fixture
def app(platform):
    return create_app(platform)


def bearer(app, secret: str) -> TestClient:
    return TestClient(app, headers={"Authorization": f"Bearer {secret}"})


def of(platform: Platform, app, owner: str, actions=None, days: int = 30) -> TestClient:
    """Somebody with a personal token."""
    secret = platform.identity.tokens.create(
        kind="personal",
        owner=owner,
        label="first",
        domain=None,
        actions=actions,
        at=START,
        expires_at=START + dt.timedelta(days=days),
    )[1]
    return bearer(app, secret)


def code(answer) -> str:
    return answer.json()["diagnostics"][0]["code"]


def test_a_token_is_shown_once_and_listed_without_its_secret(platform, app):
    ada = of(platform, app, "ada")

    made = ada.post("/api/v1/tokens", json={"label": "laptop", "days": 7}).json()
    listed = ada.get("/api/v1/tokens")

    assert made["token"].startswith(f"weft_{made['id']}_")
    assert made["expires_at"] == "2026-03-08T00:00:00Z"
    assert {t["label"] for t in listed.json()["tokens"]} == {"first", "laptop"}
    assert made["token"] not in listed.text
    assert bearer(app, made["token"]).get("/api/v1/session").json()["name"] == "ada"
    with platform.database.reading() as statements:
        assert made["token"].rpartition("_")[2] not in str(statements.rows("SELECT * FROM tokens"))


def test_a_revoked_token_opens_nothing_from_the_next_request_on(platform, app):
    ada = of(platform, app, "ada")
    made = ada.post("/api/v1/tokens", json={"label": "laptop"}).json()
    other = bearer(app, made["token"])
    assert other.get("/api/v1/tokens").status_code == 200

    assert ada.delete(f"/api/v1/tokens/{made['id']}").status_code == 204

    assert other.get("/api/v1/tokens").status_code == 401
    assert code(ada.delete(f"/api/v1/tokens/{made['id']}")) == "WFT-ACC-027", "and is not revoked twice"


def test_an_expired_token_opens_nothing(platform, app, clock):
    ada = of(platform, app, "ada", days=1)

    clock.now += dt.timedelta(days=1)

    answer = ada.get("/api/v1/tokens")
    assert answer.status_code == 401
    assert "it has expired, was revoked" in answer.json()["diagnostics"][0]["why"]


def test_tokens_of_others_are_neither_seen_nor_ended_and_nobody_learns_that_they_are(platform, app):
    ada, bob = of(platform, app, "ada"), of(platform, app, "bob")
    made = ada.post("/api/v1/tokens", json={"label": "laptop"}).json()

    answers = [bob.delete(f"/api/v1/tokens/{token_id}") for token_id in (made["id"], "0000000000000000")]

    assert [t["label"] for t in bob.get("/api/v1/tokens").json()["tokens"]] == ["first"]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["detail"].replace(made["id"], "0" * 16) == answers[1].json()["detail"]
    assert bearer(app, made["token"]).get("/api/v1/tokens").status_code == 200


def test_tokens_of_a_domain_are_for_who_manages_it(platform, app):
    ada, dan, eve = (of(platform, app, name) for name in ("ada", "dan", "eve"))
    asked = {"label": "CI", "domain": "sales"}

    made = ada.post("/api/v1/tokens", json=asked)
    refused = [dan.post("/api/v1/tokens", json=asked), eve.post("/api/v1/tokens", json=asked)]

    assert made.status_code == 201
    assert [answer.status_code for answer in refused] == [403, 403]
    assert dan.get("/api/v1/tokens?domain=sales").status_code == 403
    assert [t["id"] for t in ada.get("/api/v1/tokens?domain=sales").json()["tokens"]] == [made.json()["id"]]
    assert dan.delete(f"/api/v1/tokens/{made.json()['id']}").status_code == 404
    assert ada.delete(f"/api/v1/tokens/{made.json()['id']}").status_code == 204


def test_a_domains_token_is_a_developer_there_and_nobody_elsewhere(platform, app):
    made = of(platform, app, "ada").post("/api/v1/tokens", json={"label": "CI", "domain": "sales"}).json()

    who = bearer(app, made["token"]).get("/api/v1/session").json()

    assert (who["name"], who["kind"], who["mesh_roles"]) == ("domain:sales", "token", [])
    assert who["domain_roles"] == {"sales": ["developer"]}


def test_nobody_makes_a_token_of_a_domain_that_is_not_there(platform, app):
    platform.identity.user_verbs.add("root", None, ["operator"], actor="root")

    answer = of(platform, app, "root").post("/api/v1/tokens", json={"label": "x", "domain": "nowhere"})

    assert (answer.status_code, code(answer)) == (404, "WFT-CAT-001")


def test_a_token_never_makes_one_that_may_do_more(platform, app):
    limits = [Action.OWN_TOKENS.value, Action.READ_METADATA.value]
    ada = of(platform, app, "ada", actions=limits)

    more = ada.post("/api/v1/tokens", json={"label": "x", "actions": ["metadata.read", "product.publish"]})
    same = ada.post("/api/v1/tokens", json={"label": "x"}).json()
    less = ada.post("/api/v1/tokens", json={"label": "x", "actions": ["metadata.read"]}).json()

    assert (more.status_code, code(more)) == (403, "WFT-ACC-018")
    assert same["actions"] == sorted(limits)
    assert less["actions"] == ["metadata.read"]
    assert bearer(app, less["token"]).get("/api/v1/tokens").status_code == 403
    assert ada.post("/api/v1/tokens", json={"label": "x", "domain": "sales"}).status_code == 403


def test_a_token_that_a_token_makes_does_not_outlive_it(platform, app):
    ada = of(platform, app, "ada", days=10)

    longer = ada.post("/api/v1/tokens", json={"label": "x", "days": 11})
    unsaid = ada.post("/api/v1/tokens", json={"label": "x"}).json()

    assert (longer.status_code, code(longer)) == (400, "WFT-ACC-019")
    assert unsaid["expires_at"] == "2026-03-11T00:00:00Z"


def test_a_token_holds_for_ninety_days_unless_something_else_is_set_and_never_beyond_the_bound(tmp_path, clock):
    platform = opened(tmp_path, clock, "[identity]\ntoken_days_max = 100\n")
    platform.identity.user_verbs.add("ada", "correct horse battery", [], actor="root")
    browser = TestClient(create_app(platform), headers={"Origin": "http://testserver"})
    signed_in = browser.post("/api/v1/session", json={"user": "ada", "password": "correct horse battery"}).json()
    csrf = {"X-CSRF-Token": signed_in["csrf"]}

    made = browser.post("/api/v1/tokens", json={"label": "x"}, headers=csrf).json()
    longest = browser.post("/api/v1/tokens", json={"label": "x", "days": 100}, headers=csrf)
    beyond = browser.post("/api/v1/tokens", json={"label": "x", "days": 101}, headers=csrf)

    assert made["expires_at"] == "2026-05-30T00:00:00Z"
    assert longest.status_code == 201
    assert (beyond.status_code, code(beyond)) == (400, "WFT-ACC-019")
    platform.close()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"label": ""},
        {"label": "x" * 101},
        {"label": "a\x00b"},
        {"label": "x", "days": 0},
        {"label": "x", "days": -1},
        {"label": "x", "actions": ["everything"]},
        {"label": "x", "owner": "root"},
        {"label": "x", "domain": ""},
    ],
)
def test_a_token_of_another_shape_is_a_problem(platform, app, body):
    assert of(platform, app, "ada").post("/api/v1/tokens", json=body).status_code == 422


@pytest.mark.parametrize(
    "secret",
    ["", "x", "weft_", "weft__", "weft_0_0", "weft_" + "0" * 5000, "a.b.c", "null", "weft_0123456789abcdef_"],
)
def test_a_token_that_somebody_made_up_is_refused_as_any_other(app, secret):
    answer = TestClient(app, headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/tokens")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_another_scheme_than_bearer_is_refused_and_not_ignored(app):
    for header in ("Basic YWRhOng=", "Token x", "Bearer"):
        assert TestClient(app, headers={"Authorization": header}).get("/api/v1/session").status_code == 401


# services with signed tokens


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuer_running() as made:
        yield made


@pytest.fixture
def service(tmp_path, clock, issuer) -> Iterator[Platform]:
    made = opened(
        tmp_path,
        clock,
        f'[identity]\nissuer = "{issuer.url}"\naudience = "weft"\n[identity.groups]\nbilling = "sales.analyst"\n',
    )
    yield made
    made.close()


def seconds(**passed) -> int:
    return int((START + dt.timedelta(**passed)).timestamp())


def test_a_service_is_known_by_the_token_of_the_company_with_the_roles_of_its_groups(service, issuer):
    token = issuer.signed(exp=seconds(minutes=5), groups=["billing", "football"])

    who = bearer(create_app(service), token).get("/api/v1/session").json()

    assert (who["name"], who["kind"]) == ("service:billing", "service")
    assert (who["mesh_roles"], who["domain_roles"]) == ([], {"sales": ["analyst"]})


def test_a_signed_token_that_does_not_hold_is_answered_with_401_and_the_reason(service, issuer):
    app = create_app(service)
    wrong = {
        "audience": issuer.signed(exp=seconds(minutes=5), aud="payroll"),
        "expired": issuer.signed(exp=seconds(minutes=-5)),
        "algorithm": issuer.signed_with_public_key(exp=seconds(minutes=5)),
    }

    answers = {name: bearer(app, token).get("/api/v1/tokens") for name, token in wrong.items()}

    for name, answer in answers.items():
        assert answer.status_code == 401, name
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert code(answer) == "WFT-ACC-017"
    assert "expired" in answers["expired"].json()["diagnostics"][0]["why"]
    assert "algorithm" in answers["algorithm"].json()["diagnostics"][0]["why"]


def test_a_service_makes_no_personal_tokens_and_has_nothing_by_the_name_of_a_person(service, issuer):
    token = issuer.signed(exp=seconds(minutes=5), azp="ada", sub="ada")
    ada = bearer(create_app(service), token)

    assert ada.get("/api/v1/session").json()["domain_roles"] == {}
    answer = ada.post("/api/v1/tokens", json={"label": "x"})
    assert (answer.status_code, code(answer)) == (403, "WFT-ACC-018")


@pytest.mark.parametrize("name", ["a\x00b", "a\nb", ["billing"], {"x": 1}])
def test_a_service_without_a_name_that_can_be_written_down_is_nobody(service, issuer, name):
    answer = bearer(create_app(service), issuer.signed(exp=seconds(minutes=5), azp=name)).get("/api/v1/tokens")

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "claims", [{"email": "ada@example.com"}, {"nonce": "n"}, {"at_hash": "x"}, {"typ": "ID", "sub": "billing"}]
)
def test_a_token_that_a_program_got_for_a_person_acts_neither_as_the_program_nor_as_the_person(service, issuer, claims):
    token = issuer.signed(exp=seconds(minutes=5), groups=["billing"], **claims)

    answer = bearer(create_app(service), token).get("/api/v1/tokens")

    assert (answer.status_code, code(answer)) == (401, "WFT-ACC-029")


@pytest.mark.parametrize("claims", [{"email": "service-account-billing"}, {"sub": "billing", "email": "b@example.com"}])
def test_a_service_that_the_provider_has_an_account_for_is_one(service, issuer, claims):
    token = issuer.signed(exp=seconds(minutes=5), groups=["billing"], **claims)

    assert bearer(create_app(service), token).get("/api/v1/session").json()["name"] == "service:billing"


def test_a_token_that_ends_after_the_last_day_of_the_calendar_is_no_fault(service, issuer):
    token = issuer.signed(exp=10**15, groups=["billing"])

    assert bearer(create_app(service), token).get("/api/v1/session").json()["kind"] == "service"


def test_while_the_keys_cannot_be_had_a_signed_token_is_answered_with_try_again(service, issuer):
    issuer.away = True

    answer = bearer(create_app(service), issuer.signed(exp=seconds(minutes=5))).get("/api/v1/tokens")

    assert (answer.status_code, code(answer)) == (503, "WFT-ACC-015")
    assert int(answer.headers["retry-after"]) > 0


def test_where_no_audience_is_set_no_signed_token_is_taken(tmp_path, clock, issuer):
    platform = opened(tmp_path, clock, f'[identity]\nissuer = "{issuer.url}"\nclient_id = "weft"\n')

    answer = bearer(create_app(platform), issuer.signed(exp=seconds(minutes=5))).get("/api/v1/tokens")

    assert answer.status_code == 401
    assert issuer.asked == []
    platform.close()


@pytest.mark.parametrize(("most", "days"), [(30, 30), (3650, 365)])
def test_the_token_that_comes_with_a_new_domain_holds_no_longer_than_tokens_may(tmp_path, clock, most, days):
    platform = opened(tmp_path, clock, f"[identity]\ntoken_days_max = {most}\n")
    document = {"name": "crew", "title": "Crew", "kind": "aggregate", "owner": {"team": "Crew"}}

    made = of(platform, create_app(platform), "ada", days=400).post("/api/v1/domains", json=document)

    assert made.status_code == 201, made.text
    found = platform.identity.tokens.holder(made.json()["token"], START)
    assert found is not None and found.expires_at - START == dt.timedelta(days=days)
    platform.close()


@pytest.mark.parametrize(
    ("actions", "given"),
    [
        (None, ["product.publish", "product.run", "metadata.read", "data.query", "notices.subscribe"]),
        (["domain.requisition"], []),
        (["domain.requisition", "metadata.read", "product.publish"], ["product.publish", "metadata.read"]),
    ],
)
def test_the_token_that_comes_with_a_new_domain_has_no_more_than_the_token_that_asked(platform, app, actions, given):
    document = {"name": "crew", "title": "Crew", "kind": "aggregate", "owner": {"team": "Crew"}}

    made = of(platform, app, "ada", actions=actions, days=10).post("/api/v1/domains", json=document)

    assert made.status_code == 201, made.text
    found = platform.identity.tokens.holder(made.json()["token"], START)
    assert found is not None and found.expires_at - START == dt.timedelta(days=10)
    assert list(found.actions or ()) == given
    finds = bearer(app, made.json()["token"]).get("/api/v1/products").status_code
    assert finds == (200 if "metadata.read" in given else 403)
