"""A contract is drafted or completed from what its model gives."""

from __future__ import annotations

import json

import pytest

import weft
from tests.meshes import TestMesh, number, two_products
from tests.unit.runs.published import ORDERS
from weft.errors import ProjectError, UsageError
from weft.project import yaml12

CONTRACT = f"{ORDERS}/contracts/totals.odcs.yaml"
PORT = "sales.orders.totals"


@pytest.fixture
def mesh(tmp_path) -> TestMesh:
    return two_products(tmp_path / "mesh")


def sync(mesh: TestMesh, address: str = PORT, *, write: bool = True):
    with weft.open(mesh.root) as opened:
        return opened.sync(address, write=write)


def content(mesh: TestMesh, file: str = CONTRACT):
    data, _, problems = yaml12.read(mesh.path(file).read_text(encoding="utf-8"), file)
    assert problems == []
    return data


def errors(mesh: TestMesh) -> list[str]:
    with weft.open(mesh.root) as opened:
        return [str(d) for d in opened.check().diagnostics if d.severity == "error"]


def test_a_contract_that_is_missing_is_drafted_and_can_be_applied(mesh):
    mesh.path(CONTRACT).unlink()

    found = sync(mesh)

    assert found.path == mesh.path(CONTRACT)
    assert found.notes[0] == "drafted the whole document"
    drafted = content(mesh)
    assert drafted["id"] == number(PORT)
    assert [p["name"] for p in drafted["schema"][0]["properties"]] == ["day", "batch", "amount"]
    assert {p["logicalType"] for p in drafted["schema"][0]["properties"]} == {"integer"}
    assert errors(mesh) == []
    with weft.open(mesh.root) as opened:
        assert opened.apply().exit_code == 0


def test_a_port_without_the_id_of_its_contract_gets_it(mesh):
    mesh.path(CONTRACT).unlink()
    product = json.loads(mesh.path(f"{ORDERS}/product.odps.yaml").read_text())
    del product["outputPorts"][1]["contractId"]
    mesh.write(f"{ORDERS}/product.odps.yaml", json.dumps(product, indent=2))

    found = sync(mesh)

    assert any(note.startswith("product.odps.yaml: added") for note in found.notes)
    assert content(mesh, f"{ORDERS}/product.odps.yaml")["outputPorts"][1]["contractId"] == content(mesh)["id"]
    assert errors(mesh) == []


def test_nothing_is_written_when_it_is_only_asked_for(mesh):
    mesh.path(CONTRACT).unlink()

    found = sync(mesh, write=False)

    assert not mesh.path(CONTRACT).exists()
    assert "+  - name: totals" in found.diff
    assert found.text.startswith("apiVersion:")


def test_a_column_that_is_new_is_added_and_what_is_written_stays(mesh):
    sync(mesh)
    text = mesh.path(CONTRACT).read_text(encoding="utf-8")
    data = yaml12.read(text, "x")[0]
    data["schema"][0]["properties"][1]["description"] = "said by a person"
    mesh.write(CONTRACT, json.dumps(data, indent=2))
    mesh.edit(f"{ORDERS}/models/totals.sql", "select day,", "select day, count(*)::integer as orders,")

    found = sync(mesh)

    properties = {p["name"]: p for p in content(mesh)["schema"][0]["properties"]}
    assert properties["batch"]["description"] == "said by a person"
    assert properties["orders"]["logicalType"] == "integer"
    assert any("`orders`" in note for note in found.notes)
    assert errors(mesh) == []


def test_a_column_of_nothing_but_null_is_drafted_without_a_type_and_its_model_is_told_to_cast(mesh):
    mesh.edit(f"{ORDERS}/models/totals.sql", "select day,", "select day, null as n, [null] as m,")

    sync(mesh)

    drafted = {p["name"]: p for p in content(mesh)["schema"][0]["properties"]}
    assert not {"logicalType", "physicalType", "items"} & {*drafted["n"], *drafted["m"]}
    with weft.open(mesh.root) as opened:
        found = [d for d in opened.check().diagnostics if d.severity == "error"]
    assert {d.code for d in found} == {"WFT-STO-005"}
    assert found[0].fix == 'cast it in the model: `"n"::VARCHAR as "n"`'

    mesh.edit(f"{ORDERS}/models/totals.sql", "null as n, [null] as m", "null::varchar as n, [null]::integer[] as m")
    sync(mesh)
    assert errors(mesh) == []
    assert {p["name"]: p["physicalType"] for p in content(mesh)["schema"][0]["properties"]}["n"] == "VARCHAR"


def test_a_type_that_somebody_wrote_is_kept_and_told_where_the_model_gives_another(mesh):
    sync(mesh)
    mesh.edit(f"{ORDERS}/models/totals.sql", "select day,", "select day::varchar as day,")
    before = mesh.path(CONTRACT).read_bytes()

    found = sync(mesh)
    told = mesh.weft("contract", "sync", PORT)

    assert [(d.code, d.where.file) for d in found.disagreements] == [("WFT-CON-003", CONTRACT)]
    assert mesh.path(CONTRACT).read_bytes() == before
    assert (told.returncode, "WFT-CON-003" in told.stdout, "all there is to say" in told.stderr) == (0, True, False)


def test_a_contract_that_lacks_nothing_stays_to_the_letter(mesh):
    sync(mesh)
    before = mesh.path(CONTRACT).read_bytes()

    again = sync(mesh)

    assert (again.notes, again.diff, again.disagreements) == ((), "", ())
    assert mesh.path(CONTRACT).read_bytes() == before


def test_values_of_sensitive_columns_are_in_no_drafted_rule(mesh):
    data = content(mesh)
    data["schema"][0]["properties"][2]["classification"] = "confidential"
    for prop in data["schema"][0]["properties"]:
        prop.pop("logicalTypeOptions", None)
    mesh.write(CONTRACT, json.dumps(data, indent=2))

    sync(mesh)

    amount = content(mesh)["schema"][0]["properties"][2]
    assert amount["physicalType"] == "INTEGER"
    assert not {"logicalTypeOptions", "quality", "enum", "examples"} & set(amount)


@pytest.mark.parametrize(
    ("address", "code", "fix"),
    [
        ("sales.orders.total", "WFT-PLN-001", "did you mean `sales.orders.totals`?"),
        ("nobody.has.this", "WFT-PLN-001", "list it under outputPorts in product.odps.yaml"),
    ],
)
def test_a_port_that_no_product_lists_is_told(mesh, address, code, fix):
    with pytest.raises(UsageError) as raised:
        sync(mesh, address)

    assert [(d.code, d.fix) for d in raised.value.diagnostics] == [(code, fix)]


def test_a_port_without_model_is_told(mesh):
    mesh.path(f"{ORDERS}/models/totals.sql").unlink()

    with pytest.raises(UsageError) as raised:
        sync(mesh)

    assert [d.code for d in raised.value.diagnostics] == ["WFT-PRJ-013"]


def test_a_contract_that_cannot_be_read_is_told_and_not_overwritten(mesh):
    mesh.write(CONTRACT, "schema: [\n")

    with pytest.raises(ProjectError) as raised:
        sync(mesh)

    assert [d.code for d in raised.value.diagnostics] == ["WFT-PRJ-002"]
    assert mesh.path(CONTRACT).read_text() == "schema: [\n"
