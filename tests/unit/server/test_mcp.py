"""Assistants and a server: what is missing, what fails, what is given up, and what nobody imports."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp.client.client import Client

from tests.assistants import Refused, over_http, use
from tests.unit.server.company import PLANES, SECRET, bearer, company, running
from tests.unit.server.test_serving import environment
from weft.errors import WeftError
from weft.registry.remote import Server
from weft.server.mcp.desk import desk
from weft.server.mcp.elsewhere import ToolsElsewhere

WITHOUT = "import sys; sys.modules['mcp'] = None; from weft.cli.main import main; main()"
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search", "arguments": {}}}


def test_without_the_package_weft_mcp_says_which_to_install(tmp_path):
    (tmp_path / "weft.toml").write_text('[mesh]\nname = "own"\n')

    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT, "mcp"], cwd=tmp_path, capture_output=True, text=True, env=environment()
    )

    assert ran.returncode == 2
    assert "WFT-SRV-070" in ran.stderr
    assert "pip install 'weft[mcp,server]'" in ran.stderr


def test_without_the_package_a_server_serves_all_the_rest_and_says_what_it_lacks(tmp_path, monkeypatch):
    from fastapi.testclient import TestClient

    from weft.server.app import create_app

    with company(tmp_path / "company") as platform:
        client = TestClient(create_app(platform), headers=bearer(platform, "eve"))
        monkeypatch.setitem(sys.modules, "mcp", None)
        answer = client.post("/mcp", json=CALL)

        assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (501, "WFT-SRV-070")
        assert client.get("/api/v1/domains").status_code == 200


METADATA = "/.well-known/oauth-protected-resource/mcp"
IDENTITY = '[identity]\nissuer = "https://id.example.com/realm"\nclient_id = "weft"\naudience = "weft"\n'


def test_a_program_without_a_token_is_told_where_the_companys_provider_is(tmp_path):
    from fastapi.testclient import TestClient

    from weft.server.app import create_app

    with company(tmp_path / "company", IDENTITY) as platform:
        client = TestClient(create_app(platform), base_url="https://mesh.example.com")
        refused = client.post("/mcp", json=CALL)
        wrong = client.post("/mcp", json=CALL, headers={"Authorization": "Bearer nonsense"})
        elsewhere = client.get("/api/v1/domains")
        told = client.get(METADATA)

    where = f'resource_metadata="https://mesh.example.com{METADATA}"'
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, f"Bearer {where}")
    assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, f'Bearer error="invalid_token", {where}')
    assert elsewhere.headers["www-authenticate"] == "Bearer"
    assert told.json() == {
        "resource": "https://mesh.example.com/mcp",
        "resource_name": f"weft: {platform.rooms.settings.mesh.name}",
        "authorization_servers": ["https://id.example.com/realm"],
        "scopes_supported": ["openid", "profile", "email"],
        "bearer_methods_supported": ["header"],
    }
    # what the official client reads of it
    from mcp.shared.auth import ProtectedResourceMetadata

    assert str(ProtectedResourceMetadata.model_validate(told.json()).authorization_servers[0]).startswith("https://id.")


def test_a_server_that_takes_no_providers_tokens_names_none(tmp_path):
    from fastapi.testclient import TestClient

    from weft.server.app import create_app

    with company(tmp_path / "company") as platform:
        client = TestClient(create_app(platform))

        assert client.get(METADATA).status_code == 404
        assert client.post("/mcp", json=CALL).headers["www-authenticate"] == "Bearer"


class Failing:
    """Tools with a fault that quotes a row."""

    def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        raise ZeroDivisionError(SECRET)

    def stop(self) -> None:
        """Nothing runs."""


def test_a_fault_of_weft_is_told_by_its_kind_alone(caplog):
    async def script() -> None:
        async with Client(desk(Failing()), mode="legacy") as weft:
            with pytest.raises(Refused, match="ZeroDivisionError") as refused:
                await use(weft, "search")
            assert refused.value.codes == ["WFT-SRV-074"]
            assert SECRET not in refused.value.text
            assert "Traceback" not in refused.value.text

    with caplog.at_level(logging.ERROR, "weft.server"):
        asyncio.run(script())
    assert "a tool failed: search" in caplog.text


class Endless:
    """A tool that goes on until it is stopped."""

    def __init__(self) -> None:
        self.began, self.stopped = threading.Event(), threading.Event()

    def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        self.began.set()
        assert self.stopped.wait(30), "nobody has stopped it"
        return {}

    def stop(self) -> None:
        self.stopped.set()


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_call_that_is_given_up_is_stopped(mode):
    tools = Endless()

    async def script() -> None:
        async with Client(desk(tools), mode=mode) as weft:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await weft.call_tool("query", {"sql": "select 1"})
            assert await asyncio.to_thread(tools.stopped.wait, 10)

    asyncio.run(script())
    assert tools.began.is_set()


def test_a_server_that_has_no_assistants_is_told_apart_from_one_that_cannot_be_reached(tmp_path):
    with company(tmp_path / "company") as platform:
        secret = bearer(platform, "eve")["Authorization"].partition(" ")[2]
    with running(tmp_path / "company") as url:
        old = ToolsElsewhere(Server(f"{url}/api/v1", lambda: secret))  # there is no `/mcp` below it
        with pytest.raises(WeftError) as refused:
            old.call("search", {})
        assert [d.code for d in refused.value.diagnostics] == ["WFT-SRV-073"]
    with pytest.raises(WeftError) as refused:
        ToolsElsewhere(Server("http://127.0.0.1:9", lambda: secret)).call("request_access", {})
    assert [d.code for d in refused.value.diagnostics] == ["WFT-REG-020"]


def test_drafts_and_samples_of_failed_rows_are_not_for_assistants_of_others(tmp_path):
    with company(tmp_path / "company") as platform:
        eve, finn = (bearer(platform, name)["Authorization"].partition(" ")[2] for name in ("eve", "finn"))

    async def script(url: str) -> None:
        async with over_http(url, eve) as weft:
            told = [
                await use(weft, "search", words="orders"),
                await use(weft, "get_product", address="fleet.aircraft"),
                await use(weft, "quality", address=str(PLANES)),
                await use(weft, "lineage", node=str(PLANES)),
            ]
            assert "prototypes" not in str(told)
            assert "fleet.plans" not in str(told)
            assert SECRET not in str(told)
            assert sum(told[2]["trend"][0]["checks"].values()) == 1
            for tool, arguments in (
                ("get_product", {"address": "fleet.plans"}),
                ("get_contract", {"address": "fleet.aircraft.prototypes@1"}),
                ("quality", {"address": "fleet.plans.orders@1"}),
                ("lineage", {"node": "fleet.plans.orders@1"}),
            ):
                with pytest.raises(Refused) as refused:
                    await use(weft, tool, **arguments)
                assert refused.value.codes == ["WFT-CAT-001"]
        async with over_http(url, finn) as weft:
            assert (await use(weft, "get_product", address="fleet.plans"))["status"] == "draft"

    with running(tmp_path / "company") as url:
        asyncio.run(script(url))


def test_search_goes_on_where_it_ended(tmp_path):
    with company(tmp_path / "company") as platform:
        eve = bearer(platform, "eve")["Authorization"].partition(" ")[2]

    async def script(url: str) -> None:
        async with over_http(url, eve) as weft:
            whole = await use(weft, "search", kind="port", limit=50)
            seen, cursor = [], None
            while True:
                found = await use(weft, "search", kind="port", limit=3, cursor=cursor)
                seen += found["results"]
                cursor = found["next"]
                if cursor is None:
                    break
            assert seen == whole["results"]
            assert len(seen) == whole["total"] > 3

    with running(tmp_path / "company") as url:
        asyncio.run(script(url))


SERVED = """\
import asyncio, json, sys, threading, time
import uvicorn, httpx
from weft.api.platform import open_platform
from weft.server.app import create_app
platform = open_platform(sys.argv[1])
server = uvicorn.Server(uvicorn.Config(create_app(platform), port=0, log_level="error", lifespan="off"))
threading.Thread(target=server.run, daemon=True).start()
while not server.started:
    time.sleep(0.01)
url = "http://127.0.0.1:%d/mcp" % server.servers[0].sockets[0].getsockname()[1]
for name, arguments in json.loads(sys.argv[3]):
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    answer = httpx.post(url, json=asked, headers={"Authorization": sys.argv[2]}, timeout=60)
    print(name, answer.status_code, answer.json()["result"].get("isError", False))
print(sorted({"duckdb", "pyarrow", "pyiceberg"} & set(sys.modules)))
server.should_exit = True
"""


def test_the_web_process_answers_assistants_without_what_computes_rows(tmp_path: Path):
    with company(tmp_path / "company") as platform:
        header = bearer(platform, "eve")["Authorization"]
    calls = [
        ("search", {"words": "planes"}),
        ("get_product", {"address": "fleet.aircraft"}),
        ("get_contract", {"address": str(PLANES)}),
        ("quality", {"address": str(PLANES)}),
        ("lineage", {"node": str(PLANES)}),
        ("access_status", {}),
        ("query", {"sql": "select 1 as one"}),
    ]

    ran = subprocess.run(
        [sys.executable, "-c", SERVED, str(tmp_path / "company"), header, json.dumps(calls)],
        capture_output=True, text=True, timeout=120, env=environment(),
    )  # fmt: skip

    *told, heavy = ran.stdout.splitlines()
    assert told == [f"{name} 200 False" for name, _ in calls], ran.stderr
    assert heavy == "[]"


def test_a_body_that_is_too_large_is_not_read(tmp_path):
    with company(tmp_path / "company") as platform:
        headers = bearer(platform, "eve")
    large = {**CALL, "params": {"name": "query", "arguments": {"sql": "x" * 5_000_000}}}

    with running(tmp_path / "company") as url:
        assert httpx.post(f"{url}/mcp", json=large, headers=headers, timeout=60).status_code == 413
