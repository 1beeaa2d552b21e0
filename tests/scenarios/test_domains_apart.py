"""Domains in repositories of their own publish to one server, each with its own token."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.domains import Repository, TestServer, domain, flights, planes, repository, serving
from tests.meshes import command
from weft.api.platform import open_platform
from weft.model.address import parse_address
from weft.registry.http import HttpRegistry
from weft.registry.sqlite import SqliteRegistry


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[TestServer]:
    with serving(tmp_path_factory.mktemp("server"), imports_alone=True) as running:
        yield running


def made(server: TestServer, folder: Path, owner: str, name: str) -> Repository:
    return repository(folder, server.url, server.token(owner), name)


def done(mesh: Repository, *words: str, expect: int = 0) -> str:
    ran = mesh.weft(*words)
    assert ran.returncode == expect, f"{words}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return ran.stdout + ran.stderr


def asked(server: TestServer, secret: str, method: str, path: str, **content) -> httpx.Response:
    headers = {"Authorization": f"Bearer {secret}", **content.pop("headers", {})}
    return httpx.request(method, f"{server.url}/api/v1/{path}", headers=headers, timeout=60, **content)


@pytest.fixture(scope="module")
def fleet(server, tmp_path_factory) -> Repository:
    """`fleet`, which has published."""
    mesh = made(server, tmp_path_factory.mktemp("fleet"), "ada", "fleet")
    planes(mesh)
    done(mesh, "apply")
    return mesh


@pytest.fixture(scope="module")
def operations(server, fleet, tmp_path_factory) -> Repository:
    """`operations`, which reads `fleet` and has published."""
    mesh = made(server, tmp_path_factory.mktemp("operations"), "bob", "operations")
    flights(mesh)
    done(mesh, "apply")
    return mesh


def test_a_domain_plans_and_builds_on_the_port_of_another_without_its_source(operations, fleet):
    assert not operations.path("domains/fleet").exists()
    assert operations.json("plan")["changes"][0]["action"] == "none"
    assert operations.rows("operations.on_time.flights")[0][1] >= 50
    assert "fleet.aircraft.planes@1" in done(operations, "lineage", "operations.on_time.flights")
    assert "operations.on_time.flights@1" in done(fleet, "lineage", "fleet.aircraft.planes", "--down")
    assert "planes" in done(operations, "search", "planes")
    assert "1 published" in done(operations, "runs")
    assert "1.0.0" in done(operations, "history", "fleet.aircraft.planes")
    assert "nothing to do" in done(fleet, "apply")


def test_what_one_domain_publishes_another_sees_as_moved(server, fleet, operations):
    fleet.edit("data/planes.csv", "\n1,7\n", "\n1,77\n")
    done(fleet, "apply")

    (change,) = operations.json("plan")["changes"]
    assert (change["action"], change["reason"]) == ("rebuild", "upstream `fleet.aircraft.planes@1` moved")
    done(operations, "apply")
    assert [1, 77] in operations.rows("operations.on_time.flights")


def test_a_domain_that_is_new_is_requisitioned_and_its_token_publishes_for_it_alone(server, fleet):
    kept = json.loads(fleet.path("home/weft/credentials.json").read_text())[server.url]["domains"]
    assert oct(fleet.path("home/weft/credentials.json").stat().st_mode)[-3:] == "600"

    fleet.edit("data/planes.csv", "\n2,14\n", "\n2,15\n")
    ran = fleet.weft("apply", WEFT_TOKEN=kept["fleet"])

    assert ran.returncode == 0, ran.stderr
    runs = fleet.json("runs")
    assert runs["runs"][0]["actor"] == "domain:fleet"
    registry = SqliteRegistry(server.root / ".weft/registry.db")
    kinds = [(e.kind, e.actor) for e in registry.events(0, 10_000) if e.subject == "fleet"]
    assert kinds == [("domain.requisitioned", "ada")]
    assert registry.domains()["fleet"].requisitioned_by == "ada"


def test_a_new_domain_is_its_makers_as_the_server_knows_them(server, tmp_path):
    mesh = made(server, tmp_path, "nora@example.com", "cargo")
    done(mesh, "new", "domain", "cargo")
    named = mesh.path("domains/cargo/domain.yaml").read_text()
    planes(mesh, "cargo")
    mesh.write("domains/cargo/domain.yaml", named.replace("nora@example.com", "root"))

    refused = done(mesh, "apply", expect=2)
    mesh.write("domains/cargo/domain.yaml", named)
    done(mesh, "apply")

    assert "- user: nora@example.com\n    roles: [owner]\n" in named
    assert "WFT-SRV-053" in refused
    assert "`root` under `members`" in refused
    assert len(mesh.rows("cargo.aircraft.planes")) == 100


def test_a_new_domain_names_nobody_where_the_server_cannot_say_who_makes_it(server, tmp_path):
    mesh = made(server, tmp_path, "nora@example.com", "cargo")
    mesh.token = ""

    done(mesh, "new", "domain", "loads")

    assert "\n#   - user: ada@example.com\n" in mesh.path("domains/loads/domain.yaml").read_text()


def test_a_contract_on_anothers_port_is_drafted_as_soon_as_the_domain_is_requisitioned(server, fleet, tmp_path):
    mesh = made(server, tmp_path, "zoe", "hangars")
    told = done(mesh, "new", "domain", "hangars")
    flights(mesh, "hangars")
    contract = mesh.path("domains/hangars/on_time/contracts/flights.odcs.yaml")
    contract.unlink()

    refused = done(mesh, "contract", "sync", "hangars.on_time.flights", expect=2)
    first = done(mesh, "apply", expect=2)
    done(mesh, "contract", "sync", "hangars.on_time.flights")

    assert "next: weft apply, which requisitions it" in told
    assert "WFT-SRV-043" in refused
    assert "`weft apply` in its repository" in refused
    assert "domain `hangars` is requisitioned" in first
    assert "WFT-PRJ-011" in first, "the contract is still missing"
    assert contract.exists()


def test_an_operator_requisitions_for_others(server, tmp_path):
    with closing(open_platform(server.root)) as platform:
        platform.identity.user_verbs.add("olga", None, ["operator"], actor="test")
    document = {"name": "yard", "title": "Yard", "kind": "aggregate", "owner": {"team": "Yard"}}
    document["members"] = [{"user": "bob", "roles": ["owner"]}]

    refused = asked(server, server.token("nora@example.com"), "POST", "domains", json=document)
    granted = asked(server, server.token("olga"), "POST", "domains", json=document)

    assert (refused.status_code, refused.json()["diagnostics"][0]["code"]) == (400, "WFT-SRV-053")
    assert granted.status_code == 201


def test_a_name_that_is_taken_reserved_or_none_is_refused(server, fleet):
    cat = server.token("cat")

    def requisition(name: str, secret: str = cat) -> httpx.Response:
        document = {"name": name, "kind": "source-aligned", "owner": {"team": "Cats"}}
        return asked(server, secret, "POST", "domains", json=document)

    assert (requisition("fleet").status_code, requisition("fleet").json()["type"]) == (409, "urn:weft:WFT-SRV-042")
    for name in ("api", "system", "pg_fleet", "Fleet", "../fleet", "a" * 64):
        refused = requisition(name)
        assert (refused.status_code, refused.json()["diagnostics"][0]["code"]) == (400, "WFT-SRV-042"), name
    foreign = server.token("ada", domain="fleet")
    assert requisition("kennel", foreign).status_code == 403


def test_only_those_who_manage_a_domain_change_its_file(server, fleet):
    domain(fleet, "fleet", description="aeroplanes")
    try:
        pipeline = server.token("ada", domain="fleet")
        refused = fleet.weft("apply", WEFT_TOKEN=pipeline)
        assert refused.returncode == 3, refused.stdout + refused.stderr
        assert "domain `fleet` is changed" in done(fleet, "apply")
        assert "nothing to do" in fleet.weft("apply", WEFT_TOKEN=pipeline).stdout
    finally:
        domain(fleet, "fleet")
        done(fleet, "apply")


def test_one_domains_credentials_reach_nothing_of_another(server, fleet, operations, tmp_path):
    foreign = operations.token
    before = SqliteRegistry(server.root / ".weft/registry.db").publication(parse_address("fleet.aircraft.planes@1"))
    run = {
        "run_id": "20261121T000000-foreign",
        "kind": "apply",
        "actor": "ada",
        "state": "running",
        "started_at": "2026-11-21T00:00:00Z",
    }
    theirs = {"domain": "fleet", "product": "aircraft", "port": "planes", "major": 1}
    mine = {"domain": "operations", "product": "on_time", "port": "flights", "major": 1}

    nameless = {**mine, "port": "../../etc"}
    assert (
        asked(server, foreign, "POST", "runs", json={**run, "ports": [{"address": nameless, "outcome": "planned"}]})
    ).json()["type"] == "urn:weft:WFT-PLN-001"
    opened = asked(server, foreign, "POST", "runs", json={**run, "ports": [{"address": theirs, "outcome": "planned"}]})
    assert opened.status_code == 403
    own = asked(server, foreign, "POST", "runs", json={**run, "ports": [{"address": mine, "outcome": "planned"}]})
    assert own.status_code == 201
    table = {"table": theirs, "columns": [{"name": "id", "type": "INTEGER"}]}
    assert asked(server, foreign, "POST", f"runs/{run['run_id']}/tables", json=table).status_code == 403
    # somebody else's run, files into it, and files that are none
    for name, secret in (("a.parquet", fleet.token), ("..%2Fa.parquet", foreign), ("a.txt", foreign)):
        put = asked(
            server,
            secret,
            "PUT",
            f"runs/{run['run_id']}/files/{name}",
            content=b"x",
            headers={
                "Content-Type": "application/octet-stream",
                "X-Content-Sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
            },
        )
        assert put.status_code in (400, 403, 404), name
    for verb in ("release", "default", "retire"):
        path = f"registry/ports/fleet.aircraft.planes@1/{verb}"
        assert asked(server, foreign, "POST", path, json={"run_id": "x"}).status_code == 403
    assert asked(server, foreign, "PUT", "domains/fleet", json={}).status_code == 403
    assert before is not None
    ended = asked(server, foreign, "PUT", f"runs/{before.run_id}", json={**run, "run_id": before.run_id})
    assert ended.status_code == 403
    # rows: files of the other domain are for products that have a grant, never for a person
    scanned = asked(server, foreign, "POST", "scans", json={"port": "fleet.aircraft.planes@1"})
    assert (scanned.status_code, scanned.json()["type"]) == (403, "urn:weft:WFT-SRV-040")
    as_fleet = {"port": "fleet.aircraft.planes@1", "product": "fleet.aircraft"}
    assert asked(server, foreign, "POST", "scans", json=as_fleet).status_code == 403
    shown = asked(server, foreign, "GET", "registry/ports/fleet.aircraft.planes@1/publication").json()
    assert [f["statistics"] for f in shown["manifest"]["files"]] == [{}]

    # a whole repository that calls itself the other domain
    thief = repository(tmp_path, server.url, foreign, "fleet")
    planes(thief)
    thief.edit("data/planes.csv", "\n3,21\n", "\n3,22\n")
    assert thief.weft("apply").returncode == 3
    after = SqliteRegistry(server.root / ".weft/registry.db").publication(parse_address("fleet.aircraft.planes@1"))
    assert after == before


def test_an_input_is_granted_with_the_publication_and_its_owner_can_end_that(server, fleet, operations):
    (grant,) = [
        g
        for g in asked(server, fleet.token, "GET", "access/grants?consumer=operations.on_time").json()
        if g["basis"] == "publication"
    ]
    assert (grant["port"]["domain"], grant["kind"], grant["ends_at"]) == ("fleet", "product", None)
    scan = {"port": "fleet.aircraft.planes@1", "product": "operations.on_time"}
    held = asked(server, operations.token, "POST", "scans", json=scan).json()
    path = f"scans/{held['scan_id']}/files/0"
    with_token = {"X-Scan-Token": held["token"]}
    part = asked(server, operations.token, "GET", path, headers={**with_token, "Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"PAR1")
    assert asked(server, fleet.token, "GET", path, headers=with_token).status_code == 403
    assert asked(server, operations.token, "GET", path, headers={"X-Scan-Token": "x"}).status_code == 403

    assert asked(server, operations.token, "DELETE", f"access/grants/{grant['grant_id']}").status_code == 403
    assert asked(server, fleet.token, "DELETE", f"access/grants/{grant['grant_id']}").status_code == 204

    assert asked(server, operations.token, "GET", path, headers=with_token).status_code == 403
    first = [g for g in asked(server, fleet.token, "GET", "access/grants").json() if g["basis"] == "first build"]
    for one in first:
        asked(server, fleet.token, "DELETE", f"access/grants/{one['grant_id']}")
    refused = asked(server, operations.token, "POST", "scans", json=scan)
    assert refused.json()["diagnostics"][0]["why"] == "its owner has ended it"
    events = SqliteRegistry(server.root / ".weft/registry.db").events(0, 10_000)
    assert {"access.granted", "access.ended"} <= {e.kind for e in events}


def test_what_is_confidential_is_not_read_without_being_asked_for(server, tmp_path):
    secret = made(server, tmp_path / "hr", "eve", "hr")
    planes(secret, "hr", classification="confidential")
    done(secret, "apply")
    reader = made(server, tmp_path / "curious", "kim", "curious")
    flights(reader, "curious", "hr.aircraft.planes@1")

    told = done(reader, "apply", expect=3)

    assert "WFT-SRV-040" in told
    assert "it holds what is confidential" in told
    assert not list(reader.root.rglob("*.parquet"))


def test_a_token_that_is_wrong_or_revoked_and_a_server_that_is_away_are_told_as_such(server, fleet):
    wrong = fleet.weft("plan", WEFT_TOKEN="weft_0_0")
    away = fleet.weft("plan", WEFT_MESH__REGISTRY="http://127.0.0.1:9")
    other = fleet.weft("plan", WEFT_MESH__REGISTRY=f"{server.url}/elsewhere")

    assert (wrong.returncode, "WFT-REG-021" in wrong.stderr) == (3, True), wrong.stderr
    assert "the token does not hold: it has expired, was revoked, or is of another server" in wrong.stderr
    assert f"`weft login {server.url}`" in wrong.stderr
    assert (away.returncode, "WFT-REG-020" in away.stderr) == (5, True), away.stderr
    assert other.returncode in (2, 5)


def test_a_run_that_the_server_has_refused_stands_in_nobodys_way(server, tmp_path):
    mesh = made(server, tmp_path / "mail", "ada", "mail")
    planes(mesh, "mail")
    done(mesh, "apply")
    mesh.edit("data/planes.csv", "\n1,7\n", "\n1,8\n")
    mesh.token, ada = server.token("bob"), mesh.token

    assert "WFT-ACC-010" in done(mesh, "apply", expect=3)
    mesh.token = ada
    told = done(mesh, "apply")

    assert "ended in the middle" not in told, "it had never begun"
    assert [1, 8] in mesh.rows("mail.aircraft.planes")


def test_a_run_that_died_under_another_name_is_left_to_the_server(server, tmp_path):
    mesh = made(server, tmp_path / "post", "ada", "post")
    planes(mesh, "post")
    done(mesh, "apply")
    mesh.edit("data/planes.csv", "\n1,7\n", "\n1,8\n")
    slowly = "from raw where (select sum(a.range * b.range) from range(100000) a, range(1000000) b) > 0"
    mesh.edit("domains/post/aircraft/models/planes.sql", "from raw", slowly)
    slow = subprocess.Popen(
        command("apply"),
        cwd=mesh.root,
        env={**os.environ, "WEFT_TOKEN": mesh.token, "XDG_CONFIG_HOME": str(mesh.root / "home")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while "running" not in done(mesh, "runs", "post.aircraft.planes"):
        assert slow.poll() is None
        time.sleep(0.1)
    slow.kill()
    slow.wait()
    mesh.edit("domains/post/aircraft/models/planes.sql", slowly, "from raw")

    ada, mesh.token = mesh.token, server.token("ada", domain="post")
    told = done(mesh, "apply")
    mesh.token = ada

    assert "ended in the middle" in told
    assert [1, 8] in mesh.rows("post.aircraft.planes")


def test_what_the_server_could_not_finish_is_finished_by_the_next_one(tmp_path):
    root = tmp_path / "server"
    with serving(root) as running:
        mesh = made(running, tmp_path / "fleet", "ada", "fleet")
        planes(mesh)
        done(mesh, "apply")
        child = _children(running.process.pid)
        mesh.edit("data/planes.csv", "\n1,7\n", "\n1,8\n")
        for one in child:
            os.kill(one, signal.SIGKILL)
        done(mesh, "apply")
        assert [1, 8] in mesh.rows("fleet.aircraft.planes")
        assert _children(running.process.pid) != child


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(number) for number in listed.stdout.split()]


def test_rows_are_brought_where_another_machine_of_the_domain_goes_on_from_them(server, tmp_path):
    first = made(server, tmp_path / "first", "lou", "log")
    planes(first, "log")
    model = "domains/log/aircraft/models/planes.sql"
    first.edit(model, "select id", "/* weft\nmaterialized: merge\nkey: [id]\n*/\nselect id")
    done(first, "apply")
    second = made(server, tmp_path / "second", "lou", "log")
    planes(second, "log")
    second.write(model, first.path(model).read_text())
    second.write("data/planes.csv", "id,amount\n500,5\n")

    done(second, "apply")

    assert len(second.rows("log.aircraft.planes")) == 101


@pytest.mark.parametrize("each", [5, pytest.param(50, marks=pytest.mark.accept)])
def test_twenty_domains_publish_at_once_and_none_is_lost(server, tmp_path, each):
    names = [f"d{each}_{n:02}" for n in range(20)]

    def publish(name: str) -> list[tuple[str, str]]:
        """What one domain has published, by what the server has acknowledged."""
        import weft

        mesh = made(server, tmp_path / name, f"owner_of_{name}", name)
        planes(mesh, name, rows=20)
        acknowledged = []
        with weft.open(mesh.root) as opened:
            opened._rooms.__dict__["remote"] = HttpRegistry(server.url, token=mesh.token)
            for n in range(each):
                mesh.write("data/planes.csv", f"id,amount\n1,{n}\n")
                result = opened.apply()
                assert not result.failed, result.failed
                acknowledged += [(str(p.address), p.snapshot_id) for p in result.published]
        return acknowledged

    with ThreadPoolExecutor(6) as pool:
        acknowledged = [one for found in pool.map(publish, names) for one in found]

    assert len(set(acknowledged)) == 20 * each
    registry = SqliteRegistry(server.root / ".weft/registry.db")
    for name in names:
        address = parse_address(f"{name}.aircraft.planes@1")
        held = [(str(address), p.snapshot_id) for p in reversed(registry.history(address))]
        assert held == [one for one in acknowledged if one[0] == str(address)]
        newest = registry.publication(address)
        (file,) = newest.manifest.files
        assert (server.root / ".weft/warehouse" / file.path).stat().st_size == file.size_bytes
        assert newest.rows == 1
    assert registry.verify_log() == registry.last_event()


def test_a_port_is_rolled_back_and_released_through_the_server(server, tmp_path):
    mesh = made(server, tmp_path / "mesh", "roy", "rolled")
    planes(mesh, "rolled")
    done(mesh, "apply")
    (first,) = mesh.json("history", "rolled.aircraft.planes")["snapshots"]
    mesh.edit("data/planes.csv", "\n1,7\n", "\n1,70\n")
    done(mesh, "apply")

    done(mesh, "rollback", "rolled.aircraft.planes@1", first["snapshot_id"], "--reason", "seventy is too much")

    assert [1, 7] in mesh.rows("rolled.aircraft.planes")
    assert "pinned" in done(mesh, "plan")
    registry = SqliteRegistry(server.root / ".weft/registry.db")
    (event,) = [e for e in registry.events(0, 10_000) if e.kind == "port.rolled_back"]
    assert (event.actor, event.subject) == ("roy", "rolled.aircraft.planes@1")
    done(mesh, "rollback", "rolled.aircraft.planes@1", "--release")
    done(mesh, "apply")
    assert [1, 70] in mesh.rows("rolled.aircraft.planes")


def test_bad_rows_go_to_quarantine_and_an_owner_publishes_against_failed_checks(server, tmp_path):
    mesh = made(server, tmp_path / "mesh", "quinn", "quarantined")
    planes(mesh, "quarantined")
    allowed = {"property": "weft.quarantine", "value": {"rules": ["*"], "maxShare": "5%"}}
    document = json.loads(mesh.path("domains/quarantined/aircraft/contracts/planes.odcs.yaml").read_text())
    text = json.dumps({**document, "customProperties": [allowed]})
    mesh.write("domains/quarantined/aircraft/contracts/planes.odcs.yaml", text)
    mesh.edit("data/planes.csv", "\n1,7\n", "\n1,-7\n")

    done(mesh, "apply")

    assert len(mesh.rows("quarantined.aircraft.planes")) == 99
    assert "-7" in done(mesh, "quarantine", "quarantined.aircraft.planes")
    mesh.write("data/planes.csv", "id,amount\n1,-1\n2,2\n")
    assert mesh.weft("apply").returncode == 1
    assert _stands_in_the_picture(server, _newest_run(mesh))
    words = ("--override", "half of the rows are known to be wrong", "--until", _in_days(3))
    done(mesh, "apply", "quarantined.aircraft.planes", *words)
    assert len(mesh.rows("quarantined.aircraft.planes")) == 2


def _newest_run(mesh: Repository) -> str:
    return str(mesh.json("runs")["runs"][0]["run_id"])


def _stands_in_the_picture(server: TestServer, run_id: str) -> bool:
    """Whether of each port of a run that failed it is recorded when it had."""
    run = SqliteRegistry(server.root / ".weft/registry.db").run(run_id)
    ends = [port.ended_at for port in run.ports if port.outcome == "failed"]
    return bool(ends) and all(end is not None and run.started_at <= end <= run.finished_at for end in ends)


def test_what_private_models_keep_and_several_ports_are_published_together(server, tmp_path):
    mesh = made(server, tmp_path / "mesh", "kay", "keeping")
    planes(mesh, "keeping")
    folder = "domains/keeping/aircraft"
    raw = "/* weft\nmaterialized: merge\nkey: [id]\n*/\nselect id::integer as id, amount::integer as amount from raw\n"
    mesh.write(f"{folder}/models/kept.sql", raw)
    mesh.write(f"{folder}/models/planes.sql", "select id, amount from kept\n")
    done(mesh, "apply")
    mesh.write("data/planes.csv", "id,amount\n900,9\n")

    done(mesh, "apply")

    assert len(mesh.rows("keeping.aircraft.planes")) == 101
    registry = SqliteRegistry(server.root / ".weft/registry.db")
    (kept,) = [t for t in registry.kept_tables() if t.product.domain == "keeping"]
    assert kept.manifest.rows == 101
    assert all((server.root / ".weft/warehouse" / f.path).exists() for f in kept.manifest.files)


def test_an_environment_of_the_repository_stays_on_its_machine(server, fleet):
    before = SqliteRegistry(server.root / ".weft/registry.db").last_event()
    fleet.edit("domains/fleet/aircraft/models/planes.sql", "amount::integer", "(amount::integer + 1)::integer")
    try:
        done(fleet, "apply", "--env", "later")
        there = json.loads(
            fleet.weft(
                "query", "select sum(amount) from fleet.aircraft.planes", "--env", "later", "--format", "json"
            ).stdout
        )
    finally:
        fleet.edit("domains/fleet/aircraft/models/planes.sql", "(amount::integer + 1)::integer", "amount::integer")
    here = fleet.json("query", "select sum(amount) from fleet.aircraft.planes")

    assert there["rows"][0][0] == here["rows"][0][0] + 100
    since = SqliteRegistry(server.root / ".weft/registry.db").events(before, 10_000)
    # the server itself opens and closes incidents meanwhile
    assert {e.kind for e in since if e.actor != "weft"} <= {"access.granted"}


def _in_days(number: int) -> str:
    return str(dt.datetime.now(dt.UTC).date() + dt.timedelta(days=number))


def test_the_web_process_reads_no_rows(server, fleet):
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()

    assert "uvicorn" in maps or "pydantic" in maps
    assert not {library for library in ("duckdb", "pyarrow", "pyiceberg") if library in maps}
