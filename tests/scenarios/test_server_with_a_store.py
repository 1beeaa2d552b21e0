"""A server whose warehouse lies in an object store: files go there by addresses, one for each, and never by keys."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import shutil
import urllib.parse
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.domains import Repository, TestServer, flights, planes, repository, serving
from tests.stores import ACCESS_KEY, SECRET_KEY, ObjectServer
from weft.api.platform import open_platform
from weft.model.address import parse_address
from weft.model.records import PortOutcome, Run, RunState

CONTENT = b"PAR1 what is no Parquet file PAR1"


@pytest.fixture
def bucket(store: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in store.environ.items():
        monkeypatch.setenv(name, value)
    yield store.bucket()
    store.before = lambda method, path: None


@pytest.fixture
def server(store: ObjectServer, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestServer]:
    """A server that alone knows the keys of the bucket."""
    with serving(tmp_path / "server", settings=store.settings(bucket), imports_alone=True) as running:
        for name in store.environ:
            monkeypatch.delenv(name)
        yield running


def repository_of(server: TestServer, folder: Path, owner: str, name: str) -> Repository:
    # the token is made by the platform, which opens the store's settings but asks it nothing
    return repository(folder, server.url, server.token(owner), name)


def operator_of(server: TestServer) -> str:
    with closing(open_platform(server.root)) as platform:
        platform.identity.user_verbs.add("olga", None, ["operator"], actor="test")
    return server.token("olga")


def run_of(server: TestServer, made: Repository, domain: str, run_id: str) -> httpx.Client:
    """A client with an open run of a domain."""
    client = httpx.Client(
        base_url=f"{server.url}/api/v1", headers={"Authorization": f"Bearer {made.token}"}, timeout=60
    )
    client.headers["Content-Type"] = "application/json"
    outcome = PortOutcome(parse_address(f"{domain}.aircraft.planes@1"), "failed")
    run = Run(run_id, "apply", "x", RunState.RUNNING, dt.datetime.now(dt.UTC), ports=(outcome,))
    answer = client.post("/runs", content=msgspec.json.encode(run))
    assert answer.status_code == 201, answer.text
    assert answer.json()["addressed"] is True
    return client


def announced(client: httpx.Client, run_id: str, name: str = "a.parquet", content: bytes = CONTENT) -> httpx.Response:
    upload = {"name": name, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return client.post(f"/runs/{run_id}/uploads", json=upload)


def test_domains_publish_and_read_by_addresses_and_no_byte_of_rows_passes_the_server(store, bucket, server, tmp_path):
    fleet = repository_of(server, tmp_path / "fleet", "ada", "fleet")
    planes(fleet)
    store.requests.clear()

    done = fleet.weft("apply")

    assert done.returncode == 0, done.stdout + done.stderr
    assert [m for m, path in store.requests if "/.staging/" in path and m == "PUT"] == ["PUT"]
    log = (server.root / "log").read_text()
    assert not re.search(r"PUT /api/v1/runs/[^ ]+/files/", log)
    assert [k for k in store.keys(bucket) if "/.staging/" in k] == []
    ops = repository_of(server, tmp_path / "ops", "olga", "ops")
    flights(ops, "ops")
    done = ops.weft("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert fleet.json("query", "select count(*) from fleet.aircraft.planes")["rows"] == [[100]]


def test_an_address_allows_one_file_of_one_size_and_digest_at_one_place_for_a_quarter_of_an_hour(
    store, bucket, server, tmp_path
):
    fleet = repository_of(server, tmp_path / "fleet", "ada", "fleet")
    planes(fleet)
    assert fleet.weft("apply").returncode == 0
    published = {k: store.client().get_object(Bucket=bucket, Key=k)["Body"].read() for k in store.keys(bucket)}
    client = run_of(server, fleet, "fleet", "run-of-fleet-1")
    given = announced(client, "run-of-fleet-1").json()
    address, headers = given["address"], given["headers"]

    (key,) = [k for k in published if k.endswith(".parquet")]
    place = urllib.parse.urlsplit(address).path
    elsewhere = [
        address.replace(place, urllib.parse.quote(f"/{bucket}/{key}")),
        address.replace("run-of-fleet-1", "run-of-another"),
        address.replace("a.parquet", "../../a.parquet"),
        address.replace("X-Amz-Expires=900", "X-Amz-Expires=90000"),
    ]
    for one in elsewhere:
        assert httpx.put(one, content=CONTENT, headers=headers, timeout=60).status_code == 403, one
    assert httpx.put(address, content=CONTENT + b"!", headers={**headers, "content-length": "34"}).status_code == 403
    other = {**headers, "x-amz-checksum-sha256": "A" * 43 + "="}
    assert httpx.put(address, content=CONTENT, headers=other, timeout=60).status_code == 403
    assert httpx.get(address, timeout=60).status_code == 403
    assert httpx.delete(address, timeout=60).status_code == 403
    assert {k: store.client().get_object(Bucket=bucket, Key=k)["Body"].read() for k in store.keys(bucket)} == published

    assert httpx.put(address, content=CONTENT, headers=headers, timeout=60).status_code == 200
    assert "X-Amz-Expires=900&" in address
    assert ACCESS_KEY in address and SECRET_KEY not in address
    assert set(store.keys(bucket)) - set(published) == {"mesh/.staging/run-of-fleet-1/a.parquet"}


def test_nobody_gets_an_address_for_a_run_of_others_or_for_a_name_that_leads_elsewhere(store, bucket, server, tmp_path):
    fleet = repository_of(server, tmp_path / "fleet", "ada", "fleet")
    planes(fleet)
    assert fleet.weft("apply").returncode == 0
    mallory = repository_of(server, tmp_path / "ops", "mallory", "ops")
    client = run_of(server, fleet, "fleet", "run-of-fleet-2")
    foreign = httpx.Client(base_url=client.base_url, headers={"Authorization": f"Bearer {mallory.token}"}, timeout=60)

    assert announced(foreign, "run-of-fleet-2").status_code == 403
    assert announced(foreign, "run-that-is-none").status_code == 403
    for name in ("../a.parquet", "..%2Fa.parquet", "/a.parquet", "a/b.parquet", "a", ".parquet"):
        assert announced(client, "run-of-fleet-2", name).status_code == 400, name
    assert announced(client, "run-of-fleet-2", content=b"").status_code == 400
    assert announced(client, "run-of-fleet-2").status_code == 200
    assert announced(client, "run-of-fleet-2", content=b"another").status_code == 409
    assert [k for k in store.keys(bucket) if "/.staging/" in k] == []


def test_a_file_of_a_scan_is_fetched_by_an_address_for_it_alone(store, bucket, server, tmp_path):
    fleet = repository_of(server, tmp_path / "fleet", "ada", "fleet")
    planes(fleet)
    assert fleet.weft("apply").returncode == 0
    client = httpx.Client(
        base_url=f"{server.url}/api/v1", headers={"Authorization": f"Bearer {fleet.token}"}, timeout=60
    )

    scan = client.post("/scans", json={"port": "fleet.aircraft.planes@1"}).json()
    answer = client.get(f"/scans/{scan['scan_id']}/files/0", headers={"X-Scan-Token": scan["token"]})

    assert (answer.status_code, answer.content) == (307, b"")
    address = answer.headers["location"]
    fetched = httpx.get(address, timeout=60)
    assert (fetched.status_code, len(fetched.content)) == (200, scan["files"][0]["size_bytes"])
    assert int(re.search(r"X-Amz-Expires=(\d+)", address)[1]) <= 900
    assert httpx.put(address, content=b"x", timeout=60).status_code == 403
    metadata = next(k for k in store.keys(bucket) if k.endswith(".metadata.json"))
    other = address.replace(urllib.parse.urlsplit(address).path, urllib.parse.quote(f"/{bucket}/{metadata}"))
    assert httpx.get(other, timeout=60).status_code == 403
    assert client.get(f"/scans/{scan['scan_id']}/files/1", headers={"X-Scan-Token": scan["token"]}).status_code == 403


def test_a_file_that_is_put_again_after_it_was_checked_changes_nothing(store, bucket, server, tmp_path):
    """The address holds longer than the check: what is published is what the server has checked."""
    fleet = repository_of(server, tmp_path / "fleet", "ada", "fleet")
    planes(fleet)
    replaced: list[str] = []

    def before(method: str, path: str) -> int | None:
        if method == "GET" and "/.staging/" in path and not replaced:
            replaced.append(urllib.parse.unquote(path).partition("/mesh/")[2])
        elif method == "PUT" and "/data/run-" in path and replaced:
            store.client().put_object(Bucket=bucket, Key=f"mesh/{replaced[0]}", Body=b"another")
        return None

    store.before = before
    done = fleet.weft("apply")

    store.before = lambda method, path: None
    assert done.returncode == 0, done.stdout + done.stderr
    assert replaced
    (key,) = [k for k in store.keys(bucket) if "/data/" in k]
    assert store.client().get_object(Bucket=bucket, Key=key)["Body"].read()[:4] == b"PAR1"


def test_a_server_fetches_the_rows_that_stay_to_check_them_with_those_that_are_new(store, bucket, server, tmp_path):
    fleet = repository_of(server, tmp_path / "fleet", "ada", "fleet")
    planes(fleet)
    model = fleet.path("domains/fleet/aircraft/models/planes.sql")
    model.write_text('/* weft\n{"materialized": "merge", "key": "id"}\n*/\n' + model.read_text())
    assert fleet.weft("apply").returncode == 0
    shutil.rmtree(server.root / ".weft/files")
    shutil.rmtree(fleet.root / ".weft/warehouse")
    source = fleet.path("data/planes.csv")
    source.write_text("id,amount\n100,1\n")

    done = fleet.weft("apply")

    assert done.returncode == 0, done.stdout + done.stderr
    assert fleet.json("query", "select count(*) from fleet.aircraft.planes")["rows"] == [[101]]
    assert len([k for k in store.keys(bucket) if "/data/" in k]) == 2


def test_a_query_over_http_fetches_what_it_reads_and_the_web_process_stays_without_arrow(
    store, bucket, server, tmp_path
):
    fleet = repository_of(server, tmp_path / "fleet", "ada", "fleet")
    planes(fleet)
    assert fleet.weft("apply").returncode == 0
    shutil.rmtree(server.root / ".weft/files")

    answer = httpx.post(
        f"{server.url}/api/v1/query",
        json={"sql": "select count(*) as n from fleet.aircraft.planes"},
        headers={"Authorization": f"Bearer {fleet.token}", "Accept": "text/csv"},
        timeout=60,
    )

    assert (answer.status_code, answer.text.split()) == (200, ['"n"', "100"]), answer.text
    maps = Path(f"/proc/{server.process.pid}/maps")
    if maps.exists():
        assert "libarrow" not in maps.read_text()


def test_what_rests_in_the_store_counts_for_a_domains_quota(store, bucket, server, tmp_path):
    fleet = repository_of(server, tmp_path / "fleet", "ada", "fleet")
    planes(fleet)
    assert fleet.weft("apply").returncode == 0
    shutil.rmtree(server.root / ".weft/files")  # copies that nobody reads give way
    held = sum(o["Size"] for o in store.client().list_objects_v2(Bucket=bucket, Prefix="mesh/fleet/")["Contents"])

    fleet.token = server.token("ada")
    shown = fleet.weft("quota", "fleet", "--format", "json")
    fleet.token = operator_of(server)
    bounded = fleet.weft("quota", "fleet", "--size", f"{(held + 500) / 1000}kB", "--format", "json")
    fleet.token = server.token("ada")
    planes(fleet, rows=5_000)
    refused = fleet.weft("apply")

    assert (json.loads(shown.stdout)["held_bytes"], bounded.returncode) == (held, 0), shown.stderr + bounded.stderr
    assert held > 0
    assert refused.returncode != 0
    assert "WFT-SRV-039" in refused.stdout + refused.stderr
