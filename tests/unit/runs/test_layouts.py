"""A mesh whose contract parts a table: what is written, what moves when the contract does, and what stays readable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table as TheirTable

import weft
from tests.meshes import TestMesh, source_rows, two_products
from tests.unit.runs.published import PORT

CONTRACT = "domains/sales/orders/contracts/orders.odcs.yaml"
MODEL = "domains/sales/orders/models/orders.sql"


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    made = two_products(tmp_path / "mesh")
    source_rows(made, 1, rows=200)
    return made


def columns_of(mesh: TestMesh, **changes: dict[str, Any]) -> None:
    """Changes the entries of columns in the contract of `orders`, by the column's id."""
    document = json.loads(mesh.path(CONTRACT).read_text())
    for entry in document["schema"][0]["properties"]:
        entry.update(changes.get(entry["id"], {}))
    mesh.write(CONTRACT, json.dumps(document, indent=2))


def version(mesh: TestMesh, text: str) -> None:
    document = json.loads(mesh.path(CONTRACT).read_text())
    mesh.write(CONTRACT, json.dumps({**document, "version": text}, indent=2))
    path = "domains/sales/orders/product.odps.yaml"
    product = json.loads(mesh.path(path).read_text())
    product["outputPorts"][0]["version"] = text
    mesh.write(path, json.dumps(product, indent=2))
    reader = "domains/report/daily/product.odps.yaml"
    daily = json.loads(mesh.path(reader).read_text())
    daily["inputPorts"][0]["version"] = text
    mesh.write(reader, json.dumps(daily, indent=2))


def applied(mesh: TestMesh) -> None:
    with weft.open(mesh.root) as opened:
        done = opened.apply()
        assert done.exit_code == 0, done


def queried(mesh: TestMesh, sql: str, at: str | None = None) -> list[tuple[Any, ...]]:
    with weft.open(mesh.root) as opened:
        return [tuple(row.values()) for row in opened.query(sql, at=at).table.to_pylist()]


def theirs(mesh: TestMesh) -> TheirTable:
    catalog = SqlCatalog("weft", uri=f"sqlite:///{mesh.root}/.weft/catalog.db")
    return catalog.load_table(("sales", "orders", "orders@1"))


def snapshots(mesh: TestMesh) -> list[str]:
    with weft.open(mesh.root) as opened:
        return [s.snapshot_id for s in opened.history(PORT).snapshots]


def test_a_partitioned_column_parts_the_files_and_every_reader_sees_all_rows(mesh: TestMesh) -> None:
    columns_of(mesh, day={"partitioned": True, "partitionKeyPosition": 1})

    applied(mesh)

    table = theirs(mesh)
    assert len(list(table.scan().plan_files())) == 10
    assert len(list(table.scan(row_filter="day == 3").plan_files())) == 1
    assert queried(mesh, "select count(*), count(distinct day) from sales.orders.orders") == [(200, 10)]
    assert queried(mesh, "select sum(id) from sales.orders.orders where day = 3") == [
        (sum(table.scan(row_filter="day == 3").to_arrow().column("id").to_pylist()),)
    ]
    assert queried(mesh, "select count(*) > 0 from report.daily.big") == [(True,)]


def test_a_changed_wish_rebuilds_the_port_and_former_versions_stay_readable(mesh: TestMesh) -> None:
    applied(mesh)
    columns_of(mesh, day={"partitioned": True})
    version(mesh, "1.1.0")

    with weft.open(mesh.root) as opened:
        (change,) = [c for c in opened.plan().changes if str(c.address) == PORT]
    applied(mesh)

    assert change.action.value == "rebuild"
    assert [str(f.transform) for f in theirs(mesh).spec().fields] == ["identity"]
    new, old = snapshots(mesh)
    everything = "select count(*), sum(id) from sales.orders.orders"
    assert queried(mesh, everything, at=old) == queried(mesh, everything, at=new)
    assert len(list(theirs(mesh).scan(snapshot_id=int(old)).plan_files())) == 1


def test_a_partition_that_cannot_be_is_told_by_plan_with_its_place(mesh: TestMesh) -> None:
    mesh.edit(MODEL, "day::integer as day", "day::double as day")
    columns_of(mesh, day={"logicalType": "number", "physicalType": "DOUBLE", "partitioned": True})

    told = mesh.weft("plan")

    assert told.returncode != 0
    assert "WFT-CON-020" in told.stderr and "orders.odcs.yaml:" in told.stderr
