"""Sources behind connections that cannot be reached: what else goes on, and what is said of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from tests.meshes import number
from tests.scenarios.test_database_sources import Server, Shop
from weft.api.scaffolding import new_product
from weft.errors import UsageError, WeftError

NOWHERE = "postgresql://u:hunter2@127.0.0.1:1/x"


def added(shop: Shop, product: str, connection: str) -> None:
    """Another product like the first one, behind another connection."""
    folder = shop.root / "domains/shop"
    shutil.copytree(folder / "sales", folder / product)
    for file in (folder / product).rglob("*.yaml"):
        text = file.read_text().replace('"connection": "db"', f'"connection": "{connection}"')
        text = text.replace('"name": "sales"', f'"name": "{product}"')
        for of in ("shop.sales", "shop.sales.orders"):
            text = text.replace(number(of), number(of.replace("sales", product)))
        file.write_text(text)


FILES = {"file": "s3://deliveries/orders.csv"}


def declared(shop: Shop) -> None:
    """Gives the source a contract of its own."""
    columns = [{"name": n, "logicalType": "integer", "physicalType": "BIGINT"} for n in ("id", "amount")]
    shop.write(
        "sales/contracts/sources/raw.odcs.yaml",
        {
            "apiVersion": "v3.1.0",
            "kind": "DataContract",
            "id": number("raw"),
            "name": "raw",
            "version": "1.0.0",
            "status": "active",
            "schema": [{"name": "raw", "properties": columns}],
        },
    )
    file = shop.root / "domains/shop/sales/product.odps.yaml"
    described = json.loads(file.read_text())
    described["inputPorts"][0]["contractId"] = number("raw")
    file.write_text(json.dumps(described))


def connected(shop: Shop, name: str, url: str) -> None:
    with (shop.root / "weft.toml").open("a") as file:
        file.write(f'[connections.{name}]\nkind = "postgres"\ndsn = {{ file = "{name}" }}\n')
    (shop.root / name).write_text(url)


def test_a_source_that_was_never_reached_stops_its_own_product_and_no_other(postgres: str, tmp_path: Path) -> None:
    Server(postgres, "postgres").add((1, 10, 1))
    shop = Shop(tmp_path, postgres, {"table": "orders"})
    connected(shop, "dead", NOWHERE)
    added(shop, "more", "dead")

    with weft.open(tmp_path) as mesh:
        plan = mesh.plan()
        done = mesh.apply()

    assert [str(c.address) for c in plan.changes] == ["shop.sales.orders@1"]
    assert [(d.code, str(d.severity)) for d in plan.objections] == [("WFT-SRC-050", "warning")]
    assert [str(p.address) for p in done.published] == ["shop.sales.orders@1"]
    assert [(str(f.address), f.diagnostics[0].code) for f in done.failed] == [("shop.more.orders@1", "WFT-SRC-010")]
    assert shop.amounts() == [(1, 10)]
    assert "hunter2" not in str(plan.objections) + str(done.failed)


def test_a_product_that_is_not_selected_is_not_said_to_have_failed(postgres: str, tmp_path: Path) -> None:
    Server(postgres, "postgres").add((1, 10, 1))
    shop = Shop(tmp_path, postgres, {"table": "orders"})
    connected(shop, "dead", NOWHERE)
    added(shop, "more", "dead")

    with weft.open(tmp_path) as mesh:
        done = mesh.apply(["shop.sales"])

    assert not done.failed and [str(p.address) for p in done.published] == ["shop.sales.orders@1"]


@pytest.mark.parametrize("before", [False, True], ids=["never landed", "landed before"])
def test_a_landing_that_fails_leaves_other_products_alone(postgres: str, tmp_path: Path, before: bool) -> None:
    server = Server(postgres, "postgres")
    server.add((1, 10, 1))
    shop = Shop(tmp_path, postgres, {"table": "orders"})
    server.run(
        "DROP TABLE IF EXISTS moments",
        "CREATE TABLE moments (id bigint, amount bigint, at timestamptz)",
        f"INSERT INTO moments VALUES (7, 70, '{'2026-01-01' if before else 'infinity'}')",
    )
    connected(shop, "other", postgres)
    added(shop, "more", "other")
    file = shop.root / "domains/shop/more/product.odps.yaml"
    file.write_text(file.read_text().replace('"table": "orders"', '"table": "moments"'))
    if before:
        shop.build()
        server.run("UPDATE moments SET at = 'infinity'")
        server.add((2, 20, 2))

    with weft.open(tmp_path) as mesh:
        done = mesh.apply()
        kept = mesh.query("select id from shop.more.orders").arrow().to_pylist() if before else []

    assert [str(p.address) for p in done.published] == ["shop.sales.orders@1"]
    assert [(str(f.address), f.diagnostics[0].code) for f in done.failed] == [("shop.more.orders@1", "WFT-SRC-029")]
    assert kept == ([{"id": 7}] if before else [])


def test_check_and_plan_go_on_where_no_server_is_and_nothing_was_landed(tmp_path: Path) -> None:
    Shop(tmp_path, NOWHERE, {"table": "orders"})

    with weft.open(tmp_path) as mesh:
        checked = mesh.check().diagnostics
        plan = mesh.plan()

    assert [(d.code, str(d.severity)) for d in checked] == [("WFT-SRC-050", "warning")]
    assert "hunter2" not in str(checked) and plan.is_empty and not plan.refused


def test_a_source_contract_says_the_columns_where_no_server_is(tmp_path: Path) -> None:
    shop = Shop(tmp_path, NOWHERE, {"table": "orders"})
    declared(shop)
    (tmp_path / "domains/shop/sales/tests").mkdir()
    (tmp_path / "domains/shop/sales/tests/orders.yaml").write_text(
        "model: orders\ntests:\n- name: ids stay\n  given:\n    raw:\n      rows:\n      - {id: 1, amount: 2}\n"
        "  expect:\n    rows:\n    - {id: 1, amount: 2}\n"
    )

    with weft.open(tmp_path) as mesh:
        checked = mesh.check().diagnostics
        tested = mesh.test()
        plan = mesh.plan()
        done = mesh.apply()

    assert not checked
    assert [str(r.outcome) for r in tested.results] == ["passed"]
    assert [str(c.action) for c in plan.changes] == ["create"]
    assert [d.code for d in plan.objections] == ["WFT-SRC-027"]
    assert [f.diagnostics[0].code for f in done.failed] == ["WFT-SRC-010"]


def test_a_wrong_column_is_found_by_the_source_contract_alone(tmp_path: Path) -> None:
    shop = Shop(tmp_path, NOWHERE, {"table": "orders"})
    declared(shop)
    (tmp_path / "domains/shop/sales/models/orders.sql").write_text("select id, amuont as amount from raw")

    with weft.open(tmp_path) as mesh:
        checked = mesh.check().diagnostics

    assert [d.where and (d.where.file, d.where.line) for d in checked] == [("domains/shop/sales/models/orders.sql", 1)]


@pytest.mark.parametrize(
    ("text", "code"), [("db", "WFT-CLI-001"), ("db.", "WFT-CLI-001"), ("bd.orders", "WFT-SRC-020")]
)
def test_a_new_product_from_something_that_is_no_table_says_what_to_write(tmp_path: Path, text: str, code: str) -> None:
    shop = Shop(tmp_path, NOWHERE, {"table": "orders"})
    shutil.rmtree(shop.root / "domains/shop/sales")

    with pytest.raises(WeftError) as raised:
        new_product(tmp_path, "shop.lines", source=text)

    (told,) = raised.value.diagnostics
    assert told.code == code
    assert "`db`" in str(told.fix) or "db.TABLE" in str(told.fix)


def test_a_new_product_from_a_store_says_that_it_has_no_tables(tmp_path: Path) -> None:
    shop = Shop(tmp_path, NOWHERE, {"table": "orders"})
    settings = tmp_path / "weft.toml"
    keys = 'access_key = { file = "dsn" }\nsecret_key = { file = "dsn" }\n'
    settings.write_text(f'{settings.read_text()}[connections.lake]\nkind = "s3"\nregion = "eu-central-1"\n{keys}')
    shutil.rmtree(shop.root / "domains/shop/sales")

    with pytest.raises(UsageError, match=r"WFT-CLI-001: `lake` is a store: it has files, and no table `orders`"):
        new_product(tmp_path, "shop.lines", source="lake.orders")


@pytest.mark.parametrize(
    ("kind", "source", "lacks"),
    [("s3", {"table": "orders"}, "tables"), ("s3", {"query": "select 1"}, "tables"), ("postgres", FILES, "files")],
)
def test_a_source_of_a_connection_of_another_kind_is_told(tmp_path: Path, kind: str, source: dict, lacks: str) -> None:
    shop = Shop(tmp_path, NOWHERE, source)
    more = 'access_key = { file = "dsn" }\nsecret_key = { file = "dsn" }' if kind == "s3" else 'dsn = { file = "dsn" }'
    (tmp_path / "weft.toml").write_text(f'[mesh]\nname = "shop"\n[connections.db]\nkind = "{kind}"\n{more}\n')

    with weft.open(tmp_path) as mesh:
        told = [d.code for d in mesh.check().diagnostics]
    with pytest.raises(WeftError, match=f"WFT-SRC-023: `db` is a connection of the kind {kind}, which has no {lacks}"):
        shop.build()

    assert told == ["WFT-SRC-023"]


def test_doctor_says_which_package_reads_the_rows_where_it_lacks(postgres: str, tmp_path: Path) -> None:
    shop = Shop(tmp_path, postgres, {"table": "orders"})
    shutil.rmtree(shop.root / "domains/shop/sales")
    program = (
        "import sys\n"
        "class Without:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'adbc_driver_postgresql': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Without())\n"
        "sys.argv = ['weft', 'doctor']\n"
        "from weft.cli.main import main\n"
        "main()\n"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 1
    assert "the connection `db` cannot be reached" in done.stdout + done.stderr
    assert 'pip install "weft[postgres]"' in done.stdout + done.stderr


@pytest.mark.parametrize(
    "query", ["SELECT 1 AS id, 2 AS amount, 3 AS amount", 'SELECT 1 AS id, 2 AS "amount", 3 AS "Amount"']
)
def test_columns_that_cannot_be_told_apart_are_told_at_the_input_port(
    postgres: str, tmp_path: Path, query: str
) -> None:
    Shop(tmp_path, postgres, {"query": query})

    with weft.open(tmp_path) as mesh:
        (told,) = mesh.check().diagnostics

    assert told.code == "WFT-SRC-052" and "`amount`" in told.what
    assert told.where is not None and told.where.file == "domains/shop/sales/product.odps.yaml"


def test_what_a_server_has_against_the_words_of_a_query_is_shown(postgres: str, tmp_path: Path) -> None:
    Server(postgres, "postgres")
    Shop(tmp_path, postgres, {"query": "SELECT id, amuont AS amount FROM orders"})

    with weft.open(tmp_path) as mesh:
        (told,) = mesh.check().diagnostics

    assert told.code == "WFT-SQL-010"
    assert 'column "amuont" does not exist' in told.what
    assert told.where is not None and told.where.file == "domains/shop/sales/product.odps.yaml"
