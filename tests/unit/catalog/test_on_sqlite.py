"""The catalog over the registry that weft ships: the same answers as over plain records."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.catalog.registered import THEN, Registered, flights
from weft.catalog.history import history
from weft.catalog.lineage import lineage
from weft.catalog.pages import page
from weft.catalog.search import search
from weft.model.address import parse_address
from weft.model.records import Publish
from weft.registry.sqlite import SqliteRegistry

NOW = THEN + timedelta(hours=3)


@pytest.fixture
def published(tmp_path: Path) -> Iterator[tuple[Registered, SqliteRegistry]]:
    """The mesh like the example's, published product by product."""
    mesh = flights()
    registry = SqliteRegistry(tmp_path / "registry.db")
    for address, product in mesh.product_records.items():
        states = [s for a, s in mesh.states.items() if a.of_product == address]
        run_id = f"run-{address.product}"
        registry.publish(
            Publish(
                domain=mesh.domain_records[address.domain],
                product=product,
                publications=[p for s in states for p in mesh.publications[s.address]],
                requires={str(s.address): 0 for s in states},
                checks={},
                edges=[e for e in mesh.edges if e.target.startswith(f"{address}.")],
                run_id=run_id,
                actor="ada",
                at=THEN,
                defaults=[s.address for s in states if s.default],
            )
        )
    yield mesh, registry
    registry.close()


@pytest.mark.parametrize("words", ["planes", "delay by carrier", "tail num", "carier", "noor", "kpi"])
def test_search_finds_the_same(published: tuple[Registered, SqliteRegistry], tmp_path: Path, words: str) -> None:
    mesh, registry = published

    assert search(registry, tmp_path / "index.db", words) == search(mesh, None, words)


@pytest.mark.parametrize("node", ["fleet.aircraft.planes", "fleet.aircraft.planes.seats", "fleet.aircraft.registered"])
@pytest.mark.parametrize("private", [True, False])
def test_lineage_is_the_same(published: tuple[Registered, SqliteRegistry], node: str, private: bool) -> None:
    mesh, registry = published

    assert lineage(registry, node, private=private) == lineage(mesh, node, private=private)


def test_pages_are_the_same_but_for_runs(published: tuple[Registered, SqliteRegistry]) -> None:
    mesh, registry = published

    for address in ("fleet", "fleet.aircraft", "fleet.aircraft.planes", "punctuality.performance.carrier_daily@1"):
        one, other = page(registry, address, NOW).as_json(), page(mesh, address, NOW).as_json()
        assert {k: v for k, v in one.items() if k not in {"last_run", "quality"}} == {
            k: v for k, v in other.items() if k not in {"last_run", "quality"}
        }


def test_history_is_the_same(published: tuple[Registered, SqliteRegistry]) -> None:
    mesh, registry = published
    planes = parse_address("fleet.aircraft.planes")

    assert history(registry, planes) == history(mesh, planes)
