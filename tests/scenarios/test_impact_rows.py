"""Other rows are followed too, also to who reads no value of theirs, over products and into another repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.meshes import TestMesh, contract, descriptor, port, two_products

ORDERS = "domains/sales/orders/models/orders.sql"


def reader(mesh: TestMesh, name: str, address: str, columns: str) -> None:
    """`report.NAME` with a port `copy` made from another port."""
    key = {"name": "id", "id": "id", "logicalType": "integer", "primaryKey": True, "required": True}
    batch = {"name": "batch", "id": "batch", "logicalType": "integer", "required": True}
    folder = f"domains/report/{name}"
    mesh.write(f"{folder}/product.odps.yaml", descriptor("report", name, [port("orders", address)], ["copy"]))
    mesh.write(f"{folder}/contracts/copy.odcs.yaml", contract(f"report.{name}.copy", [key, batch]))
    mesh.write(f"{folder}/models/copy.sql", f"select {columns}\nfrom orders\n")


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    """`counts` counts the rows of `big`, and `far` reads what it counts; `beside` counts those of `orders`."""
    found = two_products(tmp_path / "mesh")
    reader(found, "counts", "report.daily.big@1", "count(*)::integer as id, 1 as batch")
    reader(found, "far", "report.counts.copy@1", "id, batch")
    reader(found, "beside", "sales.orders.orders@1", "count(*)::integer as id, 1 as batch")
    found.json("apply")
    return found


def told(plan: dict) -> tuple[set[str], set[str]]:
    return {a["column"] for a in plan["affected"]}, {s["column"] for s in plan["spared"]}


def test_a_column_that_filters_downstream_may_change_who_only_counts_the_rows(mesh: TestMesh) -> None:
    mesh.edit(ORDERS, "amount::integer as amount", "(amount::integer + 1) as amount")

    plan = mesh.json("plan")

    # big.sql and small.sql filter by amount; totals.sql sums it; counts.sql counts what big.sql lets through
    may, spared = told(plan)
    assert may == {
        "sales.orders.totals@1.amount",
        *(f"report.daily.{p}@1.{c}" for p in ("big", "small") for c in ("id", "batch", "amount")),
        *(f"report.{p}.copy@1.{c}" for p in ("counts", "far") for c in ("id", "batch")),
    }
    assert spared == {
        "sales.orders.totals@1.day",
        "sales.orders.totals@1.batch",
        "report.beside.copy@1.id",
        "report.beside.copy@1.batch",
    }
    [far] = [a for a in plan["affected"] if a["column"] == "report.far.copy@1.id"]
    nodes = [s["node"] for s in far["path"]]
    assert (nodes[0], nodes[-2:]) == (
        "sales.orders.orders@1.amount",
        ["report.counts.copy@1", "report.far.copy@1.id"],
    )
    assert far["path"][-1]["where"] == {"file": "domains/report/far/models/copy.sql", "line": 2, "column": 6}


def test_other_rows_reach_who_only_counts_them_and_all_behind(mesh: TestMesh) -> None:
    mesh.edit(ORDERS, "from raw", "from raw where id::integer > 3")

    plan = mesh.json("plan")

    may, spared = told(plan)
    assert spared == set()
    assert {c.rpartition(".")[0] for c in may} == {
        "sales.orders.totals@1",
        "report.daily.big@1",
        "report.daily.small@1",
        "report.counts.copy@1",
        "report.far.copy@1",
        "report.beside.copy@1",
    }
    assert {a["by"] for a in plan["affected"]} == {"sales.orders.orders@1"}


def test_readers_in_another_repository_are_told_with_their_owner_and_without_lines(
    mesh: TestMesh, tmp_path: Path
) -> None:
    other = TestMesh(tmp_path / "other")
    state = mesh.path(".weft")
    other.write(
        "weft.toml",
        f'[mesh]\nname = "other"\nregistry = "{state}/registry.db"\n'
        f'[storage]\nwarehouse = "{state}/warehouse"\ncatalog = "{state}/catalog.db"\n',
    )
    other.write("domains/abroad/domain.yaml", '{"name": "abroad", "kind": "aggregate", "owner": {"team": "Overseas"}}')
    folder = "domains/abroad/sums"
    other.write(
        f"{folder}/product.odps.yaml",
        descriptor("abroad", "sums", [port("orders", "sales.orders.orders@1")], ["sums"]),
    )
    amount = {"name": "amount", "id": "amount", "logicalType": "integer"}
    other.write(f"{folder}/contracts/sums.odcs.yaml", contract("abroad.sums.sums", [amount]))
    other.write(f"{folder}/models/sums.sql", "select sum(amount)::integer as amount\nfrom orders\n")
    other.json("apply")
    mesh.edit(ORDERS, "amount::integer as amount", "(amount::integer + 1) as amount")

    plan = mesh.json("plan")

    [abroad] = [a for a in plan["affected"] if a["column"].startswith("abroad.")]
    assert (abroad["column"], abroad["effect"], abroad["owner"]) == (
        "abroad.sums.sums@1.amount",
        "may change",
        "Overseas",
    )
    assert [s["where"] for s in abroad["path"]] == [None, None]


def test_a_broken_promise_of_the_whole_table_may_change_every_column_made_from_it(mesh: TestMesh) -> None:
    path = "domains/sales/orders/contracts/orders.odcs.yaml"
    mesh.edit(path, '"primaryKey": true', '"primaryKey": false')

    plan = mesh.json("plan", expect=1)

    may, spared = told(plan)
    assert spared == set()
    assert {c for c in may if c.startswith("report.far")} == {"report.far.copy@1.id", "report.far.copy@1.batch"}
    assert {a["effect"] for a in plan["affected"] if a["column"].startswith("report.beside")} == {"may change"}
