"""The book of a mesh: what is registered, and what happens there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.meshes import TestMesh, two_products
from weft.config import load_settings
from weft.governance.relations import BY_NAME
from weft.wiring import Rooms
from weft.wiring.governing import living_book


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    made = two_products(tmp_path / "mesh")
    assert made.weft("apply").returncode == 0
    return made


@pytest.fixture
def rooms(mesh: TestMesh) -> Iterator[Rooms]:
    with closing(Rooms(load_settings(mesh.root))) as found:
        yield found


def rows(rooms: Rooms, relation: str) -> list[dict[str, Any]]:
    with living_book(rooms) as book:
        found = book.ours(f"SELECT * FROM {relation} ORDER BY 1, 2")
    return [dict(zip(BY_NAME[relation].names, row, strict=True)) for row in found]


def test_what_is_registered_stands_in_it_with_the_rows_that_can_be_read(rooms: Rooms) -> None:
    ports = rows(rooms, "ports")

    assert [p["product"] for p in rows(rooms, "products")] == ["report.daily", "sales.orders"]
    assert {p["port"] for p in ports} >= {"sales.orders.orders@1", "sales.orders.totals@1"}
    assert all(p["rows"] and p["published_at"] and p["has_contract"] for p in ports)


def test_lineage_leads_from_port_to_port_without_private_models(rooms: Rooms) -> None:
    edges = rows(rooms, "column_lineage")

    assert edges
    assert not [e for e in edges if ".~" in e["target"] or ".~" in e["source"]]
    assert {e["source_product"] for e in edges if e["product"] == "report.daily"} == {"sales.orders"}
    assert [(e["product"], e["reads_product"]) for e in rows(rooms, "lineage")][:1] == [
        ("report.daily", "sales.orders")
    ]


def test_runs_checks_and_reads_of_other_products_stand_in_it(rooms: Rooms) -> None:
    runs, checks = rows(rooms, "runs"), rows(rooms, "check_results")

    assert {r["state"] for r in runs} == {"succeeded"}
    assert {r["outcome"] for r in runs} == {"published"}
    assert {c["port"] for c in checks} == {r["port"] for r in runs}
    assert {c["result"] for c in checks} == {"passed"}
    assert {u["consumer"] for u in rows(rooms, "usage")} >= {"report.daily"}


def test_a_confidential_column_is_restricted_by_default_and_an_internal_one_is_not(tmp_path: Path) -> None:
    mesh = two_products(tmp_path / "mesh")
    named = '"name": "amount"'
    mesh.edit("domains/sales/orders/contracts/orders.odcs.yaml", named, f'{named}, "classification": "confidential"')
    assert mesh.weft("apply").returncode == 0

    with closing(Rooms(load_settings(mesh.root))) as rooms:
        (found,) = [r for r in rows(rooms, "restrictions") if r["port"] == "sales.orders.orders@1"]

    assert (found["column"], found["effect"], found["rule"]) == ("sales.orders.orders@1.amount", "mask", "defaults")


def test_what_is_published_again_is_taken_in_and_what_is_gone_is_forgotten(mesh: TestMesh, rooms: Rooms) -> None:
    before = {p["port"]: p["published_at"] for p in rows(rooms, "ports")}
    assert mesh.weft("apply", "sales", "--full-refresh").returncode == 0

    after = {p["port"]: p["published_at"] for p in rows(rooms, "ports")}

    assert before.keys() == after.keys()
    assert all(after[port] > before[port] for port in after if port.startswith("sales."))


def test_a_damaged_book_is_made_anew(mesh: TestMesh, rooms: Rooms) -> None:
    before = rows(rooms, "columns")
    rooms.close()
    mesh.path(".weft/governance.db").write_bytes(b"no database at all" * 100)

    assert rows(rooms, "columns") == before
