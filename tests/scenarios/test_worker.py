"""Workers over real products: what they apply, what becomes of it when they are killed, stopped or told to end it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.collector import attributes, collecting
from tests.command_server import Running, command_server
from tests.meshes import TestMesh, contract, descriptor, source, source_rows, two_products
from weft.registry import migrations

_PATIENCE_S = 90.0
FAST = {
    "WEFT_SCHEDULER__LEASE": "3s",
    "WEFT_SCHEDULER__RETRY": "5s",
    "WEFT_SCHEDULER__GRACE": "0s",
    "WEFT_ENGINE__THREADS": "1",
}
SLOW = "(select count(*) from raw a, raw b, raw c where a.amount::integer + b.amount::integer * c.amount::integer < 0)"
"""Eight thousand million rows to look at."""


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    made = two_products(tmp_path)
    file = made.path("domains/report/daily/product.odps.yaml")
    document = json.loads(file.read_text())
    document["customProperties"] = [{"property": "weft.schedule", "value": {"on": "any"}}]
    file.write_text(json.dumps(document))
    made.json("apply")
    made.json("schedule", "list")  # from now on schedules count
    return made


@contextlib.contextmanager
def running(mesh: TestMesh, *words: str, **environment: str) -> Iterator[Running]:
    """A command that goes on until the block ends."""
    process = command_server().start(
        words, cwd=mesh.root, env={**os.environ, **FAST, **environment}, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def until(asked: Callable[[], Any]) -> Any:
    """What is asked for, once it is there."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (found := asked()):
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.2)
    return found


def jobs(mesh: TestMesh, *words: str) -> list[dict[str, Any]]:
    return mesh.json("jobs", "--limit", "100", *words)["jobs"]


def job(mesh: TestMesh, job_id: str, *states: str) -> dict[str, Any]:
    """A job, once it is in one of these states."""
    return until(lambda: next((j for j in jobs(mesh) if j["job_id"] == job_id and j["state"] in states), None))


def make_slow(mesh: TestMesh) -> None:
    mesh.edit("domains/sales/orders/models/totals.sql", "max(batch)::integer", f"(max(batch) + {SLOW})::integer")


def children(pid: int) -> list[int]:
    """Processes of a server but those that run queries."""
    return [n for n in _every(pid) if n not in readers(pid)]


def readers(pid: int) -> list[int]:
    """Processes of a server that run queries."""
    return [n for n in _every(pid) if b"weft.access.reading.child" in _command_of(n)]


def _every(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(n) for n in found.stdout.split() if Path(f"/proc/{n}/cmdline").exists()]


def _command_of(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


@pytest.mark.slow
def test_what_a_job_publishes_is_applied_downstream_once_and_both_tell_what_they_did(mesh):
    source_rows(mesh, 2)
    with running(mesh, "worker"):
        started = mesh.json("schedule", "run", "sales.orders")
        told = mesh.weft("run", started["job_id"], "--log", "--follow")
        until(lambda: len(jobs(mesh, "--state", "succeeded")) == 2)

    assert told.returncode == 0, told.stdout + told.stderr
    assert "publish sales.orders" in told.stdout
    assert "published sales.orders.totals@1 · 10 rows" in told.stdout
    assert told.stdout.rstrip().endswith(f"{started['job_id']}: succeeded")
    below, above = jobs(mesh)
    assert [(j["product"], j["cause"]) for j in (above, below)] == [
        ("sales.orders", "manual"),
        ("report.daily", "data"),
    ]
    assert {row[1] for row in mesh.rows("report.daily.big")} == {2}
    run = above["run_id"]
    assert run == above["result"]["run_id"]
    assert mesh.json("run", run)["state"] == "succeeded"
    assert mesh.json("run", run, "--log")["job"]["job_id"] == above["job_id"]


@pytest.mark.slow
def test_a_contract_that_is_broken_fails_once_and_is_not_tried_again(mesh):
    mesh.edit("domains/sales/orders/models/orders.sql", "amount::integer as amount", "-1 as amount")
    with running(mesh, "worker"):
        mesh.json("schedule", "run", "sales.orders")
        failed = job(mesh, "job-1", "failed", "succeeded")

    assert (failed["state"], failed["attempts"]) == ("failed", 1)
    assert {f["address"] for f in failed["result"]["failed"]} == {"sales.orders.orders@1", "sales.orders.totals@1"}
    told = mesh.weft("run", "job-1", "--log", "--follow")
    assert told.returncode == 1
    assert "failed sales.orders.orders@1" in told.stdout
    assert "sales.orders.orders@1: error WFT-" in told.stdout
    assert len(jobs(mesh)) == 1, "nothing was published, so nothing is applied downstream"


@pytest.mark.slow
def test_a_job_that_is_cancelled_ends_with_its_process_and_publishes_nothing(mesh):
    make_slow(mesh)
    with running(mesh, "worker") as worker:
        mesh.json("schedule", "run", "sales.orders")
        job(mesh, "job-1", "running")
        mesh.json("schedule", "run", "sales.orders")
        until(lambda: jobs(mesh, "--state", "running") and jobs(mesh, "--state", "running")[0]["run_id"])
        (process,) = children(worker.pid)
        shown = mesh.weft("runs").stdout
        mesh.json("cancel", "job-2")
        mesh.json("cancel", "job-1")
        ended = job(mesh, "job-1", "cancelled")
        until(lambda: not is_alive(process))

    assert "job-2" in shown and "queued" in shown
    assert ended["cancelled_by"]
    assert {j["state"] for j in jobs(mesh)} == {"cancelled"}
    assert {row[1] for row in mesh.rows("sales.orders.totals")} == {1}


@pytest.mark.slow
def test_a_job_that_takes_too_long_is_ended_and_failed(mesh):
    make_slow(mesh)
    with running(mesh, "worker"):
        asked = mesh.weft("schedule", "run", "sales.orders", WEFT_SCHEDULER__TIMEOUT="4s")
        assert asked.returncode == 0
        failed = job(mesh, "job-1", "failed", "succeeded")

    assert (failed["state"], failed["attempts"]) == ("failed", 1)
    assert failed["result"]["diagnostics"][0]["code"] == "WFT-RUN-044"


@pytest.mark.slow
def test_a_job_whose_worker_is_killed_ends_with_it_and_another_worker_finishes_it_once(mesh):
    source_rows(mesh, 3)
    make_slow(mesh)
    with running(mesh, "worker") as first:
        mesh.json("schedule", "run", "sales.orders")
        until(lambda: jobs(mesh, "--state", "running") and jobs(mesh, "--state", "running")[0]["run_id"])
        (process,) = children(first.pid)
        first.kill()
        until(lambda: not is_alive(process))
    mesh.edit("domains/sales/orders/models/totals.sql", f"(max(batch) + {SLOW})::integer", "max(batch)::integer")
    with running(mesh, "worker"):
        done = job(mesh, "job-1", "succeeded")
        until(lambda: len(jobs(mesh, "--state", "succeeded")) == 2)

    assert done["attempts"] == 2
    assert [j["product"] for j in jobs(mesh)] == ["report.daily", "sales.orders"]
    assert {row[1] for row in mesh.rows("sales.orders.totals")} == {3}


@pytest.mark.slow
def test_a_job_whose_process_is_killed_says_so_and_is_tried_again_after_a_while(mesh):
    source_rows(mesh, 2)
    make_slow(mesh)
    with running(mesh, "worker") as worker:
        mesh.json("schedule", "run", "sales.orders")
        until(lambda: jobs(mesh, "--state", "running") and jobs(mesh, "--state", "running")[0]["run_id"])
        mesh.edit("domains/sales/orders/models/totals.sql", f"(max(batch) + {SLOW})::integer", "max(batch)::integer")
        (process,) = children(worker.pid)
        os.kill(process, signal.SIGKILL)
        failed = until(lambda: next((j for j in jobs(mesh) if j["result"]), None))
        done = job(mesh, "job-1", "succeeded", "failed")

    assert (failed["state"], failed["attempts"]) == ("queued", 1)
    assert failed["result"]["diagnostics"][0]["code"] == "WFT-RUN-045"
    assert (done["state"], done["attempts"]) == ("succeeded", 2)
    assert {row[1] for row in mesh.rows("sales.orders.totals")} == {2}


@pytest.mark.slow
def test_a_worker_that_is_stopped_hands_back_what_it_runs(mesh):
    make_slow(mesh)
    with running(mesh, "worker") as worker:
        mesh.json("schedule", "run", "sales.orders")
        until(lambda: jobs(mesh, "--state", "running") and jobs(mesh, "--state", "running")[0]["run_id"])
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0

    (handed,) = jobs(mesh)
    assert (handed["state"], handed["attempts"], handed["worker"]) == ("queued", 0, None)


@pytest.mark.slow
def test_a_backfill_goes_piece_by_piece_and_goes_on_where_it_was_left(tmp_path):
    mesh = TestMesh(tmp_path)
    mesh.write("weft.toml", '[mesh]\nname = "shop"\n')
    mesh.write(
        "domains/shop/domain.yaml", json.dumps({"name": "shop", "kind": "source-aligned", "owner": {"team": "S"}})
    )
    here = "domains/shop/sales"
    mesh.write(f"{here}/product.odps.yaml", descriptor("shop", "sales", [source("raw", file="e.csv")], ["events"]))
    properties = [
        {"name": "id", "id": "id", "logicalType": "integer", "primaryKey": True, "required": True},
        {"name": "day", "id": "day", "logicalType": "date"},
        {"name": "n", "id": "n", "logicalType": "integer"},
    ]
    mesh.write(f"{here}/contracts/events.odcs.yaml", contract("shop.sales.events", properties, status="draft"))
    settings = json.dumps({"materialized": "incremental", "time_column": "day", "batch_size": "1d"})
    mesh.write(
        f"{here}/models/events.sql",
        f"/* weft\n{settings}\n*/\nselect id::integer as id, day::date as day, n::integer as n from raw\n",
    )

    def rows(n: int) -> None:
        lines = [f"{i},2026-01-{i:02d},{n}" for i in range(1, 6)]
        mesh.write("e.csv", "\n".join(["id,day,n", *lines]) + "\n")

    rows(0)
    mesh.json("apply")
    rows(1)
    asked = ("backfill", "shop.sales", "--start", "2026-01-02", "--end", "2026-01-05")
    made = mesh.json(*asked)
    mesh.json("cancel", "job-2")  # one piece is left out
    with running(mesh, "worker"):
        until(lambda: not jobs(mesh, "--state", "queued", "--state", "running"))
        assert [row[2] for row in mesh.rows("shop.sales.events")][1:3] == [1, 0]
        again = mesh.json(*asked, "--wait")

    assert (made["pieces"], made["states"]) == (3, {"queued": 3})
    assert (again["backfill"], again["resumed"], again["states"]) == (made["backfill"], 1, {"succeeded": 3})
    assert [row[2] for row in mesh.rows("shop.sales.events")] == [0, 1, 1, 1, 0]


@pytest.mark.slow
def test_a_server_starts_a_worker_again_when_it_dies_and_takes_it_along_however_it_ends(mesh):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    with running(mesh, "serve", "--port", str(port)) as server:
        until(answers)
        (first,) = until(lambda: children(server.pid))
        os.kill(first, signal.SIGKILL)
        (second,) = until(lambda: [pid for pid in children(server.pid) if pid != first and is_alive(pid)])
        mesh.json("schedule", "run", "sales.orders")
        job(mesh, "job-1", "succeeded")
        server.send_signal(signal.SIGTERM)
        server.wait(60)
        assert not is_alive(second)
    with running(mesh, "serve", "--port", str(port)) as server:
        until(answers)
        (third,) = until(lambda: children(server.pid))
        reading = until(lambda: readers(server.pid))
        server.kill()
        until(lambda: not any(is_alive(pid) for pid in (third, *reading)))
    with running(mesh, "serve", "--no-worker", "--port", str(port)) as server:
        until(answers)
        assert children(server.pid) == []


@pytest.mark.slow
def test_what_a_killed_worker_of_a_server_ran_goes_on_without_waiting_for_its_lease(mesh):
    source_rows(mesh, 2)
    make_slow(mesh)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running(mesh, "serve", "--port", str(port), WEFT_SCHEDULER__LEASE="600s") as server:
        (worker,) = until(lambda: children(server.pid))
        mesh.json("schedule", "run", "sales.orders")
        job(mesh, "job-1", "running")
        mesh.json("schedule", "run", "sales.orders")
        (waits,) = [j["waits"] for j in jobs(mesh, "--state", "queued")]
        mesh.edit("domains/sales/orders/models/totals.sql", SLOW, "0")
        os.kill(worker, signal.SIGKILL)
        ended = [job(mesh, name, "succeeded") for name in ("job-1", "job-2")]

    assert waits["text"] == "waits for job-1 of its product, which runs"
    assert [j["attempts"] for j in ended] == [2, 1]


@pytest.mark.slow
def test_jobs_are_spans_for_a_collector(mesh):
    source_rows(mesh, 2)
    with collecting() as collected, running(mesh, "worker", WEFT_SERVER__TRACES=collected.url):
        mesh.json("schedule", "run", "sales.orders")
        done = job(mesh, "job-1", "succeeded")

    (span,) = [one for one in collected.named("job") if attributes(one)["weft.job_id"] == "job-1"]
    told = attributes(span)
    assert (told["weft.product"], told["weft.cause"], told["weft.outcome"]) == ("sales.orders", "manual", "succeeded")
    assert told["weft.run_id"] == done["run_id"]
    assert span.end_time_unix_nano > span.start_time_unix_nano


@pytest.mark.slow
def test_a_worker_outlives_a_restart_of_its_database(mesh, own_postgres):
    server = own_postgres
    mesh.write("weft.toml", f'[mesh]\nname = "two"\nregistry = "{server.url}"\n')
    shutil.rmtree(mesh.path(".weft"))
    migrations.upgrade(migrations.of_postgres(server.url))
    mesh.json("apply")
    source_rows(mesh, 2)
    with running(mesh, "worker", WEFT_SCHEDULER__LEASE="60s") as worker:
        mesh.json("schedule", "run", "sales.orders")
        until(lambda: jobs(mesh, "--state", "running"))
        server.crash()
        time.sleep(2)
        server.start()
        done = job(mesh, "job-1", "succeeded", "failed", "lost")
        until(lambda: len(jobs(mesh, "--state", "succeeded")) == 2)
        assert worker.poll() is None

    assert done["state"] == "succeeded"
    assert {row[1] for row in mesh.rows("report.daily.big")} == {2}
    assert [j["product"] for j in jobs(mesh)] == ["report.daily", "sales.orders"]
