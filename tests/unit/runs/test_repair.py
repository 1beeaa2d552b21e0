"""After a run that died: `main` follows, what it had staged is swept, its record is closed."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from tests.unit.runs.published import PORT, published
from weft.config import duration
from weft.model.address import parse_address
from weft.model.records import PortOutcome, Run, RunState
from weft.registry import processes
from weft.runs import catching_up
from weft.runs.progress import Silent
from weft.runs.repair import after_dead_runs, sweep

ADDRESS = parse_address(PORT)


class Notes(Silent):
    """Keeps the lines that a run says."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def mesh(tmp_path):
    made = published(tmp_path / "mesh")
    with weft.open(made.root) as opened:
        yield opened


def dead_process() -> str:
    """The identity of a process that has ended."""
    done = subprocess.run(
        [sys.executable, "-c", "from weft.registry import processes; print(processes.identity())"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return done.stdout.strip()


def begun(mesh, run_id: str, process: str | None) -> Run:
    """A run that began and never said how it ended."""
    run = Run(
        run_id, "apply", "ann", RunState.RUNNING, dt.datetime.now(dt.UTC), ports=(PortOutcome(ADDRESS, "building"),),
        process=process,
    )  # fmt: skip
    mesh._rooms.registry.start_run(run)
    return run


def staged(mesh, run_id: str) -> Path:
    """A file that a run has written and nobody refers to."""
    folder = Path(mesh._rooms.storage.root) / "sales/orders/orders@1/data" / f"run-{run_id}"
    folder.mkdir(parents=True)
    (folder / "left.parquet").write_bytes(b"PAR1")
    return folder / "left.parquet"


def test_nothing_is_done_where_no_run_died(mesh):
    notes = Notes()
    orphan = staged(mesh, "20260101T000000-aaaaaa")

    after_dead_runs(mesh._rooms.context(None, notes))

    assert notes.said == []
    assert orphan.exists()


def test_what_a_dead_run_had_staged_is_swept_and_its_record_is_closed(mesh):
    process = dead_process()
    assert not processes.alive(process)
    begun(mesh, "20260101T000000-dead00", process)
    orphan = staged(mesh, "20260101T000000-dead00")
    before = mesh.query("select count(*), sum(id) from sales.orders.orders").rows()
    context = mesh._rooms.context(None, notes := Notes())
    context.temp_folder(process).mkdir(parents=True)
    (context.temp_folder(process) / "spilled.tmp").write_text("x")

    after_dead_runs(context)

    assert not orphan.exists()
    assert not context.temp_folder(process).exists()
    run = mesh._rooms.registry.run("20260101T000000-dead00")
    assert (run.state, run.finished_at is not None) == (RunState.INTERRUPTED, True)
    assert notes.said == ["run 20260101T000000-dead00 had ended in the middle; repaired, 1 orphaned file removed"]
    assert mesh._rooms.registry.unfinished() == []
    assert mesh.query("select count(*), sum(id) from sales.orders.orders").rows() == before


def test_of_a_batch_that_a_living_run_may_be_about_to_name_only_the_age_tells(mesh):
    begun(mesh, "20260101T000000-dead00", dead_process())
    batch = staged(mesh, "0123456789abcdef01234567")

    after_dead_runs(mesh._rooms.context())
    young = batch.exists()
    os.utime(batch, (0, 0))
    os.utime(mesh.settings.state / "swept", (0, 0))
    mesh.apply()

    assert (young, batch.exists()) == (True, False)


def test_main_follows_the_registry_where_a_dead_run_had_published_and_not_followed(tmp_path):
    made = published(tmp_path / "mesh", batches=2)
    with weft.open(made.root) as mesh:
        new, old = (s["snapshot_id"] for s in mesh.history(PORT).as_json()["snapshots"])
        mesh._rooms.storage.follow(ADDRESS, old, None)
        begun(mesh, "20260101T000000-dead00", dead_process())

        after_dead_runs(mesh._rooms.context())

        assert mesh._rooms.storage.main(ADDRESS) == new


def test_a_run_that_still_lives_is_left_alone(mesh):
    begun(mesh, "20260101T000000-alive0", processes.identity())
    begun(mesh, "20260101T000000-dead00", dead_process())
    mine, orphan = staged(mesh, "20260101T000000-alive0"), staged(mesh, "20260101T000000-dead00")

    after_dead_runs(mesh._rooms.context())

    assert mine.exists()
    assert not orphan.exists()
    assert [r.run_id for r in mesh._rooms.registry.unfinished()] == ["20260101T000000-alive0"]


def test_a_run_without_process_is_dead_and_one_of_another_machine_is_not(mesh):
    begun(mesh, "20260101T000000-nobody", None)
    begun(mesh, "20260101T000000-farfar", "another-machine:1:1")

    after_dead_runs(mesh._rooms.context())

    assert [r.run_id for r in mesh._rooms.registry.unfinished()] == ["20260101T000000-farfar"]


def test_a_process_whose_number_was_given_again_is_dead():
    host, pid, start = processes.identity().rsplit(":", 2)

    assert processes.alive(f"{host}:{pid}:{start}")
    assert not processes.alive(f"{host}:{pid}:{int(start) - 1}")
    assert not processes.alive(None)


def test_an_apply_repairs_before_it_finds_nothing_to_do(mesh):
    begun(mesh, "20260101T000000-dead00", dead_process())
    orphan = staged(mesh, "20260101T000000-dead00")

    result = mesh.apply()

    assert (result.published, result.exit_code) == ((), 0)
    assert not orphan.exists()
    assert mesh._rooms.registry.unfinished() == []


def test_a_sweep_keeps_what_is_younger_than_the_age_and_what_is_referred_to(mesh):
    young, old = staged(mesh, "20260101T000000-young0"), staged(mesh, "20260101T000000-old000")
    two_days = dt.datetime.now().timestamp() - 2 * 86_400
    files = [f for f in Path(mesh._rooms.storage.root).rglob("*.parquet") if f != young]
    for file in files:
        os.utime(file, (two_days, two_days))

    day_ago = dt.datetime.now(dt.UTC) - duration("24h")
    removed = sweep(mesh._rooms.context(), alive=[], older_than=day_ago)

    assert removed == [str(old)]
    assert young.exists()
    assert len(mesh.read(PORT)) == 20


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), ("24h", 86_400), ("7d", 604_800), ("0s", 0), (" 2 h ", 7200)]
)
def test_an_age_is_a_number_with_a_unit(text, seconds):
    assert duration(text) == dt.timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "24", "h", "-1h", "1w", "1.5h", "24hours"])
def test_other_texts_are_no_age(text):
    with pytest.raises(ValueError, match="must be a duration like"):
        duration(text)


def test_a_table_that_could_not_follow_does_so_when_an_apply_next_looks(tmp_path):
    made = published(tmp_path / "mesh", batches=2)
    with weft.open(made.root) as mesh:
        new, old = (s["snapshot_id"] for s in mesh.history(PORT).as_json()["snapshots"])
        context = mesh._rooms.context()
        catalog = mesh.settings.path(mesh.settings.storage.catalog)
        away = catalog.rename(catalog.with_name("away.db"))
        catalog.mkdir()
        (told,) = catching_up.follow([(ADDRESS, new)], [], "20260101T000000-nobody", context)
        catalog.rmdir()
        away.rename(catalog)
        mesh._rooms.storage.follow(ADDRESS, old, None)

        mesh.apply()

        assert (told.code, told.severity.value) == ("WFT-STO-041", "warning")
        assert told.what == "`sales.orders` is published, and `main` of its tables could not follow"
        assert mesh._rooms.storage.main(ADDRESS) == new
