"""The process of a job, as its worker hears it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.meshes import TestMesh, contract, descriptor, source
from weft.api.jobs.process import JobProcess
from weft.api.platform import open_platform

COLUMNS = 350


def wide(root: Path) -> TestMesh:
    """`sales.wide`, of whose many columns each breaks its rule."""
    mesh = TestMesh(root)
    names = [f"a_column_with_a_rather_long_name_{n}" for n in range(COLUMNS)]
    mesh.write("weft.toml", '[mesh]\nname = "wide"\n[engine]\nthreads = 1\n')
    mesh.write(
        "domains/sales/domain.yaml", json.dumps({"name": "sales", "kind": "source-aligned", "owner": {"team": "S"}})
    )
    mesh.write("data/wide.csv", ",".join(["id", *names]) + "\n1" + "," * COLUMNS + "\n")
    mesh.write(
        "domains/sales/wide/product.odps.yaml",
        descriptor("sales", "wide", [source("raw", file="data/wide.csv")], ["rows"]),
    )
    columns = [{"name": name, "id": name, "logicalType": "string", "required": True} for name in names]
    mesh.write("domains/sales/wide/contracts/rows.odcs.yaml", contract("sales.wide.rows", columns))
    selected = ", ".join(f"{name}::varchar as {name}" for name in names)
    mesh.write("domains/sales/wide/models/rows.sql", f"select {selected}\nfrom raw\n")
    return mesh


def test_the_last_word_of_a_job_is_understood_however_long_it_is(tmp_path: Path) -> None:
    mesh = wide(tmp_path)
    platform = open_platform(mesh.root)
    job = platform.jobs.start("sales.wide", "ada")
    platform.close()

    process = JobProcess(job, mesh.root, platform.rooms.now)
    deadline = time.monotonic() + 90
    while process.exit_code is None:
        assert time.monotonic() < deadline, "it does not end"
        time.sleep(0.1)

    said = process.said
    assert said is not None, [line for _, line in process.lines()][-3:]
    assert len(json.dumps(said)) > 100_000
    assert (said["exit_code"], said["passing"]) == (1, False)
