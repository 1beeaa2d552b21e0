"""Two applies at the same time: each goes on with what the other has left, and every port is built once."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.command_server import command_server
from tests.meshes import TestMesh, contract, descriptor, port, source

PORTS = ("sales.one.one", "sales.two.two", "sales.both.both")

IN_STEP = """
import json, pathlib, sys, time
import weft
from weft.runs.progress import Silent

me, marks, waits, words = sys.argv[1], pathlib.Path(sys.argv[2]), json.loads(sys.argv[3]), json.loads(sys.argv[4])

class InStep(Silent):
    def happened(self, what):
        for mark in waits.pop(what, []):
            end = time.monotonic() + 60
            while not (marks / mark).exists() and time.monotonic() < end:
                time.sleep(0.01)
        (marks / f"{me} {what}").touch()
    def started(self, total):
        self.happened("started")
    def stage(self, address, kind):
        self.happened(f"{kind} {address}")
    def finished(self, address, outcome, rows, seconds):
        self.happened(f"{outcome} {address}")

with weft.open(".") as mesh:
    done = mesh.apply(progress=InStep(), **words)
print(json.dumps(done.as_json() | {"exit_code": done.exit_code}))
"""


@pytest.fixture
def mesh(tmp_path) -> TestMesh:
    """`sales.both` is made from `sales.one` and `sales.two`, each made from a file."""
    made = TestMesh(tmp_path / "mesh")
    made.write("weft.toml", '[mesh]\nname = "three"\n')
    made.write("domains/sales/domain.yaml", json.dumps({"name": "sales", "kind": "aggregate", "owner": {"team": "S"}}))
    inputs = {
        "one": [source("raw", file="data/one.csv")],
        "two": [source("raw", file="data/two.csv")],
        "both": [port("one", "sales.one.one@1"), port("two", "sales.two.two@1")],
    }
    column = {"name": "id", "id": "id", "logicalType": "integer", "required": True}
    for name, listed in inputs.items():
        folder = f"domains/sales/{name}"
        made.write(f"{folder}/product.odps.yaml", descriptor("sales", name, listed, [name]))
        made.write(f"{folder}/contracts/{name}.odcs.yaml", contract(f"sales.{name}.{name}", [column]))
        made.write(f"{folder}/models/{name}.sql", "select id::integer as id from raw\n")
        made.write(f"data/{name}.csv", "id\n1\n2\n")
    made.write("domains/sales/both/models/both.sql", "select id from one union all select id from two\n")
    assert made.weft("apply").returncode == 0
    return made


def in_step(mesh: TestMesh, waits: dict[str, dict[str, list[str]]], **words: object) -> dict[str, dict]:
    """Two applies that wait for one another: by process, before what, for which marks of the other."""
    marks = mesh.path("marks")
    marks.mkdir()
    started = {
        name: command_server().start(
            [name, str(marks), json.dumps(its), json.dumps(words)],
            script=IN_STEP,
            cwd=mesh.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for name, its in waits.items()
    }
    answers = {name: process.communicate(timeout=200) for name, process in started.items()}
    assert all(err == "" for _, err in answers.values()), answers
    return {name: json.loads(out) for name, (out, _) in answers.items()}


def builds(mesh: TestMesh) -> dict[str, int]:
    """How often each port was published with new rows."""
    return {p: len({s["snapshot_id"] for s in mesh.json("history", p)["snapshots"]}) for p in PORTS}


EACH_LOSES_ONE = {
    "a": {"build sales.one": ["b started"], "build sales.two": ["b published sales.two.two@1"]},
    "b": {"build sales.one": ["a published sales.one.one@1"]},
}
"""The first is faster with `one`, the second with `two`; nobody could go on to `both`."""


def test_two_refreshes_that_each_lose_a_port_build_every_port_once(mesh):
    answers = in_step(mesh, EACH_LOSES_ONE, full_refresh=True)

    assert [a["exit_code"] for a in answers.values()] == [0, 0], answers
    assert [a["failed"] + a["skipped"] for a in answers.values()] == [[], []]
    assert builds(mesh) == dict.fromkeys(PORTS, 2)
    assert {c["action"] for c in mesh.json("plan")["changes"]} == {"none"}
    assert Path(mesh.path("marks") / "a failed sales.two.two@1").exists()
    assert Path(mesh.path("marks") / "b failed sales.one.one@1").exists()


def test_two_applies_of_new_rows_that_each_lose_a_port_leave_none_behind(mesh):
    for name in ("one", "two"):
        mesh.write(f"data/{name}.csv", "id\n3\n")

    answers = in_step(mesh, EACH_LOSES_ONE)

    assert [a["exit_code"] for a in answers.values()] == [0, 0], answers
    assert builds(mesh) == dict.fromkeys(PORTS, 2)
    assert mesh.rows("sales.both.both") == [[3], [3]]


def test_what_really_fails_is_not_tried_again(mesh):
    mesh.write("domains/sales/two/models/two.sql", "select (id || 'x')::integer as id from raw\n")
    waits = {"a": {"build sales.one": ["b started"]}, "b": {"build sales.one": ["a published sales.one.one@1"]}}

    answers = in_step(mesh, waits, full_refresh=True)

    assert [a["exit_code"] for a in answers.values()] == [2, 2], answers
    assert [[f["address"] for f in a["failed"]] for a in answers.values()] == [["sales.two.two@1"]] * 2
    assert [a["skipped"] for a in answers.values()] == [["sales.both.both@1"]] * 2
    assert builds(mesh) == {"sales.one.one": 2, "sales.two.two": 1, "sales.both.both": 1}
