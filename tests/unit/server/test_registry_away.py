"""A server whose registry in PostgreSQL goes away and comes back."""

from __future__ import annotations

import datetime as dt
import time

from fastapi.testclient import TestClient

from tests.servers import postgres_to_stop
from weft.api import registries
from weft.api.platform import open_platform
from weft.server.app import create_app

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def test_requests_are_answered_with_503_and_when_to_come_back_and_then_well_again(tmp_path):
    with postgres_to_stop() as there:
        (tmp_path / "weft.toml").write_text(f'[mesh]\nname = "company"\nregistry = "{there.url}"\n')
        registries.upgrade(tmp_path)
        platform = open_platform(tmp_path, lambda: NOW)
        client = TestClient(create_app(platform))
        _, secret = platform.identity.tokens.create(
            kind="personal",
            owner="ada",
            label="laptop",
            domain=None,
            actions=None,
            at=NOW,
            expires_at=NOW + dt.timedelta(days=1),
        )
        headers = {"Authorization": f"Bearer {secret}"}
        assert client.get("/api/v1/domains/shop", headers=headers).status_code == 404

        there.crash()
        for path in ("/api/v1/domains/shop", "/api/v1/search?q=planes"):
            began = time.monotonic()
            away = client.get(path, headers=headers)
            assert (away.status_code, away.headers.get("retry-after")) == (503, "5"), path
            assert away.json()["diagnostics"][0]["code"] == "WFT-REG-002"
            assert time.monotonic() - began < 10
            assert "127.0.0.1" not in away.text, "where the database is concerns whoever operates the server"
        for path in ("/healthz", "/metrics"):  # whoever restarts what does not live would restart it for nothing
            assert client.get(path, headers=headers).status_code == 200, path
        assert client.get("/readyz", headers=headers).json()["parts"]["registry"] == "unreachable"
        there.start()

        assert client.get("/readyz").status_code == 200
        assert client.get("/api/v1/domains/shop", headers=headers).status_code == 404
        platform.close()
