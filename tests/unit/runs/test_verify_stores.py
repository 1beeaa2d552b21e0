"""Files in an object store that speaks S3, and tables of lakes, verified without being fetched or copied."""

import gzip
import json
import logging

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.fs import S3FileSystem

import weft
from tests.unit.contracts.support import a_contract, col
from weft.model.document import Document
from weft.model.odcs import contract as read_contract

ROWS = {"id": [1, 2, 2], "name": ["Ada", None, "Bert"]}
BROKEN = {"id.primary_key": ("failed", 2), "name.required": ("failed", 1)}


def people(**fields):
    """A contract of one table, of which `ROWS` break two rules."""
    return a_contract(col("id", "integer", primaryKey=True), col("name", "string", required=True), **fields)


def outcomes(found):
    """What did not pass."""
    return {c.id: (c.result.value, c.failed_rows) for c in found.checks if c.result.value != "passed"}


@pytest.fixture(scope="module")
def endpoint():
    """A server of moto's, which answers over HTTP as S3 does."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint, monkeypatch):
    """A bucket, empty, with the environment as clients of S3 want it."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "reader",
        "AWS_SECRET_ACCESS_KEY": "sesame",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
    }.items():
        monkeypatch.setenv(name, value)
    store = S3FileSystem(
        endpoint_override=endpoint,
        access_key="reader",
        secret_key="sesame",
        region="us-east-1",
        allow_bucket_creation=True,
        allow_bucket_deletion=True,
    )
    store.create_dir("shop")
    yield store
    store.delete_dir("shop")


def put(store, key, data):
    with store.open_output_stream(key, compression=None) as file:
        file.write(data)


def test_parquet_objects_of_a_pattern_are_one_table(bucket):
    for part in range(2):
        pq.write_table(pa.table(ROWS), f"shop/people/{part}.parquet", filesystem=bucket)

    found = weft.verify(people(), "s3://shop/people/*.parquet")

    assert found.diagnostics == ()
    assert (found.rows, outcomes(found)) == (6, {"id.primary_key": ("failed", 6), "name.required": ("failed", 2)})


def test_texts_of_csv_are_parsed_as_the_contract_promises(bucket):
    put(bucket, "shop/people.csv", b"id,name\n1,Ada\n2,\nx,Bert\n")

    assert outcomes(weft.verify(people(), "s3://shop/people.csv")) == {
        "id.type": ("failed", 1),
        "id.primary_key": ("failed", 1),
        "name.required": ("failed", 1),
    }


def test_packed_csv_and_json_are_read(bucket):
    put(bucket, "shop/people.csv.gz", gzip.compress(b"id,name\n1,Ada\n2,\n2,Bert\n"))
    lines = [json.dumps({"id": i, "name": n}) for i, n in zip(*ROWS.values(), strict=True)]
    put(bucket, "shop/people.ndjson", "\n".join(lines).encode())

    for name in ("people.csv.gz", "people.ndjson"):
        assert outcomes(weft.verify(people(), f"s3://shop/{name}")) == BROKEN


def test_a_folder_of_a_store_has_a_file_for_each_table(bucket):
    pq.write_table(pa.table(ROWS), "shop/in/t.parquet", filesystem=bucket)

    assert outcomes(weft.verify(people(), "s3://shop/in/")) == BROKEN


def test_a_server_of_the_contract_names_endpoint_and_location(bucket, endpoint, monkeypatch):
    pq.write_table(pa.table(ROWS), "shop/people.parquet", filesystem=bucket)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    server = {"server": "lake", "type": "s3", "location": "s3://shop/people.parquet", "endpointUrl": endpoint}

    assert outcomes(weft.verify(people(servers=[server]))) == BROKEN


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("s3://shop/none.csv", "WFT-SRC-001"),
        ("s3://elsewhere/none.csv", "WFT-SRC-001"),
        ("s3://shop/people.xlsx", "WFT-SRC-007"),
    ],
)
def test_what_is_not_there_or_not_read_is_told(bucket, path, code):
    put(bucket, "shop/people.xlsx", b"PK")

    found = weft.verify(people(), path)

    assert (found.result, [d.code for d in found.diagnostics]) == ("error", [code])
    assert "sesame" not in str(found)


def test_a_store_that_does_not_answer_is_told(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    found = weft.verify(people(), "s3://shop/people.csv")

    assert [d.code for d in found.diagnostics] == ["WFT-SRC-010"]
    assert "sesame" not in str(found)


def test_a_delta_table_is_verified_as_it_is_now(tmp_path):
    from deltalake import write_deltalake

    write_deltalake(tmp_path / "people", pa.table({"id": [7], "name": ["Eve"]}))
    write_deltalake(tmp_path / "people", pa.table(ROWS), mode="overwrite")

    found = weft.verify(people(), str(tmp_path / "people"))

    assert (found.rows, outcomes(found)) == (3, BROKEN)


def test_a_delta_table_in_a_store_is_verified(bucket, endpoint):
    from deltalake import write_deltalake

    options = {"AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true", "AWS_S3_ALLOW_UNSAFE_RENAME": "true"}
    write_deltalake("s3://shop/people", pa.table(ROWS), storage_options=options)

    assert outcomes(weft.verify(people(), "s3://shop/people")) == BROKEN


@pytest.fixture
def iceberg(tmp_path):
    """An Iceberg table that pyiceberg wrote, in two snapshots."""
    from pyiceberg.catalog.sql import SqlCatalog

    properties = {"uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": f"file://{tmp_path}/warehouse"}
    catalog = SqlCatalog("lake", **properties)
    catalog.create_namespace("shop")
    table = catalog.create_table("shop.people", pa.table(ROWS).schema)
    table.append(pa.table(ROWS).slice(0, 2))
    table.append(pa.table(ROWS).slice(2))
    return table, properties


def test_an_iceberg_table_is_verified_by_its_metadata_or_its_folder(iceberg):
    table, _ = iceberg
    path = table.metadata_location.removeprefix("file://")

    for place in (path, path.rpartition("/metadata/")[0]):
        found = weft.verify(people(), place)
        assert (found.diagnostics, found.rows, outcomes(found)) == ((), 3, BROKEN)


def test_an_iceberg_table_is_verified_by_its_name_in_a_catalog(iceberg, monkeypatch):
    _, properties = iceberg
    for name, value in properties.items():
        monkeypatch.setenv(f"PYICEBERG_CATALOG__LAKE__{name.upper()}", value)

    import pyiceberg.catalog
    from pyiceberg.utils.config import Config

    monkeypatch.setattr(pyiceberg.catalog, "_ENV_CONFIG", Config())  # it reads the environment when it is imported

    assert outcomes(weft.verify(people(), "iceberg://lake/shop.people")) == BROKEN


def test_a_lake_that_cannot_be_opened_is_told(tmp_path):
    (tmp_path / "people" / "_delta_log").mkdir(parents=True)
    (tmp_path / "x.metadata.json").write_text("{}")

    for place in (tmp_path / "people", tmp_path / "x.metadata.json", "iceberg://nowhere/shop.people"):
        found = weft.verify(people(), str(place))
        assert (found.result, [d.code for d in found.diagnostics]) == ("error", ["WFT-SRC-010"])


def test_each_table_of_a_contract_may_lie_elsewhere(bucket, tmp_path):
    pq.write_table(pa.table({"code": ["A", "B"]}), "shop/cities.parquet", filesystem=bucket)
    (tmp_path / "homes.csv").write_text("city\nA\nC\n")
    data = dict(a_contract(col("city", "string", relationships=[{"to": "cities.code"}])).document.data)
    data["schema"] = [*data["schema"], {"name": "cities", "properties": [col("code", "string")]}]
    contract = read_contract(Document("t.odcs.yaml", data))

    found = weft.verify(contract, [f"t={tmp_path}/homes.csv", "cities=s3://shop/cities.parquet"])

    assert outcomes(found) == {"t.city.relationship": ("failed", 1)}
