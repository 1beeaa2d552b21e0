"""A column that no table can hold is told from the binding, with its line in the model, before anything runs."""

from __future__ import annotations

import pytest

import weft
from tests.meshes import TestMesh, two_products
from tests.unit.runs.published import ORDERS
from weft.errors import Where
from weft.model.column import Column
from weft.model.types import normalise
from weft.storage.schemas import storable_type, unstorable


def test_check_names_the_place_of_a_column_whose_type_iceberg_lacks(tmp_path) -> None:
    mesh: TestMesh = two_products(tmp_path / "mesh")
    mesh.path(f"{ORDERS}/contracts/totals.odcs.yaml").unlink()
    mesh.edit(f"{ORDERS}/models/totals.sql", "select day,", "select\n  interval 1 day as waiting,\n  day,")
    with weft.open(mesh.root) as opened:
        opened.sync("sales.orders.totals")

        found = [d for d in opened.check().diagnostics if d.code == "WFT-STO-005"]

    (one,) = found
    file = f"{ORDERS}/models/totals.sql"
    line = next(i for i, text in enumerate(mesh.path(file).read_text().splitlines(), 1) if "waiting" in text)
    assert one.where == Where(file, line, 3)
    assert one.what == "model `totals`: column `waiting` has type INTERVAL, which Iceberg tables do not have"
    assert one.fix == 'cast it in the model: `"waiting"::VARCHAR as "waiting"`'


@pytest.mark.parametrize(
    ("type_", "nearest"),
    [
        ("BIGINT", "BIGINT"),
        ("TIMESTAMP_S", "TIMESTAMP"),
        ("UBIGINT", "DECIMAL(20,0)"),
        ("ENUM('a', 'b')", "VARCHAR"),
        ("TIMETZ", "VARCHAR"),
        ("MAP(VARCHAR, INTERVAL[])", "MAP(VARCHAR, VARCHAR[])"),
        ("STRUCT(a INTEGER, b JSON)", "STRUCT(a INTEGER, b VARCHAR)"),
        ("DOUBLE[3]", "DOUBLE[]"),
        ("UNION(a INTEGER)", "VARCHAR"),
        ("something(else)", "VARCHAR"),
    ],
)
def test_every_type_has_a_nearest_one_that_can_be_stored(type_: str, nearest: str) -> None:
    assert storable_type(normalise(type_)) == nearest
    assert unstorable(Column("c", nearest)) == ()
