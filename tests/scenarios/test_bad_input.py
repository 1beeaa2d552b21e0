"""Each kind of bad input: its exit code and diagnostic, no traceback, and the former data still served."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3

import pytest

from tests.meshes import TestMesh, contract, descriptor, source, two_products

ORDERS = "domains/sales/orders"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A mesh whose four ports are published."""
    mesh = two_products(tmp_path_factory.mktemp("bad") / "mesh")
    done = mesh.weft("apply")
    assert done.returncode == 0, done.stderr
    return mesh


@pytest.fixture
def mesh(published, tmp_path):
    """A copy of the published mesh."""
    return TestMesh(shutil.copytree(published.root, tmp_path / "mesh"))


def refused(mesh: TestMesh, code: int, diagnostic: str, *words: str, **environment: str) -> dict:
    """Runs `apply`, expects the exit code and the diagnostic, and that the former rows are still read."""
    before = mesh.rows("sales.orders.orders")
    done = mesh.weft(*(words or ("apply",)), "--format", "json", **environment)
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    found = answer.get("diagnostics", []) + [d for f in answer.get("failed", []) for d in f["diagnostics"]]
    assert diagnostic in [d["code"] for d in found], done.stdout
    assert mesh.rows("sales.orders.orders") == before
    return next(d for d in found if d["code"] == diagnostic)


def test_a_missing_source_file_is_named_with_the_nearest_one(mesh):
    mesh.path("data/orders.csv").rename(mesh.path("data/order.csv"))

    found = refused(mesh, 2, "WFT-SRC-001")

    assert found["fix"] == "did you mean `order.csv`?"


def test_a_missing_descriptor_is_named(mesh):
    mesh.path(f"{ORDERS}/product.odps.yaml").unlink()

    refused(mesh, 2, "WFT-PRJ-001")


def test_yaml_that_does_not_parse_is_shown_with_its_line(mesh):
    mesh.write(f"{ORDERS}/contracts/orders.odcs.yaml", "apiVersion: v3.1.0\nkind: [\n")

    found = refused(mesh, 2, "WFT-PRJ-002")

    assert found["where"]["line"] == 3


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('"kind": "DataContract"', '"kind": "DataProduct"', "WFT-PRJ-003"),
        ('"apiVersion": "v3.1.0"', '"apiVersion": "v9.0.0"', "WFT-PRJ-004"),
        ('"logicalType": "integer"', '"logicalType": "strng"', "WFT-PRJ-005"),
        ('"version": "1.0.0"', '"version": "one"', "WFT-CON-007"),
        ('"status": "active"', '"status": "activ"', "WFT-PRJ-022"),
    ],
)
def test_a_document_of_another_standard_version_or_shape_is_refused_in_its_line(mesh, old, new, code):
    mesh.edit(f"{ORDERS}/contracts/orders.odcs.yaml", old, new)

    found = refused(mesh, 2, code)

    assert found["where"]["file"].endswith("orders.odcs.yaml")
    assert found["where"]["line"] >= 1


def test_a_column_of_the_contract_that_the_model_does_not_give(mesh):
    mesh.edit(f"{ORDERS}/models/orders.sql", "    amount::integer as amount,\n", "")
    mesh.edit(f"{ORDERS}/models/totals.sql", "sum(amount)", "sum(id)")
    mesh.edit("domains/report/daily/models/big.sql", "o.amount\nfrom", "1 as amount\nfrom")
    mesh.edit("domains/report/daily/models/big.sql", "where o.amount >= 50", "")

    refused(mesh, 2, "WFT-CON-001")


def test_a_column_of_the_model_that_the_contract_does_not_know(mesh):
    mesh.edit(f"{ORDERS}/models/orders.sql", "from raw", ", 1 as extra\nfrom raw")

    found = refused(mesh, 2, "WFT-CON-002")

    assert found["where"] == {"file": f"{ORDERS}/models/orders.sql", "line": 6, "column": 3}


def test_a_column_of_another_type(mesh):
    mesh.edit(f"{ORDERS}/models/orders.sql", "amount::integer", "amount::varchar")
    mesh.edit(f"{ORDERS}/models/totals.sql", "sum(amount)", "sum(amount::integer)")
    mesh.edit("domains/report/daily/models/big.sql", "where o.amount", "where o.amount::integer")
    mesh.edit("domains/report/daily/models/small.sql", "where o.amount", "where o.amount::integer")

    found = refused(mesh, 2, "WFT-CON-003")

    assert found["where"] == {"file": f"{ORDERS}/models/orders.sql", "line": 4, "column": 5}
    assert f"{ORDERS}/contracts/orders.odcs.yaml:" in found["why"]


def test_a_column_of_another_type_behind_a_cte_and_a_star_is_shown_where_it_is_made(mesh):
    mesh.write(
        f"{ORDERS}/models/totals.sql",
        "with per_day as (\n  select day, max(batch)::integer as batch,\n    sum(amount)::varchar as amount\n"
        "  from orders group by day\n)\nselect * from per_day\n",
    )

    found = refused(mesh, 2, "WFT-CON-003")

    assert "`amount`" in found["what"]
    assert found["where"] == {"file": f"{ORDERS}/models/totals.sql", "line": 3, "column": 5}


@pytest.mark.parametrize("type_", ["DECIMAL(99,2)", "MAP(INTEGER)", "STRUCT(a INTEGER, a INTEGER)"])
def test_a_type_of_a_source_that_no_table_can_have_is_shown_where_it_stands(mesh, type_):
    said = declared(mesh, [{"name": "id", "id": "id", "logicalType": "integer", "physicalType": type_}])

    found = refused(mesh, 2, "WFT-CON-008")

    assert found["what"] == f"column `id` of input port `raw`: no table can have the type `{type_}`"
    assert found["where"]["file"] == said
    assert found["where"]["line"] > 1


def test_a_type_of_a_python_models_header_that_no_table_can_have_is_shown_with_the_model(mesh):
    mesh.path(f"{ORDERS}/models/totals.sql").unlink()
    header = '# /// script\n# [tool.weft.columns]\n# day = "DECIMAL(99,2)"\n# ///\n'
    mesh.write(f"{ORDERS}/models/sums.py", f"{header}def sums(orders):\n    return orders\n")
    mesh.write(f"{ORDERS}/models/totals.sql", "select day, 1 as batch, 1 as amount from sums")

    found = refused(mesh, 2, "WFT-CON-008")

    assert found["what"] == "column `day` of model `sums`: no table can have the type `DECIMAL(99,2)`"
    assert found["where"]["file"] == f"{ORDERS}/models/sums.py"


def declared(mesh: TestMesh, properties: list[dict]) -> str:
    """Has a source contract say the columns of the source; returns its file."""
    file = f"{ORDERS}/contracts/sources/raw.odcs.yaml"
    mesh.write(file, contract("sales.orders.raw", properties))
    number = json.loads(mesh.path(file).read_text())["id"]
    mesh.edit(f"{ORDERS}/product.odps.yaml", '"contractId": "none"', f'"contractId": "{number}"')
    return file


def test_sql_that_does_not_parse_is_shown_with_line_and_column_of_the_models_file(mesh):
    mesh.write(f"{ORDERS}/models/totals.sql", "/* weft\nmaterialized: full\n*/\nselect day,\nfrom from orders\n")

    found = refused(mesh, 2, "WFT-SQL-001")

    assert found["where"]["file"] == f"{ORDERS}/models/totals.sql"
    assert found["where"]["line"] == 5
    assert found["where"]["column"] >= 1


def test_an_unknown_table_is_named_with_the_nearest(mesh):
    mesh.edit(f"{ORDERS}/models/totals.sql", "from orders", "from ordres")

    found = refused(mesh, 2, "WFT-SQL-003")

    assert found["fix"] == "did you mean `orders`?"
    assert found["where"]["line"] == 2


def test_models_that_read_each_other_in_a_circle(mesh):
    mesh.edit(f"{ORDERS}/models/orders.sql", "from raw", "from totals")

    refused(mesh, 2, "WFT-SQL-011")


def test_products_that_read_each_other_in_a_circle(mesh):
    text = json.loads(mesh.path(f"{ORDERS}/product.odps.yaml").read_text())
    back = json.loads(mesh.path("domains/report/daily/product.odps.yaml").read_text())["inputPorts"][0]
    back["name"] = "back"
    back["customProperties"][0]["value"] = "report.daily.big@1"
    text["inputPorts"].append(back)
    mesh.write(f"{ORDERS}/product.odps.yaml", json.dumps(text, indent=2))

    refused(mesh, 2, "WFT-PLN-002")


def test_a_broken_row_is_named_by_line_and_never_by_its_value(mesh):
    with mesh.path("data/orders.csv").open("a") as file:
        file.write('7,secret"value,1,2,3,4\n')

    found = refused(mesh, 2, "WFT-SRC-003")

    assert "secret" not in json.dumps(found)


def test_a_value_that_the_model_cannot_cast_is_named_by_line_and_column_and_never_shown(mesh):
    with mesh.path("data/orders.csv").open("a") as file:
        file.write("secretvalue,1,2,3\n")

    found = refused(mesh, 2, "WFT-SRC-003")

    assert "secretvalue" not in json.dumps(found)
    assert "line 2002, column `id`" in found["what"]


def test_another_encoding(mesh):
    from tests.meshes import contract

    mesh.path("data/names.csv").write_bytes("id\nRenée\n".encode("latin-1"))
    listed = descriptor("sales", "names", [source("raw", file="data/names.csv")], ["names"])
    mesh.write("domains/sales/names/product.odps.yaml", listed)
    mesh.write("domains/sales/names/models/names.sql", "select id from raw\n")
    text = contract("sales.names.names", [{"name": "id", "logicalType": "string"}])
    mesh.write("domains/sales/names/contracts/names.odcs.yaml", text)

    found = refused(mesh, 2, "WFT-SRC-002")

    assert "encoding" in found["fix"]
    mesh.edit(
        "domains/sales/names/product.odps.yaml",
        '"file": "data/names.csv"',
        '"file": "data/names.csv", "encoding": "latin-1"',
    )
    assert mesh.weft("apply").returncode == 0
    assert mesh.rows("sales.names.names") == [["Renée"]]


def test_a_missing_column_of_the_source(mesh):
    text = mesh.path("data/orders.csv").read_text().replace("amount", "amonut", 1)
    mesh.write("data/orders.csv", text)

    found = refused(mesh, 2, "WFT-SQL-010")

    assert "amount" in found["what"]


def test_a_source_without_rows_breaks_a_contract_that_promises_some(mesh):
    contract = json.loads(mesh.path(f"{ORDERS}/contracts/orders.odcs.yaml").read_text())
    contract["version"] = "1.1.0"
    contract["schema"][0]["quality"] = [{"type": "library", "metric": "rowCount", "mustBeGreaterThan": 0}]
    mesh.write(f"{ORDERS}/contracts/orders.odcs.yaml", json.dumps(contract, indent=2))
    mesh.edit(
        f"{ORDERS}/product.odps.yaml",
        '"version": "1.0.0",\n      "contractId": "' + contract["id"],
        '"version": "1.1.0",\n      "contractId": "' + contract["id"],
    )
    mesh.write("data/orders.csv", "id,batch,amount,day\n")

    refused(mesh, 1, "WFT-CHK-001")


def test_rows_that_break_the_contract_are_counted_and_shown_by_key(mesh):
    with mesh.path("data/orders.csv").open("a") as file:
        file.write("9001,1,-5,3\n9002,1,-6,3\n")

    found = refused(mesh, 1, "WFT-CHK-001")

    assert "2 of 2,002 rows" in found["what"]
    assert "9001" in found["why"]


@pytest.mark.parametrize(
    ("name", "code"), [("On-Time", "WFT-PRJ-008"), ("main", "WFT-PRJ-009"), ("pg_x", "WFT-PRJ-009")]
)
def test_an_address_outside_the_slug_rule_or_reserved(mesh, name, code):
    mesh.write(f"domains/sales/{name}/product.odps.yaml", descriptor("sales", name, [], []))

    refused(mesh, 2, code)


def test_two_products_with_one_address(mesh):
    text = json.loads(descriptor("sales", "copy", [], []))
    text["customProperties"] = [{"property": "weft.slug", "value": "orders"}]
    mesh.write("domains/sales/copy/product.odps.yaml", json.dumps(text))

    refused(mesh, 2, "WFT-PRJ-010")


def test_a_port_without_contract(mesh):
    mesh.path(f"{ORDERS}/contracts/totals.odcs.yaml").unlink()

    refused(mesh, 2, "WFT-PRJ-011")


def test_a_contract_without_port(mesh):
    mesh.path(f"{ORDERS}/contracts/totals.odcs.yaml").rename(mesh.path(f"{ORDERS}/contracts/total.odcs.yaml"))

    found = refused(mesh, 2, "WFT-PRJ-012")

    assert found["fix"] == "did you mean `totals`?"


def test_a_model_that_returns_duplicate_column_names(mesh):
    mesh.edit(f"{ORDERS}/models/totals.sql", "as batch", "as amount")

    refused(mesh, 2, "WFT-SQL-009")


def test_an_address_that_is_nearly_right(mesh):
    found = refused(mesh, 2, "WFT-PLN-008", "plan", "sales.order")

    assert found["fix"] == "did you mean `sales.orders`?"


def test_an_input_port_that_is_nearly_right(mesh):
    mesh.edit("domains/report/daily/product.odps.yaml", "sales.orders.orders@1", "sales.orders.order@1")

    found = refused(mesh, 2, "WFT-PLN-003")

    assert found["fix"] == "did you mean `sales.orders.orders@1`?"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select * from read_csv('/etc/passwd')", "WFT-SQL-006"),
        ("select * from '/etc/passwd'", "WFT-SQL-007"),
        ("copy raw to '/tmp/x'", "WFT-SQL-004"),
        ("attach '/tmp/x.db'", "WFT-SQL-004"),
        ("set threads = 1", "WFT-SQL-004"),
        ("select 1; select 2", "WFT-SQL-002"),
        ("select getenv('HOME') as id", "WFT-SQL-005"),
    ],
)
def test_a_model_that_reaches_beyond_its_inputs_is_refused(mesh, sql, code):
    mesh.write(f"{ORDERS}/models/totals.sql", sql)

    done = mesh.weft("check", "--format", "json")

    assert done.returncode == 2
    codes = [d["code"] for d in json.loads(done.stdout)["diagnostics"]]
    assert [c for c in codes if c.startswith("WFT-SQL-00")][:1], codes
    assert code in codes or codes[0].startswith("WFT-SQL"), codes


def test_a_registry_of_a_newer_version(mesh):
    with sqlite3.connect(mesh.path(".weft/registry.db")) as db:
        db.execute("PRAGMA user_version = 99")

    done = mesh.weft("apply", "--format", "json")

    assert done.returncode == 2
    assert json.loads(done.stdout)["diagnostics"][0]["code"] == "WFT-REG-001"


def test_a_full_disk_while_staging(mesh):
    """A limit on the size of files stands for the full disk: the system says the same to a writer."""
    import resource
    import subprocess

    from tests.meshes import command, source_rows

    before = mesh.rows("sales.orders.orders")
    source_rows(mesh, 2, rows=300_000)

    def limited():
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    done = subprocess.run(
        command("apply", "--format", "json"),
        cwd=mesh.root,
        capture_output=True,
        text=True,
        preexec_fn=limited,
        check=False,
    )

    assert done.returncode == 5, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert mesh.rows("sales.orders.orders") == before


def test_a_read_only_warehouse(mesh):
    from tests.meshes import source_rows

    source_rows(mesh, 2)
    blocker = mesh.path(".weft/warehouse")
    moved = mesh.path(".weft/elsewhere")
    blocker.rename(moved)
    blocker.write_text("a file where the warehouse should be")

    done = mesh.weft("apply", "--format", "json")

    assert done.returncode == 5, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    blocker.unlink()
    moved.rename(blocker)
    assert mesh.json("query", "select max(batch) from sales.orders.orders")["rows"] == [[1]]


def test_if_one_product_fails_those_that_do_not_depend_on_it_go_on(mesh):
    from tests.meshes import contract, number

    mesh.write("data/other.csv", "id\n1\n")
    mesh.write(
        "domains/sales/free/product.odps.yaml",
        descriptor("sales", "free", [source("raw", file="data/other.csv")], ["free"]),
    )
    mesh.write("domains/sales/free/models/free.sql", "select id::integer as id from raw\n")
    mesh.write(
        "domains/sales/free/contracts/free.odcs.yaml",
        contract("sales.free.free", [{"name": "id", "logicalType": "integer"}]),
    )
    with mesh.path("data/orders.csv").open("a") as file:
        file.write("9001,1,-5,3\n")

    answer = mesh.json("apply", expect=1)

    assert [p["address"] for p in answer["published"]] == ["sales.free.free@1"]
    assert [f["address"] for f in answer["failed"]] == ["sales.orders.orders@1"]
    assert set(answer["skipped"]) == {"sales.orders.totals@1", "report.daily.big@1", "report.daily.small@1"}
    assert number("sales.free.free")


def test_a_source_without_rows_publishes_nothing_and_the_former_rows_are_served(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    assert mesh.weft("apply").returncode == 0
    before = mesh.rows("sales.orders.totals")
    mesh.write("data/orders.csv", "id,batch,amount,day\n")

    done = mesh.weft("apply")

    assert done.returncode == 1, done.stderr
    assert "rows > 0" in done.stdout
    assert mesh.rows("sales.orders.totals") == before


def test_a_contract_may_allow_a_table_without_rows(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    rule = '"quality": [{"metric": "rowCount", "mustBeGreaterOrEqualTo": 0}],\n"properties": ['
    for product in ("sales/orders/contracts/orders", "sales/orders/contracts/totals"):
        mesh.edit(f"domains/{product}.odcs.yaml", '"properties": [', rule)
    mesh.write("data/orders.csv", "id,batch,amount,day\n")

    done = mesh.weft("apply", "sales")

    assert done.returncode == 0, done.stderr


def test_what_is_wrong_with_one_product_leaves_a_selection_of_others_alone(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    assert mesh.weft("apply").returncode == 0
    mesh.edit("domains/report/daily/models/big.sql", "select", "selct")

    assert mesh.weft("plan", "sales").returncode == 0
    assert mesh.weft("apply", "sales.orders").returncode == 0
    assert mesh.weft("plan", "report").returncode == 2
    assert mesh.weft("plan", "sales+").returncode == 2
    assert mesh.weft("plan").returncode == 2


def test_a_draft_is_for_its_own_domain(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    for name in ("orders", "totals"):
        mesh.edit(f"domains/sales/orders/contracts/{name}.odcs.yaml", '"status": "active"', '"status": "draft"')

    found = mesh.json("plan", expect=2)["diagnostics"]

    assert {(d["code"], d["severity"], d["where"]["file"]) for d in found} == {
        ("WFT-PLN-010", "error", "domains/report/daily/product.odps.yaml")
    }
    assert mesh.weft("apply").returncode == 2
    assert mesh.weft("apply", "report").returncode == 2
    assert mesh.weft("apply", "sales").returncode == 0
    assert mesh.json("show", "sales.orders.orders")["status"] == "draft"
    assert mesh.weft("show", "report.daily.big").returncode != 0


def test_a_draft_is_for_its_own_domain_at_every_door(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    assert mesh.weft("apply", "sales").returncode == 0
    contract = "domains/sales/orders/contracts/orders.odcs.yaml"
    mesh.edit(contract, '"status": "active"', '"status": "draft"')

    assert mesh.weft("apply", "sales").returncode == 0
    previewed = mesh.weft("preview", "report.daily.big")
    mesh.edit(contract, '"status": "draft"', '"status": "active"')
    half = mesh.json("plan", "report", expect=1)["objections"]

    assert (previewed.returncode, "WFT-ACC-002" in previewed.stderr) == (3, True), previewed.stderr
    assert "a draft, which is for its own domain, sales" in previewed.stderr
    assert mesh.weft("preview", "sales.orders.totals").returncode == 0
    assert {(d["code"], d["what"]) for d in half} == {
        ("WFT-PLN-010", f"`report.daily.{p}@1` reads `sales.orders.orders@1`, which is published as a draft")
        for p in ("big", "small")
    }
    assert mesh.weft("apply").returncode == 0


def test_a_preview_is_written_as_csv_too(tmp_path):
    mesh = two_products(tmp_path / "mesh")

    done = mesh.weft("preview", "sales.orders.totals", "--format", "csv", "--limit", "3")

    assert done.returncode == 0, done.stderr
    header, *rows = csv.reader(done.stdout.splitlines())
    assert header == ["day", "batch", "amount"]
    assert [row[1] for row in rows] == ["1", "1", "1"]


def test_a_draft_that_is_not_published_yet_is_not_previewed_from_another_domain(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    contract = "domains/sales/orders/contracts/orders.odcs.yaml"
    mesh.edit(contract, '"status": "active"', '"status": "draft"')

    previewed = mesh.weft("preview", "report.daily.big")

    assert (previewed.returncode, "WFT-ACC-002" in previewed.stderr) == (3, True), previewed.stderr
    assert "which is a draft" in previewed.stderr
    assert mesh.weft("preview", "sales.orders.totals").returncode == 0


def test_an_apply_that_ends_with_2_or_more_says_why_where_every_command_does(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    source_text = mesh.path("data/orders.csv").read_text()
    mesh.write("data/orders.csv", source_text + "1,2\n")

    answer = mesh.json("apply", expect=2)

    assert [d["code"] for d in answer["diagnostics"]] == ["WFT-SRC-003"]
