"""A producer's year on a small mesh: publish, change, roll back, deprecate, retire; through the command line."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys

import pytest

from tests.meshes import TestMesh, source_rows, two_products

ORDERS = "domains/sales/orders"
PORT = "sales.orders.orders@1"


@pytest.fixture
def mesh(tmp_path) -> TestMesh:
    made = two_products(tmp_path / "mesh")
    assert made.weft("apply").returncode == 0
    return made


def actions(mesh: TestMesh, *words: str, expect: int = 0) -> dict[str, str]:
    return {c["address"]: c["action"] for c in mesh.json("plan", *words, expect=expect)["changes"]}


def new_version(mesh: TestMesh, version: str, change) -> None:
    """Changes the contract of `orders` and its version, in contract and descriptor."""
    path = f"{ORDERS}/contracts/orders.odcs.yaml"
    contract = json.loads(mesh.path(path).read_text())
    change(contract)
    contract["version"] = version
    mesh.write(path, json.dumps(contract, indent=2))
    descriptor = json.loads(mesh.path(f"{ORDERS}/product.odps.yaml").read_text())
    descriptor["outputPorts"][0]["version"] = version
    mesh.write(f"{ORDERS}/product.odps.yaml", json.dumps(descriptor, indent=2))


def test_a_second_apply_finds_nothing_to_do_and_writes_nothing(mesh):
    before = mesh.json("runs")

    answer = mesh.json("apply")

    assert (answer["run_id"], answer["published"]) == (None, [])
    assert len(answer["unchanged"]) == 4
    assert mesh.json("runs") == before


def test_an_apply_with_nothing_to_do_imports_nothing_that_builds(mesh):
    script = (
        "import sys, weft\nweft.open('.').apply()\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & "
        "{'duckdb', 'fastavro', 'sqlglot', 'yaml', 'jsonschema_rs', 'pyarrow', 'rich', 'sqlalchemy', 'ruamel'}))"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=mesh.root, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_comments_and_layout_of_sql_rebuild_nothing(mesh):
    mesh.edit(f"{ORDERS}/models/totals.sql", "select day,", "-- a remark\nSELECT\n   day,")

    assert set(actions(mesh).values()) == {"none"}


def test_a_changed_source_rebuilds_what_is_made_from_it_and_says_why(mesh):
    source_rows(mesh, 2)

    plan = mesh.json("plan")

    assert {c["action"] for c in plan["changes"]} == {"rebuild"}
    reasons = {c["address"]: c["reason"] for c in plan["changes"]}
    assert reasons[PORT] == "source `raw` changed"
    assert "`sales.orders.orders@1` is built in this plan" in reasons["report.daily.big@1"]
    assert [s["kind"] for s in plan["stages"]][:2] == ["build", "verify"]


def test_a_selection_leaves_the_others_alone(mesh):
    source_rows(mesh, 2)

    answer = mesh.json("apply", "sales.orders")

    assert {p["address"] for p in answer["published"]} == {PORT, "sales.orders.totals@1"}
    assert set(actions(mesh, "report").values()) == {"rebuild"}


def test_a_changed_description_is_published_without_building(mesh):
    mesh.edit(
        f"{ORDERS}/contracts/orders.odcs.yaml",
        '"status": "active"',
        '"status": "active", "description": {"purpose": "new"}',
    )
    assert actions(mesh)[PORT] == "update"
    before = mesh.json("history", PORT)["snapshots"][0]

    answer = mesh.json("apply")

    assert [(p["address"], p["built"]) for p in answer["published"]] == [(PORT, False)]
    assert mesh.json("history", PORT)["snapshots"][0]["snapshot_id"] == before["snapshot_id"]
    assert set(actions(mesh).values()) == {"none"}


def test_a_new_rule_is_verified_on_the_published_rows_and_needs_a_new_version(mesh):
    def stricter(contract):
        contract["schema"][0]["properties"][2]["logicalTypeOptions"] = {"minimum": 0, "maximum": 99}

    new_version(mesh, "1.0.0", stricter)
    plan = mesh.json("plan", expect=1)
    (objection,) = plan["objections"]
    assert objection["code"] == "WFT-CON-005"
    assert objection["fix"] == (
        "write `version: 1.1.0` there and at the port in product.odps.yaml; "
        "`weft contract bump domains/sales/orders/contracts/orders.odcs.yaml` does both"
    )

    new_version(mesh, "1.1.0", stricter)
    answer = mesh.json("apply")

    assert {p["address"]: p["built"] for p in answer["published"]}[PORT] is False


def test_a_rule_that_the_published_rows_break_is_not_published(mesh):
    def too_strict(contract):
        contract["schema"][0]["properties"][2]["logicalTypeOptions"] = {"minimum": 50}

    new_version(mesh, "1.1.0", too_strict)

    answer = mesh.json("apply", expect=1)

    assert answer["failed"][0]["diagnostics"][0]["code"] == "WFT-CHK-001"
    assert mesh.json("show", PORT)["version"] == "1.0.0"


def test_a_renamed_column_is_refused_with_what_breaks_downstream(mesh):
    mesh.edit(f"{ORDERS}/contracts/orders.odcs.yaml", '"name": "amount"', '"name": "total"')
    mesh.edit(f"{ORDERS}/models/orders.sql", "amount::integer as amount", "amount::integer as total")
    mesh.edit(f"{ORDERS}/models/totals.sql", "sum(amount)", "sum(total)")

    plan = mesh.json("plan", expect=1)

    [objection] = [o for o in plan["objections"] if o["code"] == "WFT-CON-004"]
    assert "`amount` is renamed to `total`" in objection["what"]
    assert objection["where"]["file"] == f"{ORDERS}/contracts/orders.odcs.yaml"
    columns = {a["column"] for a in plan["affected"]}
    assert {"report.daily.big@1.amount", "report.daily.small@1.amount"} <= columns
    assert any("domains/report/daily/models/big.sql:1" in a["via"] for a in plan["affected"])
    assert mesh.weft("apply").returncode == 1


def test_a_new_major_is_served_beside_the_old_one(mesh):
    for kind, ending in (("contracts", "odcs.yaml"), ("models", "sql")):
        old = mesh.path(f"{ORDERS}/{kind}/orders.{ending}").read_text()
        mesh.write(f"{ORDERS}/{kind}/orders@1.{ending}", old)
    mesh.edit(f"{ORDERS}/contracts/orders.odcs.yaml", '"name": "amount"', '"name": "total"')
    mesh.edit(f"{ORDERS}/contracts/orders.odcs.yaml", '"version": "1.0.0"', '"version": "2.0.0"')
    mesh.edit(f"{ORDERS}/models/orders.sql", "as amount", "as total")
    mesh.edit(f"{ORDERS}/models/totals.sql", "sum(amount)", "sum(total)")
    descriptor = json.loads(mesh.path(f"{ORDERS}/product.odps.yaml").read_text())
    descriptor["outputPorts"].append(descriptor["outputPorts"][0] | {"version": "2.0.0"})
    mesh.write(f"{ORDERS}/product.odps.yaml", json.dumps(descriptor, indent=2))

    done = mesh.weft("apply")

    assert done.returncode == 0, done.stderr + done.stdout
    assert mesh.json("query", 'select max(total) from sales.orders."orders@2"')["rows"][0][0] > 0
    assert mesh.json("query", 'select max(amount) from sales.orders."orders@1"')["rows"][0][0] > 0
    assert mesh.weft("default", "sales.orders.orders@2").returncode == 0
    assert mesh.json("query", "select max(total) from sales.orders.orders")["snapshot"].keys() == {
        "sales.orders.orders@2"
    }


def test_earlier_rows_are_read_by_snapshot_and_by_time(mesh):
    first = mesh.json("history", PORT)["snapshots"][0]
    between = dt.datetime.now(dt.UTC).isoformat()
    source_rows(mesh, 2)
    assert mesh.weft("apply").returncode == 0
    sql = "select max(batch) from sales.orders.orders"

    assert mesh.json("query", sql)["rows"] == [[2]]
    assert mesh.json("query", sql, "--at", first["snapshot_id"])["rows"] == [[1]]
    assert mesh.json("query", sql, "--at", between)["rows"] == [[1]]
    assert mesh.json("query", sql, "--at", f"{PORT}={first['snapshot_id']}")["rows"] == [[1]]
    assert mesh.weft("query", sql, "--at", "2001-01-01").returncode == 2


def test_a_rollback_is_a_pin_that_holds_until_released(mesh):
    first = mesh.json("history", PORT)["snapshots"][0]["snapshot_id"]
    source_rows(mesh, 2)
    assert mesh.weft("apply").returncode == 0

    back = mesh.json("rollback", PORT, first, "--reason", "bad batch")

    assert back["to"] == first
    assert mesh.json("query", "select max(batch) from sales.orders.orders")["rows"] == [[1]]
    assert actions(mesh, "sales")[PORT] == "none"
    assert mesh.json("history", PORT)["snapshots"][0]["pinned"]
    assert mesh.weft("rollback", PORT, "--release").returncode == 0
    assert actions(mesh, "sales")[PORT] == "rebuild"
    assert mesh.weft("apply").returncode == 0
    assert mesh.json("query", "select max(batch) from sales.orders.orders")["rows"] == [[2]]


def test_a_plan_file_is_carried_out_only_while_what_it_read_has_not_moved(mesh):
    source_rows(mesh, 2)
    assert mesh.weft("plan", "--out", "plan.json").returncode == 0
    source_rows(mesh, 3)

    refused = mesh.weft("apply", "--plan", "plan.json", "--format", "json")

    assert refused.returncode == 4
    assert "source `sales.orders.raw`" in json.loads(refused.stdout)["diagnostics"][0]["what"]
    source_rows(mesh, 2)
    assert mesh.weft("apply", "--plan", "plan.json").returncode == 0
    assert mesh.weft("apply", "--plan", "plan.json").returncode == 4


def test_retiring_needs_consent_and_ends_reading(mesh):
    import shutil

    shutil.rmtree(mesh.path("domains/report/daily"))
    assert actions(mesh)["report.daily.big@1"] == "retire"
    assert mesh.weft("apply").returncode == 2

    answer = mesh.json("apply", "--yes")

    assert set(answer["retired"]) == {"report.daily.big@1", "report.daily.small@1"}
    assert mesh.weft("query", "select * from report.daily.big").returncode == 3
    assert mesh.json("history", "report.daily.big@1")["snapshots"]


def test_another_principal_reads_no_port_unasked_and_another_database_is_out_of_reach(mesh):
    for stranger in ("eve", "user:eve", "team:crm", "service:loader"):
        refused = mesh.weft("query", "select count(*) from sales.orders.orders", "--as", stranger)
        assert (refused.returncode, "has no grant on" in refused.stderr) == (3, True), refused.stderr
    assert mesh.weft("query", "select 1", "--as", "robot:eve").returncode == 2
    product = ("--as", "report.daily")
    assert mesh.weft("query", "select count(*) from sales.orders.orders", *product).returncode == 0
    assert mesh.weft("query", "select count(*) from report.daily.big", *product).returncode == 3
    environment = mesh.weft("query", "select count(*) from sales.orders.orders", "--as", "eve", "--env", "dev")
    assert environment.returncode in (2, 3), environment.stderr
    for sql in ("select * from read_parquet('.weft/warehouse/**/*.parquet')", "select * from '.weft/registry.db'"):
        assert mesh.weft("query", sql).returncode == 2


@pytest.mark.parametrize("form", ["table", "json", "csv", "arrow", "parquet"])
def test_values_that_python_or_arrow_cannot_hold_are_written_in_every_format(mesh, form):
    sql = (
        "select interval 1 day as i, date 'infinity' as d, '101'::bit as b, '12:00:00+02'::timetz as t, "
        "[make_date(2000000, 1, 1), null] as l, 3.4::float as f, 1::variant as v"
    )
    target = mesh.path(f"rows.{form}")

    assert mesh.weft("query", sql, "--format", form, "--out", str(target)).returncode == 0

    if form in ("table", "json", "csv"):
        written = target.read_text(encoding="utf-8")
        assert set(re.findall(r"\w+", mesh.weft("query", sql, "--format", form).stdout)) >= {
            "infinity",
            "101",
            "2000000",
        }
        assert all(t in written for t in ("1 day", "infinity", "101", "12:00:00+02", "2000000-01-01", "3.4"))
        assert "3.400" not in written


def test_machines_get_one_json_document_and_nothing_else(mesh):
    for words in (
        ["check"],
        ["plan"],
        ["show", PORT],
        ["runs"],
        ["search", "orders"],
        ["lineage", PORT],
        ["verify", PORT],
    ):
        done = mesh.weft(*words, "--format", "json")
        assert done.returncode == 0, done.stderr
        json.loads(done.stdout)
