"""Landings as runs that one can look at, and what is landed once when several apply at the same time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.domains import planes, repository, serving
from tests.scenarios.test_database_sources import Server, Shop
from weft.errors import SourceError
from weft.model.records import Run
from weft.runs.progress import Silent

PORT = "shop.sales.orders@1"
INCREMENTAL = {"table": "orders", "mode": "incremental", "cursor": "changed"}


@pytest.fixture(params=["postgres", "mysql"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    name = {"postgres": "postgres", "mysql": "mariadb"}[request.param]
    yield Server(request.getfixturevalue(name), request.param)


class Meanwhile(Silent):
    """Lets somebody else apply just before a source is landed."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.came = ""

    def stage(self, address: str, kind: str) -> None:
        if kind == "land" and not self.came:
            self.came = self._shop.build()


def landings(shop: Shop) -> list[Run]:
    """The runs that landed something, oldest first."""
    with weft.open(shop.root) as mesh:
        return [run for run in mesh.runs() if run.kind == "land"][::-1]


def outcomes(run: Run) -> list[tuple[str, str, int | None]]:
    return [(str(p.address), p.outcome, p.rows) for p in run.ports]


def test_a_landing_is_a_run_that_says_what_was_read(server: Server, tmp_path: Path) -> None:
    server.add((1, 10, 1), (2, 20, 2))
    shop = Shop(tmp_path, server.url, {"table": "orders"}, server.kind)

    shop.build()
    shop.build()
    server.add((3, 30, 3))
    shop.build()

    found = landings(shop)
    assert [(run.selection, run.state, outcomes(run)) for run in found] == [
        (("shop.sales.raw",), "succeeded", [(PORT, "landed", 2)]),
        (("shop.sales.raw",), "succeeded", [(PORT, "unchanged", 2)]),
        (("shop.sales.raw",), "succeeded", [(PORT, "landed", 3)]),
    ]
    assert all(run.finished_at is not None for run in found)


def test_a_landing_that_fails_is_a_run_that_says_why(postgres: str, tmp_path: Path) -> None:
    server = Server(postgres, "postgres")
    server.run("INSERT INTO orders VALUES (1, 10, 'infinity', null)")
    shop = Shop(tmp_path, postgres, {"table": "orders"})

    with pytest.raises(SourceError):
        shop.build()

    (run,) = landings(shop)
    assert (run.state, outcomes(run)) == ("failed", [(PORT, "not landed", None)])
    assert [d["code"] for d in run.ports[0].diagnostics] == ["WFT-SRC-029"]


def test_a_landing_is_none_of_the_runs_of_a_port_since_it_judges_no_row(postgres: str, tmp_path: Path) -> None:
    server = Server(postgres, "postgres")
    server.add((1, 10, 1))
    shop = Shop(tmp_path, postgres, {"table": "orders"})
    shop.build()
    shop.build()

    with weft.open(tmp_path) as mesh:
        assert [run.kind for run in mesh.runs(PORT)] == ["apply"]
        assert [run.kind for run in mesh.runs()] == ["land", "apply", "land"]


@pytest.mark.parametrize(
    "source",
    [INCREMENTAL, INCREMENTAL | {"key": ["id"], "deletes": "keys"}, {"table": "orders", "watermark": "changed"}],
)
def test_what_another_apply_has_landed_since_the_plan_is_not_landed_once_more(
    server: Server, tmp_path: Path, source: dict
) -> None:
    server.add((1, 10, 1))
    shop = Shop(tmp_path, server.url, source, server.kind)
    shop.build()
    server.add((2, 20, 2))

    meanwhile = Meanwhile(shop)
    second = shop.build(progress=meanwhile)

    assert (meanwhile.came, second) == ("published", "unchanged")
    assert len(shop.batches()) == 2
    assert shop.amounts() == [(1, 10), (2, 20)]
    assert sorted(outcome for run in landings(shop) for _, outcome, _ in outcomes(run)) == [
        "landed",
        "landed",
        "unchanged",
    ]


def test_what_came_behind_the_landing_of_another_apply_is_landed(server: Server, tmp_path: Path) -> None:
    server.add((1, 10, 1))
    shop = Shop(tmp_path, server.url, INCREMENTAL, server.kind)
    shop.build()
    server.add((2, 20, 2))

    class AndMore(Meanwhile):
        def stage(self, address: str, kind: str) -> None:
            first = not self.came
            super().stage(address, kind)
            if kind == "land" and first:
                server.add((3, 30, 3))

    assert shop.build(progress=AndMore(shop)) == "published"

    assert len(shop.batches()) == 3
    assert shop.amounts() == [(1, 10), (2, 20), (3, 30)]


def test_a_landing_of_a_repository_whose_registry_is_a_server_s_is_a_run_there(postgres: str, tmp_path: Path) -> None:
    Server(postgres, "postgres").add((1, 10, 1), (2, 20, 2))
    with serving(tmp_path / "server") as platform:
        fleet = repository(tmp_path / "fleet", platform.url, platform.token("ada"), "fleet")
        planes(fleet)
        settings = fleet.path("weft.toml")
        settings.write_text(settings.read_text() + '[connections.db]\nkind = "postgres"\ndsn = { file = "dsn" }\n')
        fleet.write("dsn", postgres)
        descriptor = fleet.path("domains/fleet/aircraft/product.odps.yaml")
        bound = descriptor.read_text()
        assert '"file": "data/planes.csv"' in bound
        descriptor.write_text(bound.replace('"file": "data/planes.csv"', '"connection": "db", "table": "orders"'))

        assert fleet.weft("apply").returncode == 0
        shown = fleet.weft("runs", "--format", "json")

    landed = [run for run in json.loads(shown.stdout)["runs"] if run["kind"] == "land"]
    assert [(run["state"], [(port["outcome"], port["rows"]) for port in run["ports"]]) for run in landed] == [
        ("succeeded", [("landed", 2)])
    ]
