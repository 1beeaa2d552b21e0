"""Killed anywhere, an apply loses nothing and shows nothing half; two at once do not disturb each other.

The process group of `apply` is killed at each stage boundary and at random moments, while another process reads all
the time: it hashes what it sees, and knows which rows belong together because every row carries its batch.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.command_server import Running, command_server
from tests.meshes import TestMesh, source_rows, two_products

STAGES = ("read", "build", "stage", "verify", "commit", "publish", "follow")
ENOUGH_READS = 12
"""A slow machine reads rarely: the reader goes on after the last apply until it has seen this many states."""
PORTS = ("sales.orders.orders", "sales.orders.totals", "report.daily.big", "report.daily.small")

KILLED_AT_A_STAGE = """
import os, signal, sys
import weft
from weft.runs.progress import Silent

class Killer(Silent):
    seen = 0
    def stage(self, address, kind):
        if kind == sys.argv[1]:
            self.seen += 1
            if self.seen == int(sys.argv[2]):
                os.killpg(0, signal.SIGKILL)

weft.open(".").apply(progress=Killer())
"""

TELLING_ITS_STAGES = """
import sys
import weft
from weft.runs.progress import Silent

class Teller(Silent):
    def stage(self, address, kind):
        print(kind, flush=True)

weft.open(".").apply(progress=Teller())
print("ended", flush=True)
"""

READER = """
import json, sys, time
import weft

ports = sys.argv[1:]
seen = []
mesh = weft.open(".")
print("reading", flush=True)
while True:
    for domain in ("sales.orders", "report.daily"):
        a, b = [p for p in ports if p.startswith(domain)]
        try:
            rows = mesh.query(
                f"select (select min(batch) from {a}), (select max(batch) from {a}), (select min(batch) from {b}),"
                f" (select max(batch) from {b}), (select bit_xor(hash(x)) from {a} x), (select count(*) from {a})"
            ).rows()[0]
        except Exception as e:
            print(json.dumps({"domain": domain, "error": str(e)}), flush=True)
            continue
        print(json.dumps({"domain": domain, "batches": rows[:4], "hash": rows[4], "rows": rows[5]}), flush=True)
"""


@pytest.fixture
def mesh(tmp_path) -> TestMesh:
    made = two_products(tmp_path / "mesh")
    done = made.weft("apply")
    assert done.returncode == 0, done.stderr
    return made


@contextmanager
def reader(mesh: TestMesh, log: Path) -> Iterator[None]:
    """A second process that reads all the time."""
    with log.open("w") as out:
        process = command_server().start(PORTS, script=READER, cwd=mesh.root, stdout=out)
        deadline = time.monotonic() + 30
        while not log.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            yield
            while log.read_text().count("\n") <= ENOUGH_READS and time.monotonic() < deadline + 60:
                time.sleep(0.02)
        finally:
            process.kill()
            process.wait()


def assert_only_whole_states(log: Path) -> None:
    """Every read saw one batch in all ports of a product, and for one batch always the same rows."""
    lines = log.read_text().splitlines()[1:]
    reads = [json.loads(line) for line in lines if line.endswith("}")]
    assert len(reads) >= ENOUGH_READS
    assert [r for r in reads if "error" in r] == []
    hashes: dict[tuple[str, int], set] = {}
    last: dict[str, int] = {}
    for read in reads:
        assert len(set(read["batches"])) == 1, f"ports of one product do not belong together: {read}"
        batch = read["batches"][0]
        hashes.setdefault((read["domain"], batch), set()).add((read["hash"], read["rows"]))
        assert batch >= last.get(read["domain"], 0), "a reader went back in time"
        last[read["domain"]] = batch
    assert {key: len(h) for key, h in hashes.items() if len(h) != 1} == {}


def killed(process: Running) -> None:
    with suppress(ProcessLookupError):  # it has ended by itself
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def data_files(mesh: TestMesh) -> set[str]:
    return {str(p) for p in mesh.path(".weft/warehouse").rglob("*.parquet")}


def referred_files(mesh: TestMesh) -> set[str]:
    """Every file that a publication of the registry refers to."""
    import weft

    with weft.open(mesh.root) as opened:
        root = mesh.path(".weft/warehouse")
        registry = opened._rooms.registry
        return {str(root / f.path) for a in registry.ports() for p in registry.history(a) for f in p.manifest.files}


@pytest.mark.slow
@pytest.mark.parametrize("kills", [(1, 2), pytest.param((1, 2, 1), marks=pytest.mark.accept)], ids=len)
@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_a_stage_boundary_nothing_is_lost_and_the_next_apply_completes(mesh, tmp_path, stage, kills):
    log = tmp_path / "reads"
    batch = 1
    with reader(mesh, log):
        for nth in kills:
            batch += 1
            source_rows(mesh, batch)
            process = command_server().start(
                [stage, str(nth)], script=KILLED_AT_A_STAGE, cwd=mesh.root, start_new_session=True
            )
            assert process.wait(timeout=60) == -signal.SIGKILL

            done = mesh.weft("apply")

            assert done.returncode == 0, done.stderr
            assert mesh.json("query", f"select max(batch), min(batch) from {PORTS[2]}")["rows"] == [[batch, batch]]
    assert_only_whole_states(log)
    assert data_files(mesh) == referred_files(mesh)


def kill_at_random_moments(mesh: TestMesh, log: Path, times: int, seed: int) -> list[str]:
    """Kills applies at random moments after the first staged byte and returns the stage that each kill hit.

    How long an apply goes on after it differs with the machine and its load: the span follows what is seen, and what
    comes after the end is no kill.
    """
    dice = random.Random(seed)
    hit: list[str] = []
    batch, span = 1, 0.5
    with reader(mesh, log):
        while len(hit) < times and batch <= 4 * times:
            source_rows(mesh, batch := batch + 1)
            process = command_server().start(
                [], script=TELLING_ITS_STAGES, cwd=mesh.root, stdout=subprocess.PIPE, start_new_session=True
            )
            assert process.stdout is not None
            told = []
            for line in process.stdout:
                told.append(line.strip())
                if told[-1] == "stage":
                    break
            time.sleep(dice.uniform(0, span))
            killed(process)
            told += process.stdout.read().split()
            hit += [told[-1]] if told[-1] in STAGES else []
            span *= 0.75 if told[-1] == "ended" else 1.03
    return hit


@pytest.mark.parametrize(
    "times", [pytest.param(15, marks=pytest.mark.slow), pytest.param(50, marks=pytest.mark.accept)]
)
def test_killed_at_random_moments_readers_see_whole_states_only(mesh, tmp_path, times):
    log = tmp_path / "reads"

    hit = kill_at_random_moments(mesh, log, times=times, seed=7)

    print("each kill hit:", {stage: hit.count(stage) for stage in dict.fromkeys(hit)})
    assert len(hit) == times
    assert_only_whole_states(log)
    done = mesh.weft("apply")
    assert done.returncode == 0, done.stderr
    assert data_files(mesh) == referred_files(mesh)


@pytest.mark.slow
def test_two_applies_at_once_end_well_and_the_rows_are_whole(mesh, tmp_path):
    log = tmp_path / "reads"

    with reader(mesh, log):
        for batch in (2, 3, 4):
            source_rows(mesh, batch)
            both = [
                command_server().start(["apply", "--format", "json"], cwd=mesh.root, stdout=subprocess.PIPE)
                for _ in range(2)
            ]
            answers = [(p.communicate(timeout=120)[0], p.returncode) for p in both]
            assert [code for _, code in answers] == [0, 0], answers

    assert_only_whole_states(log)
    assert mesh.weft("apply").returncode == 0
    assert mesh.json("query", "select min(batch), max(batch) from report.daily.small")["rows"] == [[4, 4]]


@pytest.mark.slow
def test_ctrl_c_leaves_everything_as_it_was(mesh):
    before = [mesh.rows(p) for p in PORTS]
    files = data_files(mesh)
    source_rows(mesh, 2)
    process = command_server().start(
        [], script=TELLING_ITS_STAGES, cwd=mesh.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == "stage":
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode != 0
    assert [mesh.rows(p) for p in PORTS] == before
    assert data_files(mesh) == files


@pytest.mark.accept
@pytest.mark.parametrize("stage", STAGES)
def test_the_example_survives_a_kill_at_each_stage_boundary(tmp_path, stage):
    from weft.project.example import copy_example

    copy_example(tmp_path / "flights")
    flights = TestMesh(tmp_path / "flights")
    process = command_server().start([stage, "3"], script=KILLED_AT_A_STAGE, cwd=flights.root, start_new_session=True)
    assert process.wait(timeout=120) == -signal.SIGKILL

    done = flights.weft("apply")

    assert done.returncode == 0, done.stderr
    assert flights.json("query", "select count(*) from operations.on_time.flights")["rows"] == [[336_776]]
    assert data_files(flights) == referred_files(flights)
