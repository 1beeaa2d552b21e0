"""The edges that a run registers: the same nodes whatever it builds."""

from __future__ import annotations

import pytest

import weft
from tests.meshes import TestMesh
from tests.unit.runs.published import ORDERS, published
from weft.errors import PlatformError
from weft.model.address import parse_address
from weft.model.lineage import EdgeKind, LineageEdge, Transformation
from weft.runs.mesh_book import lineage_into

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


class _ManyEdges:
    """A registry that answers with at most so many edges at once, as a server does."""

    def __init__(self, per_node: int, most: int) -> None:
        self._per_node, self._most = per_node, most
        self.asked: list[int] = []

    def nodes_of(self, table: str) -> list[str]:
        return [f"{table}.c{n}" for n in range(9)]

    def lineage(self, nodes, *, up, depth, limit=None):
        self.asked.append(len(nodes))
        most = min(limit or self._most, 20 * self._most)
        found = [
            LineageEdge(f"a.b.t@1.{n.rpartition('.')[2]}_{i}", n, EdgeKind.DIRECT, Transformation.IDENTITY)
            for n in nodes
            for i in range(self._per_node)
        ]
        return found[:most], len(found) > most


@pytest.mark.parametrize("per_node", [1, 4, 10, 70])
def test_all_edges_into_a_port_are_followed_however_many_one_answer_has(per_node):
    found = lineage_into(_ManyEdges(per_node, most=20), ["x.y.z@1"])

    assert len(found) == len({(e.source, e.target) for e in found}) == 9 * per_node


def test_a_column_that_is_made_from_more_than_can_be_told_is_an_error_and_no_guess():
    with pytest.raises(PlatformError, match="WFT-GOV-085"):
        lineage_into(_ManyEdges(500, most=20), ["x.y.z@1"])
