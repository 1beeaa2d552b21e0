"""A mesh whose warehouse lies in an object store: what it does on a disk, it does there."""

from __future__ import annotations

import datetime as dt
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.meshes import TestMesh, command, source_rows, two_products
from tests.scenarios.test_environments import Two
from tests.scenarios.test_kept_tables import BY_DAY, COLUMNS, Shop, day
from tests.scenarios.test_quarantine import CONTRACT, allow, bad_rows
from tests.servers import empty_database
from tests.stores import REGION, SECRET_KEY, ObjectServer
from weft.errors import PlatformError

NAME = "sales.orders.orders"
PORT = f"{NAME}@1"
BATCHES = f"select min(batch), max(batch), count(*) from {NAME}"


@pytest.fixture
def bucket(store: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket, whose keys are in the environment."""
    for name, value in store.environ.items():
        monkeypatch.setenv(name, value)
    yield store.bucket()
    store.before = lambda method, path: None


def in_the_store(mesh: TestMesh, settings: str) -> TestMesh:
    """The mesh with its warehouse in a bucket."""
    text = mesh.path("weft.toml").read_text()
    mesh.write("weft.toml", text.replace("[storage]\n", settings.lstrip()) if "[storage]" in text else text + settings)
    return mesh


@pytest.fixture
def mesh(tmp_path: Path, store: ObjectServer, bucket: str) -> TestMesh:
    return in_the_store(two_products(tmp_path / "mesh"), store.settings(bucket))


def elsewhere(mesh: TestMesh) -> None:
    """What another machine has: no file that this one has written or read."""
    shutil.rmtree(mesh.path(".weft/files"), ignore_errors=True)


def by_pyiceberg(store: ObjectServer, uri: str, name: tuple[str, ...]) -> Any:
    """A table as another client opens it in the bucket."""
    from pyiceberg.catalog.sql import SqlCatalog

    reached = {"s3.endpoint": store.endpoint, "s3.region": REGION, "s3.access-key-id": "mesh"}
    return SqlCatalog("weft", uri=uri, **reached, **{"s3.secret-access-key": SECRET_KEY}).load_table(name)


def data_keys(store: ObjectServer, bucket: str, table: str = "sales/orders/orders@1") -> list[str]:
    return [k for k in store.keys(bucket) if k.startswith(f"mesh/{table}/data/")]


def test_ports_are_applied_read_verified_and_rolled_back_and_others_open_the_tables(mesh, store, bucket):
    mesh.json("apply")
    source_rows(mesh, 2)
    mesh.json("apply")
    first = mesh.json("history", PORT)["snapshots"][-1]["snapshot_id"]

    assert not mesh.path(".weft/warehouse").exists()
    elsewhere(mesh)
    assert mesh.json("query", BATCHES)["rows"] == [[2, 2, 2000]]
    assert mesh.json("query", BATCHES, "--at", first)["rows"] == [[1, 1, 2000]]
    elsewhere(mesh)
    assert {c["result"] for c in mesh.json("verify", PORT)["checks"]} == {"passed"}
    uri = f"sqlite:///{mesh.path('.weft/catalog.db')}"
    table = by_pyiceberg(store, uri, ("sales", "orders", "orders@1"))
    assert table.location() == f"s3://{bucket}/mesh/sales/orders/orders@1"
    assert table.scan().to_arrow().num_rows == 2000

    mesh.json("rollback", PORT, first, "--reason", "the second was wrong")

    elsewhere(mesh)
    assert mesh.json("query", BATCHES)["rows"] == [[1, 1, 2000]]
    rows = by_pyiceberg(store, uri, ("sales", "orders", "orders@1")).scan().to_arrow()
    assert set(rows.column("batch").to_pylist()) == {1}


def test_a_port_that_goes_on_from_its_rows_fetches_them_and_uploads_what_is_new(tmp_path, store, bucket):
    shop = Shop(tmp_path)
    in_the_store(shop.mesh, store.settings(bucket))
    shop.model(COLUMNS, **BY_DAY)
    shop.rows([(i, day(i), 0) for i in range(5)])
    shop.apply()
    before = set(data_keys(store, bucket, "shop/sales/events@1"))
    elsewhere(shop.mesh)

    shop.rows([(i, day(i), 1) for i in range(7)])
    shop.apply()

    elsewhere(shop.mesh)
    assert shop.table() == [(i, day(i), 0 if i < 4 else 1) for i in range(7)]
    assert before < set(data_keys(store, bucket, "shop/sales/events@1"))


def test_bad_rows_lie_beside_the_rest_in_the_store(mesh, store, bucket):
    source_rows(mesh, 1, rows=97)
    bad_rows(mesh, "97,1,-5,3", "98,1,10,3", "98,1,20,3")
    allow(mesh, ["*"], "5%", CONTRACT)

    mesh.json("apply", "sales.orders")

    elsewhere(mesh)
    assert len(mesh.json("quarantine", PORT)["rows"]) == 3
    assert mesh.json("query", f"select count(*) from {NAME}")["rows"] == [[97]]
    assert len(data_keys(store, bucket)) == 2


def test_an_environment_shares_the_bucket_and_production_takes_its_rows_over(tmp_path, store, bucket):
    two = Two(tmp_path)
    in_the_store(two.files, store.settings(bucket))
    two.apply()
    production = two.highest()
    two.changed()

    two.apply("dev")

    assert (two.highest(), two.highest("dev")) == (production, 2 * production)
    elsewhere(two.files)
    uploaded = store.keys(bucket)
    taken = two.apply()
    assert two.highest() == 2 * production
    assert {p.address.port for p in taken.published} >= {"orders"}
    assert [k for k in store.keys(bucket) if "/data/" in k] == [k for k in uploaded if "/data/" in k]


def test_versions_that_expired_and_what_nothing_refers_to_go_from_the_bucket(mesh, store, bucket):
    def applied(batch: int, today: str) -> None:
        source_rows(mesh, batch)
        done = mesh.weft("apply", "sales.orders", today=today)
        assert done.returncode == 0, done.stderr

    settings = {"keep_snapshots": "30d", "keep_at_least": "1", "orphan_age": "24h"}
    lines = "".join(f"{k} = {v if v.isdigit() else repr(v)}\n" for k, v in settings.items())
    mesh.edit("weft.toml", "[storage]\n", f"[storage]\n{lines}")
    applied(1, "2031-01-01")
    applied(2, "2031-01-02")
    orphan = f"{data_keys(store, bucket)[0].rpartition('/run-')[0]}/run-20300101-dead/rows.parquet"
    store.client().put_object(Bucket=bucket, Key=orphan, Body=b"half")
    half = store.client().create_multipart_upload(Bucket=bucket, Key=orphan.replace("rows", "other"))
    assert len(data_keys(store, bucket)) == 3

    applied(3, "2031-03-01")
    applied(4, "2031-03-03")

    left = data_keys(store, bucket)
    assert len(left) == 3  # the first was not current for more than 30 days
    assert orphan not in left and not [k for k in left if "/run-20310101" in k]
    halves = store.client().list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    assert half["UploadId"] not in [u["UploadId"] for u in halves]
    elsewhere(mesh)
    assert mesh.json("query", BATCHES)["rows"] == [[4, 4, 2000]]


KILLED_AT = ("data/run-", "-m0.avro", "/snap-", "/00002-", "/00003-")
"""What a second apply writes of a table: rows, manifest, list, metadata of the run's branch, and of `main`."""


@pytest.mark.parametrize("place", KILLED_AT)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_while_it_writes_into_the_store_the_former_rows_stay_whole_and_the_next_apply_mends(
    mesh, store, bucket, place, after
):
    mesh.json("apply")
    source_rows(mesh, 2)
    running: list[subprocess.Popen[bytes]] = []
    struck: list[str] = []
    last: list[str] = []

    def before(method: str, path: str) -> int | None:
        if running and last and not struck:
            struck.append(path)
            running[0].send_signal(signal.SIGKILL)
        elif running and method == "PUT" and place in path and not struck:
            if after:
                last.append(path)
            else:
                struck.append(path)
                running[0].send_signal(signal.SIGKILL)
        return 503 if struck else None

    with subprocess.Popen(
        command("apply"), cwd=mesh.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        running.append(process)
        store.before = before
        process.wait(120)
    store.before = lambda method, path: None
    assert struck, "nothing was written there"
    elsewhere(mesh)
    (seen,) = mesh.json("query", BATCHES)["rows"]
    assert seen in ([1, 1, 2000], [2, 2, 2000])

    mesh.json("apply")

    assert mesh.json("query", BATCHES)["rows"] == [[2, 2, 2000]]
    named = {f"mesh/{f}" for f in files_of_every_version(mesh)}
    assert {k for k in store.keys(bucket) if "/data/" in k} == named


def files_of_every_version(mesh: TestMesh) -> set[str]:
    """The files of data that any publication names."""
    import weft

    with weft.open(mesh.root) as opened:
        registry = opened._rooms.registry
        return {f.path for a in registry.ports() for p in registry.history(a) for f in p.manifest.files}


def test_a_store_that_is_away_is_told_and_what_is_published_is_read_from_copies(mesh, store, bucket):
    mesh.json("apply")
    source_rows(mesh, 2)
    store.before = lambda method, path: 503

    done = mesh.weft("apply")

    assert "WFT-STO-016" in done.stdout + done.stderr
    assert done.returncode == 5
    assert mesh.json("query", BATCHES)["rows"] == [[1, 1, 2000]]
    store.before = lambda method, path: None
    mesh.json("apply")
    assert mesh.json("query", BATCHES)["rows"] == [[2, 2, 2000]]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('connection = "store"', 'connection = "stor"', "WFT-STO-014"),
        ('connection = "store"\n', "", "WFT-STO-014"),
        ('warehouse = "s3://', 'warehouse = "gs://', "WFT-STO-014"),
        ("STORE_SECRET_KEY", "STORE_ACCESS_KEY", "WFT-STO-015"),
        ("STORE_SECRET_KEY", "NOT_SET", "WFT-SRC-021"),
        ("s3://bucket", "s3://no-bucket", "WFT-STO-017"),
    ],
)
def test_a_store_that_cannot_be_reached_as_it_is_set_is_told_with_its_mend(mesh, old, new, code):
    mesh.edit("weft.toml", old, new)

    done = mesh.weft("apply")

    assert code in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert SECRET_KEY not in done.stdout + done.stderr
    assert done.returncode != 0


def test_two_machines_share_bucket_catalog_and_registry(tmp_path, store, bucket, postgres):
    from weft.registry import migrations

    with empty_database(postgres) as registry, empty_database(postgres) as catalog:
        migrations.upgrade(migrations.of_postgres(registry))
        settings = store.settings(bucket).replace("[storage]\n", f'[storage]\ncatalog = "{catalog}"\n')
        machines = [in_the_store(two_products(tmp_path / name), settings) for name in ("one", "two")]
        for machine in machines:
            machine.edit("weft.toml", '[mesh]\nname = "two"\n', f'[mesh]\nname = "two"\nregistry = "{registry}"\n')
        machines[0].json("apply")

        source_rows(machines[1], 2)
        machines[1].json("apply", "sales.orders")

        assert machines[0].json("query", BATCHES)["rows"] == [[2, 2, 2000]]
        uri = catalog.replace("postgresql://", "postgresql+psycopg://")
        table = by_pyiceberg(store, uri, ("sales", "orders", "orders@1"))
        assert set(table.scan().to_arrow().column("batch").to_pylist()) == {2}
        assert not any(m.path(".weft/catalog.db").exists() for m in machines)


def test_copies_that_nobody_asks_for_give_way_and_are_fetched_again(tmp_path, store, bucket):
    import os
    import time

    files = store.files(bucket, tmp_path / "copies", most_bytes=2_000)
    places = [f"a/b/c@1/data/run-r{i}/rows.parquet" for i in range(4)]
    for place in places:
        path = tmp_path / "copies" / place
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 1000)
        files.keep([place], place.split("/")[-2], set)
        os.utime(path, (time.time() - 7200,) * 2)
    unsent = tmp_path / "copies/a/b/c@1/data/run-r9/rows.parquet"
    unsent.parent.mkdir(parents=True)
    unsent.write_bytes(b"y" * 9000)
    os.utime(unsent, (0, 0))

    files.sweep(dt.datetime.now(dt.UTC) - dt.timedelta(days=1), ())

    left = [p for p in places if (tmp_path / "copies" / p).exists()]
    assert len(left) == 2
    assert unsent.exists()
    files.bring(dict.fromkeys(places, 1000))
    assert all((tmp_path / "copies" / p).stat().st_size == 1000 for p in places)


def test_a_warehouse_that_is_copied_into_a_bucket_goes_on_there(tmp_path, store, bucket):
    mesh = two_products(tmp_path / "mesh")
    mesh.json("apply")
    first = mesh.json("history", PORT)["snapshots"][-1]["snapshot_id"]
    folder = mesh.path(".weft/warehouse")
    for file in folder.rglob("*"):
        if file.is_file():
            store.client().upload_file(str(file), bucket, f"mesh/{file.relative_to(folder).as_posix()}")
    shutil.rmtree(folder)
    in_the_store(mesh, store.settings(bucket))

    assert mesh.json("query", BATCHES)["rows"] == [[1, 1, 2000]]
    source_rows(mesh, 2)
    mesh.json("apply")

    elsewhere(mesh)
    assert mesh.json("query", BATCHES)["rows"] == [[2, 2, 2000]]
    assert mesh.json("query", BATCHES, "--at", first)["rows"] == [[1, 1, 2000]]
    uri = f"sqlite:///{mesh.path('.weft/catalog.db')}"
    table = by_pyiceberg(store, uri, ("sales", "orders", "orders@1"))
    assert set(table.scan().to_arrow().column("batch").to_pylist()) == {2}


def test_a_second_catalog_over_the_same_place_is_refused_before_it_removes_anything(tmp_path, mesh, store, bucket):
    mesh.json("apply")
    before = store.keys(bucket)
    other = in_the_store(two_products(tmp_path / "other"), store.settings(bucket))

    done = other.weft("apply")

    assert "WFT-STO-020" in done.stdout + done.stderr
    assert store.keys(bucket) == before


def test_what_was_uploaded_by_an_attempt_that_was_discarded_is_uploaded_again_by_the_next(tmp_path, store, bucket):
    files = store.files(bucket, tmp_path / "copies")
    place = "a/b/c@1/data/run-r1/rows.parquet"
    uploaded, path = tmp_path / "uploaded", tmp_path / "copies" / place
    uploaded.write_bytes(b"x" * 1000)
    for _ in range(2):  # a server links what was uploaded to it: both names are one file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(uploaded)
        files.keep([place], "run-r1", set)
        assert [k for k in store.keys(bucket) if k.endswith(".parquet")] == [f"mesh – é/{place}"]
        files.remove_run("a/b/c@1/data/run-r1")
        assert store.keys(bucket) == []


def test_an_upload_whose_parts_are_not_put_together_is_no_upload(tmp_path, store, bucket):
    """Arrow's own copying of files lets this pass."""
    files = store.files(bucket, tmp_path / "copies")
    place = "a/b/c@1/data/run-r1/rows.parquet"
    path = tmp_path / "copies" / place
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 25_000_000)
    posts: list[str] = []

    def before(method: str, asked: str) -> int | None:
        posts.extend([asked] if method == "POST" else [])
        return 403 if method == "POST" and len(posts) > 1 else None

    store.before = before

    with pytest.raises(PlatformError):
        files.keep([place], "run-r1", set)

    store.before = lambda method, path: None
    assert [k for k in store.keys(bucket) if k.endswith(".parquet")] == []
    assert path.stat().st_mode & 0o200, "it is not taken for a copy of what rests in the store"
    (half,) = files.store.unfinished("")
    assert half.key.endswith(place)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)
    files.sweep(later, ("r1",))
    assert len(list(files.store.unfinished(""))) == 1
    files.sweep(later, ())
    assert list(files.store.unfinished("")) == []
