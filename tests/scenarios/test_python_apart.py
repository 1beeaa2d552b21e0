"""Python models on workers: as another user where several domains share one, or in a worker for one domain alone."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import other_users
from tests.meshes import TestMesh, source_rows, two_products
from weft.engines.python.apart import processes_of

ORDERS, DAILY = "domains/sales/orders", "domains/report/daily"
FAST = {"WEFT_SCHEDULER__LEASE": "3s", "WEFT_SCHEDULER__GRACE": "0s", "WEFT_ENGINE__THREADS": "1"}
TOTALS = """import os
import duckdb


def totals(orders: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    print("as", os.getuid())
    return orders.aggregate("day, max(batch)::int as batch, sum(amount)::int as amount", "day")
"""

needs_users = pytest.mark.skipif(other_users.lacks() is not None, reason=str(other_users.lacks()))


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    """Two products of two domains, one with a Python model."""
    root = tmp_path / "mesh"
    root.mkdir(0o700)
    made = two_products(root)
    made.path(f"{ORDERS}/models/totals.sql").unlink()
    made.write(f"{ORDERS}/models/totals.py", TOTALS)
    made.json("apply")
    source_rows(made, 2)
    return made


@pytest.fixture
def user() -> Iterator[str]:
    with other_users.user() as name:
        yield name
        other_users.forget(name, Path("/var/tmp"))


def command(mesh: TestMesh, *words: str) -> list[str]:
    return [str(other_users.interpreter()), "-m", "weft.cli.main", "-C", str(mesh.root), *words]


def environment(user: str | None = None, **more: str) -> dict[str, str]:
    apart = {"WEFT_PYTHON__USERS": user, "WEFT_PYTHON__FOLDER": "/var/tmp"} if user else {}
    return {**os.environ, **FAST, "PYTHONPATH": other_users.packages(), "NO_COLOR": "1", **apart, **more}


@contextlib.contextmanager
def worker(mesh: TestMesh, *words: str, user: str | None = None, **more: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command(mesh, "worker", *words), env=environment(user, **more), stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def until(asked: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 90
    while not (found := asked()):
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.2)
    return found


def over(mesh: TestMesh, product: str) -> dict[str, Any]:
    """The job of a product, started now, once it is over."""
    job_id = mesh.json("schedule", "run", product)["job_id"]
    return until(lambda: next((j for j in jobs(mesh) if j["job_id"] == job_id and j["state"] in OVER), None))


def children(pid: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()] or [
        int(n) for task in Path(f"/proc/{pid}/task").iterdir() for n in (task / "children").read_text().split()
    ]


OVER = ("succeeded", "failed", "cancelled")


def jobs(mesh: TestMesh) -> list[dict[str, Any]]:
    return mesh.json("jobs", "--limit", "100")["jobs"]


def log(mesh: TestMesh, job: dict[str, Any]) -> str:
    return mesh.weft("run", job["job_id"], "--log").stdout


def codes(job: dict[str, Any]) -> str:
    return json.dumps(job)


@needs_users
def test_a_worker_runs_the_models_of_all_domains_as_another_user_that_sees_nothing_of_the_mesh(mesh, user):
    tries = (
        "    for name in ('weft.toml', '.weft/registry.db', 'data/orders.csv'):\n"
        f"        print(name, os.access({str(mesh.root)!r} + '/' + name, os.R_OK))\n"
    )
    mesh.edit(f"{ORDERS}/models/totals.py", "    return", f"{tries}    return")

    with worker(mesh, user=user):
        job = over(mesh, "sales.orders")

    assert job["state"] == "succeeded", codes(job)
    told = log(mesh, job)
    assert f"totals: as {pwd.getpwnam(user).pw_uid}" in told
    assert "weft.toml False" in told
    assert "registry.db False" in told
    assert "orders.csv False" in told
    assert {row[1] for row in mesh.rows("sales.orders.totals")} == {2}


@needs_users
def test_unit_tests_and_previews_run_as_that_user_too(mesh, user):
    mesh.write(
        f"{ORDERS}/tests/totals.yaml",
        "model: totals\ntests:\n  - name: sums\n    given:\n      orders: {rows: [{day: 1, batch: 1, amount: 2}]}\n"
        "    expect: {rows: [{day: 1, batch: 1, amount: 2}]}\n",
    )
    said = f"as {pwd.getpwnam(user).pw_uid}"

    for words in (("test",), ("preview", "sales.orders.totals"), ("apply",)):
        done = subprocess.run(command(mesh, *words), env=environment(user), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert words == ("preview", "sales.orders.totals") or said in done.stdout + done.stderr


def test_a_worker_of_several_domains_runs_none_as_its_own_user_and_says_so_when_it_begins(mesh):
    with worker(mesh) as process:
        job = over(mesh, "sales.orders")
        other = over(mesh, "report.daily")
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()

    assert job["state"] == "failed"
    assert "WFT-PYM-017" in codes(job)
    assert "weft worker --domain NAME" in codes(job)
    assert other["state"] == "succeeded", "what has no Python model is built"
    assert "this worker serves several domains, so it runs no Python models: sales.orders" in said
    assert {row[1] for row in mesh.rows("sales.orders.totals")} == {1}


def test_they_run_as_its_own_user_where_the_settings_say_so(mesh):
    with worker(mesh, WEFT_PYTHON__SHARED_WORKERS="own-user"):
        job = over(mesh, "sales.orders")

    assert job["state"] == "succeeded", codes(job)
    assert f"totals: as {os.getuid()}" in log(mesh, job)


def test_a_worker_for_one_domain_leaves_the_jobs_of_others_and_runs_none_of_their_code(mesh, tmp_path):
    marker = tmp_path / "ran"
    mesh.write(
        f"{DAILY}/models/private.py", f"def private(big):\n    open({str(marker)!r}, 'w').close()\n    return big\n"
    )
    waits = mesh.json("schedule", "run", "report.daily")["job_id"]

    with worker(mesh, "--domain", "sales"):
        job = over(mesh, "sales.orders")
        time.sleep(1)

    assert job["state"] == "succeeded", codes(job)
    assert f"totals: as {os.getuid()}" in log(mesh, job)
    assert next(j["state"] for j in jobs(mesh) if j["job_id"] == waits) == "queued"
    assert not marker.exists()

    with worker(mesh, "--domain", "report"):
        until(lambda: next(j["state"] for j in jobs(mesh) if j["job_id"] == waits) in OVER)
    assert marker.exists(), "the worker of its own domain does run it"


def test_a_worker_for_two_domains_is_shared_by_them(mesh):
    with worker(mesh, "--domain", "sales", "--domain", "report"):
        job = over(mesh, "sales.orders")

    assert "WFT-PYM-017" in codes(job)


@pytest.mark.parametrize("words", [("worker",), ("serve", "--port", "0")])
def test_neither_worker_nor_server_begins_for_a_domain_that_is_not_there(mesh, words):
    done = mesh.weft(*words, "--domain", "sale")

    assert done.returncode == 2
    assert "WFT-RUN-049" in done.stderr
    assert "did you mean `sales`?" in done.stderr


@needs_users
@pytest.mark.parametrize("words", [("worker",), ("serve", "--port", "0")])
def test_neither_worker_nor_server_begins_where_its_models_cannot_run_as_their_user(mesh, user, words):
    absent = mesh.weft(*words, WEFT_PYTHON__USERS="no-such-user-here")
    mesh.root.chmod(0o755)
    place = Path("/var/tmp") / f"weft-mesh-{os.getpid()}"
    shutil.copytree(mesh.root, place)
    try:
        open_to_all = subprocess.run(
            [*command(mesh, *words)[:3], "-C", str(place), *words],
            env=environment(user), capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    finally:
        shutil.rmtree(place)

    assert absent.returncode == 2
    assert "there is no user `no-such-user-here`" in absent.stderr
    assert open_to_all.returncode == 2, open_to_all.stderr
    assert "WFT-PYM-018" in open_to_all.stderr


@needs_users
def test_what_a_model_has_left_when_its_job_was_killed_ends_with_the_start_of_the_next(mesh, user):
    mesh.edit(
        f"{ORDERS}/models/totals.py",
        "    return",
        "    if os.fork() == 0:\n        os.setsid()\n        import time\n        time.sleep(1000)\n"
        "    import time\n    time.sleep(1000)\n    return",
    )
    uid = pwd.getpwnam(user).pw_uid

    with worker(mesh, user=user) as process:
        mesh.json("schedule", "run", "sales.orders")
        until(lambda: len(processes_of(uid)) >= 2)
        [job] = children(process.pid)
        process.kill()
        os.kill(job, signal.SIGKILL)
        until(lambda: len(processes_of(uid)) == 1)  # the model's own process ends with that of its job
    mesh.weft("cancel", jobs(mesh)[0]["job_id"])

    with worker(mesh, user=user):
        until(lambda: processes_of(uid) == [])
