"""Ports as Iceberg tables: what clients that are not ours find, read and are refused, from a server that runs."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pyarrow as pa
import pytest
from pyarrow import parquet
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import (
    ForbiddenError,
    NoSuchNamespaceError,
    NoSuchTableError,
    OAuthError,
    UnauthorizedError,
)
from pyiceberg.table import Table

from tests.docs.blocks import blocks
from tests.docs.pages import ROOT
from tests.domains import Repository, TestServer, planes, repository, serving
from tests.scenarios.test_saved_queries import done
from tests.stores import ObjectServer
from weft.connections import Secret
from weft.server.routes.iceberg import ENDPOINTS
from weft.storage.signing import Keys, authorised, digest_of

PORT = "fleet.aircraft.planes@1"
TABLE = ("fleet", "aircraft", "planes")
NAMESPACE = "/iceberg/v1/namespaces/fleet%1Faircraft"
ROWS = [{"id": i, "amount": i * 7 % 100} for i in range(100)]
RULES = """\
rules:
  - {id: none-of-it, description: Not for hal, ports: [fleet], columns: [amount], deny: true, when: {users: [hal]}}
  - {id: few, description: Few rows for fay, ports: [fleet], filter: id < 37, when: {users: [fay]}}
  - {id: hidden, description: Hidden, ports: [fleet], columns: [amount], mask: {kind: "null"}, when: {users: [max]}}
  - {id: cut, description: Cut, ports: [fleet], columns: [amount], mask: {kind: bucket, size: 9}, when: {users: [bob]}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[TestServer]:
    root = tmp_path_factory.mktemp("server")
    (root / "governance").mkdir()
    (root / "governance/access.yaml").write_text(RULES)
    with serving(root) as running:
        yield running


@pytest.fixture(scope="module")
def fleet(server, tmp_path_factory) -> Repository:
    """`fleet` of ada, who lets gus, hal, fay, max and bob read; rules hide some of it from all but gus."""
    mesh = repository(tmp_path_factory.mktemp("fleet"), server.url, server.token("ada"), "fleet")
    planes(mesh)
    done(mesh, "apply")
    for name in ("gus", "hal", "fay", "max", "bob"):
        granted(server, mesh, name, tmp_path_factory.mktemp(name))
    return mesh


def granted(server: TestServer, mesh: Repository, name: str, folder: Path) -> str:
    """Lets somebody read the planes; gives a token of theirs."""
    asking = repository(folder, server.url, server.token(name), name)
    asked = asking.json("access", "request", PORT, "--purpose", "delay model")
    if asked["ports"][0]["state"] == "waiting":
        done(mesh, "access", "approve", asked["request_id"])
    return asking.token


def catalog(server: TestServer, secret: str, **properties: str) -> RestCatalog:
    return RestCatalog("weft", uri=f"{server.url}/iceberg", **{"token": secret, **properties})


def rows(table: Table, **scan: Any) -> list[dict[str, Any]]:
    return sorted(table.scan(**scan).to_arrow().to_pylist(), key=lambda row: row["id"])


def get(server: TestServer, path: str, secret: str | None, method: str = "GET", **more: Any) -> httpx.Response:
    headers = {**({"Authorization": f"Bearer {secret}"} if secret else {}), **more.pop("headers", {})}
    return httpx.request(method, f"{server.url}{path}", headers=headers, timeout=60, **more)


def told(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    return answer.status_code, error["type"]


def keys_of(loaded: dict[str, Any]) -> Keys:
    config = loaded["config"]
    return Keys(
        Secret(config["s3.access-key-id"]),
        Secret(config["s3.secret-access-key"]),
        Secret(config["s3.session-token"]),
    )


def loaded(server: TestServer, secret: str, table: str = "planes") -> dict[str, Any]:
    answer = get(server, f"{NAMESPACE}/tables/{table}", secret)
    assert answer.status_code == 200, answer.text
    return answer.json()


def fetch(
    server: TestServer,
    keys: Keys,
    location: str,
    method: str = "GET",
    *,
    at: dt.datetime | None = None,
    headers: dict[str, str] | None = None,
    content: bytes = b"",
) -> httpx.Response:
    """A request for an `s3://` location, or for a path, signed as S3 clients sign."""
    url = f"{server.url}/{location.removeprefix('s3://').removeprefix('/')}"
    now = at or dt.datetime.now(dt.UTC)
    signed = authorised(keys, "us-east-1", method, url, {}, digest_of(content), now)
    return httpx.request(method, url, headers={**signed, **(headers or {})}, content=content)


def data_file(meta: dict[str, Any]) -> str:
    return f"{meta['metadata']['location']}/{meta['metadata']['current-snapshot-id']}/data/0.parquet"


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]


# what there is


def test_exactly_the_endpoints_that_work_are_announced(server, fleet):
    secret = server.token("gus")
    answer = get(server, "/iceberg/v1/config", secret, params={"warehouse": "company"})

    assert answer.json()["endpoints"] == list(ENDPOINTS)
    names = {"{prefix}/": "", "{namespace}": "fleet%1Faircraft", "{table}": "planes"}
    for entry in ENDPOINTS:
        method, path = entry.split(" ")
        for name, value in names.items():
            path = path.replace(name, value)
        more = {"json": {"report-type": "scan-report"}} if method == "POST" else {}
        assert get(server, f"/iceberg{path}", secret, method, **more).status_code in (200, 204), entry
    tried = {"POST": "/iceberg/v1/namespaces", "DELETE": f"{NAMESPACE}/tables/planes", "PUT": NAMESPACE}
    for method, path in tried.items():
        assert told(get(server, path, secret, method)) == (405, "UnsupportedOperationException")
    for path in ("/iceberg/v1/transactions/commit", f"{NAMESPACE}/views", f"{NAMESPACE}/tables/planes/plan"):
        assert get(server, path, secret).status_code == 404


def test_pyiceberg_finds_and_reads_what_is_granted_as_the_one_door_shows_it(server, fleet):
    theirs = catalog(server, server.token("gus"))

    assert theirs.list_namespaces() == [("fleet",)]
    assert theirs.list_namespaces("fleet") == [("fleet", "aircraft")]
    assert theirs.list_tables(("fleet", "aircraft")) == [TABLE]
    assert theirs.list_tables("fleet") == []
    assert theirs.table_exists(TABLE) and not theirs.table_exists((*TABLE[:2], "pilots"))
    assert theirs.namespace_exists(("fleet",)) and not theirs.namespace_exists(("crew",))
    table = theirs.load_table(TABLE)
    governed = repository_rows(server, server.token("gus"))
    assert rows(table) == governed == ROWS
    assert rows(table, row_filter="amount > 90 and id < 50") == [r for r in ROWS if r["amount"] > 90 and r["id"] < 50]
    assert table.scan(selected_fields=("amount",)).to_arrow().column_names == ["amount"]
    assert rows(theirs.load_table((*TABLE[:2], "planes@1"))) == ROWS


def repository_rows(server: TestServer, secret: str) -> list[dict[str, Any]]:
    asked = {"sql": "select * from fleet.aircraft.planes order by id"}
    answer = get(server, "/api/v1/query", secret, "POST", json=asked, headers={"Accept": "application/x-ndjson"})
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_client_signs_in_by_client_credentials_or_with_its_token(server, fleet):
    secret = server.token("gus")

    where = {"uri": f"{server.url}/iceberg", "oauth2-server-uri": f"{server.url}/iceberg/v1/oauth/tokens"}
    for given in ({"credential": f"gus:{secret}"}, {"credential": secret}):
        theirs = RestCatalog("weft", **where, **given)
        assert rows(theirs.load_table(TABLE)) == ROWS
    with pytest.raises(UnauthorizedError):
        catalog(server, "weft_pat_nobody")
    with pytest.raises(UnauthorizedError):
        RestCatalog("weft", uri=f"{server.url}/iceberg")
    for wrong in (f"ada:{secret}", "gus:nothing"):
        with pytest.raises(OAuthError, match="WFT-SRV-095"):
            RestCatalog("weft", **where, credential=wrong)


def test_tokens_are_asked_for_and_refused_as_oauth_says(server, fleet):
    secret, path = server.token("gus"), "/iceberg/v1/oauth/tokens"
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    asked: dict[str, dict[str, str]] = {
        "plain": {"grant_type": "client_credentials", "client_id": "gus", "client_secret": secret, "scope": "catalog"},
        "again": {"grant_type": exchange, "subject_token": secret},
    }

    for form in asked.values():
        answer = get(server, path, None, "POST", data=form)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        made = answer.json()
        assert (made["token_type"], made["access_token"]) == ("bearer", secret)
        assert 0 < made["expires_in"] <= 3600
    basic = httpx.post(f"{server.url}{path}", data={"grant_type": "client_credentials"}, auth=("gus", secret))
    assert basic.json()["access_token"] == secret
    for form, status, kind in (
        ({"grant_type": "password", "client_secret": secret}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "client_secret": "x"}, 401, "invalid_client"),
        ({"grant_type": exchange, "subject_token": "x"}, 401, "invalid_client"),
        ({"grant_type": "g" * 200, "client_secret": "x"}, 400, "invalid_request"),
    ):
        answer = get(server, path, None, "POST", data=form)
        assert (answer.status_code, answer.json()["error"]) == (status, kind), form
        assert secret not in answer.text


def test_a_cookie_counts_for_nothing_here(server, fleet):
    answer = get(server, "/iceberg/v1/config", None, headers={"Cookie": "weft=whatever; __Host-weft=whatever"})

    assert told(answer) == (401, "NotAuthorizedException")


def test_lists_come_in_pages(server, fleet, tmp_path):
    for name in ("apron", "depot"):
        made = repository(tmp_path / name, server.url, server.token("ada"), name)
        planes(made, name)
        done(made, "apply")
    ada = server.token("ada")

    found, token, pages = [], "", 0
    while token is not None:
        answer = get(server, "/iceberg/v1/namespaces", ada, params={"pageSize": 2, "pageToken": token}).json()
        found, token, pages = [*found, *answer["namespaces"]], answer.get("next-page-token"), pages + 1

    assert (found, pages) == ([["apron"], ["depot"], ["fleet"]], 2)
    assert get(server, "/iceberg/v1/namespaces", ada).json() == {"namespaces": found}
    wrong = get(server, "/iceberg/v1/namespaces", ada, params={"pageSize": 2, "pageToken": "ü?"})
    assert told(wrong) == (400, "BadRequestException")
    assert told(get(server, "/iceberg/v1/namespaces", ada, params={"pageSize": 0}))[0] == 400


# what is refused


def test_what_nobody_has_granted_is_as_if_it_were_not_there(server, fleet):
    mallory = server.token("mallory")
    theirs = catalog(server, mallory)

    assert theirs.list_namespaces() == []
    assert not theirs.table_exists(TABLE)
    with pytest.raises(NoSuchTableError):
        theirs.load_table(TABLE)
    with pytest.raises(NoSuchNamespaceError):
        theirs.list_tables(("fleet", "aircraft"))
    for hidden, missing in (
        ("/tables/planes", "/tables/plants"),
        ("/tables/planes/credentials", "/tables/plants/credentials"),
    ):
        one, other = get(server, NAMESPACE + hidden, mallory), get(server, NAMESPACE + missing, mallory)
        assert one.status_code == other.status_code == 404
        assert one.text.replace("planes", "plants") == other.text
    one, other = (get(server, f"/iceberg/v1/namespaces/{name}", mallory) for name in ("fleet", "fleas"))
    assert told(one) == (404, "NoSuchNamespaceException")
    assert one.text.replace("fleet", "fleas") == other.text
    report = {"report-type": "scan-report"}
    assert told(get(server, f"{NAMESPACE}/tables/planes/metrics", mallory, "POST", json=report))[0] == 404


@pytest.mark.parametrize("name", ["hal", "fay", "max", "bob"])
def test_whoever_does_not_see_all_of_it_gets_no_files_and_is_shown_the_door_of_sql(server, fleet, name):
    secret = server.token(name)
    theirs = catalog(server, secret)

    assert theirs.list_tables(("fleet", "aircraft")) == [TABLE]
    with pytest.raises(ForbiddenError, match="weft query"):
        theirs.load_table(TABLE)

    for path in ("", "/credentials"):
        answer = get(server, f"{NAMESPACE}/tables/planes{path}", secret)
        assert told(answer) == (403, "ForbiddenException")
        assert "WFT-ACC-037" in answer.text
        assert not any(word in answer.text for word in ("amount", "37 ", "s3", "parquet", "snapshot"))


def test_what_a_standard_action_says_exactly_is_announced_to_whoever_asks_and_comes_without_files(server, fleet):
    announce = {"Weft-Read-Restrictions": "announce"}

    answer = get(server, f"{NAMESPACE}/tables/planes", server.token("max"), headers=announce)

    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["read-restrictions"] == {
        "required-column-projections": [{"field-id": 2, "action": "replace-with-null"}]
    }
    assert (found["config"], found["storage-credentials"], found.get("metadata-location")) == ({}, [], None)
    metadata = found["metadata"]
    assert (metadata["snapshots"], metadata["refs"], metadata.get("current-snapshot-id")) == ([], {}, None)
    assert [f["name"] for f in metadata["schemas"][0]["fields"]] == ["id", "amount"]
    for name in ("hal", "fay", "bob"):
        other = get(server, f"{NAMESPACE}/tables/planes", server.token(name), headers=announce)
        assert told(other) == (403, "ForbiddenException")
    whole = get(server, f"{NAMESPACE}/tables/planes", server.token("gus"), headers=announce).json()
    assert "read-restrictions" not in whole and whole["config"]


def test_what_is_hidden_changes_nothing_of_what_is_answered(server, tmp_path):
    """Two worlds, which differ only in rows and values that a reader must not know of."""
    made = repository(tmp_path / "hangar", server.url, server.token("ada"), "hangar")
    planes(made, "hangar")
    (server.root / "governance/access.yaml").write_text(RULES.replace("[fleet]", "[fleet, hangar]"))
    answers: list[list[str]] = []
    for line in ("100,1\n", "101,99\n102,98\n"):
        with (made.root / "data/planes.csv").open("a") as file:
            file.write(line)
        done(made, "apply")
        for name in ("fay", "hal", "max", "bob"):
            if not answers:
                asking = repository(tmp_path / name, server.url, server.token(name), name)
                asked = asking.json("access", "request", "hangar.aircraft.planes@1", "--purpose", "x")
                done(made, "access", "approve", asked["request_id"])
        found = []
        for name in ("fay", "hal", "max", "bob"):
            secret = server.token(name)
            for headers in ({}, {"Weft-Read-Restrictions": "announce"}):
                for path in ("", "/tables", "/tables/planes", "/tables/planes/credentials", "/tables/plants"):
                    answer = get(server, f"/iceberg/v1/namespaces/hangar%1Faircraft{path}", secret, headers=headers)
                    body = answer.json()
                    if "metadata" in body:  # when it was published is known to all
                        del body["metadata"]["last-updated-ms"]
                    found.append(f"{answer.status_code} {json.dumps(body)}")
        answers.append(found)

    assert answers[0] == answers[1]
    assert not any("s3.secret" in answer or "manifest" in answer for answer in answers[0])


def test_what_is_hidden_changes_nothing_of_files_behind_links(server, tmp_path):
    """Two worlds again: pages byte by byte, statistics; the snapshot that a file names is known to all."""
    made = repository(tmp_path / "depot", server.url, server.token("ada"), "depot")
    planes(made, "depot")
    (server.root / "governance/access.yaml").write_text(RULES.replace("[fleet]", "[fleet, depot]"))
    done(made, "apply")
    secrets = {}
    for name in ("fay", "hal", "max"):
        secrets[name] = server.token(name)
        asking = repository(tmp_path / name, server.url, secrets[name], name)
        asked = asking.json("access", "request", "depot.aircraft.planes@1", "--purpose", "x")
        done(made, "access", "approve", asked["request_id"])

    def fetched() -> dict[str, tuple[list[Any], bytes, bytes, Any]]:
        found = {}
        for name, secret in secrets.items():
            sent = {"Authorization": f"Bearer {secret}"}
            url = f"{server.url}/api/v1/data/depot.aircraft.planes@1/links"
            (link,) = httpx.post(url, json={}, headers=sent, timeout=60).json()["links"]
            assert link["materialised"] is True
            file = httpx.get(f"{server.url}{link['url']}", timeout=60).content
            footer = parquet.read_metadata(pa.BufferReader(file))
            # the number of a snapshot has 18 digits now and then, else 19: lengths are compared without it
            said = footer.metadata[b"weft"].replace(link["snapshot"].encode(), b"")
            pages = file[: -8 - footer.serialized_size]
            rows = parquet.read_table(pa.BufferReader(file)).to_pylist()
            found[name] = rows, pages, said, footer.to_dict()["row_groups"]
        return found

    first = fetched()
    lines = "\n".join(f"{i},{i * 7 % 100 if i < 37 else (i * 7 + 13) % 100}" for i in range(100))
    made.write("data/planes.csv", f"id,amount\n{lines}\n")
    done(made, "apply")

    assert fetched() == first
    assert [len(first[name][0]) for name in ("fay", "hal", "max")] == [37, 100, 100]


# the files


def test_keys_open_the_files_of_their_data_version_whole_and_in_parts(server, fleet):
    meta = loaded(server, server.token("gus"))
    keys, place = keys_of(meta), data_file(meta)

    whole = fetch(server, keys, place)
    assert (whole.status_code, whole.content[:4]) == (200, b"PAR1")
    assert parquet.read_table(pa.BufferReader(whole.content)).num_rows == 100
    head = fetch(server, keys, place, "HEAD")
    assert (head.status_code, head.content, int(head.headers["content-length"])) == (200, b"", len(whole.content))
    for wanted, part in (("bytes=0-3", whole.content[:4]), ("bytes=-8", whole.content[-8:]), ("bytes=9-", None)):
        answer = fetch(server, keys, place, headers={"Range": wanted})
        assert (answer.status_code, answer.content) == (206, part or whole.content[9:])
    assert fetch(server, keys, place, headers={"Range": "bytes=999999-"}).status_code == 416
    listed = meta["metadata"]["snapshots"][0]["manifest-list"]
    content = fetch(server, keys, listed).content
    for wanted, part in (("bytes=0-3", content[:4]), ("bytes=-8", content[-8:]), ("bytes=9-20", content[9:21])):
        assert fetch(server, keys, listed, headers={"Range": wanted}).content == part
    assert fetch(server, keys, listed, headers={"Range": "bytes=999999-"}).status_code == 416
    shown = fetch(server, keys, meta["metadata-location"]).json()
    assert shown == meta["metadata"]


def test_a_client_of_s3_reads_with_the_keys_and_writes_and_lists_nothing(server, fleet):
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    meta = loaded(server, server.token("gus"))
    keys = keys_of(meta)
    bucket, _, key = data_file(meta).removeprefix("s3://").partition("/")

    def client() -> Any:  # each with a connection of its own: a refusal comes before the body has gone
        return boto3.client(
            "s3",
            endpoint_url=meta["config"]["s3.endpoint"],
            aws_access_key_id=keys.access_key.value,
            aws_secret_access_key=keys.secret_key.value,
            aws_session_token=meta["config"]["s3.session-token"],
            region_name=meta["config"]["s3.region"],
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )

    got = client().get_object(Bucket=bucket, Key=key, Range="bytes=0-3")

    assert got["Body"].read() == b"PAR1"
    for tried in (
        lambda: client().put_object(Bucket=bucket, Key=key, Body=b"x"),
        lambda: client().delete_object(Bucket=bucket, Key=key),
        lambda: client().create_multipart_upload(Bucket=bucket, Key=key),
        lambda: client().delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]}),
    ):
        with pytest.raises(ClientError) as e:
            tried()
        assert e.value.response["Error"]["Code"] == "AccessDenied"
    with pytest.raises(ClientError):
        client().list_objects_v2(Bucket=bucket)
    assert client().get_object(Bucket=bucket, Key=key)["Body"].read()[:4] == b"PAR1"


def test_keys_that_are_forged_changed_or_of_another_table_open_nothing(server, fleet):
    gus, ada = (loaded(server, server.token(name)) for name in ("gus", "ada"))
    keys, others, place = keys_of(gus), keys_of(ada), data_file(gus)
    assert fetch(server, keys, place).status_code == 200
    token = gus["config"]["s3.session-token"]
    changed = f"{'A' if token[40] != 'A' else 'B'}"
    wrong = {
        "made up": Keys(Secret("WEFT0000000000000000"), Secret("0" * 32), Secret("AAAA" * 30)),
        "another secret": Keys(keys.access_key, others.secret_key, keys.session_token),
        "another id": Keys(others.access_key, keys.secret_key, keys.session_token),
        "another session": Keys(keys.access_key, keys.secret_key, others.session_token),
        "a changed session": Keys(keys.access_key, keys.secret_key, Secret(token[:40] + changed + token[41:])),
        "none": Keys(keys.access_key, keys.secret_key, None),
    }

    for how, tried in wrong.items():
        assert refused(fetch(server, tried, place)) == (403, "AccessDenied"), how
    for sent in ({}, {"Authorization": f"Bearer {server.token('ada')}"}):
        answer = httpx.get(f"{server.url}/{place.removeprefix('s3://')}", headers=sent)
        assert refused(answer) == (403, "AccessDenied")
    for minutes in (-20, -6, 6):
        answer = fetch(server, keys, place, at=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes))
        assert refused(answer) == (403, "AccessDenied"), minutes
    answer = get(server, "/iceberg/v1/config", token)
    assert told(answer) == (401, "NotAuthorizedException")


def test_names_that_lead_elsewhere_lead_nowhere(server, fleet):
    meta = loaded(server, server.token("gus"))
    keys, place = keys_of(meta), data_file(meta).removeprefix("s3://")
    table = place.rpartition("/data/")[0]
    number = int(meta["metadata"]["current-snapshot-id"])
    tried = [
        place.replace("0.parquet", "1.parquet"),
        place.replace("0.parquet", "00.parquet"),
        place.replace("0.parquet", "../metadata/snapshot.avro"),
        place.replace("0.parquet", "..%2f..%2f..%2f..%2f..%2f..%2fserver%2fsigning.key"),
        place.replace("0.parquet", "%2e%2e/%2e%2e/%2e%2e/weft.toml"),
        place.replace("fleet", "crew"),
        place.replace("planes/1", "planes/2"),
        place.replace(str(number), str(number + 1)),
        f"{table}/metadata/manifest-9.avro",
        f"{table}/metadata/..avro",
        f"{table}/data/",
        f"{table}/metadata/../../../../../../etc/passwd",
        "iceberg-files/",
        "iceberg-files//etc/passwd",
        "iceberg-files/etc/passwd",
        f"{table}/data/0.parquet/",
        f"{table}/data/0.parquet%00",
    ]

    for name in tried:
        answer = raw(server, keys, f"/{name}")
        assert answer.status_code in (400, 403, 404), (name, answer.text)
        assert b"PAR1" not in answer.content and b"root:" not in answer.content
        assert "Traceback" not in answer.text and str(server.root) not in answer.text


def raw(server: TestServer, keys: Keys, path: str) -> httpx.Response:
    """A signed request whose path nobody tidies."""
    import http.client
    from urllib.parse import urlsplit

    netloc = urlsplit(server.url).netloc
    signed = authorised(keys, "us-east-1", "GET", server.url + path, {}, digest_of(b""), dt.datetime.now(dt.UTC))
    connection = http.client.HTTPConnection(netloc, timeout=30)
    connection.request("GET", path, headers=signed)
    answer = connection.getresponse()
    return httpx.Response(answer.status, content=answer.read())


def test_a_grant_that_ends_ends_the_keys_and_the_table_with_the_next_request(server, fleet, tmp_path):
    sam = granted(server, fleet, "sam", tmp_path / "sam")
    table = catalog(server, sam).load_table(TABLE)
    meta = loaded(server, sam)
    assert rows(table) == ROWS

    (grant,) = [one for one in fleet.json("access", "list", "--grants")["grants"] if one["consumer"] == "sam"]
    done(fleet, "access", "revoke", grant["grant_id"])

    with pytest.raises(OSError, match=r"ACCESS_DENIED|403"):
        table.scan().to_arrow()
    assert refused(fetch(server, keys_of(meta), data_file(meta))) == (403, "AccessDenied")
    assert get(server, f"{NAMESPACE}/tables/planes", sam).status_code == 404


def test_a_token_that_is_revoked_ends_the_keys_that_it_was_asked_with(server, fleet):
    gus = server.token("gus")
    meta = loaded(server, gus)
    assert fetch(server, keys_of(meta), data_file(meta)).status_code == 200
    mine = get(server, "/api/v1/tokens", server.token("gus")).json()["tokens"]
    ids = [one["id"] for one in mine]

    for one in ids:
        get(server, f"/api/v1/tokens/{one}", server.token("gus"), "DELETE")

    assert refused(fetch(server, keys_of(meta), data_file(meta))) == (403, "AccessDenied")
    assert told(get(server, f"{NAMESPACE}/tables/planes", gus)) == (401, "NotAuthorizedException")


def test_a_rule_that_hides_something_ends_the_keys_that_were_given_before(server, fleet, tmp_path):
    tom = granted(server, fleet, "tom", tmp_path / "tom")
    meta = loaded(server, tom)
    assert fetch(server, keys_of(meta), data_file(meta)).status_code == 200
    file = server.root / "governance/access.yaml"
    before = file.read_text()

    file.write_text(before.replace("users: [fay]", "users: [fay, tom]"))
    try:
        assert refused(fetch(server, keys_of(meta), data_file(meta))) == (403, "AccessDenied")
        assert told(get(server, f"{NAMESPACE}/tables/planes", tom)) == (403, "ForbiddenException")
    finally:
        file.write_text(before)


def test_a_load_is_written_down_before_it_is_answered_and_files_count_once(server, fleet, tmp_path):
    kim = granted(server, fleet, "kim", tmp_path / "kim")
    sent = {"Weft-Purpose": "delay model"}

    meta = get(server, f"{NAMESPACE}/tables/planes", kim, headers=sent).json()
    for wanted in ("bytes=0-3", "bytes=4-7"):
        assert fetch(server, keys_of(meta), data_file(meta), headers={"Range": wanted}).status_code == 206
    get(server, f"{NAMESPACE}/tables/planes/credentials", kim)
    get(server, f"{NAMESPACE}/tables/planes", server.token("hal"))

    reads = get(server, "/api/v1/audit/reads/own", kim, params={"limit": 50}).json()["items"]
    told = [(one["wire"], one["purpose"], one["rows"], one["ended"]) for one in reads]
    assert told == [("iceberg", None, 100, "done"), ("iceberg", "delay model", 100, "done")]
    assert "Weft-Purpose" not in json.dumps(reads)
    usage = get(server, "/api/v1/usage", server.token("ada"), params={"domain": "fleet", "by": "consumer"})
    assert usage.status_code == 200, usage.text
    served = [u["amount"] for u in usage.json()["usage"] if (u["kind"], u["consumer"]) == ("bytes_served", "kim")]
    assert served == [float(meta["metadata"]["snapshots"][0]["summary"]["total-files-size"])]


def test_what_a_client_has_still_is_answered_without_new_keys(server, fleet):
    gus = server.token("gus")
    first = get(server, f"{NAMESPACE}/tables/planes", gus)
    tag = first.headers["etag"]

    again = get(server, f"{NAMESPACE}/tables/planes", gus, headers={"If-None-Match": f'"other", W/{tag}'})

    assert (again.status_code, again.content) in ((304, b""), (200, again.content))
    assert again.status_code == 304 or again.headers["etag"] != tag  # five minutes were over just now
    assert get(server, f"{NAMESPACE}/tables/planes", server.token("ada"), headers={"If-None-Match": tag}).json()
    hidden = get(server, f"{NAMESPACE}/tables/planes", server.token("max"), headers={"If-None-Match": tag})
    assert told(hidden)[0] == 403


def test_the_current_snapshot_is_shown_and_nothing_of_former_ones(server, tmp_path):
    made = repository(tmp_path / "yard", server.url, server.token("ada"), "yard")
    planes(made, "yard")
    done(made, "apply")
    ada, path = server.token("ada"), "/iceberg/v1/namespaces/yard%1Faircraft/tables/planes"
    before = get(server, path, ada).json()
    with (made.root / "data/planes.csv").open("a") as file:
        file.write("100,100\n")
    done(made, "apply")

    after = get(server, path, ada).json()

    old, new = (str(one["metadata"]["current-snapshot-id"]) for one in (before, after))
    assert old != new
    assert old not in json.dumps(after)
    assert str(server.root) not in json.dumps(after) and "/data/run-" not in json.dumps(after)
    metadata = after["metadata"]
    assert len(metadata["snapshots"]) == 1 and metadata["metadata-log"] == []
    keys = keys_of(after)
    for name in ("snapshot.avro", "manifest-0.avro"):
        content = fetch(server, keys, f"{metadata['location']}/{new}/metadata/{name}").content
        assert old.encode() not in content and str(server.root).encode() not in content
    assert refused(fetch(server, keys, data_file(before))) == (404, "NoSuchKey")
    renewal = before["config"]["client.refresh-credentials-endpoint"]
    (renewed,) = get(server, f"/iceberg/{renewal}", ada).json()["storage-credentials"]
    assert fetch(server, keys_of(renewed), data_file(before)).status_code == 200
    assert refused(fetch(server, keys_of(renewed), data_file(after))) == (404, "NoSuchKey")
    for none in ("1", "9" * 19):
        assert told(get(server, f"{path}/credentials?snapshot={none}", ada))[0] in (400, 404)
    # whoever has begun to read goes on with what they have begun
    assert (
        parquet.read_table(pa.BufferReader(fetch(server, keys_of(before), data_file(before)).content)).num_rows == 100
    )
    table = catalog(server, ada).load_table(("yard", "aircraft", "planes"))
    assert table.scan().to_arrow().num_rows == 101


def test_a_port_that_is_retired_between_plan_and_fetch_is_read_no_more(server, tmp_path):
    made = repository(tmp_path / "field", server.url, server.token("ada"), "field")
    planes(made, "field")
    done(made, "apply")
    ada, path = server.token("ada"), "/iceberg/v1/namespaces/field%1Faircraft/tables/planes"
    meta = get(server, path, ada).json()
    assert fetch(server, keys_of(meta), data_file(meta)).status_code == 200

    shutil.rmtree(made.path("domains/field/aircraft"))
    done(made, "apply", "--yes")

    assert refused(fetch(server, keys_of(meta), data_file(meta))) == (403, "AccessDenied")
    assert get(server, path, ada).status_code == 404


def test_metrics_are_taken_where_they_are_some(server, fleet):
    gus, path = server.token("gus"), f"{NAMESPACE}/tables/planes/metrics"
    report = {"report-type": "scan-report", "table-name": "planes", "snapshot-id": 1, "metrics": {"a": {"value": 1}}}

    assert get(server, path, gus, "POST", json=report).status_code == 204
    assert told(get(server, path, gus, "POST", json=["x"]))[0] == 400
    assert told(get(server, path, gus, "POST", json={}))[0] == 400
    large = msgspec.json.encode({"report-type": "x" * 5_000_000})
    answer = get(server, path, gus, "POST", content=large, headers={"Content-Type": "application/json"})
    assert answer.json()["error"]["code"] == 413


# a warehouse in an object store, and other clients


def test_a_warehouse_in_an_object_store_is_read_by_the_same_keys_and_never_by_its_own(
    store: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in store.environ.items():
        monkeypatch.setenv(name, value)
    bucket = store.bucket()
    with serving(tmp_path / "server", settings=store.settings(bucket)) as running:
        mesh = repository(tmp_path / "fleet", running.url, running.token("ada"), "fleet")
        planes(mesh)
        done(mesh, "apply")
        ada = running.token("ada")
        table = catalog(running, ada).load_table(TABLE)
        assert rows(table) == ROWS
        assert rows(table, row_filter="id = 42") == [ROWS[42]]
        answer = loaded(running, ada)
        assert bucket not in json.dumps(answer) and store.endpoint not in json.dumps(answer)
        copies = list((running.root / ".weft/files").glob("*/*/*/data/run-*/*.parquet"))
        keys, place = keys_of(answer), data_file(answer)
        whole = fetch(running, keys, place)
        for copy in copies:
            copy.unlink()
        store.requests.clear()

        # without a copy here only the parts that are asked for come from the store
        assert rows(catalog(running, ada).load_table(TABLE)) == ROWS
        assert {method for method, _ in store.requests} == {"GET"}
        again = fetch(running, keys, place)
        assert (again.status_code, again.content) == (200, whole.content)
        head = fetch(running, keys, place, "HEAD")
        assert (head.content, head.headers["content-length"]) == (b"", str(len(whole.content)))
        for wanted, part in (("bytes=0-3", b"PAR1"), ("bytes=-8", whole.content[-8:]), ("bytes=9-", whole.content[9:])):
            answered = fetch(running, keys, place, headers={"Range": wanted})
            assert (answered.status_code, answered.content) == (206, part)
        assert fetch(running, keys, place, headers={"Range": "bytes=999999-"}).status_code == 416
        assert len(copies) == 1 and not copies[0].exists()
        store.before = lambda method, path: 503 if path.endswith(".parquet") else None
        try:
            assert refused(fetch(running, keys, place)) == (503, "SlowDown")
        finally:
            store.before = lambda method, path: None
        assert fetch(running, keys, place).content == whole.content
        (lost,) = (key for key in store.keys(bucket) if key.endswith(".parquet"))
        store.client().delete_object(Bucket=bucket, Key=lost)
        answered = fetch(running, keys, place)
        assert refused(answered) == (503, "SlowDown") and "WFT-STO-004" in answered.text
        assert bucket not in answered.text


@pytest.mark.accept
def test_the_own_client_of_duckdb_reads_through_the_catalog(server, fleet, tmp_path):
    """DuckDB 2.0 has no extension that can be installed without its own server; 1.5 has, as packages."""
    python = tmp_path / "duckdb/bin/python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "duckdb"], check=True)
    needed = ["duckdb==1.5.5", *(f"duckdb-extension-{name}==1.5.5" for name in ("avro", "httpfs", "iceberg"))]
    subprocess.run([python, "-m", "pip", "install", "-q", *needed], check=True)
    script = """
import glob, sys, sysconfig, duckdb
here = sysconfig.get_paths()["purelib"]
db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
for name in ("avro", "httpfs", "iceberg"):
    (file,) = glob.glob(f"{here}/duckdb_extension_{name}/extensions/*/{name}.duckdb_extension")
    db.execute(f"LOAD '{file}'")
for statement in sys.stdin.read().split(";"):
    found = db.execute(statement).fetchall() if statement.strip() else found
print(found)
"""
    sql = snippet(server, "CREATE SECRET", server.token("gus")).replace("'ada'", "'gus'")

    ran = subprocess.run([python, "-c", script], input=sql, capture_output=True, text=True, check=False)

    assert ran.stdout.strip() == "[(90,)]", ran.stderr


def test_the_page_reads_a_table_with_pyiceberg(server, fleet):
    text = snippet(server, "from pyiceberg", server.token("gus"))
    told: dict[str, Any] = {}

    exec(compile(text, "read-with-an-iceberg-client.md", "exec"), told)

    assert sorted(told["rows"].to_pydict()["id"]) == list(range(10, 100))


def snippet(server: TestServer, begins: str, secret: str) -> str:
    """A block of the page for readers, for this server."""
    page = ROOT / "docs/how-to/read-with-an-iceberg-client.md"
    (text,) = [block.text for block in blocks(page) if block.text.startswith(begins)]
    told = text.replace("https://mesh.example.com", server.url)
    return told.replace("'TOKEN'", f"'{secret}'").replace("token=TOKEN", f"token={secret!r}")
