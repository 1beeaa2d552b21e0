"""What is remembered of a mesh is never wrong: with every input of every key changed, it is what a fresh look finds."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.meshes import TestMesh, contract, source, two_products
from weft.config import load_settings
from weft.plan.repository import Repository
from weft.wiring import Rooms

ORDERS, DAILY = "domains/sales/orders", "domains/report/daily"
SOURCE = f"{ORDERS}/contracts/sources/raw.odcs.yaml"


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    """Two products, the source with a contract."""
    found = two_products(tmp_path / "mesh")
    raw = source("raw", file="data/orders.csv")
    path = found.path(f"{ORDERS}/product.odps.yaml")
    described = json.loads(path.read_text())
    columns = [{"name": n, "logicalType": "integer"} for n in ("id", "batch", "amount", "day")]
    text = contract("sales.orders.raw", columns)
    found.write(SOURCE, text)
    described["inputPorts"] = [{**raw, "contractId": json.loads(text)["id"]}]
    path.write_text(json.dumps(described, indent=2))
    return found


def seen(root: Path) -> tuple[object, ...]:
    """All that a look at the files finds, and the lineage of all that they want built."""
    rooms = Rooms(load_settings(root, environ={}))
    try:
        found: Repository = rooms.repository()
        edges = []
        for address, wanted in found.desired.items():
            for model in wanted.models:
                read = {
                    r.name: wanted.model_columns.get(r.name) or wanted.input_columns[r.name] for r in model.references
                }
                lineage = rooms.context(found).lineage(model.digest, model.sql, read, wanted.model_columns[model.name])
                edges.append((address, model.name, lineage))
        return (found.mesh.products, found.mesh.domains, dict(found.desired), found.problems, edges)
    finally:
        rooms.close()


def broken_sql(mesh: TestMesh) -> None:
    mesh.edit(f"{ORDERS}/models/totals.sql", "sum(amount)", "summ(amount)")


CHANGES: dict[str, Callable[[TestMesh], object]] = {
    "the SQL": lambda m: m.edit(f"{ORDERS}/models/totals.sql", "max(batch)", "min(batch)"),
    "the place of the SQL": lambda m: m.edit(f"{ORDERS}/models/totals.sql", "select day", "\n\nselect day"),
    "SQL that is broken": broken_sql,
    "the settings": lambda m: m.edit(
        f"{ORDERS}/models/totals.sql", "select day", "/* weft\nmaterialized: often\n*/\nselect day"
    ),
    "the contract": lambda m: m.edit(f"{ORDERS}/contracts/totals.odcs.yaml", '"integer"', '"string"'),
    "a field of the contract": lambda m: m.edit(f"{ORDERS}/contracts/totals.odcs.yaml", '"status"', '"statsu"'),
    "the descriptor": lambda m: m.edit(f"{DAILY}/product.odps.yaml", "totals@1", "orders@1"),
    "the domain": lambda m: m.edit("domains/sales/domain.yaml", '"Sales"', '"Trade"'),
    "columns upstream": lambda m: m.edit(f"{ORDERS}/models/orders.sql", "amount::integer", "amount::bigint"),
    "names upstream": lambda m: m.edit(f"{ORDERS}/models/totals.sql", "as batch", "as batches"),
    "the contract of the source": lambda m: m.edit(SOURCE, '"integer"', '"number"'),
    "the settings of the source": lambda m: m.edit(
        f"{ORDERS}/product.odps.yaml", '"file": "data/orders.csv"', '"file": "data/orders.csv", "header": false'
    ),
    "the header of the source": lambda m: m.write("data/orders.csv", "id,batch,amount\n1,1,1\n"),
    "a name of a file": lambda m: m.path(f"{DAILY}/models/small.sql").rename(m.path(f"{DAILY}/models/tiny.sql")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_is_remembered_is_what_a_fresh_look_finds_whatever_is_changed(
    mesh: TestMesh, change: Callable[[TestMesh], object]
) -> None:
    before = seen(mesh.root)
    assert seen(mesh.root) == before

    change(mesh)
    remembered = seen(mesh.root)

    shutil.rmtree(mesh.path(".weft/cache"))
    assert remembered == seen(mesh.root)
    assert remembered != before


def test_a_change_that_is_taken_back_is_remembered_as_it_was(mesh: TestMesh) -> None:
    before = seen(mesh.root)
    broken_sql(mesh)
    assert seen(mesh.root) != before

    mesh.edit(f"{ORDERS}/models/totals.sql", "summ(amount)", "sum(amount)")

    assert seen(mesh.root) == before


@pytest.mark.parametrize("version", ["weft.release.VERSION", "duckdb", "sqlglot", "open_data_contract_standard"])
def test_another_version_of_what_reads_the_files_remembers_nothing(mesh: TestMesh, version: str) -> None:
    seen(mesh.root)
    other = {
        "weft.release.VERSION": "import weft.release; weft.release.VERSION += '.other'",
    }.get(
        version, f"import weft.plugins as p; v = p.version_of; p.version_of = lambda n: v(n) + '!' * (n == {version!r})"
    )
    looked = (
        "from pathlib import Path; from weft.config import load_settings; from weft.wiring import Rooms\n"
        "rooms = Rooms(load_settings(Path('.'), environ={})); rooms.repository(); rooms.close()\n"
        "print('_duckdb' in __import__('sys').modules)"
    )

    same = _python(looked, mesh.root)
    changed = _python(f"{other}\n{looked}", mesh.root)

    assert (same, changed) == ("False", "True")


def _python(code: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
