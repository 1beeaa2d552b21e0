"""The application over a platform: who gets in, and how it says no."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Route

from weft.api.platform import Platform, open_platform
from weft.server.app import create_app
from weft.server.permitted import Permitted
from weft.server.routing import api_routes

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


@pytest.fixture
def platform(tmp_path) -> Iterator[Platform]:
    (tmp_path / "weft.toml").write_text('[mesh]\nname = "company"\n')
    made = open_platform(tmp_path, lambda: NOW)
    yield made
    made.close()


@pytest.fixture
def app(platform: Platform) -> FastAPI:
    return create_app(platform)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app)


def token(platform: Platform, *, days: int = 1) -> str:
    return platform.identity.tokens.create(
        kind="personal",
        owner="ada",
        label="laptop",
        domain=None,
        actions=None,
        at=NOW,
        expires_at=NOW + dt.timedelta(days=days),
    )[1]


def test_every_route_has_exactly_one_line_of_the_table_of_permissions(app):
    routes = list(api_routes(app.routes))

    assert {r.path for r in routes} >= {"/healthz", *app.openapi()["paths"]}
    assert [r.path for r in app.routes if isinstance(r, Route)] == ["/api/v1/openapi.json"]
    for route in routes:
        found = [d for d in route.dependant.dependencies if isinstance(d.call, Permitted)]
        assert len(found) == 1, route.path


def test_whoever_is_not_known_learns_whether_the_server_lives_and_nothing_else(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").status_code == 200
    refused = client.get("/api/v1/domains/shop")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert refused.headers["content-type"] == "application/problem+json"


def test_a_token_opens_the_door_until_it_is_revoked_or_over(client, platform):
    secret = token(platform)
    known = {"Authorization": f"Bearer {secret}"}

    assert client.get("/api/v1/domains/shop", headers=known).status_code == 404
    assert client.get("/api/v1/domains/shop", headers={"Authorization": f"Bearer {secret}x"}).status_code == 401
    over = token(platform, days=0)
    assert client.get("/api/v1/domains/shop", headers={"Authorization": f"Bearer {over}"}).status_code == 401
    platform.identity.tokens.revoke(secret.split("_")[1], actor="ada", at=NOW)
    assert client.get("/api/v1/domains/shop", headers=known).status_code == 401


def test_a_refusal_that_says_no_more_than_its_status_says_what_helps(client):
    unknown = {401: client.get("/api/v1/products"), 405: client.put("/healthz")}
    unknown[400] = client.post("/api/v1/session", content="[" * 100_000, headers={"Content-Type": "application/json"})

    for status, answer in unknown.items():
        assert answer.status_code == status, answer.text
        assert answer.json()["diagnostics"][0]["fix"], answer.text
    assert "Authorization: Bearer" in unknown[401].text


def test_a_problem_carries_the_diagnostics(client, platform):
    answer = client.get("/api/v1/domains/shop", headers={"Authorization": f"Bearer {token(platform)}"})

    assert answer.json()["type"] == "urn:weft:WFT-CAT-001"
    assert answer.json()["diagnostics"][0]["code"] == "WFT-CAT-001"
