"""Assistants find, ask for and read data as the person for whom they work, and as nobody else."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

import httpx
import httpx2
import pytest

from tests.assistants import MODES, Refused, over_http, over_stdio, use
from tests.domains import Repository, TestServer, planes, repository, serving
from tests.meshes import TestMesh
from weft.access.permissions import Action
from weft.api.platform import open_platform

PORT = "fleet.aircraft.planes@1"
TABLE = 'fleet.aircraft."planes@1"'
TOOLS = [
    "search", "get_product", "get_contract", "lineage", "quality", "request_access", "access_status", "query",
]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[TestServer]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def fleet(server, tmp_path_factory) -> Repository:
    """`fleet` of ada, which has published what is partly confidential."""
    mesh = repository(tmp_path_factory.mktemp("fleet"), server.url, server.token("ada"), "fleet")
    planes(mesh, classification="confidential")
    ran = mesh.weft("apply")
    assert ran.returncode == 0, ran.stderr
    return mesh


@pytest.fixture(scope="module")
def reader(server, fleet) -> str:
    """The token of rita, who may read the planes for `a report`."""
    return granted(server, fleet, "rita", "a report")


def granted(server: TestServer, fleet: Repository, person: str, purpose: str, columns: list[str] | None = None) -> str:
    """Has somebody read the planes; gives their token."""
    secret = server.token(person)
    asked = {"ports": [PORT], "purpose": purpose, "columns": columns}
    made = httpx.post(f"{server.url}/api/v1/access/requests", json=asked, headers=known(secret), timeout=60)
    assert made.status_code == 201, made.text
    approve(fleet, made.json()["request_id"])
    return secret


def approve(fleet: Repository, request_id: str) -> None:
    ran = fleet.weft("access", "approve", request_id, "--reason", "agreed")
    assert ran.returncode == 0, ran.stderr


def known(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def message(method: str, **params: object) -> dict[str, object]:
    """A message as a client writes it that is none of a library."""
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


@pytest.mark.parametrize("mode", MODES)
def test_an_assistant_finds_asks_is_approved_and_reads_for_the_purpose(server, fleet, mode):
    secret = server.token(f"eve-{mode}")

    async def script() -> None:
        async with over_http(server.url, secret, mode) as weft:
            tools = {tool.name: tool for tool in (await weft.list_tools()).tools}
            assert list(tools) == TOOLS
            assert tools["query"].input_schema["required"] == ["sql"]
            assert [name for name, tool in tools.items() if not tool.annotations.read_only_hint] == ["request_access"]

            hits = (await use(weft, "search", words="planes", kind="port"))["results"]
            assert hits[0]["address"] == PORT
            product = await use(weft, "get_product", address="fleet.aircraft")
            assert [(p["address"], p["you_may_read"]) for p in product["ports"]] == [(PORT, False)]
            contract = await use(weft, "get_contract", address=PORT)
            assert [(c["name"], c.get("classification")) for c in contract["columns"]][1] == ("amount", "confidential")
            assert (contract["key"], contract["next"]) == (["id"], None)
            quality = await use(weft, "quality", address=PORT)
            assert (quality["checks"]["failed"], quality["rules"][0]["result"]) == (0, "passed")
            lineage = await use(weft, "lineage", node=PORT, direction="up")
            assert [edge["to"] for edge in lineage["edges"]] == [PORT]

            with pytest.raises(Refused, match="may not read") as refused:
                await use(weft, "query", sql=f"from {TABLE}", purpose="delay model")
            assert refused.value.codes == ["WFT-ACC-002"]
            asked = await use(weft, "request_access", ports=[PORT], purpose="delay model")
            assert asked["ports"][0]["state"] == "waiting"
            status = await use(weft, "access_status")
            assert ([r["request_id"] for r in status["requests"]], status["grants"]) == ([asked["request_id"]], [])

            await asyncio.to_thread(approve, fleet, asked["request_id"])
            status = await use(weft, "access_status")
            assert status["requests"][0]["ports"][0]["state"] == "approved"
            assert [(g["address"], g["purpose"]) for g in status["grants"]] == [(PORT, "delay model")]
            assert (await use(weft, "access_status", request_id=asked["request_id"]))["requests"] == status["requests"]
            assert (await use(weft, "get_product", address=PORT))["ports"][0]["you_may_read"]

            sql = f"select id, amount from {TABLE} order by id"
            found = await use(weft, "query", sql=sql, purpose="delay model", limit=3)
            assert found["rows"] == [[0, None], [1, None], [2, None]]
            assert [c["masked"] for c in found["columns"]] == [None, "null"]
            assert (found["masked"], list(found["snapshots"])) == ({PORT: {"amount": "null"}}, [PORT])
            with pytest.raises(Refused) as refused:
                await use(weft, "query", sql=sql, purpose="something else")
            assert refused.value.codes == ["WFT-ACC-002"]

    asyncio.run(script())

    reads = json.loads(fleet.weft("audit", "reads", PORT, "--by", f"eve-{mode}", "--format", "json").stdout)
    assert [(r["wire"], r["purpose"], r["rows"]) for r in reads["items"]] == [("mcp", "delay model", 3)]


def test_a_stranger_sees_nothing(server, fleet):
    listing = message("tools/call", name="search", arguments={})

    for headers in ({}, known("weft_nothing"), {"Cookie": "weft_session=x"}):
        answer = httpx.post(f"{server.url}/mcp", json=listing, headers=headers, timeout=60)
        assert answer.status_code == 401
        assert "WWW-Authenticate".lower() in answer.headers
        assert "planes" not in answer.text


def test_who_has_no_grant_learns_no_row_and_no_name_of_a_column_by_asking(server, fleet):
    async def script() -> None:
        async with over_http(server.url, server.token("mallory")) as weft:
            for sql in (
                f"select amount from {TABLE}",
                f"select nothing from {TABLE}",
                f"from {TABLE} where amount > 1",
            ):
                with pytest.raises(Refused) as refused:
                    await use(weft, "query", sql=sql)
                assert refused.value.codes == ["WFT-ACC-002"]

    asyncio.run(script())


def test_a_column_that_is_not_granted_is_not_there(server, fleet):
    secret = granted(server, fleet, "nora", "numbers", ["id"])

    async def script() -> None:
        async with over_http(server.url, secret) as weft:
            found = await use(weft, "query", sql=f"select * from {TABLE} order by 1", limit=1)
            assert ([c["name"] for c in found["columns"]], found["rows"]) == (["id"], [[0]])
            told = []
            for column in ("amount", "nothing"):
                with pytest.raises(Refused) as refused:
                    await use(weft, "query", sql=f"select {column} from {TABLE}")
                told.append(refused.value.text.replace(column, "it"))
            assert told[0] == told[1]

    asyncio.run(script())


FORBIDDEN = (
    "select * from '/etc/passwd'",
    "select * from read_text('/etc/passwd')",
    "select * from read_csv('https://example.com/x.csv')",
    "select * from glob('/**')",
    "copy (select 1) to '/tmp/stolen'",
    "attach '/tmp/x.db'",
    "select getenv('HOME')",
    "set enable_external_access = true",
    "select * from duckdb_settings()",
    "from information_schema.tables",
    f"select 1; drop table {TABLE}",
    'from fleet.aircraft."nothing@1"',
)


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_a_query_for_files_settings_or_other_ports_is_refused(server, reader, sql):
    async def script() -> None:
        async with over_http(server.url, reader) as weft:
            with pytest.raises(Refused) as refused:
                await use(weft, "query", sql=sql)
            assert all(code.startswith(("WFT-SQL-", "WFT-ACC-")) for code in refused.value.codes)
            for word in ("Traceback", "root:", ".parquet", str(server.root)):
                assert word not in refused.value.text

    asyncio.run(script())


def test_pages_go_through_an_answer_at_one_data_version_and_only_for_the_same_question(server, reader):
    async def script() -> None:
        async with over_http(server.url, reader) as weft:
            sql = f"select id from {TABLE} order by id desc"
            seen, cursor, pages = [], None, 0
            while pages == 0 or cursor is not None:
                found = await use(weft, "query", sql=sql, limit=40, cursor=cursor)
                assert found["first_row"] == len(seen) + 1
                seen += [row[0] for row in found["rows"]]
                cursor, pages = found["next"], pages + 1
                if pages == 1:
                    kept = cursor
            assert (seen, pages) == (list(range(99, -1, -1)), 3)

            with pytest.raises(Refused) as refused:
                await use(weft, "query", sql=f"select amount from {TABLE}", cursor=kept)
            assert refused.value.codes == ["WFT-SRV-006"]

    asyncio.run(script())


def test_a_cursor_of_somebody_else_opens_nothing(server, fleet, reader):
    sql = f"select id from {TABLE} order by id"

    async def script() -> None:
        async with over_http(server.url, reader) as weft:
            cursor = (await use(weft, "query", sql=sql, limit=1))["next"]
        async with over_http(server.url, server.token("mallory")) as weft:
            with pytest.raises(Refused) as refused:
                await use(weft, "query", sql=sql, limit=1, cursor=cursor)
            assert refused.value.codes == ["WFT-ACC-002"]

    asyncio.run(script())


def test_two_people_at_once_each_see_what_is_theirs(server, fleet, reader):
    owner = server.token("ada")
    sql = f"select id, amount from {TABLE} where id = 7"

    async def asked(secret: str, expected: list[list[int | None]]) -> None:
        async with over_http(server.url, secret) as weft:
            for _ in range(6):
                assert (await use(weft, "query", sql=sql))["rows"] == expected

    async def script() -> None:
        await asyncio.gather(
            *(asked(reader, [[7, None]]) for _ in range(2)), *(asked(owner, [[7, 49]]) for _ in range(2))
        )

    asyncio.run(script())


def test_one_connection_with_two_tokens_answers_each_message_for_its_own(server, fleet, reader):
    sent = message("tools/call", name="query", arguments={"sql": f"select id, amount from {TABLE} where id = 7"})

    with httpx.Client(base_url=server.url, timeout=60) as client:
        for secret, expected in ((reader, None), (server.token("ada"), 49), (reader, None)):
            answer = client.post("/mcp", json=sent, headers=known(secret)).json()
            assert answer["result"]["structuredContent"]["rows"] == [[7, expected]], answer


def test_a_session_is_not_there_whoever_names_it(server, reader):
    begin = message(
        "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "x", "version": "1"}
    )
    begun = httpx.post(f"{server.url}/mcp", json=begin, headers=known(reader), timeout=60)
    assert begun.status_code == 200
    assert "mcp-session-id" not in begun.headers

    for secret in (reader, server.token("mallory")):
        headers = {**known(secret), "Mcp-Session-Id": "0123456789abcdef"}
        answer = httpx.post(f"{server.url}/mcp", json=message("tools/list"), headers=headers, timeout=60)
        assert answer.status_code == 404
    for method in ("GET", "DELETE"):
        assert httpx.request(method, f"{server.url}/mcp", headers=known(reader), timeout=60).status_code == 405


def test_a_token_for_finding_alone_asks_for_nothing_and_reads_nothing(server, fleet):
    platform = open_platform(server.root)
    now = platform.rooms.now()
    _, secret = platform.identity.tokens.create(
        kind="personal", owner="rita", label="finds", domain=None, actions=[Action.READ_METADATA.value], at=now,
        expires_at=now.replace(year=now.year + 1),
    )  # fmt: skip
    platform.close()

    async def script() -> None:
        async with over_http(server.url, secret) as weft:
            assert (await use(weft, "search", words="planes"))["total"] >= 1
            for tool, arguments in (
                ("query", {"sql": f"from {TABLE}"}),
                ("request_access", {"ports": [PORT], "purpose": "x"}),
                ("access_status", {}),
            ):
                with pytest.raises(Refused) as refused:
                    await use(weft, tool, **arguments)
                assert refused.value.codes == ["WFT-ACC-010"]

    asyncio.run(script())


WRONG = (
    ("nothing", {}),
    ("query", {}),
    ("query", {"sql": "select 1", "limit": 0}),
    ("query", {"sql": "select 1", "limit": 10**6}),
    ("query", {"sql": "select 1", "as": "ada"}),
    ("query", {"sql": ["select 1"]}),
    ("search", {"limit": "all"}),
    ("get_product", {"address": 7}),
    ("request_access", {"ports": [], "purpose": "x"}),
    ("request_access", {"ports": [PORT], "purpose": "x", "reader": "ada"}),
)


@pytest.mark.parametrize(("tool", "arguments"), WRONG)
def test_a_tool_that_is_called_wrongly_says_how_it_is_called(server, reader, tool, arguments):
    async def script() -> None:
        async with over_http(server.url, reader) as weft:
            with pytest.raises(Refused, match="fix: ") as refused:
                await use(weft, tool, **arguments)
            assert refused.value.codes == ["WFT-SRV-071"]

    asyncio.run(script())


@pytest.mark.parametrize("mode", MODES)
def test_weft_mcp_in_a_repository_of_a_server_acts_as_whoever_is_signed_in(server, fleet, reader, tmp_path, mode):
    mesh = repository(tmp_path / "rita", server.url, reader, "rita")

    async def script() -> None:
        async with over_stdio(mesh.root, mode, WEFT_TOKEN=reader) as weft:
            assert [tool.name for tool in (await weft.list_tools()).tools] == TOOLS
            found = await use(weft, "query", sql=f"select id, amount from {TABLE} where id = 7", purpose="a report")
            assert found["rows"] == [[7, None]]
            assert [g["address"] for g in (await use(weft, "access_status"))["grants"]] == [PORT]
            with pytest.raises(Refused) as refused:
                await use(weft, "query", sql="from '/etc/passwd'")
            assert refused.value.codes == ["WFT-SQL-007"]
        async with over_stdio(mesh.root, mode, WEFT_TOKEN=server.token("mallory")) as weft:
            with pytest.raises(Refused) as refused:
                await use(weft, "query", sql=f"from {TABLE}")
            assert refused.value.codes == ["WFT-ACC-002"]
        async with over_stdio(mesh.root, mode, WEFT_TOKEN="weft_nothing") as weft:
            with pytest.raises(Refused) as refused:
                await use(weft, "search")
            assert refused.value.codes == ["WFT-REG-021"]

    asyncio.run(script())


@pytest.mark.parametrize("mode", MODES)
def test_weft_mcp_on_a_mesh_of_ones_own_acts_as_its_owner(tmp_path, mode):
    mesh = TestMesh(tmp_path / "own")
    mesh.write("weft.toml", '[mesh]\nname = "own"\n')
    planes(mesh, classification="confidential")
    assert mesh.weft("apply").returncode == 0

    async def script() -> None:
        async with over_stdio(mesh.root, mode) as weft:
            assert (await use(weft, "search", words="planes", kind="port"))["results"][0]["address"] == PORT
            assert (await use(weft, "get_product", address="fleet.aircraft"))["ports"][0]["you_may_read"]
            found = await use(weft, "query", sql=f"select id, amount from {TABLE} where id = 7", purpose="looking")
            assert found["rows"] == [[7, 49]]
            for sql in FORBIDDEN:
                with pytest.raises(Refused):
                    await use(weft, "query", sql=sql)
            assert (await use(weft, "access_status"))["requests"] == []

    asyncio.run(script())

    (read,) = json.loads(mesh.weft("audit", "reads", "--format", "json").stdout)["items"]
    assert (read["wire"], read["purpose"]) == ("mcp", "looking")


def test_a_query_of_the_owner_ends_when_it_is_cancelled_and_the_next_one_is_answered(tmp_path):
    mesh = TestMesh(tmp_path / "own")
    mesh.write("weft.toml", '[mesh]\nname = "own"\n')
    planes(mesh)
    assert mesh.weft("apply").returncode == 0
    five = ", ".join(f"{TABLE} as t{number}" for number in range(5))

    def ended() -> list[str | None]:
        told = mesh.weft("audit", "reads", "--format", "json").stdout
        return [r["ended"] for r in json.loads(told)["items"] if "gone" in (r["query"] or "")]

    async def until(wanted: list[str | None]) -> None:
        deadline = time.monotonic() + 60
        while (found := await asyncio.to_thread(ended)) != wanted:
            assert time.monotonic() < deadline, found

    async def script() -> None:
        async with over_stdio(mesh.root, MODES[0]) as weft:
            sql = f"select sum(t0.id + t4.id) as gone from {five}"
            asked = asyncio.create_task(use(weft, "query", sql=sql))
            await until([None])
            asked.cancel()
            await until(["left"])
            assert (await use(weft, "query", sql=f"select count(*) as n from {TABLE}"))["rows"] == [[100]]

    asyncio.run(script())


def test_a_query_ends_when_its_assistant_is_gone(server, fleet, reader):
    five = ", ".join(f"{TABLE} as t{number}" for number in range(5))
    sent = message("tools/call", name="query", arguments={"sql": f"select sum(t0.id + t4.id) as gone from {five}"})

    async def read_is(ended: str | None) -> None:
        deadline = time.monotonic() + 30
        while True:
            told = await asyncio.to_thread(fleet.weft, "audit", "reads", PORT, "--by", "rita", "--format", "json")
            found = [r["ended"] for r in json.loads(told.stdout)["items"] if "gone" in (r["query"] or "")]
            if found == [ended]:
                return
            assert time.monotonic() < deadline, found

    async def script() -> None:
        async with httpx.AsyncClient(timeout=120) as client:
            asked = asyncio.create_task(client.post(f"{server.url}/mcp", json=sent, headers=known(reader)))
            await read_is(None)
            asked.cancel()
        await read_is("left")

    asyncio.run(script())


def test_a_client_that_takes_another_type_than_the_protocol_has_is_refused(server, reader):
    async def script() -> None:
        async with httpx2.AsyncClient(headers=known(reader)) as http:
            for body, kind in ((b"{", "application/json"), (b"x", "text/plain")):
                answer = await http.post(f"{server.url}/mcp", content=body, headers={"Content-Type": kind})
                assert 400 <= answer.status_code < 500, answer.text
                assert "Traceback" not in answer.text

    asyncio.run(script())
