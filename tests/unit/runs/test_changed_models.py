"""A plan names the models that have changed, in whichever of the files that a port needs they stand."""

from __future__ import annotations

import sqlite3

import pytest

import weft
from tests.meshes import TestMesh, contract, descriptor, source

MODELS = "domains/shop/sales/models"
N = [{"name": "n", "logicalType": "integer", "physicalType": "BIGINT"}]


@pytest.fixture
def mesh(tmp_path) -> TestMesh:
    """A port `all` that needs two private models, one in SQL and one in Python."""
    mesh = TestMesh(tmp_path)
    mesh.write("weft.toml", '[mesh]\nname = "t"\ndomains = ["domains/*"]\n')
    mesh.write("domains/shop/domain.yaml", "name: shop\ntitle: Shop\nkind: source-aligned\nowner: {team: Shop}\n")
    mesh.write(
        "domains/shop/sales/product.odps.yaml",
        descriptor("shop", "sales", [source("raw", file="data/raw.csv")], ["all"]),
    )
    mesh.write("data/raw.csv", "n\n1\n2\n")
    mesh.write(f"{MODELS}/numbers.sql", "select n::bigint as n from raw")
    mesh.write(f"{MODELS}/doubled.py", "def doubled(numbers):\n    return numbers\n")
    mesh.write(f"{MODELS}/all.sql", "select n from doubled")
    mesh.write("domains/shop/sales/contracts/all.odcs.yaml", contract("shop.sales.all", N))
    apply(mesh)
    return mesh


def apply(mesh: TestMesh, **asked: object) -> None:
    with weft.open(mesh.root, **asked) as opened:
        assert opened.apply().exit_code == 0


def reason(mesh: TestMesh) -> str:
    with weft.open(mesh.root) as opened:
        (change,) = opened.plan().changes
    return change.reason


def edit(mesh: TestMesh, name: str) -> None:
    old, new = (
        ("return numbers", "return numbers.slice(1)") if name == "doubled.py" else ("select n", "select 1 * n as n")
    )
    mesh.edit(f"{MODELS}/{name}", old, new if name != "numbers.sql" else "select 1 * n")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (["all.sql"], "its SQL changed"),
        (["numbers.sql"], "the SQL of `numbers` changed"),
        (["doubled.py"], "the Python of `doubled` changed"),
        (["all.sql", "numbers.sql"], "its SQL and that of `numbers` changed"),
        (["numbers.sql", "doubled.py"], "the SQL of `numbers` changed; the Python of `doubled` changed"),
    ],
)
def test_the_models_that_have_changed_are_named(mesh: TestMesh, changed: list[str], told: str) -> None:
    for name in changed:
        edit(mesh, name)

    assert reason(mesh) == told


def test_a_model_that_is_put_between_is_named(mesh: TestMesh) -> None:
    mesh.write(f"{MODELS}/half.sql", "select n from numbers where n % 2 = 0")
    mesh.write(f"{MODELS}/all.sql", "select n from half")

    assert reason(mesh) == "its SQL changed; `half` is new among its models; `doubled` is no model of it any more"


def test_a_description_that_is_published_by_itself_forgets_no_model(mesh: TestMesh) -> None:
    described = contract("shop.sales.all", N, description={"purpose": "Numbers."})
    mesh.write("domains/shop/sales/contracts/all.odcs.yaml", described)
    apply(mesh)
    edit(mesh, "numbers.sql")

    assert reason(mesh) == "the SQL of `numbers` changed"


def test_what_an_environment_has_built_is_named_when_production_has_taken_it_over(mesh: TestMesh) -> None:
    edit(mesh, "all.sql")
    apply(mesh, environment="dev")
    apply(mesh)
    edit(mesh, "doubled.py")

    assert reason(mesh) == "the Python of `doubled` changed"


def test_of_what_an_older_weft_has_published_it_is_not_said_which_model_changed(mesh: TestMesh) -> None:
    with sqlite3.connect(mesh.path(".weft/registry.db")) as registry:
        registry.execute("update publications set header = json_remove(header, '$.model_digests')")
    edit(mesh, "numbers.sql")

    assert reason(mesh) == "its SQL or Python changed"
