"""What an apply stands on moves: a source while it is read, the space on the disk, the clock."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.faulted import COLUMNS, DAY, VALID, described, integer, model, rows, shop
from tests.meshes import TestMesh
from weft.errors import Conflict
from weft.model.publication import Publication
from weft.registry.base import Registry
from weft.runs.progress import Silent
from weft.runs.results import ApplyResult

PORT = "shop.sales.events"


class At(Silent):
    """Does something when an apply comes to a stage, as often as asked for."""

    def __init__(self, stage: str, act: Callable[[], object], times: int = 1) -> None:
        self.left = times
        self._stage, self._act = stage, act

    def stage(self, address: str, kind: str) -> None:
        if kind == self._stage and self.left:
            self.left -= 1
            self._act()


class Clock:
    """A clock that goes where it is put."""

    def __init__(self, now: str) -> None:
        self.put(now)

    def put(self, now: str) -> None:
        self.now = dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    made = shop(tmp_path / "mesh", "events")
    model(made, "events")
    rows(made, [(1, 1, 1)])
    apply(made)
    return made


def apply(mesh: TestMesh, **asked: object) -> ApplyResult:
    with weft.open(mesh.root) as opened:
        return opened.apply(**asked)  # type: ignore[arg-type]


def seen(mesh: TestMesh, clock: Clock | None = None, at: str | None = None) -> list[int]:
    """The values of the port's column `n`."""
    with weft.open(mesh.root, now=clock) as opened:
        when = dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC) if at else None
        return [row[0] for row in opened.query(f"select n from {PORT} order by all", at=when).rows()]


@pytest.mark.parametrize("stage", ["read", "build", "verify"])
def test_rows_of_a_source_that_changes_under_an_apply_are_made_again_from_what_it_became(mesh, stage):
    rows(mesh, [(1, 1, 2)])
    told: list[str] = []

    class Noting(At):
        def note(self, text: str) -> None:
            told.append(text)

    done = apply(mesh, progress=Noting(stage, lambda: rows(mesh, [(1, 1, 3), (2, 2, 3)])))

    assert done.exit_code == 0
    assert seen(mesh) == [3, 3]
    assert [t for t in told if "planned again" in t]
    with weft.open(mesh.root) as opened:
        assert opened.plan().is_empty


def test_a_source_that_is_written_and_written_back_while_it_is_read_has_moved(mesh):
    rows(mesh, [(1, 1, 2)])

    def there_and_back() -> None:
        rows(mesh, [(1, 1, 7)])
        rows(mesh, [(1, 1, 2)])

    with weft.open(mesh.root) as opened:
        done = opened.apply(plan=opened.plan(), progress=At("verify", there_and_back))

    (failed,) = done.failed
    assert isinstance(failed.error, Conflict)
    assert [d.code for d in failed.diagnostics] == ["WFT-RUN-001"]
    assert failed.diagnostics[0].what == "source `shop.sales.raw` moved since the plan was made"
    assert failed.diagnostics[0].why is not None and failed.diagnostics[0].why.endswith("written while it was read")
    assert seen(mesh) == [1]


def test_of_a_source_that_never_rests_nothing_is_published(mesh):
    number = iter(range(10, 1000))
    rows(mesh, [(1, 1, 2)])
    files = set(mesh.path(".weft/warehouse").rglob("*.parquet"))

    done = apply(mesh, progress=At("verify", lambda: rows(mesh, [(1, 1, next(number))]), times=1000))

    assert done.exit_code == 4
    assert {d.code for f in done.failed for d in f.diagnostics} == {"WFT-RUN-001"}
    assert seen(mesh) == [1]
    assert set(mesh.path(".weft/warehouse").rglob("*.parquet")) == files


def test_a_private_table_is_not_said_to_be_made_of_a_source_that_moved(tmp_path):
    mesh = shop(tmp_path / "mesh", "events")
    model(mesh, "kept", materialized="append", key="id")
    model(mesh, "events", "select max(id)::integer as id, max(day) as day, count(*)::integer as n from kept")
    rows(mesh, [(1, 1, 1)])

    done = apply(mesh, progress=At("verify", lambda: rows(mesh, [(2, 1, 1)])))

    assert done.exit_code == 0
    assert seen(mesh) == [1]
    rows(mesh, [(3, 1, 1)])
    assert apply(mesh).exit_code == 0
    assert seen(mesh) == [2]


LIMITED = """
import resource, sys
import weft
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
from weft.cli.main import main
sys.argv = ["weft", "apply"]
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 1_000, 3_000, 10_000, 40_000, 80_000])
def test_where_no_file_may_grow_the_apply_says_so_and_the_next_one_completes(mesh, size):
    rows(mesh, [(i, 1 + i % 28, (i * 7919) % 10_007) for i in range(40_000)])
    command = [sys.executable, "-c", LIMITED, str(size)]

    done = subprocess.run(command, cwd=mesh.root, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 5, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "error WFT-" in done.stderr + done.stdout
    assert seen(mesh) == [1]
    assert apply(mesh).exit_code == 0
    assert len(seen(mesh)) == 40_000


def test_a_clock_that_goes_back_changes_no_order(tmp_path):
    mesh, clock = shop(tmp_path / "mesh", "events"), Clock("2024-06-01T12:00")
    model(mesh, "events")
    for number, now in enumerate(["2024-06-01T12:00", "2024-06-01T10:00", "2024-06-01T11:00", "2024-06-01T14:00"]):
        clock.put(now)
        rows(mesh, [(1, 1, number)])
        with weft.open(mesh.root, now=clock) as opened:
            assert opened.apply().exit_code == 0

    clock.put("2024-06-02T00:00")
    with weft.open(mesh.root, now=clock) as opened:
        shown = opened.history(PORT).as_json()["snapshots"]
        assert opened._rooms.registry.verify_log() == opened._rooms.registry.last_event()

    assert [s["revision"] for s in shown] == [4, 3, 2, 1]
    assert seen(mesh, clock) == [3]
    assert {at: seen(mesh, clock, f"2024-06-01T{at}:30") for at in (10, 11, 12, 13, 14)} == {
        10: [1],
        11: [2],
        12: [2],
        13: [2],
        14: [3],
    }


def test_history_that_is_kept_never_ends_before_it_begins_when_the_clock_goes_back(tmp_path):
    mesh, clock = shop(tmp_path / "mesh", "events"), Clock("2024-06-01T12:00")
    described(mesh, "events", [integer("id", required=True), DAY, integer("n"), *VALID])
    model(mesh, "events", materialized="scd2", key="id")
    for number, now in enumerate(["2024-06-01T12:00", "2024-05-01T12:00", "2024-05-01T13:00"]):
        clock.put(now)
        rows(mesh, [(1, 1, number)])
        with weft.open(mesh.root, now=clock) as opened:
            assert opened.apply().exit_code == 0

    with weft.open(mesh.root, now=clock) as opened:
        versions = opened.query(f"select n, valid_from, valid_to from {PORT} order by n").rows()

    begun = [str(v[1]) for v in versions]
    assert [v[0] for v in versions] == [0, 1, 2]
    assert begun == sorted(set(begun))
    assert [str(v[2]) for v in versions[:-1]] == begun[1:]


def test_orphans_are_swept_and_nothing_else_when_the_clock_was_ahead_and_goes_back(mesh):
    clock = Clock("2060-01-01T00:00")
    rows(mesh, [(1, 1, 2)])
    with weft.open(mesh.root, now=clock) as opened:
        assert opened.apply().exit_code == 0
    os.utime(mesh.path(".weft/swept"), (clock.now.timestamp(),) * 2)
    folder = next(mesh.path(".weft/warehouse").rglob("run-*"))
    young, old, ahead = (folder.with_name("run-gone") / f"{name}.parquet" for name in ("young", "old", "ahead"))
    young.parent.mkdir()
    for file in (young, old, ahead):
        file.write_bytes(b"")
    os.utime(old, (0, 0))
    os.utime(ahead, (clock.now.timestamp(),) * 2)

    assert apply(mesh).exit_code == 0

    assert (young.exists(), old.exists(), ahead.exists()) == (True, False, True)
    assert seen(mesh) == [2]
    assert ahead.stat().st_mtime < clock.now.timestamp(), "from now on it grows old"


def test_batches_of_a_build_stay_when_the_clock_goes_back(tmp_path, monkeypatch):
    from weft.engines.duckdb.session import DuckDBSession

    mesh, clock = shop(tmp_path / "mesh", "events"), Clock("2024-06-01T12:00")
    model(mesh, "events", materialized="incremental", time_column="day", batch_size="1d")
    rows(mesh, [(i, i, i) for i in range(1, 5)])
    written: list[str] = []
    copy_out = DuckDBSession.copy_out

    def third_fails(self: DuckDBSession, sql: str, **fields: object) -> object:
        written.append(sql)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        return copy_out(self, sql, **fields)  # type: ignore[arg-type]

    monkeypatch.setattr(DuckDBSession, "copy_out", third_fails)
    with weft.open(mesh.root, now=clock) as opened:
        assert opened.apply().exit_code == 5
    clock.put("2024-05-01T12:00")
    with weft.open(mesh.root, now=clock) as opened:
        assert opened.apply().exit_code == 0

    assert len(written) == 3 + 2
    assert seen(mesh, clock) == [1, 2, 3, 4]


def test_an_environment_ends_by_the_last_use_of_it_when_the_clock_goes_back(mesh):
    clock = Clock("2024-06-10T12:00")
    model(mesh, "events", COLUMNS.replace("n::integer", "2 * n::integer"))
    for now in ("2024-06-10T12:00", "2024-06-01T12:00"):
        clock.put(now)
        rows(mesh, [(1, 1, clock.now.day)])
        with weft.open(mesh.root, now=clock, environment="dev") as opened:
            assert opened.apply().exit_code == 0
    clock.put("2024-06-14T12:00")

    with weft.open(mesh.root, now=clock) as opened:
        opened.environments.drop_ended()
        (dev,) = opened.environments.list()

    assert dev.ends_at == dt.datetime(2024, 6, 15, 12, tzinfo=dt.UTC)


class Between:
    """A registry in which something happens when a port's publication is asked for the second time."""

    def __init__(self, registry: Registry, act: Callable[[], object]) -> None:
        self._registry, self._act, self._asked = registry, act, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    def publication(self, *words: Any) -> Publication | None:
        self._asked += 1
        if self._asked == 2:
            self._act()
        return self._registry.publication(*words)


def test_a_query_sees_ports_of_a_product_as_they_stood_at_one_moment(tmp_path):
    mesh = shop(tmp_path / "mesh", "events", "totals")
    model(mesh, "events")
    model(mesh, "totals", "select id, day, n from events")
    rows(mesh, [(1, 1, 1)])
    apply(mesh)
    rows(mesh, [(1, 1, 2)])

    with weft.open(mesh.root) as opened:
        opened._rooms.door._reader = Between(opened._rooms.registry, lambda: apply(mesh))
        found = opened.query("select (select n from shop.sales.events), (select n from shop.sales.totals)").rows()

    assert found == [(2, 2)]


def test_no_time_lies_between_the_ports_of_a_product(tmp_path):
    mesh = shop(tmp_path / "mesh", "events", "totals")
    model(mesh, "events")
    model(mesh, "totals", "select id, day, n from events")
    rows(mesh, [(1, 1, 1)])
    apply(mesh)

    with weft.open(mesh.root) as opened:
        times = {
            opened.history(f"shop.sales.{p}").as_json()["snapshots"][0]["published_at"] for p in ("events", "totals")
        }

    assert len(times) == 1


def test_batches_of_which_rows_go_to_quarantine_stay_for_another_run_that_makes_the_same(tmp_path):
    mesh = shop(tmp_path / "mesh", "events")
    small = integer("n", logicalTypeOptions={"maximum": 9})
    allowed = [{"property": "weft.quarantine", "value": {"rules": ["*"], "maxShare": "50%"}}]
    described(mesh, "events", [integer("id", primaryKey=True, required=True), DAY, small], customProperties=allowed)
    model(mesh, "events", materialized="incremental", time_column="day", batch_size="1d")
    rows(mesh, [(1, 1, 1), (2, 2, 99), (3, 3, 3)])
    held: list[Path] = []

    def batches() -> None:
        with weft.open(mesh.root) as opened:
            root = Path(opened._rooms.storage.root)
            held.extend(root / f.path for b in opened._rooms.registry.batches() for f in b.files)

    done = apply(mesh, progress=At("verify", batches))

    assert done.exit_code == 0
    assert seen(mesh) == [1, 3]
    assert len(held) == 3
    assert [f for f in held if not f.exists()] == []
