"""A mesh whose registry lies in PostgreSQL: the way of a working day, and applies that are struck at any write."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.fault_server import FaultServer
from tests.faulted import APPLY, Faulted, model, rows, shop
from tests.faults import HOWS
from tests.meshes import TestMesh, two_products
from tests.servers import postgres_to_stop, registry_database
from weft.api import registries


def keeps_in(mesh: TestMesh, url: str) -> TestMesh:
    """Lets a mesh have its registry in a database."""
    text = mesh.path("weft.toml").read_text()
    mesh.write("weft.toml", text.replace("[mesh]\n", f'[mesh]\nregistry = "{url}"\n'))
    return mesh


@pytest.fixture
def url(postgres) -> Iterator[str]:
    with registry_database(postgres) as made:
        yield made


def test_every_verb_works_with_the_registry_in_postgresql(tmp_path, url):
    mesh = keeps_in(two_products(tmp_path / "mesh"), url)
    port = "sales.orders.orders"

    assert len(mesh.json("apply")["published"]) == 4
    assert mesh.json("apply")["published"] == []
    first = mesh.rows(port)
    mesh.edit("domains/sales/orders/models/orders.sql", "amount::integer as amount", "2 * amount::integer as amount")
    assert [c["address"] for c in mesh.json("plan", expect=0)["changes"] if c["action"] != "none"]
    mesh.json("apply", "--env", "dev")
    assert mesh.rows(port) == first
    assert [e["name"] for e in mesh.json("env", "list")["environments"]] == ["dev"]
    mesh.json("apply")
    assert mesh.rows(port) != first
    history = mesh.json("history", port)["snapshots"]
    assert [s["revision"] for s in history] == [2, 1]
    mesh.json("rollback", port, history[1]["snapshot_id"], "--reason", "amounts twice")
    assert mesh.rows(port) == first
    assert mesh.json("lineage", port)["edges"]
    assert mesh.json("search", "orders")["results"]
    assert {r["state"] for r in mesh.json("runs")["runs"]} == {"succeeded"}
    assert not mesh.path(".weft/registry.db").exists()


def test_a_mesh_moves_from_its_file_to_postgresql_and_goes_on(tmp_path, url):
    mesh = two_products(tmp_path / "mesh")
    mesh.json("apply")
    before = mesh.rows("sales.orders.orders")

    moved = mesh.json("db", "backup", "registry.backup")
    keeps_in(mesh, url)
    assert mesh.json("db", "restore", "registry.backup") == moved
    mesh.path(".weft/registry.db").unlink()

    assert mesh.json("apply")["published"] == []
    assert mesh.rows("sales.orders.orders") == before
    mesh.edit("domains/sales/orders/models/orders.sql", "amount::integer as amount", "2 * amount::integer as amount")
    assert len(mesh.json("apply")["published"]) > 0
    assert [s["revision"] for s in mesh.json("history", "sales.orders.orders")["snapshots"]] == [2, 1]


def test_doctor_and_every_verb_say_what_is_wrong_with_it_and_never_its_password(tmp_path):
    mesh = two_products(tmp_path / "mesh")
    with postgres_to_stop() as server:
        secret = server.url.replace("weft@", "weft:sesame@")
        told = {"WEFT_MESH__REGISTRY": secret}

        empty = mesh.weft("apply", **told)
        unmade = mesh.weft("doctor", **told)
        assert mesh.weft("db", "upgrade", "--to", "1", **told).returncode == 0
        behind = mesh.weft("doctor", **told)
        upgraded = mesh.weft("db", "upgrade", **told)
        well = mesh.weft("doctor", **told)
        server.stop()
        away = mesh.weft("doctor", **told)
        refused = mesh.weft("history", "sales.orders.orders", **told)
        wrong = mesh.weft("doctor", WEFT_MESH__REGISTRY=f"{secret}?wrong=1")
        server.start()

    every = (empty, unmade, behind, upgraded, well, away, refused, wrong)
    assert [d.returncode for d in every] == [5, 1, 1, 0, 0, 1, 5, 1], [d.stdout + d.stderr for d in every]
    assert all("sesame" not in d.stdout + d.stderr for d in every)
    assert "WFT-REG-010" in empty.stderr
    assert "weft db upgrade" in empty.stderr
    assert "no tables yet" in unmade.stdout
    assert "version 1 of its tables" in behind.stdout
    assert "from version 1 to version" in upgraded.stdout
    assert "can be reached: PostgreSQL" in well.stdout
    assert "WFT-REG-002" in away.stdout
    assert "refused" in away.stdout
    assert "WFT-REG-002" in refused.stderr
    assert "WFT-REG-011" in wrong.stdout


class FaultedThere(Faulted):
    """The registry's database begins again where it was too."""

    url = ""

    def _keep_database(self) -> None:
        self._made_anew("start", self.url.rpartition("/")[2])

    def _former_database(self) -> None:
        self._made_anew(self.url.rpartition("/")[2], "start")

    def _made_anew(self, name: str, template: str) -> None:
        with psycopg.connect(f"{self.url.rpartition('/')[0]}/template1", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.accept)])
def test_struck_at_any_write_an_apply_shows_old_rows_or_new_and_the_next_one_completes(tmp_path, server, every):
    mesh = shop(tmp_path / "mesh", "events", "totals")
    model(mesh, "events")
    model(mesh, "totals", "select day::date as day, sum(n)::integer as n, max(id) as id from events group by day")
    rows(mesh, [(1, 1, 1), (2, 2, 2)])
    with postgres_to_stop() as there:
        whole = FaultedThere(keeps_in(mesh, there.url), server)
        whole.url = there.url
        registries.upgrade(mesh.root)
        whole.begins(lambda m: rows(m, [(1, 1, 1), (2, 2, 5), (3, 3, 3)]), APPLY)

        assert whole.survives(HOWS, every=every) >= 80
