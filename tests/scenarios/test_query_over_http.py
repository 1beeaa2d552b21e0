"""Rows of a server: asked over HTTP, from the command line and from Python, by whoever may read them."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet

import weft
from tests.domains import Repository, TestServer, planes, repository, serving
from tests.meshes import command
from weft.api.platform import open_platform
from weft.errors import AccessDenied, UsageError, UserCodeError

PLANES = 'fleet.aircraft."planes@1"'


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[TestServer]:
    with serving(tmp_path_factory.mktemp("server"), imports_alone=True) as running:
        yield running


@pytest.fixture(scope="module")
def fleet(server, tmp_path_factory) -> Repository:
    """`fleet`, which ada owns and has published."""
    mesh = repository(tmp_path_factory.mktemp("fleet"), server.url, server.token("ada"), "fleet")
    planes(mesh)
    ran = mesh.weft("apply")
    assert ran.returncode == 0, ran.stderr
    return mesh


@pytest.fixture(scope="module")
def ada(server, fleet) -> str:
    return server.token("ada")


def ask(server, secret: str, sql: str, accept: str = "application/json", headers=None, **more) -> httpx.Response:
    sent = {"Authorization": f"Bearer {secret}", "Accept": accept, **(headers or {})}
    return httpx.post(f"{server.url}/api/v1/query", json={"sql": sql, **more}, headers=sent, timeout=60)


def test_every_form_is_answered_by_what_is_accepted(server, ada):
    sql = f"select count(*) as planes from {PLANES}"
    forms = {
        "application/vnd.apache.arrow.stream": lambda b: pa.ipc.open_stream(b).read_all().to_pylist(),
        "application/vnd.apache.parquet": lambda b: parquet.read_table(pa.BufferReader(b)).to_pylist(),
        "text/csv": lambda b: [{"planes": int(r["planes"])} for r in csv.DictReader(io.StringIO(b.decode()))],
        "application/json": lambda b: [{"planes": json.loads(b)["rows"][0][0]}],
        "application/x-ndjson": lambda b: [json.loads(b)],
    }

    for media, read in forms.items():
        answer = ask(server, ada, sql, media)
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, media), answer.text
        assert read(answer.content) == [{"planes": 100}]
        assert answer.headers["weft-truncated"] in ("false", "unknown")  # what is not known yet when it begins
        assert answer.headers["weft-snapshots"].startswith("fleet.aircraft.planes@1=")


def test_a_form_that_nobody_writes_is_not_acceptable(server, ada):
    answer = ask(server, ada, "select 1 as one", "image/png")

    assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (406, "WFT-ACC-048")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_text_is_packed_as_the_request_accepts_it(server, ada, encoding):
    with httpx.stream(
        "POST",
        f"{server.url}/api/v1/query",
        json={"sql": f"from {PLANES}"},
        headers={"Authorization": f"Bearer {ada}", "Accept": "text/csv", "Accept-Encoding": encoding},
    ) as answer:
        packed = b"".join(answer.iter_raw())

    assert answer.headers["content-encoding"] == encoding
    assert pa.CompressedInputStream(pa.BufferReader(packed), encoding).read().count(b"\n") == 101


def test_a_limit_says_that_rows_are_missing(server, ada):
    answer = ask(server, ada, f"from {PLANES}", limit=7)

    assert (len(answer.json()["rows"]), answer.json()["truncated"]) == (7, True)
    assert answer.headers["weft-truncated"] in ("true", "unknown")  # it may not be known yet when the answer begins


def test_whoever_is_not_known_or_has_no_grant_reads_nothing(server, ada):
    assert ask(server, "weft_nothing", f"from {PLANES}").status_code == 401

    refused = ask(server, server.token("mallory"), f"from {PLANES}")
    assert refused.status_code == 403
    assert "tailnum" not in refused.text


def test_an_error_of_a_query_is_a_problem_with_its_place(server, ada):
    answer = ask(server, ada, f"select id,\n nothing from {PLANES}")

    told = answer.json()["diagnostics"][0]
    assert (answer.status_code, told["code"], told["where"]["line"]) == (400, "WFT-SQL-010", 2)


def test_a_table_that_is_no_port_is_refused(server, ada):
    for sql in ("select * from '/etc/passwd'", "select * from read_text('/etc/passwd')", "copy (select 1) to 'x'"):
        answer = ask(server, ada, sql)
        assert answer.status_code == 400
        assert "root" not in answer.text


def test_the_command_line_reads_through_the_server(server, fleet):
    found = fleet.weft("query", f"select count(*) as planes from {PLANES}", "--format", "json")

    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["rows"] == [[100]]
    assert not list((fleet.root / ".weft").rglob("warehouse/**/*.parquet.part"))


def test_the_command_line_asks_a_server_that_is_named_where_there_is_no_folder_of_a_mesh(server, ada, tmp_path):
    reader = {**os.environ, "WEFT_TOKEN": ada, "XDG_CACHE_HOME": str(tmp_path)}

    def weft_(*words: str) -> subprocess.CompletedProcess[str]:
        line = command(*words, "--server", server.url)
        return subprocess.run(line, cwd=tmp_path, env=reader, capture_output=True, text=True, check=False)

    read = weft_("query", f"select count(*) as planes from {PLANES}", "--format", "csv")
    kept = weft_("query", f"select count(*) as planes from {PLANES}", "--save", "many")
    saved = weft_("query", "--saved", "many", "--format", "csv")
    known = [weft_(*words) for words in (("search", "planes"), ("show", "fleet"), ("lineage", "fleet.aircraft.planes"))]
    history = weft_("history", "fleet.aircraft.planes")
    none = subprocess.run(
        command("show", "fleet", "--server", "mesh"), cwd=tmp_path, env=reader, capture_output=True, text=True
    )

    assert read.stdout.splitlines() == ['"planes"', "100"], read.stderr
    assert saved.stdout.splitlines() == ['"planes"', "100"], kept.stderr + saved.stderr
    assert [done.returncode for done in (*known, history)] == [0, 0, 0, 0]
    assert "fleet.aircraft.planes@1" in known[0].stdout
    assert (none.returncode, "WFT-ACC-024" in none.stderr) == (2, True)


def test_python_opens_a_server_and_reads_the_same(server, ada, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with weft.open(server.url, token=ada) as mesh:
        result = mesh.query(f"select count(*) as planes, interval '1' day as i from {PLANES}")
        assert result.arrow().to_pylist() == [{"planes": 100, "i": "1 day"}]
        assert [c.name for c in result.columns] == ["planes", "i"]
        assert list(result.snapshots) == ["fleet.aircraft.planes@1"]
        assert mesh.read("fleet.aircraft.planes@1", limit=3).polars().height == 3
        assert len(mesh.read("fleet.aircraft.planes@1").pandas()) == 100
        assert sum(b.num_rows for b in mesh.read("fleet.aircraft.planes").batches()) == 100
        assert mesh.product("fleet.aircraft").as_json()["address"] == "fleet.aircraft"
        assert "fleet.aircraft.planes@1" in json.dumps(mesh.search("planes").as_json())
        with pytest.raises(UserCodeError):
            mesh.query(f"select nothing from {PLANES}")
        with pytest.raises(UsageError):
            mesh.query("select * from '/etc/passwd'")


def test_python_of_a_stranger_is_refused(server, fleet, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with weft.open(server.url, token=server.token("mallory")) as mesh, pytest.raises(AccessDenied):
        mesh.read("fleet.aircraft.planes@1")


def test_a_large_answer_comes_while_it_is_made_and_its_query_ends_when_nobody_takes_it(server, ada):
    sql = f"select a.*, range from {PLANES} a, range(200000)"
    with httpx.stream(
        "POST",
        f"{server.url}/api/v1/query",
        json={"sql": sql},
        headers={"Authorization": f"Bearer {ada}", "Accept": "text/csv"},
        timeout=60,
    ) as answer:
        assert answer.headers["weft-truncated"] == "unknown"
        first = next(answer.iter_bytes())
    assert first

    begun = time.monotonic()
    for _ in range(4):
        assert ask(server, ada, "select 1 as one").json()["rows"] == [[1]]
    assert time.monotonic() - begun < 20


def test_a_query_without_a_first_row_ends_when_nobody_waits_for_it(server, ada):
    sql = f"select sum(a.amount * range) as much from {PLANES} a, range(2000000000000)"
    headers = {"Authorization": f"Bearer {ada}"}

    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.url}/api/v1/query", json={"sql": sql}, headers=headers, timeout=httpx.Timeout(30, read=3))

    def read() -> dict[str, object]:
        found = httpx.get(f"{server.url}/api/v1/audit/reads/own", headers=headers, timeout=60).json()["items"]
        return next((one for one in found if one["query"] == sql), {})

    deadline = time.monotonic() + 60
    while not read().get("ended") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert read()["ended"] == "left"


def test_the_web_process_has_neither_engine_nor_arrow(server, ada):
    ask(server, ada, f"from {PLANES}", "application/vnd.apache.arrow.stream")

    loaded = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "_duckdb" not in loaded
    assert "libarrow" not in loaded


def test_a_kept_answer_is_decided_and_written_down_like_the_first_and_ends_with_the_right(server, fleet, tmp_path):
    eve = repository(tmp_path / "eve", server.url, server.token("eve"), "eve")
    request = eve.json("access", "request", "fleet.aircraft.planes@1", "--purpose", "seats")["request_id"]
    assert fleet.weft("access", "approve", request).returncode == 0
    (grant,) = eve.json("access", "list", "--grants")["grants"]
    secret = server.token("eve")
    sql = f"select id, amount from {PLANES} order by id limit 3 -- kept"

    answers = [ask(server, secret, sql, "text/csv") for _ in range(3)]
    assert [(a.status_code, a.content) for a in answers] == [(200, answers[0].content)] * 3
    sent = {"Authorization": f"Bearer {secret}"}
    told = httpx.get(f"{server.url}/api/v1/audit/reads/own", params={"limit": 50}, headers=sent).json()["items"]
    assert [(r["ended"], r["rows"]) for r in told if r["query"] == sql] == [("done", 3)] * 3

    assert fleet.weft("access", "revoke", grant["grant_id"]).returncode == 0
    refused = ask(server, secret, sql, "text/csv")
    assert (refused.status_code, refused.json()["diagnostics"][0]["code"]) == (403, "WFT-ACC-002")


def test_every_answer_is_written_down_with_what_was_shown_and_how_it_ended(server, ada):
    sql = f"select id from {PLANES} order by 1"
    body = {"sql": sql, "limit": 7, "purpose": "seats by type"}
    headers = {"Authorization": f"Bearer {ada}", "Accept": "text/csv"}
    answer = httpx.post(f"{server.url}/api/v1/query", json=body, headers=headers, timeout=60)
    refused = httpx.post(
        f"{server.url}/api/v1/query", json={"sql": "select * from fleet.aircraft.none"}, headers=headers, timeout=60
    )

    read, *_ = httpx.get(f"{server.url}/api/v1/audit/reads/own", headers=headers, timeout=60).json()["items"]
    platform = open_platform(server.root)
    chain = platform.audit.verify()
    platform.close()

    assert (answer.status_code, refused.status_code) == (200, 404), answer.text
    assert (read["query"], read["purpose"], read["wire"], read["rows"]) == (sql, "seats by type", "http", 7)
    assert read["ended"] in ("done", "cut") and read["bytes"] > 0
    assert [port["port"] for port in read["ports"]] == ["fleet.aircraft.planes@1"]
    assert read["ports"][0]["clear"] == ["id", "amount"]
    assert chain["diagnostics"] == [] and chain["reads"] >= 2


def test_what_a_reader_was_given_is_measured_with_their_purpose(server, ada):
    headers = {"Authorization": f"Bearer {ada}"}

    ask(server, ada, f"select id from {PLANES} order by 1", "text/csv", limit=9, purpose="meters")
    read, *_ = httpx.get(f"{server.url}/api/v1/audit/reads/own", headers=headers, timeout=60).json()["items"]
    asked = {"by": ["product", "consumer", "purpose"], "domain": "fleet"}
    sums = httpx.get(f"{server.url}/api/v1/usage", params=asked, headers=headers, timeout=60).json()["usage"]

    found = {one["kind"]: one["amount"] for one in sums if (one["consumer"], one["purpose"]) == ("ada", "meters")}
    assert found == {"rows_served": 9, "bytes_served": read["bytes"]}


@pytest.mark.parametrize("body", [{"sql": "select 1\0"}, {"sql": "select 1", "purpose": "a\0b"}])
def test_a_null_byte_in_a_query_or_its_purpose_is_refused(server, ada, body):
    answer = httpx.post(f"{server.url}/api/v1/query", json=body, headers={"Authorization": f"Bearer {ada}"}, timeout=60)

    assert answer.status_code == 422
