"""A mesh whose folder is moved or copied goes on where it lies now, and leaves the place where it lay alone."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from tests.meshes import TestMesh, source_rows, two_products

ORDERS = "select count(*), min(batch), max(batch) from sales.orders.orders"


@pytest.fixture
def first(tmp_path: Path) -> TestMesh:
    mesh = two_products(tmp_path / "first")
    assert mesh.weft("apply").returncode == 0
    return mesh


def content(folder: Path) -> dict[str, str]:
    files = (f for f in folder.rglob("*") if f.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_a_mesh_that_was_moved_is_applied_and_read_by_other_clients(first: TestMesh, tmp_path: Path) -> None:
    shutil.move(first.root, tmp_path / "second")
    moved = TestMesh(tmp_path / "second")
    assert moved.json("query", ORDERS)["rows"] == [[2000, 1, 1]]

    source_rows(moved, 2)
    moved.json("apply")

    assert moved.json("query", ORDERS)["rows"] == [[2000, 2, 2]]
    catalog = SqlCatalog("weft", uri=f"sqlite:///{moved.path('.weft/catalog.db')}")
    table = catalog.load_table(("sales", "orders", "orders@1"))
    assert table.location() == f"file://{moved.path('.weft/warehouse/sales/orders/orders@1')}"
    assert set(table.scan().to_arrow()["batch"].to_pylist()) == {2}


def test_a_copy_goes_its_own_way(first: TestMesh, tmp_path: Path) -> None:
    shutil.copytree(first.root, tmp_path / "copy")
    before = content(first.path(".weft/warehouse"))
    copy = TestMesh(tmp_path / "copy")

    source_rows(copy, 2)
    copy.json("apply")

    assert content(first.path(".weft/warehouse")) == before
    assert copy.json("query", ORDERS)["rows"] == [[2000, 2, 2]]
    source_rows(first, 3)
    first.json("apply")
    assert first.json("query", ORDERS)["rows"] == [[2000, 3, 3]]
    assert copy.json("query", ORDERS)["rows"] == [[2000, 2, 2]]


def test_a_kept_table_goes_on_after_its_mesh_was_moved(first: TestMesh, tmp_path: Path) -> None:
    path = first.path("domains/sales/orders/models/orders.sql")
    settings = "/* weft\nmaterialized: append\nkey: id\n*/\n"
    path.write_text(settings + path.read_text(encoding="utf-8"), encoding="utf-8")
    first.json("apply")
    shutil.move(first.root, tmp_path / "second")
    moved = TestMesh(tmp_path / "second")

    source_rows(moved, 2, rows=2_010)
    moved.json("apply")

    assert moved.json("query", ORDERS)["rows"] == [[2010, 1, 2]]
    assert moved.weft("apply").stdout.startswith("nothing to do")
