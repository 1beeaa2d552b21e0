"""Bad rows without a lost day: they go to a side table, the rest is published, and everybody is told."""

from __future__ import annotations

import json
import signal
import sqlite3

import pytest

from tests.command_server import command_server
from tests.meshes import TestMesh, source_rows, two_products
from tests.scenarios.test_lifecycle import new_version

ORDERS = "domains/sales/orders"
CONTRACT = f"{ORDERS}/contracts/orders.odcs.yaml"
PORT = "sales.orders.orders@1"
TOTALS = "sales.orders.totals@1"

KILLED_AT_A_STAGE = """
import os, signal, sys
import weft
from weft.runs.progress import Silent

class Killer(Silent):
    def stage(self, address, kind):
        if kind == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGKILL)

weft.open(".").apply(["sales.orders.orders"], progress=Killer())
"""


def allow(mesh: TestMesh, rules: list[str], share: object, path: str = CONTRACT) -> None:
    """Lets rows of a port go to quarantine."""
    contract = json.loads(mesh.path(path).read_text())
    value = {"rules": rules, "maxShare": share}
    contract["customProperties"] = [{"property": "weft.quarantine", "value": value}]
    mesh.write(path, json.dumps(contract, indent=2))


def bad_rows(mesh: TestMesh, *lines: str) -> None:
    """Adds rows to the source."""
    path = mesh.path("data/orders.csv")
    path.write_text(path.read_text() + "".join(f"{line}\n" for line in lines))


@pytest.fixture
def mesh(tmp_path) -> TestMesh:
    """97 good rows and 3 bad ones: a negative amount, and a key that two rows share."""
    made = two_products(tmp_path / "mesh")
    source_rows(made, 1, rows=97)
    bad_rows(made, "97,1,-5,3", "98,1,10,3", "98,1,20,3")
    return made


def test_bad_rows_go_to_a_side_table_and_the_rest_is_published(mesh):
    allow(mesh, ["*"], "5%")

    answer = mesh.json("apply", "sales.orders.orders")

    [published] = answer["published"]
    assert (published["rows"], published["checks"]["failed"]) == (97, 0)
    assert published["quarantine"] == {
        "rows": 3,
        "total": 100,
        "share": 0.03,
        "checks": {"amount.range": 1, "id.primary_key": 2},
    }
    assert {row[0] for row in mesh.rows(PORT.partition("@")[0])} == set(range(97))


def test_the_side_table_holds_each_bad_row_with_its_rules_and_reasons(mesh):
    allow(mesh, ["*"], "5%")
    mesh.json("apply", "sales.orders.orders")

    answer = mesh.json("quarantine", PORT)

    assert [c["name"] for c in answer["columns"]] == ["id", "batch", "amount", "day", "_rule", "_reason"]
    assert sorted(answer["rows"], key=str) == [
        [97, 1, -5, 3, ["amount.range"], ["amount: expected ≥ 0"]],
        [98, 1, 10, 3, ["id.primary_key"], ["id: expected no null, and no key twice"]],
        [98, 1, 20, 3, ["id.primary_key"], ["id: expected no null, and no key twice"]],
    ]
    assert answer["snapshot"] == mesh.json("query", f'from sales.orders."{PORT.rpartition(".")[2]}"')["snapshot"]


def test_page_run_and_apply_tell_how_many_rows_are_in_quarantine(mesh):
    allow(mesh, ["*"], 0.03)

    told = mesh.weft("apply", "sales.orders.orders").stdout

    words = "3 of 100 rows (3 %): amount.range 1, id.primary_key 2"
    assert f"quarantined {PORT}: {words}" in told
    assert words in mesh.weft("show", PORT).stdout
    run = mesh.json("runs")["runs"][0]["run_id"]
    assert words in mesh.weft("run", run).stdout
    assert mesh.json("run", run)["ports"][0]["quarantine"]["rows"] == 3
    assert mesh.json("show", PORT)["quarantine"]["share"] == 0.03
    assert mesh.json("history", PORT)["snapshots"][0]["quarantine"]["total"] == 100


def test_above_the_share_nothing_is_published(mesh):
    allow(mesh, ["*"], 0.029)

    answer = mesh.json("apply", "sales.orders.orders", expect=1)

    codes = [d["code"] for d in answer["failed"][0]["diagnostics"]]
    assert codes == ["WFT-CHK-001", "WFT-CHK-001", "WFT-CHK-005"]
    assert mesh.weft("show", PORT).returncode == 2


def test_a_rule_that_is_not_named_blocks_as_ever(mesh):
    allow(mesh, ["amount.range"], "50%")

    answer = mesh.json("apply", "sales.orders.orders", expect=1)

    assert "WFT-CHK-005" not in [d["code"] for d in answer["failed"][0]["diagnostics"]]


def test_rows_come_back_from_quarantine_when_the_rules_let_them(mesh):
    allow(mesh, ["*"], "5%")
    mesh.json("apply", "sales.orders.orders")
    path = mesh.path("data/orders.csv")
    path.write_text(path.read_text().replace("97,1,-5,3", "97,1,5,3").replace("98,1,20,3", "99,1,20,3"))

    answer = mesh.json("apply", "sales.orders.orders")

    assert (answer["published"][0]["rows"], answer["published"][0]["quarantine"]) == (100, None)
    assert mesh.json("quarantine", PORT)["rows"] == []


def test_an_earlier_snapshot_brings_its_own_quarantine(mesh):
    allow(mesh, ["*"], "5%")
    mesh.json("apply", "sales.orders.orders")
    first = mesh.json("history", PORT)["snapshots"][0]["snapshot_id"]
    bad_rows(mesh, "200,1,-7,3")
    mesh.json("apply", "sales.orders.orders")

    assert len(mesh.json("quarantine", PORT)["rows"]) == 4
    assert len(mesh.json("quarantine", PORT, "--at", first)["rows"]) == 3
    mesh.json("rollback", PORT, first, "--reason", "the day before was better")
    assert len(mesh.json("quarantine", PORT)["rows"]) == 3
    assert mesh.json("show", PORT)["quarantine"]["rows"] == 3


def test_without_the_setting_the_rows_that_had_gone_block_again(mesh):
    allow(mesh, ["*"], "5%")
    mesh.json("apply", "sales.orders.orders")
    new_version(mesh, "1.1.0", lambda contract: contract.pop("customProperties"))
    assert "quarantine" in mesh.json("plan", "sales.orders.orders")["changes"][0]["reason"]

    answer = mesh.json("apply", "sales.orders.orders", expect=1)

    assert {d["code"] for d in answer["failed"][0]["diagnostics"]} == {"WFT-CHK-001"}


def test_a_row_that_breaks_several_rules_goes_once_and_names_each(mesh):
    bad_rows(mesh, "98,1,-1,")
    allow(mesh, ["*"], "4%")

    [published] = mesh.json("apply", "sales.orders.orders")["published"]

    assert (published["rows"], published["quarantine"]["rows"]) == (97, 4)
    assert published["quarantine"]["checks"] == {"amount.range": 2, "day.required": 1, "id.primary_key": 3}
    [several] = [row for row in mesh.json("quarantine", PORT)["rows"] if row[3] is None]
    assert sorted(several[-2]) == ["amount.range", "day.required", "id.primary_key"]
    assert len(several[-1]) == 3


def test_rows_without_a_key_go_each_by_itself(mesh):
    contract = json.loads(mesh.path(CONTRACT).read_text())
    contract["schema"][0]["properties"][0] |= {"primaryKey": False, "required": False}
    mesh.write(CONTRACT, json.dumps(contract, indent=2))
    bad_rows(mesh, "97,1,-5,3", ",1,-5,3", ",1,5,3")
    allow(mesh, ["*"], "5%")

    [published] = mesh.json("apply", "sales.orders.orders")["published"]

    assert (published["rows"], published["quarantine"]["rows"]) == (100, 3)
    left_out = mesh.json("quarantine", PORT)["rows"]
    assert sorted((row[0] for row in left_out), key=str) == [97, 97, None]
    assert {tuple(row[-2]) for row in left_out} == {("amount.range",)}


def test_a_rule_of_the_whole_table_is_judged_on_the_rows_that_are_left(mesh):
    contract = json.loads(mesh.path(CONTRACT).read_text())
    contract["schema"][0]["quality"] = [{"id": "enough", "metric": "rowCount", "mustBeGreaterThan": 98}]
    mesh.write(CONTRACT, json.dumps(contract, indent=2))
    allow(mesh, ["*"], "5%")

    refused = mesh.json("apply", "sales.orders.orders", expect=1)["failed"][0]["diagnostics"]

    assert ["breaks `row_count`" in d["what"] for d in refused] == [True]
    assert mesh.weft("show", PORT).returncode == 2


def test_a_broken_rule_of_the_whole_table_keeps_the_bad_rows_from_going(mesh):
    contract = json.loads(mesh.path(CONTRACT).read_text())
    contract["schema"][0]["quality"] = [{"id": "enough", "metric": "rowCount", "mustBeGreaterThan": 1000}]
    mesh.write(CONTRACT, json.dumps(contract, indent=2))
    allow(mesh, ["*"], "5%")

    refused = mesh.json("apply", "sales.orders.orders", expect=1)["failed"][0]["diagnostics"]

    assert len(refused) == 3
    assert mesh.weft("show", PORT).returncode == 2


@pytest.mark.parametrize(("share", "code"), [(0.03, 0), (0.0299, 1), (0, 1), ("100%", 0)])
def test_the_share_itself_is_still_allowed_and_nothing_above_it(mesh, share, code):
    allow(mesh, ["*"], share)

    assert mesh.weft("apply", "sales.orders.orders").returncode == code


@pytest.mark.parametrize(
    ("rules", "share", "words"),
    [
        (["amount.rnge"], "5%", "there is no rule `amount.rnge`"),
        (["amount.column_exists"], "5%", "the rows of `amount.column_exists` cannot go to quarantine"),
        (["*"], "120%", "`maxShare` is a share"),
        ([], 0.5, "`rules` lists the ids of checks"),
    ],
)
def test_check_names_what_cannot_go_to_quarantine(mesh, rules, share, words):
    allow(mesh, rules, share)

    found = mesh.json("check", expect=2)["diagnostics"]

    assert [(d["code"], d["where"]["file"]) for d in found] == [("WFT-CON-006", CONTRACT)]
    assert words in found[0]["what"]


def test_nobody_else_may_read_what_is_in_quarantine(mesh):
    allow(mesh, ["*"], "5%")
    mesh.json("apply", "sales.orders.orders")

    assert mesh.weft("quarantine", PORT, "--as", "somebody").returncode == 3


def test_a_foreign_key_follows_the_rows_that_left_the_other_port(mesh):
    source_rows(mesh, 1, rows=100)
    for name in ("big", "small"):
        mesh.write(f"domains/report/daily/models/{name}.sql", "select id, batch, amount from orders\n")
        path = f"domains/report/daily/contracts/{name}.odcs.yaml"
        contract = json.loads(mesh.path(path).read_text())
        key, _, amount = contract["schema"][0]["properties"]
        if name == "big":
            amount["logicalTypeOptions"] = {"minimum": 0, "maximum": 90}
        else:
            key["relationships"] = [{"to": "big.id"}]
        mesh.write(path, json.dumps(contract, indent=2))
        allow(mesh, ["*"], "10%", path)

    answer = mesh.json("apply")

    gone = mesh.json("query", "select id from sales.orders.orders where amount > 90 order by 1")["rows"]
    found = {p["address"]: p["quarantine"] for p in answer["published"]}
    assert found["report.daily.big@1"]["checks"] == {"amount.range": len(gone)}
    assert found["report.daily.small@1"]["checks"] == {"id.relationship": len(gone)}
    left_out = mesh.json("quarantine", "report.daily.small")["rows"]
    assert sorted([row[0]] for row in left_out) == gone


def test_what_the_product_makes_from_its_rows_is_made_without_the_bad_ones(mesh):
    allow(mesh, ["*"], "5%")

    mesh.json("apply", "sales")

    amounts = mesh.json("query", "select day, sum(amount)::integer from sales.orders.orders group by 1 order by 1")
    totals = mesh.json("query", "select day, amount from sales.orders.totals order by 1")
    assert totals["rows"] == amounts["rows"]


def test_a_port_made_later_from_those_rows_is_made_without_the_bad_ones_too(mesh):
    allow(mesh, ["*"], "5%")
    mesh.json("apply", "sales")
    mesh.edit(f"{ORDERS}/models/totals.sql", "max(batch)", "min(batch)")

    answer = mesh.json("apply", "sales")

    assert {p["address"]: p["built"] for p in answer["published"]} == {TOTALS: True}
    data = mesh.path(".weft/warehouse/sales/orders/orders@1/data")
    assert len(list(data.rglob("*.parquet"))) == 2
    whole = mesh.json("query", "select sum(amount)::integer from sales.orders.orders")["rows"]
    assert mesh.json("query", "select sum(amount)::integer from sales.orders.totals")["rows"] == whole


@pytest.mark.parametrize(("stage", "left_out"), [("verify", 3), ("commit", 3), ("publish", 3), ("follow", 4)])
def test_killed_anywhere_rows_and_quarantine_belong_together_and_nothing_is_left_behind(mesh, stage, left_out):
    allow(mesh, ["*"], "5%")
    mesh.json("apply", "sales.orders.orders")
    bad_rows(mesh, "200,1,-7,3")

    died = command_server().start([stage], script=KILLED_AT_A_STAGE, cwd=mesh.root)

    assert died.wait(60) == -signal.SIGKILL
    assert (len(mesh.rows(PORT.partition("@")[0])), len(mesh.json("quarantine", PORT)["rows"])) == (97, left_out)
    mesh.json("apply", "sales.orders.orders")
    assert len(mesh.json("quarantine", PORT)["rows"]) == 4
    first = mesh.json("history", PORT)["snapshots"][1]["snapshot_id"]
    assert len(mesh.json("quarantine", PORT, "--at", first)["rows"]) == 3
    data = mesh.path(".weft/warehouse/sales/orders/orders@1/data")
    assert len(list(data.rglob("*.parquet"))) == 4  # good and bad rows of two snapshots


def test_no_value_of_a_classified_column_is_told_but_to_who_reads_the_side_table(mesh):
    source_rows(mesh, 1, rows=97)
    bad_rows(mesh, "97,1,-98765,3")
    mesh.edit(CONTRACT, '"id": "amount"', '"id": "amount", "classification": "restricted"')
    allow(mesh, ["*"], "5%")

    done = mesh.weft("apply", "sales.orders.orders")

    run = mesh.json("runs")["runs"][0]["run_id"]
    told = [done, mesh.weft("run", run, "--format", "json"), mesh.weft("show", PORT, "--format", "json")]
    assert [d.returncode for d in told] == [0, 0, 0]
    assert "98765" not in "".join(d.stdout + d.stderr for d in told)
    with sqlite3.connect(mesh.path(".weft/registry.db")) as registry:
        kept = registry.execute("SELECT body FROM events UNION ALL SELECT header FROM publications").fetchall()
    assert kept
    assert "98765" not in str(kept)
    assert [row[2] for row in mesh.json("quarantine", PORT)["rows"]] == [-98765]
