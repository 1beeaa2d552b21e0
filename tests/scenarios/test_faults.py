"""Struck at any write, an apply shows the old rows or the new, whole; the next one completes, and nothing stays."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import pytest

from tests.fault_server import FaultServer
from tests.faulted import AGE, APPLY, COLUMNS, DAY, T0, VALID, Faulted, described, integer, model, rows, shop
from tests.faults import FULL
from tests.meshes import TestMesh

pytestmark = pytest.mark.slow

AT_LEAST = {
    "whole": 100,
    "batches": 35,
    "by key": 70,
    "private": 90,
    "quarantine": 70,
    "environment": 70,
    "taken over": 30,
    "dropped": 20,
    "first": 70,
    "joined": 120,
    "expiring": 80,
}
"""How many faults each story is made of at least: a write that is no longer seen is told."""


EACH_OR_SOME = pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.accept)])
"""In `make test` every fifth write of long stories is struck in half of the ways; in `make accept` each in all."""


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@EACH_OR_SOME
def test_a_port_that_is_built_whole(tmp_path, server, every):
    mesh = shop(tmp_path / "mesh", "events", "totals")
    model(mesh, "events")
    model(mesh, "totals", "select day::date as day, sum(n)::integer as n, max(id) as id from events group by day")
    rows(mesh, [(1, 1, 1), (2, 2, 2)])
    whole = Faulted(mesh, server)
    whole.begins(lambda m: rows(m, [(1, 1, 1), (2, 2, 5), (3, 3, 3)]), APPLY)

    assert whole.survives(every=every) >= AT_LEAST["whole"]


BY_DAY = {"materialized": "incremental", "time_column": "day", "batch_size": "1d", "lookback": "2d"}


@EACH_OR_SOME
def test_a_table_that_is_built_by_time_in_batches(tmp_path, server, every):
    mesh = shop(tmp_path / "mesh", "events")
    model(mesh, "events", **BY_DAY)
    rows(mesh, [(1, 1, 1), (2, 2, 2), (3, 4, 3)])
    kept = Faulted(mesh, server)
    kept.begins(lambda m: rows(m, [(1, 1, 9), (2, 2, 5), (3, 4, 4), (4, 5, 4)]), APPLY)

    assert kept.survives(every=every) >= AT_LEAST["batches"] * 3


@EACH_OR_SOME
@pytest.mark.parametrize(
    "settings",
    [
        {"materialized": "merge", "key": "id", "delete": "missing"},
        {"materialized": "append", "key": "id"},
        {"materialized": "scd2", "key": "id", "delete": "missing"},
    ],
    ids=lambda s: s["materialized"],
)
def test_a_table_that_is_kept_by_key(tmp_path, server, settings, every):
    """`merge`, `append` and `scd2`."""
    mesh = shop(tmp_path / "mesh", "events")
    if settings["materialized"] == "scd2":
        described(mesh, "events", [integer("id", required=True), DAY, integer("n"), *VALID])
    model(mesh, "events", **settings)
    rows(mesh, [(1, 1, 1), (2, 2, 2), (3, 2, 2)])
    kept = Faulted(mesh, server)
    kept.begins(lambda m: rows(m, [(1, 1, 1), (2, 2, 5), (4, 3, 3)]), APPLY)

    assert kept.survives(every=every) >= AT_LEAST["by key"]


@EACH_OR_SOME
def test_a_private_model_that_keeps_a_table(tmp_path, server, every):
    mesh = shop(tmp_path / "mesh", "events")
    model(mesh, "seen", materialized="append", key="id")
    model(mesh, "events", "select max(id)::integer as id, max(day) as day, count(*)::integer as n from seen")
    rows(mesh, [(1, 1, 1), (2, 1, 1)])
    private = Faulted(mesh, server)
    private.begins(lambda m: rows(m, [(3, 2, 2)]), APPLY)

    assert private.survives(every=every) >= AT_LEAST["private"]


@EACH_OR_SOME
def test_rows_that_go_to_quarantine(tmp_path, server, every):
    mesh = shop(tmp_path / "mesh", "events")
    small = integer("n", logicalTypeOptions={"maximum": 9})
    allowed = [{"property": "weft.quarantine", "value": {"rules": ["*"], "maxShare": "50%"}}]
    described(mesh, "events", [integer("id", primaryKey=True, required=True), DAY, small], customProperties=allowed)
    model(mesh, "events", materialized="merge", key="id")
    rows(mesh, [(1, 1, 1), (2, 2, 99), (3, 1, 1)])
    parted = Faulted(mesh, server)
    parted.begins(lambda m: rows(m, [(2, 2, 2), (4, 4, 77), (5, 5, 5)]), APPLY)

    assert parted.survives(every=every) >= AT_LEAST["quarantine"]


@EACH_OR_SOME
def test_an_environment_beside_production(tmp_path, server, every):
    mesh = shop(tmp_path / "mesh", "events")
    model(mesh, "events")
    rows(mesh, [(1, 1, 1)])
    beside = Faulted(mesh, server, [{"do": "apply", "environment": "dev"}])
    beside.begins(lambda m: model(m, "events", COLUMNS.replace("n::integer", "2 * n::integer")), APPLY)

    assert beside.survives(every=every) >= AT_LEAST["environment"]


@pytest.mark.parametrize("every", [2, pytest.param(1, marks=pytest.mark.accept)])
def test_production_that_takes_over_what_an_environment_has_built(tmp_path, server, every):
    mesh = shop(tmp_path / "mesh", "events")
    model(mesh, "events")
    rows(mesh, [(1, 1, 1)])
    over = Faulted(mesh, server)
    over.begins(lambda m: None, APPLY)
    model(mesh, "events", COLUMNS.replace("n::integer", "2 * n::integer"))
    over.begins(lambda m: None, {"do": "apply", "environment": "dev"})

    assert over.survives(every=every) >= AT_LEAST["taken over"]


def test_an_environment_that_is_dropped(tmp_path, server):
    drop = {"do": "drop", "names": ["dev"]}
    mesh = shop(tmp_path / "mesh", "events")
    model(mesh, "events")
    rows(mesh, [(1, 1, 1)])
    gone = Faulted(mesh, server, [drop], then=[drop, APPLY])
    gone.begins(lambda m: model(m, "events", COLUMNS.replace("n::integer", "2 * n::integer")), APPLY)
    gone.begins(lambda m: model(m, "events"), {"do": "apply", "environment": "dev"})

    assert gone.survives() >= AT_LEAST["dropped"]


@EACH_OR_SOME
def test_the_first_apply_of_all(tmp_path, server, every):
    mesh = shop(tmp_path / "mesh", "events")
    model(mesh, "events")
    rows(mesh, [(1, 1, 1)])
    # the first that ends well begins to reckon when orphans are looked for, the next one finds that the time has come
    first = Faulted(mesh, server, then=[APPLY, APPLY])
    first.begins(lambda m: None)

    assert first.survives(every=every) >= AT_LEAST["first"]


@EACH_OR_SOME
def test_small_files_that_are_written_together(tmp_path, server, every):
    mesh = shop(tmp_path / "mesh", "events")
    _with_storage(mesh, small_files=1)
    model(mesh, "seen", materialized="append", key="id")
    model(mesh, "events", "select id, day, n from seen", materialized="merge", key="id", delete="missing")
    rows(mesh, [(1, 1, 1), (2, 2, 2)])
    joined = Faulted(mesh, server)
    joined.begins(lambda m: rows(m, [(1, 1, 1), (2, 2, 2), (3, 3, 3)]), APPLY)

    assert joined.survives(every=every) >= AT_LEAST["joined"]


@EACH_OR_SOME
def test_data_versions_whose_time_is_over(tmp_path, server, every):
    """Some are marked, metadata and files of those that were marked before go."""
    mesh = shop(tmp_path / "mesh", "events")
    _with_storage(mesh, keep_at_least=1, keep_snapshots="1m", orphan_age="2m")
    model(mesh, "events", materialized="merge", key="id", delete="missing")
    for hours in (4, 3, 2, 1):
        rows(mesh, [(1, 1, hours), (10 + hours, 2, 2)])
        (done, _) = server.ask(mesh.root, T0 - dt.timedelta(hours=hours), APPLY, AGE)["answers"]
        assert done["exit"] == 0, done
    expiring = Faulted(mesh, server)
    expiring.begins(lambda m: rows(m, [(1, 1, 9)]))

    assert expiring.survives(every=every) >= AT_LEAST["expiring"]


def _with_storage(mesh: TestMesh, **settings: object) -> None:
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    text = mesh.path("weft.toml").read_text(encoding="utf-8")
    mesh.write("weft.toml", "\n".join([text, "[storage]", *lines, ""]))


def test_a_disk_that_is_full_and_stays_so_until_somebody_makes_room(tmp_path, server):
    mesh = shop(tmp_path / "mesh", "events")
    model(mesh, "seen", materialized="merge", key="id")
    model(mesh, "events", "select id, day, n from seen")
    rows(mesh, [(1, 1, 1)])
    full = Faulted(mesh, server)
    full.begins(lambda m: rows(m, [(1, 1, 5), (4, 3, 3)]), APPLY)

    assert full.survives([FULL]) >= 20


def test_they_are_five_hundred_faults_at_least():
    by_key = ("merge", "append", "scd2")

    # in `make accept`, which leaves no write out
    assert sum(AT_LEAST.values()) + (len(by_key) - 1) * AT_LEAST["by key"] >= 500
