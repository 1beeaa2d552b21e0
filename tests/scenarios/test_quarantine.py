"""Bad rows without a lost day: they go to a side table, the rest is published, and everybody is told."""

from __future__ import annotations

import json

import pytest

from tests.meshes import TestMesh, source_rows, two_products

ORDERS = "domains/sales/orders"
CONTRACT = f"{ORDERS}/contracts/orders.odcs.yaml"
PORT = "sales.orders.orders@1"
TOTALS = "sales.orders.totals@1"


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
