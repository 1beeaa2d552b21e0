"""The models of a small product run as one statement: the same rows, the same errors as one after another."""

from __future__ import annotations

from pathlib import Path

import pytest

import weft
from tests.meshes import TestMesh, contract, descriptor, port, two_products
from weft.model.mesh import Model
from weft.runs import together
from weft.runs.together import in_one_statement

MODELS = "domains/report/one/models"
CHOSEN = "with joined as (select id, amount from orders)\nselect id, amount * 2 as amount from joined -- twice"
SUMMED = "select sum(amount)::integer as amount from chosen"
ONE = "select c.id, c.amount + s.amount as amount\nfrom chosen c cross join summed s\n"


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    """Two products, and a third of two private models and one port."""
    made = two_products(tmp_path / "mesh")
    made.write("domains/report/one/product.odps.yaml", descriptor("report", "one", [_orders()], ["one"]))
    columns = [
        {"name": "id", "id": "id", "logicalType": "integer", "primaryKey": True, "required": True},
        {"name": "amount", "id": "amount", "logicalType": "integer"},
    ]
    made.write("domains/report/one/contracts/one.odcs.yaml", contract("report.one.one", columns))
    for name, sql in (("chosen", CHOSEN), ("summed", SUMMED), ("one", ONE)):
        made.write(f"{MODELS}/{name}.sql", sql)
    return made


def _orders() -> dict[str, object]:
    return port("orders", "sales.orders.orders@1")


def rows(mesh: TestMesh) -> list[tuple[object, ...]]:
    with weft.open(mesh.root) as opened:
        done = opened.apply()
        assert done.exit_code == 0, done
        found = opened.query("select id, amount from report.one.one order by id").table.to_pylist()
    return [tuple(row.values()) for row in found]


def told(mesh: TestMesh) -> str:
    done = mesh.weft("apply")
    assert done.returncode != 0
    return done.stdout + done.stderr


def model(name: str, sql: str) -> Model:
    return Model(name, f"{name}.sql", sql, 1, {}, (), name, name)


def test_together_and_one_after_another_the_models_give_the_same_rows(mesh, monkeypatch):
    at_once = rows(mesh)
    monkeypatch.setattr(together, "SMALL_BYTES", -1)
    mesh.write(f"{MODELS}/one.sql", ONE.replace("s.amount", "s.amount + 0"))

    one_by_one = rows(mesh)

    total = sum(2 * ((i * 7 + 1) % 100) for i in range(len(at_once)))
    assert at_once[:2] == [(0, 2 + total), (1, 16 + total)]
    assert one_by_one == at_once


def test_a_model_that_fails_on_a_row_is_named_and_nothing_is_left_behind(mesh):
    rows(mesh)
    before = sorted(mesh.path(".weft").rglob("*.parquet"))
    mesh.write(f"{MODELS}/summed.sql", "select sum(('x' || amount)::integer)::integer as amount from chosen")

    failed = told(mesh)

    assert "WFT-ENG-001" in failed and "model `summed`" in failed
    assert "summed.sql" in failed
    assert sorted(mesh.path(".weft").rglob("*.parquet")) == before


def test_what_several_models_read_is_computed_once_and_comments_at_the_end_close_nothing():
    models = [
        model("a", "select 1 as x -- one"),
        model("b", "select * from a"),
        model("c", "select * from a, b -- end"),
    ]

    sql = in_one_statement(models, {"i": "SELECT 0 AS x"}, 10, {"a": 2, "b": 1, "i": 2})

    assert sql == (
        'WITH "i" AS (SELECT 0 AS x), "a" AS MATERIALIZED (\nselect 1 as x -- one\n), "b" AS (\nselect * from a\n)\n'
        "SELECT * FROM (\nselect * from a, b -- end\n)"
    )


def test_a_model_may_name_a_query_of_its_own_as_an_input_or_another_model_is_named(mesh):
    before = rows(mesh)
    doubled = "select id, amount * 2 as amount from orders"
    mesh.write(f"{MODELS}/chosen.sql", f"with orders as (select id, amount from orders) {doubled}")
    mesh.write(f"{MODELS}/one.sql", f"with chosen as (select id, amount - 1 as amount from chosen) {ONE}")

    after = rows(mesh)

    assert after == [(number, amount - 1) for number, amount in before]


@pytest.mark.parametrize(
    ("models", "size", "readers"),
    [
        ([model("a", "select 1")], 0, {}),
        ([model("a", "select 1"), model("b", "select * from a")], together.SMALL_BYTES + 1, {"a": 1}),
        ([model("a", "select ';' as x"), model("b", "select * from a")], 0, {"a": 1}),
        ([model("a", "select 1"), model("b", "select * from a")], 0, {"a": 1, "b": 1}),
        ([model(f"m{i}", "select 1") for i in range(together.AT_MOST + 1)], 0, {}),
    ],
    ids=["one model", "large", "a semicolon", "the last one is read", "many models"],
)
def test_what_is_better_run_one_by_one_has_no_statement(models, size, readers):
    assert in_one_statement(models, {}, size, readers) is None
