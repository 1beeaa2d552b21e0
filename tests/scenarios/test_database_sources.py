"""A product that is made from a table of a database: landed, built, published, again with what is new."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import weft
from tests.shops import CONTRACT, ShopFiles
from weft.errors import SourceError


class Shop(ShopFiles):
    """A mesh with one product, made from one source behind the connection `db`."""

    def __init__(self, root: Path, url: str, source: dict, kind: str = "postgres") -> None:
        super().__init__(root, url, kind)
        self.columns("id", "amount")
        self.source(source)

    def columns(self, *names: str, version: str = "1.0.0") -> None:
        listed = [{"name": n, "logicalType": "integer"} for n in names]
        self.write_contract({"properties": listed}, version=version)
        model = self.root / "domains/shop/sales/models/orders.sql"
        model.parent.mkdir(parents=True, exist_ok=True)
        model.write_text(f"select {', '.join(names)} from raw")

    def source(self, source: dict, version: str = "1.0.0") -> None:
        bound = [{"property": "weft.source", "value": {"connection": "db", **source}}]
        self.write_product(
            inputPorts=[{"name": "raw", "version": "1.0.0", "contractId": "none", "customProperties": bound}],
            outputPorts=[{"name": "orders", "version": version, "contractId": CONTRACT["id"]}],
        )

    def plan(self, **options: bool) -> weft.api.mesh.Plan:  # type: ignore[name-defined]
        with weft.open(self.root) as mesh:
            return mesh.plan(**options)

    def build(self, **options: Any) -> str:
        """What became of the port."""
        return "published" if self.apply(**options).published else "unchanged"

    def amounts(self) -> list[tuple]:
        return self.rows("select id, amount from shop.sales.orders order by all")

    def batches(self) -> list[Path]:
        return sorted((self.root / ".weft/landing/shop/sales/raw").glob("batch-*"))


class Server:
    """A table `orders` on a server, and statements on it."""

    def __init__(self, url: str, kind: str) -> None:
        self.url = url
        self.kind = kind
        moment = "timestamptz" if kind == "postgres" else "datetime(6)"
        self.run(
            "DROP TABLE IF EXISTS orders",
            f"CREATE TABLE orders (id bigint, amount bigint, changed {moment}, gone {moment})",
        )

    def run(self, *statements: str) -> None:
        if self.kind == "postgres":
            import psycopg

            with psycopg.connect(self.url, autocommit=True) as connection:
                for one in statements:
                    connection.execute(one.encode())
            return
        import pymysql

        at = urlsplit(self.url)
        with (
            pymysql.connect(
                host=at.hostname, port=at.port, user="weft", password=at.password, database="weft", autocommit=True
            ) as connection,
            connection.cursor() as cursor,
        ):
            for one in statements:
                cursor.execute(one)

    def add(self, *rows: tuple[int, int, int]) -> None:
        """Rows (id, amount, minute of their change)."""
        listed = ", ".join(f"({i}, {amount}, '2026-01-01 10:{minute:02}:00', null)" for i, amount, minute in rows)
        self.run(f"INSERT INTO orders VALUES {listed}")


@pytest.fixture(params=["postgres", "mysql"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    name = {"postgres": "postgres", "mysql": "mariadb"}[request.param]
    yield Server(request.getfixturevalue(name), request.param)


def test_a_table_is_landed_built_and_published_and_an_unchanged_one_is_not_built_again(
    server: Server, tmp_path: Path
) -> None:
    server.add((1, 10, 0), (2, 20, 0))
    shop = Shop(tmp_path, server.url, {"table": "orders"}, server.kind)

    first, rows, again = shop.build(), shop.amounts(), shop.build()
    server.add((3, 30, 1))
    planned, moved = shop.plan(), shop.build()

    assert (first, again, moved) == ("published", "unchanged", "published")
    assert rows == [(1, 10), (2, 20)]
    assert [c.reason for c in planned.changes] == ["source `raw` is read anew"]
    assert [s.kind.value for s in planned.stages] == ["land", "build", "verify", "publish"]
    assert shop.amounts() == [(1, 10), (2, 20), (3, 30)]


def test_with_a_watermark_a_plan_knows_that_nothing_has_moved(server: Server, tmp_path: Path) -> None:
    server.add((1, 10, 0), (2, 20, 0))
    shop = Shop(tmp_path, server.url, {"table": "orders", "watermark": "changed"}, server.kind)
    shop.build()

    still = shop.plan()
    server.run("DELETE FROM orders WHERE id = 2")
    moved = shop.plan()

    assert still.is_empty
    assert [c.reason for c in moved.changes] == ["source `raw` is read anew"]
    assert shop.build() == "published"
    assert shop.amounts() == [(1, 10)]


def test_incremental_with_a_key_gives_the_latest_row_of_each_key(server: Server, tmp_path: Path) -> None:
    source = {"table": "orders", "mode": "incremental", "cursor": "changed", "key": "id", "overlap": "1m"}
    server.add((1, 10, 0), (2, 20, 5))
    shop = Shop(tmp_path, server.url, source, server.kind)
    shop.build()
    still = shop.plan()

    server.add((3, 30, 6))
    server.run("UPDATE orders SET amount = 11, changed = '2026-01-01 10:07:00' WHERE id = 1")
    server.add((4, 40, 5))  # committed late, within the overlap
    server.add((5, 50, 1))  # too late for it
    shop.build()

    assert still.is_empty
    assert shop.amounts() == [(1, 11), (2, 20), (3, 30), (4, 40)]
    landed = [json.loads((b / "batch.json").read_bytes()) for b in shop.batches()]
    assert [b["rows"] for b in landed] == [2, 4], "the second batch has what is new and the overlap alone"


def test_incremental_without_a_key_doubles_nothing_that_overlaps(server: Server, tmp_path: Path) -> None:
    source = {"table": "orders", "mode": "incremental", "cursor": "changed", "overlap": "2m"}
    server.add((1, 10, 0), (1, 10, 0), (2, 20, 5), (3, 30, 5))
    shop = Shop(tmp_path, server.url, source, server.kind)
    shop.build()

    server.run("DELETE FROM orders WHERE id = 3")
    server.add((4, 40, 4), (5, 50, 9))
    shop.build()
    server.run("INSERT INTO orders VALUES (6, 60, null, null)")
    server.add((7, 70, 9))
    shop.build()
    server.add((8, 80, 12))
    shop.build()

    assert shop.amounts() == [(1, 10), (1, 10), (2, 20), (4, 40), (5, 50), (6, 60), (7, 70), (8, 80)]
    assert shop.build(full_refresh=True) == "published"
    assert len(shop.amounts()) == 8


def test_an_incremental_read_gives_what_a_full_one_gives_whatever_changes(server: Server, tmp_path: Path) -> None:
    import random

    draw = random.Random(7)
    source = {"table": "orders", "mode": "incremental", "cursor": "changed", "key": "id", "deletes": "keys"}
    shop = Shop(tmp_path, server.url, source, server.kind)
    rows = dict.fromkeys(range(30), 0)
    server.add(*((key, 0, 0) for key in rows))
    shop.build()
    for minute in range(1, 7):
        for _ in range(6):
            key = draw.randrange(34)
            server.run(f"DELETE FROM orders WHERE id = {key}")
            rows.pop(key, None)
            if draw.random() < 0.5:
                rows[key] = draw.randrange(1000)
                server.add((key, rows[key], minute))
        shop.build()

        assert shop.amounts() == sorted(rows.items())


def test_rows_that_a_column_says_are_deleted_go(server: Server, tmp_path: Path) -> None:
    source = {"table": "orders", "mode": "incremental", "cursor": "changed", "key": "id", "deletes": {"column": "gone"}}
    server.add((1, 10, 0), (2, 20, 0))
    shop = Shop(tmp_path, server.url, source, server.kind)
    shop.build()

    server.run("UPDATE orders SET gone = '2026-01-01 11:00:00', changed = '2026-01-01 11:00:00' WHERE id = 1")
    shop.build()

    assert shop.amounts() == [(2, 20)]


@pytest.mark.parametrize("flag", ["boolean", "int", "decimal(3, 1)", "double precision"])
def test_a_flag_that_is_false_or_zero_deletes_no_row(server: Server, tmp_path: Path, flag: str) -> None:
    no, yes = ("false", "true") if flag == "boolean" else ("0", "1")
    server.run(f"ALTER TABLE orders DROP COLUMN gone, ADD COLUMN gone {flag}")
    server.run(f"INSERT INTO orders VALUES (1, 10, '2026-01-01', {no}), (2, 20, '2026-01-01', null)")
    server.run(f"INSERT INTO orders VALUES (3, 30, '2026-01-01', {yes})")
    source = {"table": "orders", "mode": "incremental", "cursor": "changed", "key": "id", "deletes": {"column": "gone"}}
    shop = Shop(tmp_path, server.url, source, server.kind)

    shop.build()

    assert shop.amounts() == [(1, 10), (2, 20)]


def test_ranges_that_are_read_at_once_give_every_row_once(server: Server, tmp_path: Path) -> None:
    server.add(*((i, i, 0) for i in range(-50, 157)))
    server.run("INSERT INTO orders VALUES (null, 5, null, null)")
    shop = Shop(tmp_path, server.url, {"table": "orders", "partition_by": "id", "parallel": 3}, server.kind)

    shop.build()

    assert sorted(shop.amounts()[:-1]) == [(i, i) for i in range(-50, 157)]
    assert shop.amounts()[-1] == (None, 5)
    assert len(list(shop.batches()[0].glob("rows-*"))) == 3


def test_a_column_that_is_added_is_read_from_the_next_plan_on(server: Server, tmp_path: Path) -> None:
    source = {"table": "orders", "mode": "incremental", "cursor": "changed", "key": "id"}
    server.add((1, 10, 0))
    shop = Shop(tmp_path, server.url, source, server.kind)
    shop.build()

    server.run("ALTER TABLE orders ADD COLUMN extra integer DEFAULT 7")
    shop.columns("id", "amount", "extra", version="1.1.0")
    shop.source(source, version="1.1.0")
    shop.build()

    with weft.open(tmp_path) as mesh:
        assert mesh.query("select extra from shop.sales.orders").arrow().to_pylist() == [{"extra": 7}]


def test_a_source_that_is_away_is_not_needed_to_build_again(tmp_path: Path, postgres: str) -> None:
    from tests.servers import postgres_running

    with postgres_running() as url:
        server = Server(url, "postgres")
        server.add((1, 10, 0))
        shop = Shop(tmp_path, url, {"table": "orders"})
        shop.build()

    planned, rebuilt = shop.plan(), shop.build(full_refresh=True)

    assert rebuilt == "published"
    assert shop.amounts() == [(1, 10)]
    assert [o.code for o in planned.objections] == ["WFT-SRC-027"]
    assert planned.is_empty
    with weft.open(tmp_path) as mesh:
        assert not any(d.code.startswith("WFT-SRC") for d in mesh.check().diagnostics)


def test_a_server_that_ends_the_connection_half_way_leaves_nothing_half(tmp_path: Path, postgres: str) -> None:
    server = Server(postgres, "postgres")
    server.add((1, 10, 0))
    shop = Shop(tmp_path, postgres, {"table": "orders"})
    shop.build()
    slow = "select i as id, i as amount, repeat('x', 20000) as much from generate_series(1, 20000) i"
    shop.source({"query": f"{slow} where pg_sleep(0.0005) is not null"})
    killed = threading.Event()

    def kill() -> None:
        import psycopg

        with psycopg.connect(postgres, autocommit=True) as admin:
            while not killed.is_set():
                half = list((tmp_path / ".weft/landing/shop/sales/raw").glob(".half-*/rows-*"))
                if any(f.stat().st_size > 1000 for f in half):
                    admin.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity"
                        " where query like '%generate_series%' and pid <> pg_backend_pid()"
                    )
                    killed.set()
                time.sleep(0.01)

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(SourceError, match="cannot be opened") as lost:
        shop.build()
    was_killed = killed.is_set()
    killed.set()
    thread.join()

    assert was_killed, "the server was to end the connection while rows came"
    assert lost.value.diagnostics[0].why == "the connection was lost"
    assert shop.amounts() == [(1, 10)]
    assert not list((tmp_path / ".weft/landing/shop/sales/raw").glob(".half-*"))
    assert len(shop.batches()) == 1
    shop.source({"table": "orders"})
    assert shop.build() in ("published", "unchanged")
    assert shop.amounts() == [(1, 10)]


def test_a_password_is_in_no_output_no_plan_no_log_and_no_registry(
    tmp_path: Path, postgres: str, mariadb: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for kind, url, password in (("postgres", postgres, "open-sesame-9"), ("mysql", mariadb, "sesame")):
        root = tmp_path / kind
        root.mkdir()
        server = Server(url, kind)
        server.add((1, 10, 0))
        if kind == "postgres":
            server.run(
                f"CREATE ROLE reader LOGIN PASSWORD '{password}'",
                "GRANT SELECT ON orders TO reader",
            )
        good = url.replace("//weft@", f"//reader:{password}@")
        shop = Shop(root, good, {"table": "orders"}, kind)
        told = [str(shop.plan().as_json())]
        shop.build()
        for source in ({"table": "order"}, {"table": "orders", "watermark": "nothing"}, {"query": "select nonsense"}):
            shop.source(source)
            with pytest.raises(weft.errors.WeftError) as refused:  # type: ignore[attr-defined]
                shop.build()
            told.append(str(refused.value))
        (root / "dsn").write_text(good.replace("127.0.0.1", "127.0.0.2"))
        shop.source({"table": "orders"})
        told += [str(o) for o in shop.plan().objections]
        with weft.open(root) as mesh:
            told += [str(d) for d in mesh.doctor()]
        (root / "dsn").unlink()

        written = [f.read_bytes() for f in root.rglob("*") if f.is_file()]
        shown = "".join(capfd.readouterr())
        assert not any(password.encode() in content for content in written)
        assert password not in shown + "".join(told)
        assert "did you mean `orders`" in told[1]
        assert "no column `nothing`" in told[2]


def test_a_new_product_from_a_table_plans_and_applies(server: Server, tmp_path: Path) -> None:
    from weft.api.scaffolding import new_domain, new_product

    server.run(
        "DROP TABLE IF EXISTS sold",
        "CREATE TABLE sold (shop_id integer not null, line integer not null, name varchar(20) not null, price"
        " decimal(8,2), at timestamp null, PRIMARY KEY (line, shop_id))",
        "INSERT INTO sold VALUES (1, 2, 'tea', 3.50, '2026-01-01 10:00:00')",
    )
    Shop(tmp_path, server.url, {"table": "sold"}, server.kind)
    new_domain(tmp_path, "store")

    new_product(tmp_path, "store.things", source="db.sold")
    with weft.open(tmp_path) as mesh:
        planned = mesh.plan(["store.things"])
        done = mesh.apply(["store.things"])
        found = mesh.query("select shop_id, line, name, price from store.things.sold").arrow().to_pylist()

    contract = (tmp_path / "domains/store/things/contracts/sold.odcs.yaml").read_text()
    assert [c.action.value for c in planned.changes] == ["create"]
    assert not planned.objections
    assert not done.failed
    assert [tuple(map(str, row.values())) for row in found] == [("1", "2", "tea", "3.50")]
    assert contract.count("primaryKey: true") == 2
    assert contract.count("required: true") == 3


def test_a_new_product_from_a_table_is_checked_where_no_server_is(server: Server, tmp_path: Path) -> None:
    from weft.api.scaffolding import new_domain, new_product

    stamp, more = ("timestamptz", ", tags text[], one uuid, doc jsonb, span interval, day date, clock time, raw bytea")
    if server.kind != "postgres":
        stamp, more = "datetime(6)", ", one json, day date, clock time, raw blob, small tinyint unsigned, sure bool"
    server.run(
        "DROP TABLE IF EXISTS sold",
        f"CREATE TABLE sold (id bigint PRIMARY KEY, price decimal(8,2), ratio float, name varchar(9), at {stamp}"
        f"{more})",
    )
    Shop(tmp_path, server.url, {"table": "sold"}, server.kind)
    new_domain(tmp_path, "store")
    new_product(tmp_path, "store.things", source="db.sold")
    with weft.open(tmp_path) as mesh:
        asked = mesh._rooms.repository(ask=True)
    name = ("store.things.sold@1", "sold_source")
    (tmp_path / "dsn").write_text(f"{urlsplit(server.url).scheme}://weft@127.0.0.1:1/weft")

    with weft.open(tmp_path) as mesh:
        checked = mesh.check(["store.things"]).diagnostics
        away = mesh._rooms.repository(ask=False)

    def columns(seen) -> list[tuple[str, str]]:
        (wanted,) = [w for a, w in seen.desired.items() if str(a) == name[0]]
        return [(c.name, c.type) for c in wanted.bound[name[1]]]

    assert not checked
    assert columns(away) == columns(asked)


def test_files_of_a_store_are_landed_and_read_again_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    stand_in = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    stand_in.start()
    endpoint = "http://{}:{}".format(*stand_in.get_host_and_port())
    monkeypatch.setenv("LAKE_SECRET", "open-sesame-9")
    store = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="reader",
        aws_secret_access_key="open-sesame-9",
    )
    store.create_bucket(Bucket="deliveries")
    store.put_object(Bucket="deliveries", Key="in/a.csv.gz", Body=gzip.compress(b"id,amount\n1,10\n"))
    shop = Shop(tmp_path, "unused", {"file": "s3://deliveries/in/*.csv.gz"}, "postgres")
    (tmp_path / "key").write_text("reader")
    (tmp_path / "weft.toml").write_text(
        f'[mesh]\nname = "shop"\n[connections.db]\nkind = "s3"\nendpoint = "{endpoint}"\nregion = "us-east-1"\n'
        'access_key = { file = "key" }\nsecret_key = { env = "LAKE_SECRET" }\n'
    )
    model = tmp_path / "domains/shop/sales/models/orders.sql"
    model.write_text("select id::bigint as id, amount::bigint as amount from raw")

    shop.build()
    still = shop.plan()
    store.put_object(Bucket="deliveries", Key="in/b.csv.gz", Body=gzip.compress(b"id,amount\n2,20\n"))
    moved = shop.plan()
    shop.build()
    with weft.open(tmp_path) as mesh:
        reached = [d.what for d in mesh.doctor()]
    stand_in.stop()

    assert still.is_empty
    assert moved.stages[0].kind.value == "land"
    assert shop.amounts() == [(1, 10), (2, 20)]
    assert "the connection `db` can be reached" in reached
    assert shop.build(full_refresh=True) == "published"
    written = [f.read_bytes() for f in tmp_path.rglob("*") if f.is_file()]
    assert not any(b"open-sesame-9" in content for content in written)


def test_many_batches_become_one_and_give_the_same_rows(server: Server, tmp_path: Path) -> None:
    source = {"table": "orders", "mode": "incremental", "cursor": "changed", "key": "id", "keep": "0s"}
    server.add((0, 0, 0))
    shop = Shop(tmp_path, server.url, {**source, "deletes": "keys"}, server.kind)
    shop.build()
    for minute in range(1, 22):
        server.run(f"DELETE FROM orders WHERE id = {minute % 4}")
        server.add((minute % 4, minute, minute))
        server.add((minute + 10, minute, minute))
        shop.build()

    expected = [(0, 20), (1, 21), (2, 18), (3, 19), *((m + 10, m) for m in range(1, 22))]
    assert shop.amounts() == expected
    assert len(shop.batches()) < 5
    assert shop.plan().is_empty
    assert shop.build(full_refresh=True) == "published"
    assert shop.amounts() == expected
    server.run("DELETE FROM orders WHERE id = 11")
    shop.build()
    assert shop.amounts() == [row for row in expected if row[0] != 11]


def test_a_plan_is_applied_as_it_was_made_or_refused_when_the_source_has_moved(postgres: str, tmp_path: Path) -> None:
    from weft.errors import Conflict

    server = Server(postgres, "postgres")
    server.add((1, 10, 0))
    shop = Shop(tmp_path, postgres, {"table": "orders", "watermark": "changed"})
    first = shop.plan()
    assert shop.build(plan=first) == "published"
    server.add((2, 20, 1))
    second = shop.plan()
    server.add((3, 30, 2))

    with pytest.raises(Conflict, match=r"source `shop\.sales\.raw` moved since the plan was made"):
        shop.build(plan=second)

    assert shop.amounts() == [(1, 10)]
    assert shop.build(plan=shop.plan()) == "published"
    assert shop.amounts() == [(1, 10), (2, 20), (3, 30)]


def test_a_source_that_was_never_read_and_cannot_be_is_told_at_its_input_port(postgres: str, tmp_path: Path) -> None:
    Server(postgres, "postgres")
    away = Shop(tmp_path, "postgresql://weft:open-sesame@127.0.0.1:1/postgres", {"table": "orders"})

    (planned,) = away.plan().objections
    with pytest.raises(SourceError) as failed:
        away.build()

    assert (planned.code, planned.where and planned.where.file) == (
        "WFT-SRC-050",
        "domains/shop/sales/product.odps.yaml",
    )
    assert "postgresql://weft@127.0.0.1:1/postgres" in str(planned.why)
    told = failed.value.diagnostics[0]
    assert (told.code, told.where and told.where.file) == ("WFT-SRC-010", "domains/shop/sales/product.odps.yaml")
    assert "postgresql://weft@127.0.0.1:1/postgres" in told.what
    assert "open-sesame" not in f"{planned} {failed.value}"
    (tmp_path / "dsn").unlink()
    assert "is to be taken from the file dsn, which cannot be read" in str(away.plan().objections[0].why)
    with pytest.raises(SourceError, match="is to be taken from the file dsn, which cannot be read"):
        away.build()


def test_a_source_is_not_asked_before_it_is_due(postgres: str, tmp_path: Path) -> None:
    server = Server(postgres, "postgres")
    server.add((1, 10, 0))
    shop = Shop(tmp_path, postgres, {"table": "orders", "refresh": "1h"})
    shop.build()
    server.add((2, 20, 1))

    early = shop.plan()
    shop.source({"table": "orders", "refresh": "always"})
    late = shop.plan()

    assert early.is_empty
    assert not late.is_empty


def test_batches_that_nothing_needs_go_after_their_time(postgres: str, tmp_path: Path) -> None:
    server = Server(postgres, "postgres")
    server.add((1, 10, 0))
    shop = Shop(tmp_path, postgres, {"table": "orders", "keep": "1h"})
    shop.build()
    server.add((2, 20, 1))
    shop.build()
    kept = len(shop.batches())

    shop.source({"table": "orders", "keep": "0s"})
    server.add((3, 30, 2))
    shop.build()

    assert kept == 2
    assert len(shop.batches()) == 1
    assert shop.amounts() == [(1, 10), (2, 20), (3, 30)]


def test_a_landed_file_says_when_and_by_which_batch_and_models_do_not_see_it(postgres: str, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    server = Server(postgres, "postgres")
    server.add((1, 10, 0))
    shop = Shop(tmp_path, postgres, {"table": "orders"})
    (tmp_path / "domains/shop/sales/models/orders.sql").write_text("select id, amount, _batch from raw")

    with pytest.raises(weft.errors.WeftError, match="_batch"):  # type: ignore[attr-defined]
        shop.build()
    shop.columns("id", "amount")
    shop.build()

    (batch,) = shop.batches()
    (row,) = pq.read_table(batch / "rows-0.parquet").to_pylist()
    assert row["_batch"] == batch.name.removeprefix("batch-")
    assert row["_loaded_at"].tzinfo is not None
    assert row["id"] == 1
