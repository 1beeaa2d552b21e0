"""The edges that a run registers: the same nodes whatever it builds."""

from __future__ import annotations

import pytest

import weft
from tests.meshes import TestMesh
from tests.unit.runs.published import ORDERS, published
from weft.model.address import parse_address

TOTAL = "sales.orders.totals@1.amount"


@pytest.fixture
def mesh(tmp_path) -> TestMesh:
    return published(tmp_path / "mesh")


def edges(mesh: TestMesh, node: str = TOTAL) -> set[tuple[str, str]]:
    """Direct edges that lead to a node, from the sources on."""
    with weft.open(mesh.root) as opened:
        found, _ = opened._rooms.registry.lineage([node], up=True, depth=9)
        return {(e.source, e.target) for e in found if e.kind == "direct"}


def apply(mesh: TestMesh, *select: str):
    with weft.open(mesh.root) as opened:
        result = opened.apply(select)
        assert result.exit_code == 0
        return result


def test_a_column_has_one_node_whichever_ports_are_built(mesh):
    every = edges(mesh)

    mesh.edit(f"{ORDERS}/models/totals.sql", "group by day", "where true group by day")
    built = [p.address for p in apply(mesh, "sales.orders.totals").published]

    assert built == [parse_address("sales.orders.totals@1")]
    assert edges(mesh) == every
    assert ("sales.orders.orders@1.amount", TOTAL) in every
    assert ("sales.orders.raw.amount", "sales.orders.orders@1.amount") in every


def test_a_port_that_is_not_built_keeps_the_edges_of_the_rows_that_it_serves(mesh):
    mesh.edit(f"{ORDERS}/models/orders.sql", "amount::integer as amount", "amount::integer + day::integer as amount")
    mesh.edit(f"{ORDERS}/models/totals.sql", "group by day", "where true group by day")

    apply(mesh, "sales.orders.totals")

    assert ("sales.orders.raw.day", "sales.orders.orders@1.amount") not in edges(mesh)
    apply(mesh)
    assert ("sales.orders.raw.day", "sales.orders.orders@1.amount") in edges(mesh)


def test_what_is_made_from_a_port_that_was_never_published_leads_to_the_source_too(tmp_path):
    from tests.meshes import two_products

    mesh = two_products(tmp_path / "new")
    apply(mesh, "sales.orders.totals")

    assert {("sales.orders.orders@1.amount", TOTAL), ("sales.orders.raw.amount", "sales.orders.orders@1.amount")} <= (
        edges(mesh)
    )


def test_a_model_whose_lineage_cannot_be_resolved_is_published_with_a_warning(mesh):
    mesh.edit(
        f"{ORDERS}/models/totals.sql",
        "select day, max(batch)::integer as batch, sum(amount)::integer as amount\nfrom orders\ngroup by day\n",
        "select columns(lambda c: c[:2] <> 'id') from orders qualify row_number() over (partition by day) = 1\n",
    )

    result = apply(mesh)

    assert [(d.code, d.severity, d.where.file) for d in result.warnings] == [
        ("WFT-SQL-012", "warning", f"{ORDERS}/models/totals.sql")
    ]
    assert "`totals`" in result.warnings[0].what
    assert [d["code"] for d in result.as_json()["diagnostics"]] == ["WFT-SQL-012"]
    assert apply(mesh).warnings == ()
