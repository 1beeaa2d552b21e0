"""Iceberg tables whose files clients fetch from the store itself, with keys that the store lends for them alone."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pyiceberg.exceptions import ForbiddenError

from tests.domains import Repository, TestServer, planes, repository, serving
from tests.scenarios.test_iceberg_rest import NAMESPACE, PORT, ROWS, TABLE, catalog, get, granted, loaded, rows, told
from tests.scenarios.test_kept_tables import BY_DAY, COLUMNS, DAY, Shop, day, integer
from tests.scenarios.test_saved_queries import done
from tests.scenarios.test_warehouse_in_a_store import in_the_store
from tests.stores import REGION, ROLE, ObjectServer
from weft.access.permissions import Caller
from weft.api.platform import open_platform
from weft.api.wires.iceberg_lent import LentTables
from weft.model.address import parse_address

MASK = """\
rules:
  - {id: hidden, description: Hidden, ports: [fleet], columns: [amount], mask: {kind: "null"}, when: {users: [max]}}
"""


class Lending:
    """A mesh in a store that lends keys, with the server in front."""

    def __init__(self, server: TestServer, fleet: Repository, store: ObjectServer, bucket: str) -> None:
        self.server, self.fleet, self.store, self.bucket = server, fleet, store, bucket


@pytest.fixture
def lending(store: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lending]:
    for name, value in store.environ.items():
        monkeypatch.setenv(name, value)
    bucket = store.bucket()
    (tmp_path / "server/governance").mkdir(parents=True)
    (tmp_path / "server/governance/access.yaml").write_text(MASK)
    with serving(tmp_path / "server", settings=store.settings(bucket, role=ROLE)) as running:
        mesh = repository(tmp_path / "fleet", running.url, running.token("ada"), "fleet")
        planes(mesh)
        done(mesh, "apply")
        store.by_sessions.clear()
        try:
            yield Lending(running, mesh, store, bucket)
        finally:
            store.minds_policies, store.lends, store.lasts_s = True, True, None
            store.before = lambda method, path: None


def reader(mesh: Lending, tmp_path: Path, name: str) -> str:
    return granted(mesh.server, mesh.fleet, name, tmp_path / name)


def with_keys(mesh: Lending, config: dict[str, str]) -> Any:
    """Another client of the store, with the keys that a table has come with."""
    return boto3.client(
        "s3",
        endpoint_url=config["s3.endpoint"],
        aws_access_key_id=config["s3.access-key-id"],
        aws_secret_access_key=config["s3.secret-access-key"],
        aws_session_token=config["s3.session-token"],
        region_name=config["s3.region"],
    )


def code(refused: Any) -> str:
    return str(refused.value.response["Error"]["Code"])


def test_pyiceberg_reads_a_granted_table_from_the_store_and_no_byte_of_a_file_passes_the_server(lending, tmp_path):
    gus = reader(lending, tmp_path, "gus")

    table = catalog(lending.server, gus).load_table(TABLE)

    assert rows(table) == ROWS
    assert rows(table, row_filter="id = 42") == [ROWS[42]]
    read = {path for _, path in lending.store.by_sessions}
    assert any(path.endswith(".parquet") for path in read) and any(path.endswith("snapshot.avro") for path in read)
    assert "/iceberg-files" not in (lending.server.root / "log").read_text()
    answer = loaded(lending.server, gus)
    (credential,) = answer["storage-credentials"]
    assert credential["prefix"] == f"s3://{lending.bucket}/mesh/" and credential["config"] == answer["config"]
    assert answer["config"]["s3.endpoint"] == lending.store.endpoint
    assert answer["config"]["s3.region"] == answer["config"]["client.region"] == REGION


def test_lent_keys_open_the_files_of_that_data_version_and_neither_list_nor_write_nor_read_anything_else(
    lending, tmp_path
):
    other = repository(tmp_path / "depot", lending.server.url, lending.server.token("eve"), "depot")
    planes(other, "depot")
    done(other, "apply")
    gus = reader(lending, tmp_path, "gus")
    before = set(lending.store.keys(lending.bucket))
    config = loaded(lending.server, gus)["config"]
    theirs = with_keys(lending, config)
    written = set(lending.store.keys(lending.bucket))
    assert {key.split("/")[1] for key in written - before} == {".shown"}
    mine = {k for k in written if "/fleet/" in k and ("/data/" in k or "/.shown/" in k)}

    opened = set()
    for key in written:
        try:
            theirs.get_object(Bucket=lending.bucket, Key=key)
            opened.add(key)
        except ClientError as refused:
            assert refused.response["Error"]["Code"] == "AccessDenied"

    assert opened == mine and len(mine) == 4
    assert any("/depot/" in key for key in written - opened)
    some = sorted(mine)[-1]
    for act in (
        lambda: theirs.put_object(Bucket=lending.bucket, Key=some, Body=b"x"),
        lambda: theirs.put_object(Bucket=lending.bucket, Key="mesh/new", Body=b"x"),
        lambda: theirs.delete_object(Bucket=lending.bucket, Key=some),
        lambda: theirs.create_multipart_upload(Bucket=lending.bucket, Key=some),
        lambda: theirs.list_objects_v2(Bucket=lending.bucket),
    ):
        with pytest.raises(ClientError) as refused:
            act()
        assert code(refused) == "AccessDenied"


def test_a_data_version_that_comes_later_is_not_opened_by_keys_of_the_one_before(lending, tmp_path):
    gus = reader(lending, tmp_path, "gus")
    config = loaded(lending.server, gus)["config"]
    before = set(lending.store.keys(lending.bucket))
    with (lending.fleet.root / "data/planes.csv").open("a") as file:
        file.write("100,100\n")
    done(lending.fleet, "apply")

    (later,) = (k for k in set(lending.store.keys(lending.bucket)) - before if k.endswith(".parquet"))

    with pytest.raises(ClientError) as refused:
        with_keys(lending, config).get_object(Bucket=lending.bucket, Key=later)
    assert code(refused) == "AccessDenied"
    assert catalog(lending.server, gus).load_table(TABLE).scan().to_arrow().num_rows == 101


def test_lent_keys_are_renewed_for_the_data_version_that_is_being_read(lending, tmp_path):
    gus = reader(lending, tmp_path, "gus")
    first = loaded(lending.server, gus)
    (old,) = (k for k in lending.store.keys(lending.bucket) if k.endswith(".parquet"))
    with (lending.fleet.root / "data/planes.csv").open("a") as file:
        file.write("100,100\n")
    done(lending.fleet, "apply")

    again = get(lending.server, f"/iceberg/{first['config']['client.refresh-credentials-endpoint']}", gus)

    (credential,) = again.json()["storage-credentials"]
    assert again.headers["cache-control"] == "no-store"
    assert credential["config"]["s3.session-token"] != first["config"]["s3.session-token"]
    assert with_keys(lending, credential["config"]).get_object(Bucket=lending.bucket, Key=old)["ContentLength"] > 0


def test_lent_keys_end_within_a_quarter_of_an_hour_and_are_made_for_a_session_of_the_readers_name(lending, tmp_path):
    gus = reader(lending, tmp_path, "gus")
    now = dt.datetime.now(dt.UTC)

    config = loaded(lending.server, gus)["config"]

    ends_ms = int(config["s3.session-token-expires-at-ms"])
    left_s = ends_ms / 1000 - now.timestamp()
    assert 890 < left_s < 910
    session = lending.store.sessions[config["s3.access-key-id"]]
    assert (session.name, session.asked["RoleArn"], session.asked["DurationSeconds"]) == ("weft-gus", ROLE, "900")
    statements = json.loads(session.policy)["Statement"]
    assert [one["Action"] for one in statements] == ["s3:GetObject"]


def test_that_keys_of_the_store_are_given_is_written_down_before_they_are(lending, tmp_path):
    gus = reader(lending, tmp_path, "gus")
    loaded(lending.server, gus)
    lending.store.lends = False
    assert get(lending.server, f"{NAMESPACE}/tables/planes", gus).status_code >= 500

    reads = get(lending.server, "/api/v1/audit/reads/own", gus, params={"limit": 50}).json()["items"]

    assert [r["wire"] for r in reads] == ["iceberg-store", "iceberg-store"]
    assert {r["ports"][0]["port"] for r in reads} == {PORT}
    assert sorted((r["ended"], r["rows"]) for r in reads) == [("done", 100), ("failed", 0)]


def test_whoever_sees_a_part_gets_no_keys_and_the_store_is_not_asked_for_any(lending, tmp_path):
    secret = reader(lending, tmp_path, "max")
    asked = len(lending.store.sessions)

    with pytest.raises(ForbiddenError, match="weft query"):
        catalog(lending.server, secret).load_table(TABLE)

    assert told(get(lending.server, f"{NAMESPACE}/tables/planes/credentials", secret)) == (403, "ForbiddenException")
    assert len(lending.store.sessions) == asked
    assert not any("/.shown/" in key for key in lending.store.keys(lending.bucket))


def test_whoever_has_lost_the_grant_gets_no_other_keys(lending, tmp_path):
    gus = reader(lending, tmp_path, "gus")
    loaded(lending.server, gus)
    (grant,) = lending.fleet.json("access", "list", "--grants")["grants"]
    done(lending.fleet, "access", "revoke", grant["grant_id"])
    asked = len(lending.store.sessions)

    for path in ("", "/credentials"):
        assert get(lending.server, f"{NAMESPACE}/tables/planes{path}", gus).status_code == 404
    assert len(lending.store.sessions) == asked


def test_keys_of_a_store_that_does_not_mind_session_policies_are_never_handed_out(lending, tmp_path):
    gus = reader(lending, tmp_path, "gus")
    lending.store.minds_policies = False

    answer = get(lending.server, f"{NAMESPACE}/tables/planes", gus)

    assert answer.status_code >= 500 and "WFT-SRV-101" in answer.text
    assert not any(key in answer.text for key in lending.store.sessions)


def test_keys_that_would_hold_for_longer_are_not_handed_out(lending, tmp_path):
    gus = reader(lending, tmp_path, "gus")
    lending.store.lasts_s = 3600

    answer = get(lending.server, f"{NAMESPACE}/tables/planes", gus)

    assert answer.status_code >= 500 and "WFT-SRV-101" in answer.text


def test_a_store_that_lends_nothing_is_told_without_its_name_to_the_reader(lending, tmp_path):
    gus = reader(lending, tmp_path, "gus")
    lending.store.lends = False

    answer = get(lending.server, f"{NAMESPACE}/tables/planes", gus)

    assert answer.status_code >= 500 and "WFT-SRV-100" in answer.text
    assert not any(word in answer.text for word in (lending.bucket, "role", lending.store.endpoint))


def test_a_token_that_ends_sooner_than_lent_keys_would_has_keys_of_the_server(lending, tmp_path):
    reader(lending, tmp_path, "gus")
    platform = open_platform(lending.server.root)
    now = dt.datetime.now(dt.UTC)
    try:
        ends_at = now + dt.timedelta(minutes=5)
        secret = platform.identity.tokens.create(
            kind="personal", owner="gus", label="short", domain=None, actions=None, at=now, expires_at=ends_at
        )[1]
    finally:
        platform.close()

    answer = loaded(lending.server, secret)

    assert answer["config"]["s3.endpoint"] == lending.server.url
    assert int(answer["config"]["s3.session-token-expires-at-ms"]) <= ends_at.timestamp() * 1000 + 1
    assert rows(catalog(lending.server, secret).load_table(TABLE)) == ROWS


def test_many_files_are_named_by_the_folders_of_their_runs_where_these_hold_nothing_else(
    store: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in store.environ.items():
        monkeypatch.setenv(name, value)
    bucket = store.bucket()
    shop = Shop(tmp_path / "shop")
    in_the_store(shop.mesh, store.settings(bucket, role=ROLE))
    shop.model(COLUMNS, **BY_DAY)
    parted = {**DAY, "partitioned": True, "partitionKeyPosition": 1}
    shop.describe([integer("id", primaryKey=True, required=True), parted, integer("n")])
    shop.rows([(i, day(i), 0) for i in range(25)])
    shop.apply()
    files = [key for key in store.keys(bucket) if key.endswith(".parquet")]
    folders = {key.rpartition("/")[0] for key in files}
    assert (len(files), len(folders)) == (25, 1)
    platform = open_platform(shop.mesh.root)
    try:
        published = platform.rooms.production.publication(parse_address("shop.sales.events@1"))
        assert published is not None
        reader = Caller("gus", "user")

        table = LentTables(platform).table(published, reader)

        assert table is not None
        named = json.loads(table.policy)["Statement"][0]["Resource"]
        assert f"arn:aws:s3:::{bucket}/{folders.pop()}/*" in named and len(named) == 2

        # rows that were left out lie in the folder of the same run: then files pass the server
        store.client().put_object(Bucket=bucket, Key=f"{files[0].rpartition('/')[0]}/left-out.parquet", Body=b"x")
        assert LentTables(platform).table(published, reader) is None
    finally:
        platform.close()


def test_metadata_that_was_written_for_readers_is_swept_when_nobody_has_asked_for_it_for_long(
    store: ObjectServer, tmp_path: Path
) -> None:
    bucket = store.bucket()
    files = store.files(bucket, tmp_path)
    place = ".shown/fleet/aircraft/planes@1/7/metadata/snapshot.avro"
    files.show({place: b"x"})
    now = dt.datetime.now(dt.UTC)

    assert files.sweep(now - dt.timedelta(hours=1), ()) == []
    assert files.sweep(now + dt.timedelta(hours=1), ()) == [files.location(place)]
    assert store.keys(bucket) == []
