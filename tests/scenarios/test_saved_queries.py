"""Queries under a name: saved by one, run by others, each by their own rights."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.domains import Repository, TestServer, planes, repository, serving
from tests.meshes import TestMesh, two_products
from tests.scenarios.test_majors import add_second_major

PORT = "fleet.aircraft.planes@1"
SQL = "select id, amount from fleet.aircraft.planes order by id"
OLD, NEW = "sales.orders.orders@1", "sales.orders.orders@2"


def done(mesh: TestMesh, *words: str, expect: int = 0) -> str:
    ran = mesh.weft(*words)
    assert ran.returncode == expect, f"{words}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[TestServer]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def fleet(server, tmp_path_factory) -> Repository:
    """`fleet` of ada, whose amounts are confidential, and a query that she has saved."""
    mesh = repository(tmp_path_factory.mktemp("fleet"), server.url, server.token("ada"), "fleet")
    planes(mesh, classification="confidential")
    done(mesh, "apply")
    done(mesh, "query", SQL, "--save", "amounts", "--title", "Amounts of planes")
    return mesh


@pytest.fixture(scope="module")
def eve(server, fleet, tmp_path_factory) -> Repository:
    """Somebody to whom ada has granted the planes."""
    mesh = repository(tmp_path_factory.mktemp("eve"), server.url, server.token("eve"), "eve")
    asked = mesh.json("access", "request", PORT, "--purpose", "delay model")
    done(fleet, "access", "approve", asked["request_id"])
    return mesh


def call(server: TestServer, secret: str, method: str, path: str, **more: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {secret}", "Accept": "application/json", **more.pop("headers", {})}
    return httpx.request(method, f"{server.url}/api/v1/queries/{path}".rstrip("/"), headers=headers, timeout=60, **more)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["diagnostics"][0]["code"]


def test_a_saved_query_is_decided_for_whoever_runs_it_and_never_for_its_owner(server, fleet, eve):
    mallory = server.token("mallory")

    owner = call(server, fleet.token, "GET", "ada/amounts/rows")
    granted = call(server, eve.token, "GET", "ada/amounts/rows")
    refused = call(server, mallory, "GET", "ada/amounts/rows")

    assert owner.json()["rows"][:2] == [[0, 0], [1, 7]]
    assert len(granted.json()["rows"]) == 100
    assert [row[0] for row in granted.json()["rows"]] == list(range(100))
    assert not {row[1] for row in granted.json()["rows"]} & {row[1] for row in owner.json()["rows"]}
    assert granted.headers["weft-masked"] == f"{PORT}.amount={granted.json()['masked'][PORT]['amount']}"
    assert code(refused) == (403, "WFT-ACC-002")
    assert call(server, "weft_nothing", "GET", "ada/amounts/rows").status_code == 401


def test_a_right_that_has_ended_ends_the_query_too(server, fleet, tmp_path):
    kim = repository(tmp_path, server.url, server.token("kim"), "kim")
    asked = kim.json("access", "request", PORT, "--purpose", "a study")
    done(fleet, "access", "approve", asked["request_id"])
    assert call(server, kim.token, "GET", "ada/amounts/rows").status_code == 200
    (grant,) = kim.json("access", "list", "--grants")["grants"]

    done(fleet, "access", "revoke", grant["grant_id"])

    assert code(call(server, kim.token, "GET", "ada/amounts/rows")) == (403, "WFT-ACC-002")


def test_its_text_is_for_those_who_may_read_its_ports(server, fleet, eve):
    for secret, seen in ((fleet.token, SQL), (eve.token, SQL), (server.token("mallory"), None)):
        one = call(server, secret, "GET", "ada/amounts").json()
        listed = call(server, secret, "GET", "", params={"owner": "ada"}).json()["items"]

        assert (one["sql"], one["runs"], one["title"]) == (seen, seen is not None, "Amounts of planes")
        assert one["ports"] == [{"named": "fleet.aircraft.planes", "port": PORT}]
        assert one["url"] == "/api/v1/queries/ada/amounts"
        assert [other for other in listed if other["name"] == "amounts"] == [one]


@pytest.mark.parametrize(
    ("media", "read"),
    [
        ("application/vnd.apache.arrow.stream", lambda b: pa.ipc.open_stream(b).read_all().num_rows),
        ("application/vnd.apache.parquet", lambda b: parquet.read_table(pa.BufferReader(b)).num_rows),
        ("text/csv", lambda b: len(list(csv.DictReader(io.StringIO(b.decode()))))),
        ("application/x-ndjson", lambda b: len(b.splitlines())),
        ("application/json", lambda b: len(json.loads(b)["rows"])),
    ],
)
def test_rows_come_in_every_form_and_within_the_limit(server, fleet, media, read):
    headers = {"Accept": media}

    answer = call(server, fleet.token, "GET", "ada/amounts/rows", params={"limit": 7}, headers=headers)

    assert answer.headers["content-type"].partition(";")[0] == media
    assert read(answer.content) == 7
    assert answer.headers["weft-snapshots"].startswith(f"{PORT}=")


def test_rows_of_a_data_version_are_asked_for_by_its_address(server, fleet):
    now = call(server, fleet.token, "GET", "ada/amounts/rows").json()["snapshot"][PORT]

    same = call(server, fleet.token, "GET", "ada/amounts/rows", params={"at": f"{PORT}={now}"})
    none = call(server, fleet.token, "GET", "ada/amounts/rows", params={"at": "1"})
    mixed = call(server, fleet.token, "GET", "ada/amounts/rows", params={"at": [f"{PORT}={now}", "1"]})

    assert same.json()["snapshot"] == {PORT: now}
    assert code(none) == (400, "WFT-RUN-005")
    assert code(mixed) == (400, "WFT-CLI-001")


def test_what_cannot_be_saved_is_told_and_leaves_what_there_was(server, fleet, eve):
    def put(secret: str, path: str, sql: str) -> tuple[int, str]:
        return code(call(server, secret, "PUT", path, json={"sql": sql}))

    assert put(eve.token, "ada/amounts", "select 1 as one") == (403, "WFT-ACC-054")
    assert code(call(server, eve.token, "DELETE", "ada/amounts")) == (403, "WFT-ACC-054")
    assert put(fleet.token, "ada/Large", SQL) == (400, "WFT-ACC-053")
    assert put(fleet.token, "ada/amounts", "select 'a\0b' as a") == (400, "WFT-ACC-053")
    assert put(fleet.token, "ada/amounts", "select * from my.workspace.mine") == (400, "WFT-ACC-053")
    assert put(fleet.token, "ada/amounts", "select * from fleet.aircraft.none") == (404, "WFT-ACC-001")
    assert put(fleet.token, "ada/amounts", "copy (select 1) to '/tmp/x'")[0] == 400
    assert put(fleet.token, "ada/amounts", "select * from read_text('/etc/passwd')")[0] == 400
    assert code(call(server, fleet.token, "GET", "ada/none/rows")) == (404, "WFT-ACC-052")
    assert call(server, fleet.token, "GET", "ada/amounts").json()["sql"] == SQL


def test_the_audit_names_whoever_ran_it_with_the_purpose_of_the_query(server, fleet, eve):
    kept = call(server, fleet.token, "PUT", "ada/model", json={"sql": SQL, "purpose": "delay model"})
    assert (kept.status_code, kept.json()["purpose"]) == (200, "delay model")

    assert call(server, eve.token, "GET", "ada/model/rows").status_code == 200
    other = call(server, eve.token, "GET", "ada/model/rows", params={"purpose": "marketing"})

    headers = {"Authorization": f"Bearer {eve.token}"}
    newest = httpx.get(f"{server.url}/api/v1/audit/reads/own", headers=headers, timeout=60).json()["items"][0]
    assert code(other) == (403, "WFT-ACC-002")
    assert (newest["principal"], newest["purpose"], newest["query"]) == ("eve", "delay model", SQL)


def test_the_command_line_saves_lists_runs_and_drops_on_the_server(server, fleet, eve):
    told = done(fleet, "query", "from fleet.aircraft.planes", "--save", "all")
    assert f"`fleet.aircraft.planes` is `{PORT}` from now on" in told
    assert "saved as ada/all, at /api/v1/queries/ada/all" in told

    run = eve.json("query", "--saved", "ada/all", "--limit", "3")
    assert (len(run["rows"]), run["truncated"]) == (3, True)
    assert {"ada/all", "ada/amounts"} <= {f"{q['owner']}/{q['name']}" for q in eve.json("queries")["items"]}
    assert "from fleet.aircraft.planes" in done(eve, "queries", "ada/all")
    assert "WFT-ACC-054" in done(eve, "queries", "ada/all", "--drop", expect=3)
    assert "ada/all is gone" in done(fleet, "queries", "all", "--drop")
    assert "WFT-ACC-052" in done(fleet, "query", "--saved", "all", expect=2)


def test_an_address_without_a_major_goes_on_meaning_what_it_meant_when_it_was_saved(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    done(mesh, "apply")
    asked = "select orders.id from sales.orders.orders where orders.id < 5"
    done(mesh, "query", asked, "--save", "few")
    add_second_major(mesh)
    done(mesh, "apply")
    done(mesh, "default", NEW)
    owner = mesh.json("queries")["items"][0]["owner"]

    saved = mesh.json("query", "--saved", "few")
    again = mesh.json("query", "--saved", f"{owner}/few", "--at", f"{OLD}={saved['snapshot'][OLD]}")

    assert mesh.json("query", asked)["snapshot"].keys() == {NEW}
    assert (saved["snapshot"].keys(), again["rows"]) == ({OLD}, saved["rows"])
    assert f"`sales.orders.orders` is `{OLD}`" in done(mesh, "query", "--saved", "few")


def test_whoever_looks_as_somebody_else_runs_a_saved_query_by_their_rights(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    done(mesh, "apply")
    done(mesh, "query", "select count(*) from sales.orders.orders", "--save", "count")

    assert mesh.json("query", "--saved", "count")["rows"] == [[2000]]
    refused = mesh.json("query", "--saved", "count", "--as", "eve", expect=3)
    assert refused["diagnostics"][0]["code"] == "WFT-ACC-002"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "name either the SQL or"),
        (["select 1", "--saved", "count"], "name either the SQL or"),
        (["--save", "count"], "name either the SQL or"),
        (["--saved", "count", "--save", "other"], "name it instead of --saved"),
        (["select 1", "--title", "One"], "--title is that of a query to --save"),
        (["select 1", "--save", "one", "--limit", "3"], "does not run it"),
        (["--saved", "count", "--env", "trial"], "leave --env away"),
    ],
)
def test_options_that_do_not_fit_one_another_are_wrong_use(tmp_path, words, told):
    ran = TestMesh(tmp_path).weft("query", *words)

    assert (ran.returncode, told in ran.stderr) == (2, True), ran.stderr
